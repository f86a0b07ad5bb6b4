/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE driver: writes in flight by DMA and by PIO, alone and among reads, their errors, and the flush. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/timer.h"
#include "tests/unit/fake_ide_fixture.h"

#define DEPTH 4
#define TAGS  16

static enum status result[TAGS];
static uint32_t times[TAGS];
static uint32_t finished;

static struct fake_ide_disk *start(uint8_t prog_if)
{
	memset(times, 0, sizeof(times));
	finished = 0;
	return ide_start(prog_if, 100000);
}

static uint8_t *page_of(uint32_t number)
{
	return ide_buffer + PAGE_BYTES * (size_t)number;
}

static uint8_t written_byte(uint32_t number, uint32_t offset)
{
	return (uint8_t)(number * 29 + offset * 7 + (offset >> 8) + 1);
}

static enum status submit_write(uint32_t number)
{
	const struct block_segment segment = {virt_to_paddr(page_of(number)), PAGE_BYTES};

	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		page_of(number)[i] = written_byte(number, i);
	return ide_disk0()->ops->submit_write(ide_disk0(), &segment, 1, (struct lba){8ull * number}, number);
}

static enum status submit_read(uint32_t number)
{
	const struct block_segment segment = {virt_to_paddr(page_of(number)), PAGE_BYTES};

	return ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){8ull * number}, number);
}

static bool are_finished(void *count)
{
	struct block_completion completions[3];
	uint32_t got = UINT32_MAX;

	ide_disk0()->ops->poll(ide_disk0(), completions, ARRAY_COUNT(completions), &got);
	for (uint32_t i = 0; i < got; i++) {
		result[completions[i].tag] = completions[i].status;
		times[completions[i].tag]++;
	}
	finished += got;
	return finished >= *(const uint32_t *)count;
}

static void await(uint32_t count)
{
	assert_int_equal(poll_until(are_finished, &count, 100 * SECOND_US), STATUS_OK);
	assert_int_equal(finished, count);
}

/* Pages [first, first + count), as many at a time as go. */
static void write_pages(uint32_t first, uint32_t count)
{
	const uint32_t before = finished;

	for (uint32_t i = 0; i < count; i++) {
		if (i >= DEPTH)
			await(before + i - DEPTH + 1);
		assert_int_equal(submit_write(first + i), STATUS_OK);
	}
	await(before + count);
}

static void expect_written(const struct fake_ide_disk *disk, uint32_t number)
{
	assert_int_equal(times[number], 1);
	assert_int_equal(result[number], STATUS_OK);
	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		assert_int_equal(disk->data[PAGE_BYTES * (size_t)number + i], written_byte(number, i));
}

static void expect_untouched(const struct fake_ide_disk *disk, uint32_t number)
{
	ide_assert_pattern(disk->data + PAGE_BYTES * (size_t)number, PAGE_BYTES * (uint64_t)number, PAGE_BYTES);
}

static enum status flush(void)
{
	return ide_disk0()->ops->flush_sync(ide_disk0());
}

/* --- data ------------------------------------------------------------------------------------------------------ */

static void many_in_flight(uint8_t prog_if, uint8_t command)
{
	struct fake_ide_disk *disk = start(prog_if);

	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(submit_write(1 + i), STATUS_OK);
	assert_int_equal(submit_read(0), STATUS_AGAIN);
	await(DEPTH);
	write_pages(5, 4);
	for (uint32_t i = 1; i < 9; i++)
		expect_written(disk, i);
	expect_untouched(disk, 0);
	expect_untouched(disk, 9);
	assert_int_equal(fake_ide_commands(&ide, command), 8);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 0);
	assert_int_equal(disk->writes_cached, 8);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 1);
	assert_int_equal(disk->writes_durable, 8);
}

static void test_many_by_dma(void **state)
{
	(void)state;
	many_in_flight(LEGACY, ATA_WRITE_DMA);
}

static void test_many_by_pio(void **state)
{
	(void)state;
	many_in_flight(WITHOUT_DMA, ATA_WRITE_SECTORS);
}

/* Pieces of memory in any order, the first and the last shorter than a page; across a boundary of 64 KiB. */
static void scattered(uint8_t prog_if)
{
	struct fake_ide_disk *disk = start(prog_if);
	const struct block_segment segments[] = {{virt_to_paddr(page_of(20) + 2048), 2048},
						 {virt_to_paddr(page_of(15)), 2 * PAGE_BYTES},
						 {virt_to_paddr(page_of(3)), 512}};

	for (uint32_t i = 0; i < 32 * PAGE_BYTES; i++)
		ide_buffer[i] = (uint8_t)(i * 3 + (i >> 9));
	assert_int_equal(ide_disk0()->ops->submit_write(ide_disk0(), segments, 3, (struct lba){77}, 0), STATUS_OK);
	await(1);
	assert_int_equal(result[0], STATUS_OK);
	ide_assert_pattern(disk->data, 0, 77 * 512);
	assert_memory_equal(disk->data + 77 * 512, page_of(20) + 2048, 2048);
	assert_memory_equal(disk->data + 81 * 512, page_of(15), 2 * PAGE_BYTES);
	assert_memory_equal(disk->data + 97 * 512, page_of(3), 512);
	ide_assert_pattern(disk->data + 98 * 512, 98 * 512, 512);
}

static void test_scattered(void **state)
{
	(void)state;
	scattered(LEGACY);
	ide_teardown(state);
	ide_setup(state);
	scattered(WITHOUT_DMA);
}

static void mixed(uint8_t prog_if)
{
	struct fake_ide_disk *disk = start(prog_if);

	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(i % 2 == 0 ? submit_write(i) : submit_read(i), STATUS_OK);
	await(DEPTH);
	for (uint32_t i = 0; i < DEPTH; i += 2) {
		expect_written(disk, i);
		expect_untouched(disk, i + 1);
		assert_int_equal(result[i + 1], STATUS_OK);
		ide_assert_pattern(page_of(i + 1), PAGE_BYTES * (i + 1), PAGE_BYTES);
	}
}

static void test_mixed(void **state)
{
	(void)state;
	mixed(LEGACY);
	ide_teardown(state);
	ide_setup(state);
	mixed(WITHOUT_DMA);
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(ide_buffer), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};
	const struct block_segment high = {{4 * GIB}, PAGE_BYTES};
	struct fake_ide_disk *disk = start(LEGACY);
	struct block_device *device = ide_disk0();

	(void)state;
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){100000}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){100000 - 7}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){UINT64_MAX}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &odd, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &high, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &page, 0, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 0);
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){100000 - 8}, 0), STATUS_OK);
	await(1);
	assert_int_equal(disk->writes_cached, 1);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

/* Three tries; those behind it are not harmed, reads nor writes. */
static void one_fails(uint8_t prog_if, uint8_t command)
{
	struct fake_ide_disk *disk = start(prog_if);

	disk->bad_lba = 8 + 3;
	disk->bad_count = 100;
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(i < 3 ? submit_write(i) : submit_read(i), STATUS_OK);
	await(DEPTH);
	assert_int_equal(result[1], STATUS_IO_ERROR);
	assert_int_equal(times[1], 1);
	assert_int_equal(disk->bad_count, 100 - 3);
	expect_written(disk, 0);
	expect_written(disk, 2);
	assert_int_equal(result[3], STATUS_OK);
	ide_assert_pattern(page_of(3), PAGE_BYTES * 3, PAGE_BYTES);
	assert_int_equal(fake_ide_commands(&ide, command), 5);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(disk->writes_durable, 2);
	/* And it goes away. */
	disk->bad_lba = 8 * 9;
	disk->bad_count = 2;
	assert_int_equal(submit_write(9), STATUS_OK);
	await(DEPTH + 1);
	expect_written(disk, 9);
}

static void test_one_fails(void **state)
{
	(void)state;
	one_fails(LEGACY, ATA_WRITE_DMA);
	ide_teardown(state);
	ide_setup(state);
	one_fails(WITHOUT_DMA, ATA_WRITE_SECTORS);
}

/* DMA that does not work, not the medium: PIO brings it. */
static void test_dma_does_not_work(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);

	(void)state;
	disk->crc_errors = 2;
	write_pages(0, 3);
	for (uint32_t i = 0; i < 3; i++)
		expect_written(disk, i);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_SECTORS), 3);
}

/* Lost once: reset and written again, with what waits behind it. */
static void test_one_is_lost(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);
	const uint32_t resets = ide.channels[0].resets;

	(void)state;
	disk->hang_count = 1;
	write_pages(0, 4);
	for (uint32_t i = 0; i < 4; i++)
		expect_written(disk, i);
	assert_int_equal(ide.channels[0].resets, resets + 1);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 5);
}

static void test_never_answers(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);

	(void)state;
	disk->is_deaf = true;
	write_pages(0, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(result[i], STATUS_TIMEOUT);
		expect_untouched(disk, i);
	}
	assert_int_equal(submit_write(5), STATUS_IO_ERROR);
	assert_int_equal(flush(), STATUS_IO_ERROR);
}

/* --- the flush ------------------------------------------------------------------------------------------------- */

static void test_flush_fails(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);

	(void)state;
	write_pages(0, 2);
	disk->flush_fails = true;
	assert_int_equal(flush(), STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 1); /* not tried again by itself */
	assert_int_equal(disk->writes_durable, 0);
	assert_int_equal(submit_read(9), STATUS_OK);
	await(3);
	assert_int_equal(result[9], STATUS_OK);
}

static void test_flush_never_answered(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);
	uint64_t start_us;

	(void)state;
	write_pages(0, 2);
	disk->hang_command = ATA_FLUSH_CACHE_EXT;
	disk->hang_count = 1;
	start_us = fake_hw_now_us();
	assert_int_equal(flush(), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
	assert_int_equal(disk->writes_durable, 0);
	/* The same, and it does not come back. */
	disk->is_deaf = true;
	start_us = fake_hw_now_us();
	assert_int_equal(flush(), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
}

static void test_slow_flush(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);

	(void)state;
	write_pages(0, 2);
	ide.latency_us = 25 * SECOND_US;
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(disk->writes_durable, 2);
}

/* In flight, or done and not reported. */
static void test_flush_not_in_flight(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY);
	struct block_completion completion;
	uint32_t count;

	(void)state;
	assert_int_equal(submit_write(0), STATUS_OK);
	assert_int_equal(flush(), STATUS_INVALID);
	fake_hw_advance_us(SECOND_US);
	ide_disk0()->ops->poll(ide_disk0(), &completion, 0, &count);
	assert_int_equal(disk->writes_cached, 1);
	assert_int_equal(flush(), STATUS_INVALID);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 0);
	await(1);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(disk->writes_durable, 1);
}

/* A cache that can't be flushed is never durable; where there is none everything is. */
static void test_flush_without_command(void **state)
{
	(void)state;
	for (unsigned cached = 0; cached < 2; cached++) {
		struct fake_ide_disk *disk;

		ide_setup(state);
		fake_ide_init(&ide, LEGACY);
		disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
		disk->identify[83] &= (uint16_t)~0x3000;
		disk->identify[86] &= (uint16_t)~0x3000;
		if (cached == 0)
			disk->identify[85] &= (uint16_t)~0x0020;
		ide_probe();
		memset(times, 0, sizeof(times));
		finished = 0;
		write_pages(0, 1);
		expect_written(disk, 0);
		assert_int_equal(flush(), cached == 0 ? STATUS_OK : STATUS_UNSUPPORTED);
		assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE), 0);
		assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 0);
		if (cached == 0)
			fake_ide_free(&ide);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many_by_dma),
		TEST(test_many_by_pio),
		TEST(test_scattered),
		TEST(test_mixed),
		TEST(test_refused),
		TEST(test_one_fails),
		TEST(test_dma_does_not_work),
		TEST(test_one_is_lost),
		TEST(test_never_answers),
		TEST(test_flush_fails),
		TEST(test_flush_never_answered),
		TEST(test_slow_flush),
		TEST(test_flush_not_in_flight),
		TEST(test_flush_without_command),
	};

	return cmocka_run_group_tests(tests, ide_group_setup, NULL);
}
