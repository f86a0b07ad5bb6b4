/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: writes in flight, alone and among reads, their errors, and the flush. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

#define DEPTH 64
#define OUT   1 /* the types of requests */
#define FLUSH 4

static enum status flush(void)
{
	return rig.device->ops->flush_sync(rig.device);
}

static enum status submit(const struct block_segment *segments, uint32_t count, uint64_t lba, uint32_t tag)
{
	return rig.device->ops->submit_write(rig.device, segments, count, (struct lba){lba}, tag);
}

static void write_pages(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(rig_submit_write(i), STATUS_OK);
	rig_await(count);
}

static void expect_written(uint32_t count, bool is_durable)
{
	for (uint32_t i = 0; i < count; i++)
		rig_expect_written(i, is_durable);
	assert_int_equal(rig.virtio.write_count, count * 8);
}

/* --- data ------------------------------------------------------------------------------------------------------ */

static void test_many_in_flight(void **state)
{
	(void)state;
	rig.virtio.is_lifo = true;
	rig_probe();
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(rig_submit_write(i), STATUS_OK);
	assert_int_equal(submit(&(struct block_segment){virt_to_paddr(&rig.pages[0]), 512}, 1, 0, 0), STATUS_AGAIN);
	rig_await(DEPTH);
	assert_int_equal(rig.virtio.in_flight_most, DEPTH);
	assert_int_equal(rig.order[0], DEPTH - 1);
	assert_int_equal(rig.virtio.requests[FLUSH], 0);
	expect_written(DEPTH, false);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(rig.virtio.requests[FLUSH], 1);
	expect_written(DEPTH, true);
}

static void without_indirect(void)
{
	rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
	rig_probe();
	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(rig_submit_write(4 * round + i), STATUS_OK);
		rig_await(4 * round + 4);
	}
	expect_written(16, false);
	assert_int_equal(rig.virtio.in_flight_most, 4);
}

static void test_without_indirect(void **state)
{
	(void)state;
	without_indirect();
	rig_setup_legacy(state);
	without_indirect();
}

/* Pieces of memory in any order, the first and the last shorter than a page, each cut by the device's limit. */
static void test_scattered(void **state)
{
	uint8_t expected[2048 + PAGE_BYTES + 512];
	const uint64_t first = virt_to_paddr(&rig.pages[9]).value;
	const struct block_segment segments[] = {{{first + 2048}, 2048},
						 {virt_to_paddr(&rig.pages[2]), PAGE_BYTES},
						 {virt_to_paddr(&rig.pages[20]), 512}};

	(void)state;
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 1024;
	rig_probe();
	for (uint32_t i = 0; i < sizeof(rig.pages); i++)
		((uint8_t *)rig.pages)[i] = (uint8_t)(i * 3 + (i >> 9));
	memcpy(expected, rig.pages[9].bytes + 2048, 2048);
	memcpy(expected + 2048, &rig.pages[2], PAGE_BYTES);
	memcpy(expected + 2048 + PAGE_BYTES, &rig.pages[20], 512);
	assert_int_equal(submit(segments, 3, 77, 0), STATUS_OK);
	rig_await(1);
	assert_int_equal(rig.virtio.write_count, 13);
	for (uint32_t i = 0; i < 13; i++) {
		assert_int_equal(rig.virtio.writes[i].sector, 77 + i);
		assert_memory_equal(rig.virtio.writes[i].bytes, expected + (size_t)i * 512, 512);
	}
}

static void test_4kn(void **state)
{
	const struct block_segment half = {virt_to_paddr(&rig.pages[0]), 2048};

	(void)state;
	rig.virtio.blk_size = 4096;
	rig_probe();
	write_pages(8);
	expect_written(8, false);
	assert_int_equal(submit(&half, 1, 0, 0), STATUS_INVALID);
}

/* Reads bring what was there, writes land, whatever the order. */
static void test_mixed(void **state)
{
	for (uint32_t seed = 1; seed < 12; seed++) {
		if (seed % 2 == 0)
			rig_setup(state);
		else
			rig_setup_legacy(state);
		rig.virtio.shuffle = seed;
		rig_probe();
		for (uint32_t i = 0; i < DEPTH; i++)
			assert_int_equal(i % 2 == 0 ? rig_submit_write(i) : rig_submit(i), STATUS_OK);
		rig_await(DEPTH);
		for (uint32_t i = 0; i < DEPTH; i += 2) {
			rig_expect_written(i, false);
			rig_expect(i + 1);
		}
		assert_int_equal(rig.virtio.write_count, DEPTH / 2 * 8);
	}
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(&rig.pages[0]), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};

	(void)state;
	rig_probe();
	const uint64_t end = rig.device->identity.sector_count;
	assert_int_equal(submit(&page, 1, end, 0), STATUS_INVALID);
	assert_int_equal(submit(&page, 1, end - 7, 0), STATUS_INVALID);
	assert_int_equal(submit(&page, 1, UINT64_MAX, 0), STATUS_INVALID);
	assert_int_equal(submit(&odd, 1, 0, 0), STATUS_INVALID);
	assert_int_equal(submit(&page, 0, 0, 0), STATUS_INVALID);
	assert_int_equal(rig.virtio.requests[OUT], 0);
	assert_int_equal(submit(&page, 1, end - 8, 0), STATUS_OK);
	rig_await(1);
	assert_int_equal(rig.virtio.writes[7].sector, end - 1);
}

static void test_read_only(void **state)
{
	(void)state;
	rig.virtio.features |= VIRTIO_BLK_F_RO;
	rig_probe();
	assert_int_equal(rig_submit_write(0), STATUS_IO_ERROR);
	assert_int_equal(rig.virtio.requests[OUT], 0);
	rig_read(2);
	rig_expect_all(2);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

/* Three tries; writes and reads beside it are not harmed. */
static void test_one_fails(void **state)
{
	(void)state;
	rig.virtio.bad_sector = 8 * 5 + 3;
	rig.virtio.bad_times = 1000;
	rig_probe();
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(i % 4 != 3 ? rig_submit_write(i) : rig_submit(i), STATUS_OK);
	rig_await(DEPTH);
	for (uint32_t i = 0; i < DEPTH; i++) {
		if (i == 5)
			assert_int_equal(rig.status[i], STATUS_IO_ERROR);
		else if (i % 4 != 3)
			rig_expect_written(i, false);
		else
			rig_expect(i);
	}
	assert_int_equal(rig.times[5], 1);
	assert_int_equal(rig.virtio.bad_times, 1000 - 3);
	assert_int_equal(rig.virtio.resets, 1);
	assert_int_equal(flush(), STATUS_OK);
	rig_expect_written(6, true);
}

static void test_error_goes_away(void **state)
{
	(void)state;
	rig.virtio.bad_sector = 8 * 5;
	rig.virtio.bad_times = 2;
	rig_probe();
	write_pages(8);
	expect_written(8, false);
}

/* The device is reset, and what was in flight is written again. */
static void test_one_is_lost(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = 1;
	write_pages(DEPTH);
	expect_written(DEPTH, false);
	assert_int_equal(rig.virtio.resets, 2);
	assert_int_equal(rig.virtio.requests[OUT], DEPTH);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(DEPTH, true);
}

static void test_trouble(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = 1;
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(i % 2 == 0 ? rig_submit_write(i) : rig_submit(i), STATUS_OK);
	rig_await(DEPTH);
	for (uint32_t i = 0; i < DEPTH; i += 2) {
		rig_expect_written(i, false);
		rig_expect(i + 1);
	}
	assert_int_equal(rig.virtio.resets, 2);
}

static void test_never_answers(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = FAKE_VIRTIO_FOREVER;
	write_pages(4);
	rig_expect_all_end(4, STATUS_TIMEOUT);
	assert_int_equal(rig.virtio.write_count, 0);
	/* Once silent does not mean gone. */
	rig.virtio.mute_times = 0;
	assert_int_equal(rig_submit_write(9), STATUS_OK);
	rig_await(5);
	rig_expect_written(9, false);
}

static void test_gone(void **state)
{
	(void)state;
	rig_probe();
	rig.device->ops->quiesce(rig.device);
	assert_int_equal(rig_submit_write(0), STATUS_IO_ERROR);
	assert_int_equal(flush(), STATUS_IO_ERROR);
}

/* --- the flush ------------------------------------------------------------------------------------------------- */

static void test_flush_fails(void **state)
{
	(void)state;
	rig_probe();
	write_pages(4);
	rig.virtio.flushes_fail = 1;
	assert_int_equal(flush(), STATUS_IO_ERROR);
	assert_int_equal(rig.virtio.requests[FLUSH], 1); /* not tried again by itself */
	expect_written(4, false);
	assert_int_equal(rig_submit(9), STATUS_OK);
	rig_await(5);
	rig_expect(9);
}

static void test_flush_never_answered(void **state)
{
	(void)state;
	rig_probe();
	write_pages(4);
	rig.virtio.flushes_mute = 1;
	rig.virtio.reset_us = 4900000;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(flush(), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	expect_written(4, false);
}

/* Much may have to go to the medium. */
static void test_slow_flush(void **state)
{
	(void)state;
	rig_probe();
	write_pages(4);
	rig.virtio.latency_us = 20000000;
	assert_int_equal(flush(), STATUS_OK);
	expect_written(4, true);
}

static void test_flush_not_in_flight(void **state)
{
	(void)state;
	rig_probe();
	assert_int_equal(rig_submit_write(0), STATUS_OK);
	assert_int_equal(flush(), STATUS_INVALID);
	assert_int_equal(rig.device->ops->write_sync(rig.device, (struct lba){0}, &rig.pages[1], 512), STATUS_INVALID);
	rig_await(1);
	assert_int_equal(rig.virtio.requests[FLUSH], 0);
	assert_int_equal(flush(), STATUS_OK);
	expect_written(1, true);
}

/* Without FLUSH a write is durable when it is done. */
static void test_write_through(void **state)
{
	(void)state;
	rig.virtio.features &= ~VIRTIO_BLK_F_FLUSH;
	rig.virtio.has_write_cache = false;
	rig_probe();
	write_pages(2);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(rig.virtio.requests[FLUSH], 0);
	expect_written(2, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_many_in_flight, rig_setup),
		cmocka_unit_test_setup(test_many_in_flight, rig_setup_legacy),
		cmocka_unit_test_setup(test_without_indirect, rig_setup),
		cmocka_unit_test_setup(test_scattered, rig_setup),
		cmocka_unit_test_setup(test_4kn, rig_setup),
		cmocka_unit_test_setup(test_mixed, rig_setup),
		cmocka_unit_test_setup(test_refused, rig_setup),
		cmocka_unit_test_setup(test_read_only, rig_setup),
		cmocka_unit_test_setup(test_one_fails, rig_setup),
		cmocka_unit_test_setup(test_error_goes_away, rig_setup),
		cmocka_unit_test_setup(test_one_is_lost, rig_setup),
		cmocka_unit_test_setup(test_one_is_lost, rig_setup_legacy),
		cmocka_unit_test_setup(test_trouble, rig_setup),
		cmocka_unit_test_setup(test_never_answers, rig_setup),
		cmocka_unit_test_setup(test_gone, rig_setup),
		cmocka_unit_test_setup(test_flush_fails, rig_setup),
		cmocka_unit_test_setup(test_flush_never_answered, rig_setup),
		cmocka_unit_test_setup(test_slow_flush, rig_setup),
		cmocka_unit_test_setup(test_flush_not_in_flight, rig_setup),
		cmocka_unit_test_setup(test_write_through, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
