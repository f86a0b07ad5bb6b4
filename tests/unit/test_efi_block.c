/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks through a firmware that keeps a close eye on its callers, and fails them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/efi/block.h"
#include "tests/unit/efi_block_rig.h"
#include "tests/unit/fake_efi.h"
#include "tests/unit/fake_hw.h"

#define LARGEST (4 * MIB) /* of a call */

/* --- finding --------------------------------------------------------------------------------------------------- */

static void test_only_whole_disks_with_a_medium(void **state)
{
	(void)state;
	fake_efi_add_disk(efi_rig.disk, 100, 512, false)->media.LogicalPartition = TRUE;
	fake_efi_add_disk(efi_rig.disk, 100, 512, false)->media.MediaPresent = FALSE;
	fake_efi_add_disk(efi_rig.disk, 100, 2048, false);
	fake_efi_add_disk(efi_rig.disk, 100, 4096, false);
	efi_block_find(&efi_rig.registry, &efi_rig.arena);
	assert_int_equal(efi_rig.registry.count, 1);
	assert_string_equal(efi_rig_device()->identity.name, "efi0");
	assert_int_equal(efi_rig_device()->identity.sector_bytes, 4096);
	assert_int_equal(efi_rig_device()->identity.sector_count, 100);
}

static void test_odd_alignments_are_left_out(void **state)
{
	(void)state;
	fake_efi_add_disk(efi_rig.disk, 100, 512, false)->media.IoAlign = 24;
	fake_efi_add_disk(efi_rig.disk, 100, 512, false)->media.IoAlign = 8192;
	efi_block_find(&efi_rig.registry, &efi_rig.arena);
	assert_int_equal(efi_rig.registry.count, 0);
}

static void test_events_are_given_back(void **state)
{
	(void)state;
	efi_rig_add_disk(512, true);
	assert_true(fake_efi.open_events > 0);
	assert_true(efi_block_close(efi_rig_device()));
	assert_int_equal(fake_efi.open_events, 0);
	efi_rig.registry.count = 0;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static void test_large_memory_is_read_straight(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, false);
	const struct block_segment whole = efi_rig_segment(0, LARGEST);

	(void)state;
	assert_int_equal(efi_rig_submit(&whole, 1, 8), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
	assert_memory_equal(efi_rig.memory, efi_rig.disk + 8 * 512, LARGEST);
	assert_int_equal(disk->reads, 1);
	assert_int_equal(disk->largest_bytes, LARGEST);
}

/* Nothing to join it with. */
static void test_a_single_page_is_read_straight(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, false);
	const struct block_segment page = efi_rig_segment(3 * PAGE_BYTES, PAGE_BYTES);

	(void)state;
	assert_int_equal(efi_rig_submit(&page, 1, 8), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
	assert_ptr_equal(disk->last_buffer, efi_rig.memory + 3 * PAGE_BYTES);
}

/* Every second page: one call all the same. */
static void test_scattered_pages_make_one_call(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, false);
	struct block_segment pieces[200];

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		pieces[i] = efi_rig_segment(2 * i * (uint64_t)PAGE_BYTES, PAGE_BYTES);
	assert_int_equal(efi_rig_submit(pieces, 200, 0), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
	assert_int_equal(disk->reads, 1);
	for (uint32_t i = 0; i < 200; i++)
		assert_memory_equal(efi_rig.memory + 2 * i * PAGE_BYTES, efi_rig.disk + i * PAGE_BYTES, PAGE_BYTES);
	assert_int_equal(efi_rig.memory[PAGE_BYTES], 0);
}

static void test_memory_for_scattered_pages_is_taken_when_needed(void **state)
{
	const struct block_segment pages[] = {efi_rig_segment(0, PAGE_BYTES),
					      efi_rig_segment(2 * PAGE_BYTES, PAGE_BYTES)};

	(void)state;
	efi_rig_add_disk(512, false);
	assert_int_equal(block_read_sync(efi_rig_device(), (struct lba){0}, efi_rig.memory, PAGE_BYTES), STATUS_OK);
	assert_int_equal(fake_efi.allocations, 0);
	fake_efi.is_full = true;
	assert_int_equal(efi_rig_submit(pages, 2, 0), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_NO_MEMORY);
	fake_efi.is_full = false;
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(efi_rig_submit(pages, 2, 0), STATUS_OK);
		assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
		assert_int_equal(fake_efi.allocations, 1);
	}
}

static void read_at_random(uint32_t sector_bytes)
{
	struct block_segment pieces[64];
	uint64_t at = 0;
	uint64_t total = 0;
	uint32_t count = 0;

	while (count < 64 && total < MIB - 128 * KIB && at < RIG_MEMORY_BYTES - MIB) {
		const uint32_t pages = rand() % 4 ? 1 + (uint32_t)rand() % 3 : 1 + (uint32_t)rand() % 31;

		pieces[count++] = efi_rig_segment(at, pages * PAGE_BYTES);
		at += (pages + (uint64_t)(rand() % 3)) * PAGE_BYTES;
		total += pages * (uint64_t)PAGE_BYTES;
	}
	memset(efi_rig.memory, 0, sizeof(efi_rig.memory));
	assert_int_equal(efi_rig_submit(pieces, count, 16), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
	total = 0;
	for (uint32_t i = 0; i < count; i++) {
		assert_memory_equal(paddr_to_virt(pieces[i].address), efi_rig.disk + 16 * sector_bytes + total,
				    pieces[i].bytes);
		total += pieces[i].bytes;
	}
}

static void test_any_mixture_arrives(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 4; round++) {
		const uint32_t sector_bytes = round % 2 ? 512 : 4096;

		efi_rig_set_up(state);
		efi_rig_add_disk(sector_bytes, round / 2);
		for (uint32_t i = 0; i < 100; i++)
			read_at_random(sector_bytes);
		efi_rig_tear_down(state);
	}
	efi_rig.registry.count = 0;
}

/* The first segment may begin, the last one end, in the middle of a page. */
static void test_halves_of_sectors_are_put_together(void **state)
{
	const struct block_segment pieces[] = {efi_rig_segment(PAGE_BYTES - 512, 512),
					       efi_rig_segment(2 * PAGE_BYTES, PAGE_BYTES),
					       efi_rig_segment(8 * PAGE_BYTES, PAGE_BYTES - 512)};

	(void)state;
	efi_rig_add_disk(4096, false);
	assert_int_equal(efi_rig_submit(pieces, 3, 1), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
	assert_memory_equal(efi_rig.memory + PAGE_BYTES - 512, efi_rig.disk + 4096, 512);
	assert_memory_equal(efi_rig.memory + 2 * PAGE_BYTES, efi_rig.disk + 4096 + 512, PAGE_BYTES);
	assert_memory_equal(efi_rig.memory + 8 * PAGE_BYTES, efi_rig.disk + 2 * 4096 + 512, PAGE_BYTES - 512);
}

static void test_buffers_are_aligned(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, false);
	const struct block_segment odd = efi_rig_segment(512, 1024);

	(void)state;
	efi_rig.registry.count = 0;
	disk->media.IoAlign = 4096;
	efi_block_find(&efi_rig.registry, &efi_rig.arena);
	assert_int_equal(efi_rig_submit(&odd, 1, 3), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
	assert_memory_equal(efi_rig.memory + 512, efi_rig.disk + 3 * 512, 1024);
}

static void test_requests_out_of_bounds(void **state)
{
	const struct block_segment one = efi_rig_segment(0, PAGE_BYTES);
	const struct block_segment too_large[] = {efi_rig_segment(0, LARGEST), efi_rig_segment(LARGEST, PAGE_BYTES)};

	(void)state;
	efi_rig_add_disk(512, false);
	assert_int_equal(efi_rig_submit(&one, 1, RIG_DISK_BYTES / 512 - 7), STATUS_INVALID);
	assert_int_equal(efi_rig_submit(&one, 0, 0), STATUS_INVALID);
	assert_int_equal(efi_rig_submit(too_large, 2, 0), STATUS_INVALID);
	for (uint32_t i = 0; i < efi_rig_device()->identity.queue_depth; i++)
		assert_int_equal(efi_rig_submit(&one, 1, 0), STATUS_OK);
	assert_int_equal(efi_rig_submit(&one, 1, 0), STATUS_AGAIN);
	assert_int_equal(efi_rig_wait_for(efi_rig_device()->identity.queue_depth), STATUS_OK);
	assert_int_equal(efi_rig_submit(&one, 1, 0), STATUS_OK);
	assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
}

static void test_a_bad_sector_fails_its_request_only(void **state)
{
	const struct block_segment pieces[] = {efi_rig_segment(0, PAGE_BYTES), efi_rig_segment(MIB, PAGE_BYTES)};

	(void)state;
	for (uint32_t has_io2 = 0; has_io2 < 2; has_io2++) {
		efi_rig_set_up(state);
		efi_rig_add_disk(512, has_io2)->bad_lba = 9;
		assert_int_equal(efi_rig_submit(pieces, 2, 0), STATUS_OK);
		assert_int_equal(efi_rig_wait_for(1), STATUS_IO_ERROR);
		assert_int_equal(efi_rig_submit(pieces, 2, 16), STATUS_OK);
		assert_int_equal(efi_rig_wait_for(1), STATUS_OK);
		efi_rig_tear_down(state);
	}
	efi_rig.registry.count = 0;
}

/* --- Block I/O 2 ----------------------------------------------------------------------------------------------- */

static void read_many(uint32_t requests)
{
	for (uint32_t i = 0; i < requests; i++) {
		const struct block_segment one = efi_rig_segment(i % 4 * MIB, 256 * KIB);

		while (efi_rig_submit(&one, 1, i % 8 * 512) == STATUS_AGAIN)
			assert_int_equal(efi_rig_wait_for(efi_rig_device()->identity.queue_depth), STATUS_OK);
		if ((i + 1) % efi_rig_device()->identity.queue_depth == 0)
			assert_int_equal(efi_rig_wait_for(efi_rig_device()->identity.queue_depth), STATUS_OK);
	}
}

static void test_a_quick_firmware_gets_many_calls(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, true);

	(void)state;
	read_many(16);
	assert_int_equal(disk->reads, 0);
	assert_int_equal(disk->waiting_reads, 16);
	assert_true(disk->most_in_flight > 1);
	assert_false(efi_rig_device()->identity.is_serial);
}

/* Each through a buffer of its own; a third one waits for one of these. */
static void test_scattered_reads_do_not_mix(void **state)
{
	struct block_segment pieces[2][16];

	(void)state;
	efi_rig_add_disk(512, true);
	read_many(4);
	for (uint32_t request = 0; request < 2; request++) {
		for (uint32_t i = 0; i < 16; i++)
			pieces[request][i] =
				efi_rig_segment(2 * MIB * request + 2 * i * (uint64_t)PAGE_BYTES, PAGE_BYTES);
		assert_int_equal(efi_rig_submit(pieces[request], 16, request * 1000), STATUS_OK);
	}
	assert_int_equal(efi_rig_wait_for(2), STATUS_OK);
	for (uint32_t request = 0; request < 2; request++)
		for (uint32_t i = 0; i < 16; i++)
			assert_memory_equal(paddr_to_virt(pieces[request][i].address),
					    efi_rig.disk + request * 1000 * 512 + i * PAGE_BYTES, PAGE_BYTES);
}

static void test_a_firmware_with_a_slow_tick_is_called_in_turn(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, true);

	(void)state;
	disk->latency_us = 20000;
	read_many(16);
	assert_true(disk->waiting_reads <= 2);
	assert_int_equal(disk->waiting_reads + disk->reads, 16);
	assert_int_equal(disk->most_in_flight, 1);
	assert_true(efi_rig_device()->identity.is_serial);
}

/* A boot without an image reads a little here and there, and shall not wait for a slow tick. */
static void test_one_request_at_a_time_is_waited_for(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, true);

	(void)state;
	disk->latency_us = 20000;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(block_read_sync(efi_rig_device(), (struct lba){i}, efi_rig.memory, 512), STATUS_OK);
	assert_int_equal(disk->reads, 3);
	assert_int_equal(disk->waiting_reads, 0);
	assert_false(efi_rig_device()->identity.is_serial);
}

/* Two at a time: enough for Block I/O 2 to be used. */
static void submit_two(void)
{
	const struct block_segment one = efi_rig_segment(0, PAGE_BYTES);

	assert_int_equal(efi_rig_submit(&one, 1, 0), STATUS_OK);
	assert_int_equal(efi_rig_submit(&one, 1, 0), STATUS_OK);
}

static void test_a_refused_call_is_an_error(void **state)
{
	(void)state;
	efi_rig_add_disk(512, true)->refuses = true;
	submit_two();
	assert_int_equal(efi_rig_wait_for(2), STATUS_IO_ERROR);
}

/* Nobody knows what it still writes to: that efi_rig.memory must never be used again. */
static void test_a_call_that_never_ends(void **state)
{
	const struct block_segment one = efi_rig_segment(0, PAGE_BYTES);

	(void)state;
	efi_rig_add_disk(512, true)->never_ends = true;
	submit_two();
	assert_int_equal(efi_rig_wait_for(2), STATUS_TIMEOUT);
	assert_int_equal(efi_rig_submit(&one, 1, 0), STATUS_IO_ERROR);
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){0}, efi_rig.memory, 512),
			 STATUS_IO_ERROR);
	assert_false(efi_block_close(efi_rig_device()));
	efi_rig.registry.count = 0;
}

static void test_closing_waits_for_what_is_in_flight(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, true);
	struct block_completion completion;
	uint32_t count;

	(void)state;
	disk->latency_us = 1000000;
	submit_two();
	efi_rig_device()->ops->poll(efi_rig_device(), &completion, 1, &count);
	assert_int_equal(disk->in_flight, 1);
	assert_true(efi_block_close(efi_rig_device()));
	assert_int_equal(disk->in_flight, 0);
	assert_int_equal(fake_efi.open_events, 0);
	efi_rig.registry.count = 0;
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void test_a_write_is_flushed(void **state)
{
	struct fake_efi_disk *disk = efi_rig_add_disk(512, false);

	(void)state;
	memset(efi_rig.memory, 0x5A, 512);
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_OK);
	assert_memory_equal(efi_rig.disk + 7 * 512, efi_rig.memory, 512);
	assert_int_equal(disk->writes, 1);
	assert_int_equal(disk->flushes, 1);
	disk->flush_fails = true;
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_IO_ERROR);
	disk->flush_fails = false;
	disk->write_fails = true;
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_IO_ERROR);
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 100),
			 STATUS_INVALID);
}

/* Whether the buffer is the caller's own or not. */
static void test_a_failed_read_that_is_called_good(void **state)
{
	static const uint64_t bad[] = {64, 64 + 99, 64 + 255};
	struct fake_efi_disk *disk = fake_efi_add_disk(efi_rig.disk, RIG_DISK_BYTES / 512, 512, false);

	(void)state;
	disk->has_ata = true;
	disk->lies = true;
	efi_block_find(&efi_rig.registry, &efi_rig.arena);
	for (uint32_t offset = 0; offset <= 512; offset += 512) {
		for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
			disk->bad_lba = bad[i];
			assert_int_equal(
				block_read_sync(efi_rig_device(), (struct lba){64}, efi_rig.memory + offset, 256 * 512),
				STATUS_IO_ERROR);
		}
		disk->bad_lba = 64 + 256;
		assert_int_equal(
			block_read_sync(efi_rig_device(), (struct lba){64}, efi_rig.memory + offset, 256 * 512),
			STATUS_OK);
		assert_memory_equal(efi_rig.memory + offset, efi_rig.disk + 64 * 512, 256 * 512);
	}
}

/* Block I/O for ATA disks does not always reach the disk's cache. */
static void test_an_ata_disk_is_told_to_flush(void **state)
{
	struct fake_efi_disk *disk = fake_efi_add_disk(efi_rig.disk, RIG_DISK_BYTES / 512, 512, false);

	(void)state;
	disk->has_ata = true;
	efi_block_find(&efi_rig.registry, &efi_rig.arena);
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_OK);
	assert_int_equal(disk->flushes, 1);
	assert_int_equal(disk->ata_flushes, 1);
	disk->ata_status = 0x51;
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_IO_ERROR);
	disk->ata_status = 0x70;
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_IO_ERROR);
	disk->ata_status = 0x50;
	disk->ata_returns = EFI_TIMEOUT;
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_TIMEOUT);
	disk->ata_returns = EFI_DEVICE_ERROR;
	assert_int_equal(efi_rig_device()->ops->write_sync(efi_rig_device(), (struct lba){7}, efi_rig.memory, 512),
			 STATUS_IO_ERROR);
	assert_int_equal(disk->ata_flushes, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, efi_rig_set_up, efi_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_whole_disks_with_a_medium),
		TEST(test_odd_alignments_are_left_out),
		TEST(test_events_are_given_back),
		TEST(test_large_memory_is_read_straight),
		TEST(test_a_single_page_is_read_straight),
		TEST(test_scattered_pages_make_one_call),
		TEST(test_memory_for_scattered_pages_is_taken_when_needed),
		TEST(test_any_mixture_arrives),
		TEST(test_halves_of_sectors_are_put_together),
		TEST(test_buffers_are_aligned),
		TEST(test_requests_out_of_bounds),
		TEST(test_a_bad_sector_fails_its_request_only),
		TEST(test_a_quick_firmware_gets_many_calls),
		TEST(test_scattered_reads_do_not_mix),
		TEST(test_a_firmware_with_a_slow_tick_is_called_in_turn),
		TEST(test_one_request_at_a_time_is_waited_for),
		TEST(test_a_refused_call_is_an_error),
		TEST(test_a_call_that_never_ends),
		TEST(test_closing_waits_for_what_is_in_flight),
		TEST(test_a_write_is_flushed),
		TEST(test_a_failed_read_that_is_called_good),
		TEST(test_an_ata_disk_is_told_to_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
