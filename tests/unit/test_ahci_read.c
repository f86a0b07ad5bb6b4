/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver against a register model: reads in flight, scatter-gather, errors and recovery. */
#include "drivers/ata/ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ahci_regs.h"
#include "drivers/timer.h"
#include "tests/unit/fake_ahci.h"

#define PAGES 64

static struct fake_ahci ahci;
static struct block_registry registry;
static struct block_device *device;
static struct fake_ahci_port *disk;
static struct page pages[PAGES];

/* What came back, by tag and in order. */
static struct {
	uint32_t count;
	uint32_t tags[256];
	enum status status[256];
	uint32_t times[256];
} got;

static int setup(void **state)
{
	(void)state;
	fake_ahci_init(&ahci);
	disk = fake_ahci_add_disk(&ahci, 0);
	memset(&got, 0, sizeof(got));
	memset(pages, 0xEE, sizeof(pages));
	return 0;
}

static void probe(void)
{
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_OK);
	assert_int_equal(registry.count, 1);
	device = registry.devices[0];
}

/* A read of one page, tag and LBA by number. */
static enum status submit_page(uint32_t number)
{
	const struct block_segment segment = {.address = virt_to_paddr(&pages[number % PAGES]), .bytes = PAGE_BYTES};

	return device->ops->submit_read(device, &segment, 1, (struct lba){8 * (uint64_t)number}, number);
}

static bool collect(void *context)
{
	struct block_completion completions[3];
	uint32_t count = UINT32_MAX;

	device->ops->poll(device, completions, ARRAY_COUNT(completions), &count);
	assert_true(count <= ARRAY_COUNT(completions));
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t tag = completions[i].tag;
		got.tags[got.count++] = tag;
		got.status[tag] = completions[i].status;
		got.times[tag]++;
	}
	return got.count >= *(const uint32_t *)context;
}

static void await(uint32_t count)
{
	assert_int_equal(poll_until(collect, &count, 200000000), STATUS_OK);
	assert_int_equal(got.count, count);
}

static void expect_page(uint32_t number)
{
	struct page expected;
	const uint32_t sectors = PAGE_BYTES / disk->sector_bytes;

	for (uint32_t i = 0; i < sectors; i++)
		fake_ahci_sector(disk, number * (uint64_t)sectors + i, expected.bytes + (size_t)i * disk->sector_bytes);
	assert_int_equal(got.times[number], 1);
	assert_int_equal(got.status[number], STATUS_OK);
	assert_memory_equal(&pages[number % PAGES], &expected, PAGE_BYTES);
}

static void read_pages(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(submit_page(i), STATUS_OK);
	await(count);
}

/* All of count pages but bad came; bad has this status. */
static void expect_all_but(uint32_t count, uint32_t bad, enum status status)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i != bad)
			expect_page(i);
	}
	assert_int_equal(got.times[bad], 1);
	assert_int_equal(got.status[bad], status);
}

/* --- without faults -------------------------------------------------------------------------------------------- */

static void test_queue_full_and_out_of_order(void **state)
{
	(void)state;
	disk->is_lifo = true;
	probe();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(submit_page(i), STATUS_OK);
	assert_int_equal(submit_page(32), STATUS_AGAIN);
	assert_int_equal(disk->in_flight_most, 32);
	await(32);
	for (uint32_t i = 0; i < 32; i++)
		expect_page(i);
	assert_int_equal(got.tags[0], 31);
	assert_int_equal(got.tags[31], 0);
	assert_int_equal(disk->commands[0x60], 32);
	assert_int_equal(submit_page(32), STATUS_OK);
	await(33);
	expect_page(32);
}

static void test_not_queued_but_many(void **state)
{
	(void)state;
	disk->has_ncq = false;
	probe();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(submit_page(i), STATUS_OK);
	assert_int_equal(disk->in_flight_most, 32);
	await(32);
	for (uint32_t i = 0; i < 32; i++)
		expect_page(i);
	assert_int_equal(disk->commands[0x60], 0);
}

static void test_nothing_waits(void **state)
{
	struct block_completion completion;
	uint32_t count;

	(void)state;
	disk->latency_us = 500000;
	probe();
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(submit_page(0), STATUS_OK);
	device->ops->poll(device, &completion, 1, &count);
	assert_int_equal(count, 0);
	assert_true(fake_hw_now_us() - start_us < 50);
}

/* 512 pages, every other one, backwards: nothing can be merged. */
static void test_512_scattered_pages(void **state)
{
	static struct page many[1024];
	static struct block_segment segments[513];
	struct page expected;

	(void)state;
	probe();
	for (uint32_t i = 0; i < 513; i++)
		segments[i] = (struct block_segment){virt_to_paddr(&many[1023 - 2 * (i % 512)]), PAGE_BYTES};
	assert_int_equal(device->ops->submit_read(device, segments, 512, (struct lba){800}, 0), STATUS_OK);
	await(1);
	assert_int_equal(got.status[0], STATUS_OK);
	for (uint32_t i = 0; i < 512; i++) {
		for (uint32_t s = 0; s < 8; s++)
			fake_ahci_sector(disk, 800 + 8 * (uint64_t)i + s, expected.bytes + 512 * (size_t)s);
		assert_memory_equal(&many[1023 - 2 * i], &expected, PAGE_BYTES);
	}
	assert_int_equal(disk->commands[0x60], 1);
	assert_int_equal(device->ops->submit_read(device, segments, 513, (struct lba){0}, 0), STATUS_INVALID);
}

static void test_pieces_of_512_bytes(void **state)
{
	struct block_segment segments[8];
	struct page expected;

	(void)state;
	probe();
	for (uint32_t i = 0; i < 8; i++)
		segments[i] = (struct block_segment){{virt_to_paddr(&pages[0]).value + 512 * (7 - i)}, 512};
	assert_int_equal(device->ops->submit_read(device, segments, 8, (struct lba){0}, 0), STATUS_OK);
	await(1);
	for (uint32_t i = 0; i < 8; i++)
		fake_ahci_sector(disk, i, expected.bytes + 512 * (size_t)(7 - i));
	assert_memory_equal(&pages[0], &expected, PAGE_BYTES);
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(&pages[0]), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};
	const struct block_segment half = {page.address, 256};
	const struct block_segment none = {page.address, 0};
	const struct block_segment large = {page.address, 4 << 20};

	(void)state;
	probe();
	const struct lba end = {device->identity.sector_count};
	const struct lba last = {device->identity.sector_count - 7};
	assert_int_equal(device->ops->submit_read(device, &page, 1, end, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &page, 1, last, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &page, 1, (struct lba){UINT64_MAX}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &odd, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &half, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &none, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &large, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &page, 0, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(disk->commands[0x60], 0);
	assert_int_equal(device->ops->submit_read(device, &page, 1, (struct lba){end.value - 8}, 0), STATUS_OK);
	await(1);
	assert_int_equal(got.status[0], STATUS_OK);
}

static void test_4kn(void **state)
{
	const struct block_segment half = {virt_to_paddr(&pages[0]), 2048};

	(void)state;
	disk->sector_bytes = 4096;
	probe();
	for (uint32_t i = 0; i < 4; i++) {
		const struct block_segment segment = {virt_to_paddr(&pages[i]), PAGE_BYTES};
		assert_int_equal(device->ops->submit_read(device, &segment, 1, (struct lba){i}, i), STATUS_OK);
	}
	await(4);
	for (uint32_t i = 0; i < 4; i++)
		expect_page(i);
	assert_int_equal(device->ops->submit_read(device, &half, 1, (struct lba){0}, 0), STATUS_INVALID);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void test_queued_error_spares_the_innocent(void **state)
{
	(void)state;
	disk->bad_lba = 8 * 5 + 3;
	disk->bad_times = FAKE_AHCI_FOREVER;
	probe();
	read_pages(32);
	expect_all_but(32, 5, STATUS_IO_ERROR);
	/* The log named it each time: three tries, no COMRESET, and queuing stays on. */
	assert_int_equal(disk->commands[0x2F], 3);
	assert_int_equal(disk->comresets, 1);
	assert_int_equal(disk->commands[0xC8], 0);
	assert_true(fake_ahci_logged("it was slot 5: status 41 error 40"));
	assert_int_equal(submit_page(40), STATUS_OK);
	await(33);
	expect_page(40);
	assert_int_equal(disk->commands[0xC8], 0);
}

static void test_queued_error_goes_away(void **state)
{
	(void)state;
	disk->bad_lba = 8 * 31;
	disk->bad_times = 2;
	disk->is_lifo = true;
	probe();
	read_pages(32);
	for (uint32_t i = 0; i < 32; i++)
		expect_page(i);
}

/* Without the log nobody knows who failed: all alone, one after the other, unqueued. */
static void queued_error_unknown(uint32_t comresets)
{
	disk->bad_lba = 8 * 5;
	disk->bad_times = FAKE_AHCI_FOREVER;
	probe();
	read_pages(32);
	expect_all_but(32, 5, STATUS_IO_ERROR);
	assert_int_equal(disk->comresets, comresets);
	assert_true(disk->commands[0xC8] >= 27);
	/* Queuing is back afterwards. */
	const uint32_t queued = disk->commands[0x60];
	assert_int_equal(submit_page(40), STATUS_OK);
	await(33);
	assert_int_equal(disk->commands[0x60], queued + 1);
}

static void test_queued_error_log_fails(void **state)
{
	(void)state;
	disk->log_fails = FAKE_AHCI_FOREVER;
	queued_error_unknown(2);
}

static void test_queued_error_log_names_another(void **state)
{
	(void)state;
	disk->is_log_wrong = true;
	disk->queue_depth = 31; /* tag 31 is never used */
	disk->bad_lba = 8 * 5;
	disk->bad_times = FAKE_AHCI_FOREVER;
	probe();
	read_pages(31);
	expect_all_but(31, 5, STATUS_IO_ERROR);
	assert_true(disk->commands[0xC8] >= 26);
}

static void test_queued_error_without_log(void **state)
{
	(void)state;
	disk->has_general_log = false;
	queued_error_unknown(2);
}

/* As QEMU 7.2 does when another command follows at once. */
static void test_queued_error_lost(void **state)
{
	(void)state;
	disk->is_error_lost = true;
	probe();
	disk->bad_lba = 8 * 5;
	disk->bad_times = FAKE_AHCI_FOREVER;
	const uint64_t start_us = fake_hw_now_us();
	read_pages(32);
	expect_all_but(32, 5, STATUS_IO_ERROR);
	assert_true(fake_hw_now_us() - start_us < 5000000);
}

static void test_queuing_given_up(void **state)
{
	(void)state;
	disk->log_fails = FAKE_AHCI_FOREVER;
	probe();
	for (uint32_t i = 0; i < 3; i++) {
		disk->bad_lba = 8 * i;
		disk->bad_times = 1;
		assert_int_equal(submit_page(i), STATUS_OK);
		await(i + 1);
		expect_page(i);
	}
	assert_true(fake_ahci_logged("queued commands are not used any more"));
	const uint32_t queued = disk->commands[0x60];
	assert_int_equal(submit_page(3), STATUS_OK);
	assert_int_equal(submit_page(4), STATUS_OK);
	await(5);
	expect_page(3);
	assert_int_equal(disk->commands[0x60], queued);
}

static void not_queued_error(bool is_ci_cleared)
{
	disk->has_ncq = false;
	disk->is_ci_cleared_by_error = is_ci_cleared;
	disk->bad_lba = 8 * 9 + 7;
	disk->bad_times = FAKE_AHCI_FOREVER;
	probe();
	read_pages(32);
	expect_all_but(32, 9, STATUS_IO_ERROR);
	assert_int_equal(disk->comresets, 1);
}

static void test_not_queued_error(void **state)
{
	(void)state;
	not_queued_error(false);
}

static void test_not_queued_error_clears_ci(void **state)
{
	(void)state;
	not_queued_error(true);
}

/* --- silence --------------------------------------------------------------------------------------------------- */

static void test_one_command_lost(void **state)
{
	(void)state;
	probe();
	disk->mute_times = 1;
	const uint64_t start_us = fake_hw_now_us();
	read_pages(32);
	for (uint32_t i = 0; i < 32; i++)
		expect_page(i);
	assert_int_equal(disk->comresets, 2);
	assert_true(fake_hw_now_us() - start_us < 12000000);
	assert_true(fake_ahci_logged("no answer, slots 1:"));
}

static void test_never_answers(void **state)
{
	(void)state;
	probe();
	disk->mute_times = FAKE_AHCI_FOREVER;
	const uint64_t start_us = fake_hw_now_us();
	read_pages(32);
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(got.times[i], 1);
		assert_int_equal(got.status[i], STATUS_TIMEOUT);
	}
	assert_true(fake_hw_now_us() - start_us < 35000000);
	assert_int_equal(submit_page(40), STATUS_IO_ERROR);
	/* Its engine does not run any more: the memory is the caller's again. */
	assert_int_equal(disk->cmd & AHCI_PX_CMD_CR, 0);
}

/* Others go on, one is starved: it does not stay in flight for ever. */
static void test_one_starves(void **state)
{
	(void)state;
	probe();
	disk->mute_times = 1;
	disk->latency_us = 50000;
	assert_int_equal(submit_page(0), STATUS_OK);
	const uint64_t start_us = fake_hw_now_us();
	uint32_t number = 1;
	while (got.times[0] == 0) {
		assert_true(fake_hw_now_us() - start_us < 40000000);
		assert_int_equal(submit_page(number), STATUS_OK);
		const uint32_t count = got.count + 1;
		assert_int_equal(poll_until(collect, (void *)(uintptr_t)&count, 60000000), STATUS_OK);
		got.count = 0;
		number = 1 + number % 100;
	}
	assert_int_equal(got.status[0], STATUS_OK);
}

static void test_removed(void **state)
{
	(void)state;
	probe();
	disk->latency_us = 1000000;
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(submit_page(i), STATUS_OK);
	const uint64_t start_us = fake_hw_now_us();
	fake_ahci_remove(&ahci, 0);
	await(8);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(got.times[i], 1);
		assert_int_equal(got.status[i], STATUS_IO_ERROR);
	}
	assert_true(fake_hw_now_us() - start_us < 200000);
	assert_true(fake_ahci_logged("ahci0.0: the disk is gone"));
	assert_int_equal(submit_page(9), STATUS_IO_ERROR);
}

/* CR stays, in flight and after the error: no memory may be given back while the engine could write to it. */
static void test_engine_stuck_at_error(void **state)
{
	(void)state;
	disk->has_ncq = false;
	disk->bad_lba = 8;
	disk->bad_times = FAKE_AHCI_FOREVER;
	probe();
	disk->is_list_stuck = true;
	read_pages(4);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(got.status[i], STATUS_IO_ERROR);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	assert_int_equal(submit_page(9), STATUS_IO_ERROR);
}

static void test_reads_during_recovery(void **state)
{
	(void)state;
	disk->bad_lba = 0;
	disk->bad_times = 1;
	probe();
	disk->log_fails = FAKE_AHCI_FOREVER; /* a COMRESET follows: a longer recovery */
	assert_int_equal(submit_page(0), STATUS_OK);
	for (uint32_t i = 1; i < 32; i++) {
		const uint32_t none = 0;
		collect((void *)(uintptr_t)&none);
		fake_hw_advance_us(300);
		assert_int_equal(submit_page(i), STATUS_OK);
	}
	await(32);
	for (uint32_t i = 0; i < 32; i++)
		expect_page(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_queue_full_and_out_of_order, setup),
		cmocka_unit_test_setup(test_not_queued_but_many, setup),
		cmocka_unit_test_setup(test_nothing_waits, setup),
		cmocka_unit_test_setup(test_512_scattered_pages, setup),
		cmocka_unit_test_setup(test_pieces_of_512_bytes, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_4kn, setup),
		cmocka_unit_test_setup(test_queued_error_spares_the_innocent, setup),
		cmocka_unit_test_setup(test_queued_error_goes_away, setup),
		cmocka_unit_test_setup(test_queued_error_log_fails, setup),
		cmocka_unit_test_setup(test_queued_error_log_names_another, setup),
		cmocka_unit_test_setup(test_queued_error_without_log, setup),
		cmocka_unit_test_setup(test_queued_error_lost, setup),
		cmocka_unit_test_setup(test_queuing_given_up, setup),
		cmocka_unit_test_setup(test_not_queued_error, setup),
		cmocka_unit_test_setup(test_not_queued_error_clears_ci, setup),
		cmocka_unit_test_setup(test_one_command_lost, setup),
		cmocka_unit_test_setup(test_never_answers, setup),
		cmocka_unit_test_setup(test_one_starves, setup),
		cmocka_unit_test_setup(test_removed, setup),
		cmocka_unit_test_setup(test_engine_stuck_at_error, setup),
		cmocka_unit_test_setup(test_reads_during_recovery, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
