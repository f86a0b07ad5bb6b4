/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver against a register model: writes in flight, alone and among reads, their errors, and the flush. */
#include "drivers/ata/ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ahci_regs.h"
#include "tests/unit/ahci_reader.h"

#define WRITE_DMA     0xCA
#define WRITE_DMA_EXT 0x35
#define WRITE_QUEUED  0x61
#define READ_LOG      0x2F
#define FLUSH_EXT     0xEA

static enum status flush(void)
{
	return reader.device->ops->flush_sync(reader.device);
}

static void write_pages(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(reader_submit_write(i), STATUS_OK);
	reader_await(count);
}

static void expect_written(uint32_t count, bool is_durable)
{
	for (uint32_t i = 0; i < count; i++)
		reader_expect_written(i, is_durable);
	assert_int_equal(reader.disk->write_count, count * (PAGE_BYTES / reader.disk->sector_bytes));
}

static void expect_written_but(uint32_t count, uint32_t bad, enum status status)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i != bad)
			reader_expect_written(i, false);
	}
	assert_int_equal(reader.times[bad], 1);
	assert_int_equal(reader.status[bad], status);
}

/* --- data ------------------------------------------------------------------------------------------------------ */

static void test_queued(void **state)
{
	(void)state;
	reader_probe();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(reader_submit_write(i), STATUS_OK);
	assert_int_equal(reader_submit_write(32), STATUS_AGAIN);
	reader_await(32);
	expect_written(32, false);
	assert_int_equal(reader.disk->commands[WRITE_QUEUED], 32);
	assert_int_equal(reader.disk->in_flight_most, 32);
	assert_int_equal(reader.disk->commands[FLUSH_EXT], 0);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(32, true);
	assert_int_equal(reader.disk->commands[FLUSH_EXT], 1);
}

static void test_not_queued(void **state)
{
	(void)state;
	reader.disk->has_ncq = false;
	reader_probe();
	write_pages(32);
	expect_written(32, false);
	assert_int_equal(reader.disk->commands[WRITE_DMA], 32);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(32, true);
}

/* 4096-byte sectors, beyond what 28 bits can say. */
static void test_not_queued_far_away(void **state)
{
	const uint64_t lba = (uint64_t)1 << 31;
	const struct block_segment segment = {virt_to_paddr(&reader.pages[3]), 2 * PAGE_BYTES};

	(void)state;
	reader.disk->has_ncq = false;
	reader.disk->sector_bytes = 4096;
	reader.disk->sector_count = (uint64_t)1 << 32;
	reader_probe();
	memset(&reader.pages[4], 0x44, PAGE_BYTES);
	assert_int_equal(reader.device->ops->submit_write(reader.device, &segment, 1, (struct lba){lba}, 0), STATUS_OK);
	reader_await(1);
	assert_int_equal(reader.disk->write_count, 2);
	assert_true(reader.disk->writes[0].lba == lba && reader.disk->writes[1].lba == lba + 1);
	assert_memory_equal(reader.disk->writes[0].bytes, &reader.pages[3], PAGE_BYTES);
	assert_memory_equal(reader.disk->writes[1].bytes, &reader.pages[4], PAGE_BYTES);
	assert_int_equal(reader.disk->commands[WRITE_DMA_EXT], 1);
}

/* Pieces of memory in any order, the first and the last shorter than a page. */
static void test_scattered(void **state)
{
	uint8_t expected[2048 + PAGE_BYTES + 512];
	const uint64_t first = virt_to_paddr(&reader.pages[9]).value;
	const struct block_segment segments[] = {{{first + 2048}, 2048},
						 {virt_to_paddr(&reader.pages[2]), PAGE_BYTES},
						 {virt_to_paddr(&reader.pages[20]), 512}};

	(void)state;
	reader_probe();
	for (uint32_t i = 0; i < sizeof(reader.pages); i++)
		((uint8_t *)reader.pages)[i] = (uint8_t)(i * 3 + (i >> 9));
	memcpy(expected, reader.pages[9].bytes + 2048, 2048);
	memcpy(expected + 2048, &reader.pages[2], PAGE_BYTES);
	memcpy(expected + 2048 + PAGE_BYTES, &reader.pages[20], 512);
	assert_int_equal(reader.device->ops->submit_write(reader.device, segments, 3, (struct lba){77}, 0), STATUS_OK);
	reader_await(1);
	assert_int_equal(reader.disk->write_count, 13);
	for (uint32_t i = 0; i < 13; i++) {
		assert_int_equal(reader.disk->writes[i].lba, 77 + i);
		assert_memory_equal(reader.disk->writes[i].bytes, expected + (size_t)i * 512, 512);
	}
}

/* Reads bring what was there, writes land, whatever the order. */
static void test_mixed(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		reader_setup(state);
		reader.disk->has_ncq = kind < 2;
		reader.disk->is_lifo = kind % 2 == 1;
		reader_probe();
		for (uint32_t i = 0; i < 32; i++)
			assert_int_equal(i % 2 == 0 ? reader_submit_write(i) : reader_submit(i), STATUS_OK);
		assert_int_equal(reader.disk->in_flight_most, 32);
		reader_await(32);
		for (uint32_t i = 0; i < 32; i += 2) {
			reader_expect_written(i, false);
			reader_expect(i + 1);
		}
		assert_int_equal(reader.disk->write_count, 16 * 8);
	}
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(&reader.pages[0]), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};

	(void)state;
	reader_probe();
	const struct block_ops *ops = reader.device->ops;
	const uint64_t end = reader.device->identity.sector_count;
	assert_int_equal(ops->submit_write(reader.device, &page, 1, (struct lba){end}, 0), STATUS_INVALID);
	assert_int_equal(ops->submit_write(reader.device, &page, 1, (struct lba){end - 7}, 0), STATUS_INVALID);
	assert_int_equal(ops->submit_write(reader.device, &page, 1, (struct lba){UINT64_MAX}, 0), STATUS_INVALID);
	assert_int_equal(ops->submit_write(reader.device, &odd, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(ops->submit_write(reader.device, &page, 0, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(ops->submit_write(reader.device, &page, 1, (struct lba){end - 8}, 0), STATUS_OK);
	reader_await(1);
	assert_int_equal(reader.disk->write_count, 8);
	assert_int_equal(reader.disk->writes[7].lba, end - 1);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void one_fails(bool has_ncq, bool has_log)
{
	reader.disk->has_ncq = has_ncq;
	reader.disk->has_general_log = has_log;
	reader.disk->bad_lba = 8 * 5 + 3;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_probe();
	write_pages(32);
	expect_written_but(32, 5, STATUS_IO_ERROR);
	assert_int_equal(reader.disk->write_count, 31 * 8);
	/* It goes on. */
	assert_int_equal(reader_submit_write(40), STATUS_OK);
	reader_await(33);
	reader_expect_written(40, false);
}

static void test_one_fails(void **state)
{
	(void)state;
	one_fails(true, true);
	assert_int_equal(reader.disk->commands[READ_LOG], 3);
	assert_int_equal(reader.disk->comresets, 1);
	assert_int_equal(reader.disk->commands[WRITE_DMA], 0);
}

/* Nobody knows which: each alone, unqueued. */
static void test_one_fails_unknown(void **state)
{
	(void)state;
	one_fails(true, false);
	assert_true(reader.disk->commands[WRITE_DMA] >= 27);
}

static void test_one_fails_not_queued(void **state)
{
	(void)state;
	one_fails(false, true);
}

static void test_error_goes_away(void **state)
{
	(void)state;
	reader.disk->bad_lba = 8 * 31;
	reader.disk->bad_times = 2;
	reader_probe();
	write_pages(32);
	expect_written(32, false);
}

/* A write that fails takes no read with it, nor the other way round. */
static void test_errors_among_both(void **state)
{
	(void)state;
	for (uint32_t bad = 4; bad < 6; bad++) {
		reader_setup(state);
		reader.disk->bad_lba = 8 * (uint64_t)bad;
		reader.disk->bad_times = FAKE_AHCI_FOREVER;
		reader_probe();
		for (uint32_t i = 0; i < 32; i++)
			assert_int_equal(i % 2 == 0 ? reader_submit_write(i) : reader_submit(i), STATUS_OK);
		reader_await(32);
		for (uint32_t i = 0; i < 32; i++) {
			if (i == bad)
				assert_int_equal(reader.status[i], STATUS_IO_ERROR);
			else if (i % 2 == 0)
				reader_expect_written(i, false);
			else
				reader_expect(i);
		}
	}
}

static void test_one_is_lost(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->mute_times = 1;
	write_pages(32);
	expect_written(32, false);
	assert_int_equal(reader.disk->comresets, 2);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(32, true);
}

static void test_never_answers(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->mute_times = FAKE_AHCI_FOREVER;
	write_pages(32);
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(reader.times[i], 1);
		assert_int_equal(reader.status[i], STATUS_TIMEOUT);
	}
	assert_int_equal(reader_submit_write(40), STATUS_IO_ERROR);
	assert_int_not_equal(flush(), STATUS_OK);
	assert_int_equal(reader.disk->cmd & AHCI_PX_CMD_CR, 0);
}

/* --- the flush ------------------------------------------------------------------------------------------------- */

static void test_flush_fails(void **state)
{
	(void)state;
	reader_probe();
	write_pages(4);
	reader.disk->flushes_fail = 1;
	assert_int_equal(flush(), STATUS_IO_ERROR);
	/* Not tried again by itself. */
	assert_int_equal(reader.disk->commands[FLUSH_EXT], 1);
	expect_written(4, false);
	/* The disk is back. */
	assert_int_equal(reader_submit(8), STATUS_OK);
	reader_await(5);
	reader_expect(8);
}

static void test_flush_never_answered(void **state)
{
	(void)state;
	reader_probe();
	write_pages(4);
	reader.disk->flushes_mute = 1;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(flush(), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	assert_int_equal(reader.disk->comresets, 2);
	expect_written(4, false);
}

static void test_flush_not_in_flight(void **state)
{
	(void)state;
	reader_probe();
	assert_int_equal(reader_submit_write(0), STATUS_OK);
	assert_int_equal(flush(), STATUS_INVALID);
	assert_int_equal(reader.device->ops->write_sync(reader.device, (struct lba){0}, &reader.pages[1], 512),
			 STATUS_INVALID);
	assert_int_equal(reader.device->ops->rehearse_stop(reader.device), STATUS_INVALID);
	reader_await(1);
	assert_int_equal(reader.disk->commands[FLUSH_EXT], 0);
	assert_int_equal(flush(), STATUS_OK);
	reader_expect_written(0, true);
}

/* The last write's error is reported while the port is still on its way back: the flush waits for it. */
static void test_flush_right_after_an_error(void **state)
{
	(void)state;
	reader.disk->has_ncq = false;
	reader_probe();
	reader.disk->stop_us = 400000;
	write_pages(2);
	reader.disk->bad_lba = 8 * 4;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	assert_int_equal(reader_submit_write(4), STATUS_OK);
	reader_await(3);
	assert_int_equal(reader.status[4], STATUS_IO_ERROR);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(2, true);
}

static void test_flush_without_cache(void **state)
{
	(void)state;
	reader.disk->has_flush = reader.disk->has_write_cache = false;
	reader_probe();
	write_pages(1);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(reader.disk->commands[FLUSH_EXT], 0);
	reader_setup(state);
	reader.disk->has_flush = false; /* a cache that can't be flushed: never durable */
	reader_probe();
	write_pages(1);
	assert_int_equal(flush(), STATUS_IO_ERROR);
}

static void test_flush_28bit(void **state)
{
	(void)state;
	reader.disk->has_lba48 = reader.disk->has_ncq = false;
	reader_probe();
	write_pages(8);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(8, true);
	assert_int_equal(reader.disk->commands[0xE7], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_queued, reader_setup),
		cmocka_unit_test_setup(test_not_queued, reader_setup),
		cmocka_unit_test_setup(test_not_queued_far_away, reader_setup),
		cmocka_unit_test_setup(test_scattered, reader_setup),
		cmocka_unit_test_setup(test_mixed, reader_setup),
		cmocka_unit_test_setup(test_refused, reader_setup),
		cmocka_unit_test_setup(test_one_fails, reader_setup),
		cmocka_unit_test_setup(test_one_fails_unknown, reader_setup),
		cmocka_unit_test_setup(test_one_fails_not_queued, reader_setup),
		cmocka_unit_test_setup(test_error_goes_away, reader_setup),
		cmocka_unit_test_setup(test_errors_among_both, reader_setup),
		cmocka_unit_test_setup(test_one_is_lost, reader_setup),
		cmocka_unit_test_setup(test_never_answers, reader_setup),
		cmocka_unit_test_setup(test_flush_fails, reader_setup),
		cmocka_unit_test_setup(test_flush_never_answered, reader_setup),
		cmocka_unit_test_setup(test_flush_not_in_flight, reader_setup),
		cmocka_unit_test_setup(test_flush_right_after_an_error, reader_setup),
		cmocka_unit_test_setup(test_flush_without_cache, reader_setup),
		cmocka_unit_test_setup(test_flush_28bit, reader_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
