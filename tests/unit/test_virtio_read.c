/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: reads in flight, chains of descriptors. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timer.h"
#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

#define MANY 256

static struct page many[2 * MANY];
static struct block_segment segments[MANY + 1];

/* Every other page, backwards: nothing can be merged. */
static void scatter(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		segments[i] = (struct block_segment){virt_to_paddr(&many[2 * MANY - 1 - 2 * (i % MANY)]), PAGE_BYTES};
}

static void expect_scattered(uint64_t sector, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		rig_expect_sectors(&many[2 * MANY - 1 - 2 * i], sector + 8 * (uint64_t)i, 8);
}

static enum status submit(const struct block_segment *list, uint32_t count, uint64_t lba, uint32_t tag)
{
	return rig.device->ops->submit_read(rig.device, list, count, (struct lba){lba}, tag);
}

/* The most segments that the identity promises, and not one more. */
static void read_scattered(void)
{
	const uint32_t count = rig.device->identity.max_segments;

	scatter(count);
	assert_int_equal(submit(segments, count, 800, 0), STATUS_OK);
	rig_await(1);
	assert_int_equal(rig.status[0], STATUS_OK);
	expect_scattered(800, count);
}

static void test_queue_full_and_out_of_order(void **state)
{
	(void)state;
	rig.virtio.is_lifo = true;
	rig_probe();
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	assert_int_equal(rig_submit(64), STATUS_AGAIN);
	assert_int_equal(rig.virtio.in_flight_most, 64);
	rig_await(64);
	for (uint32_t i = 0; i < 64; i++)
		rig_expect(i);
	assert_int_equal(rig.order[0], 63);
	assert_int_equal(rig_submit(64), STATUS_OK);
	rig_await(65);
	rig_expect(64);
}

/* Runs of one to four pages, as many in flight as fit, finished in any order. */
static void read_in_any_order(uint32_t seed)
{
	const uint32_t total = 200;
	uint32_t started = 0;

	rig.virtio.shuffle = seed;
	rig_probe();
	while (rig.count < total) {
		const uint32_t next = started % 64;
		const struct block_segment pages[] = {{virt_to_paddr(&many[8 * next]), (1 + next % 3) * PAGE_BYTES},
						      {virt_to_paddr(&many[8 * next + 5]), PAGE_BYTES}};
		/* A place is used again when what was read there has been looked at. */
		if (started < total && rig.times[next] == started / 64) {
			rig.virtio.latency_us = 50 + (started * seed) % 400;
			assert_int_equal(submit(pages, 2, 9000ull * started, next), STATUS_OK);
			started++;
			continue;
		}
		const uint32_t before = rig.count;
		rig_poll(&(uint32_t){0});
		for (uint32_t i = before; i < rig.count; i++) {
			const uint32_t slot = rig.order[i];
			const uint64_t sector = 9000ull * (slot + 64 * (uint64_t)(rig.times[slot] - 1));
			assert_int_equal(rig.status[slot], STATUS_OK);
			rig_expect_sectors(&many[8 * slot], sector, 8 * (1 + slot % 3));
			rig_expect_sectors(&many[8 * slot + 5], sector + 8 * (1 + slot % 3), 8);
			memset(&many[8 * slot], 0xEE, 6 * sizeof(many[0]));
		}
	}
	assert_int_equal(rig.virtio.requests[0], total);
	assert_true(rig.virtio.in_flight_most > 32);
}

static void test_any_order(void **state)
{
	for (uint32_t seed = 1; seed < 20; seed++) {
		rig_setup(state);
		read_in_any_order(seed);
		rig_setup_legacy(state);
		read_in_any_order(seed);
	}
}

/* Both indices of both rings run over, and past 65536. */
static void test_rings_go_round(void **state)
{
	(void)state;
	rig.virtio.latency_us = 0;
	rig_probe();
	for (uint32_t round = 0; round < 70000; round++) {
		if (round % 1000 == 0)
			memset(&rig.pages[0], 0, sizeof(rig.pages[0]));
		rig.count = rig.times[0] = 0;
		assert_int_equal(rig_submit(0), STATUS_OK);
		rig_await(1);
		assert_int_equal(rig.status[0], STATUS_OK);
		if (round % 1000 == 0)
			rig_expect(0);
	}
	assert_int_equal(rig.virtio.resets, 1);
}

static void test_nothing_waits(void **state)
{
	struct block_completion completion;
	uint32_t count;

	(void)state;
	rig_probe();
	rig.virtio.latency_us = 500000;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(rig_submit(0), STATUS_OK);
	rig.device->ops->poll(rig.device, &completion, 1, &count);
	assert_int_equal(count, 0);
	assert_true(fake_hw_now_us() - start_us < 50);
}

static void test_scattered(void **state)
{
	(void)state;
	rig_probe();
	read_scattered();
	assert_int_equal(rig.virtio.pieces_most, 254);
	scatter(255);
	assert_int_equal(submit(segments, 255, 0, 0), STATUS_INVALID);
	assert_int_equal(submit(segments, 257, 0, 0), STATUS_INVALID);
	/* Nothing of that is left over. */
	assert_int_equal(rig_submit(1), STATUS_OK);
	rig_await(2);
	rig_expect(1);
}

static void test_neighbours_share_a_descriptor(void **state)
{
	(void)state;
	rig_probe();
	for (uint32_t i = 0; i < MANY; i++)
		segments[i] = (struct block_segment){virt_to_paddr(&many[i]), PAGE_BYTES};
	assert_int_equal(submit(segments, MANY, 16, 0), STATUS_OK);
	rig_await(1);
	assert_int_equal(rig.virtio.pieces_most, 1);
	rig_expect_sectors(many, 16, 8 * MANY);
}

static void test_half_pages_at_the_ends(void **state)
{
	const uint64_t first = virt_to_paddr(&many[0]).value;
	const struct block_segment list[] = {
		{{first + 2048}, 2048}, {virt_to_paddr(&many[5]), 2 * PAGE_BYTES}, {virt_to_paddr(&many[9]), 1024}};

	(void)state;
	rig_probe();
	memset(many, 0xEE, sizeof(many[0]) * 10);
	assert_int_equal(submit(list, 3, 3, 0), STATUS_OK);
	rig_await(1);
	rig_expect_sectors(many[0].bytes + 2048, 3, 4);
	rig_expect_sectors(&many[5], 7, 16);
	rig_expect_sectors(&many[9], 23, 2);
	assert_int_equal(many[0].bytes[2047], 0xEE);
	assert_int_equal(many[9].bytes[1024], 0xEE);
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(&many[0]), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};
	const struct block_segment large = {page.address, (1 << 20) + 4096};

	(void)state;
	rig_probe();
	const uint64_t end = rig.device->identity.sector_count;
	assert_int_equal(submit(&page, 1, end, 0), STATUS_INVALID);
	assert_int_equal(submit(&page, 1, end - 7, 0), STATUS_INVALID);
	assert_int_equal(submit(&page, 1, UINT64_MAX, 0), STATUS_INVALID);
	assert_int_equal(submit(&odd, 1, 0, 0), STATUS_INVALID);
	assert_int_equal(submit(&large, 1, 0, 0), STATUS_INVALID);
	assert_int_equal(submit(&page, 0, 0, 0), STATUS_INVALID);
	assert_int_equal(rig.virtio.requests[0], 0);
	assert_int_equal(submit(&page, 1, end - 8, 0), STATUS_OK);
	rig_await(1);
	assert_int_equal(rig.status[0], STATUS_OK);
}

static void test_notifications_are_spared(void **state)
{
	(void)state;
	rig.virtio.wants_no_notify = true; /* the model objects to others */
	rig_probe();
	const uint32_t before = rig.virtio.notifications;
	rig_read(64);
	for (uint32_t i = 0; i < 64; i++)
		rig_expect(i);
	assert_int_equal(rig.virtio.notifications, before + 1);
}

static void test_4kn(void **state)
{
	const struct block_segment half = {virt_to_paddr(&many[0]), 2048};

	(void)state;
	rig.virtio.blk_size = 4096;
	rig_probe();
	rig_read(64);
	for (uint32_t i = 0; i < 64; i++)
		rig_expect(i);
	assert_int_equal(submit(&half, 1, 0, 0), STATUS_INVALID);
}

/* --- limits ---------------------------------------------------------------------------------------------------- */

static void expect_limits(uint32_t depth, uint32_t segments_most, uint32_t bytes)
{
	rig_probe();
	assert_int_equal(rig.device->identity.queue_depth, depth);
	assert_int_equal(rig.device->identity.max_segments, segments_most);
	assert_int_equal(rig.device->identity.max_transfer_bytes, bytes);
	read_scattered();
	/* All at once, from one piece of memory. */
	const struct block_segment whole = {virt_to_paddr(many), bytes};
	assert_int_equal(submit(&whole, 1, 8, 1), STATUS_OK);
	rig_await(2);
	assert_int_equal(rig.status[1], STATUS_OK);
	rig_expect_sectors(many, 8, bytes / 512);
	/* And as many in flight as it says. */
	for (uint32_t i = 0; i < depth; i++)
		assert_int_equal(rig_submit(100 + i), STATUS_OK);
	assert_int_equal(rig_submit(99), STATUS_AGAIN);
	rig_await(2 + depth);
	for (uint32_t i = 0; i < depth; i++)
		rig_expect(100 + i);
}

static void without_indirect(void)
{
	rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
	expect_limits(4, 62, 1 << 20);
	assert_int_equal(rig.virtio.indirect, 0);
	assert_int_equal(rig.virtio.in_flight_most, 4);
}

static void test_without_indirect(void **state)
{
	(void)state;
	without_indirect();
	rig_setup_legacy(state);
	without_indirect();
	rig_setup_legacy(state);
	rig.virtio.queue_size = rig.virtio.size_set = 1024;
	rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
	expect_limits(4, 254, 1 << 20);
	rig_setup(state);
	rig.virtio.queue_size = rig.virtio.size_set = 8;
	rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
	expect_limits(2, 2, 1 << 20);
	rig_setup(state);
	rig.virtio.seg_max = 2;
	rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
	expect_limits(64, 2, 1 << 20);
	rig_setup_legacy(state);
	rig.virtio.seg_max = 1;
	rig.virtio.queue_size = rig.virtio.size_set = 1024;
	rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
	expect_limits(64, 1, 1 << 20);
}

static void test_small_seg_max(void **state)
{
	(void)state;
	rig.virtio.seg_max = 3;
	expect_limits(64, 3, 1 << 20);
	rig_setup(state);
	rig.virtio.seg_max = 0;
	expect_limits(64, 1, 1 << 20);
	rig_setup(state);
	rig.virtio.features &= ~VIRTIO_BLK_F_SEG_MAX;
	expect_limits(64, 1, 1 << 20);
}

static void test_size_max(void **state)
{
	(void)state;
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 65536;
	expect_limits(64, 240, 240 * 4096);
	rig_setup(state);
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 4095; /* 3584: two for a page */
	expect_limits(64, 119, 119 * 4096);
	rig_setup(state);
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 512;
	rig.virtio.seg_max = 8;
	expect_limits(64, 1, 4096);
}

/*
 * What include/block.h allows within the limits of the identity is taken, whatever the pieces that it makes: runs of
 * pages of any length, half pages at both ends.
 */
static void fill_limits(uint32_t count, uint64_t pages, bool has_half_pages)
{
	const bool has_ends = has_half_pages && count > 2;
	const uint64_t run = pages - (count - 1) + (has_ends ? 1 : 0);
	uint64_t sector = 24;

	scatter(count);
	segments[count / 2] = (struct block_segment){virt_to_paddr(many), (uint32_t)run * PAGE_BYTES};
	if (has_ends) {
		segments[0].address.value += 3584;
		segments[0].bytes = 512;
		segments[count - 1].bytes = 512;
	}
	assert_int_equal(submit(segments, count, sector, 0), STATUS_OK);
	rig.count = 0;
	rig_await(1);
	assert_int_equal(rig.status[0], STATUS_OK);
	for (uint32_t i = 0; i < count; i++) {
		rig_expect_sectors(paddr_to_virt(segments[i].address), sector, segments[i].bytes / 512);
		sector += segments[i].bytes / 512;
	}
}

static void expect_limits_hold(uint32_t size_max, uint32_t seg_max)
{
	rig_setup(NULL);
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = size_max;
	rig.virtio.seg_max = seg_max;
	rig_probe();
	const uint64_t pages_most = rig.device->identity.max_transfer_bytes / PAGE_BYTES;
	const uint32_t count_most = rig.device->identity.max_segments;

	assert_true(count_most > 0 && count_most <= pages_most);
	for (uint32_t count = 1; count <= count_most; count++) {
		/* The run must not reach the scattered pages, which begin behind the first half. */
		if (pages_most - count + 2 + 2 * (uint64_t)count > 2 * MANY)
			continue;
		fill_limits(count, pages_most, false);
		fill_limits(count, pages_most, true);
	}
}

static void test_limits_hold(void **state)
{
	static const uint32_t pieces[][2] = {{131072, 126}, {65536, 254}, {8192, 20}, {4096, 30}, {3584, 60},
					     {1536, 33},    {512, 8},     {512, 90},  {12288, 3}, {1048576, 40}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		expect_limits_hold(pieces[i][0], pieces[i][1]);
}

static void test_limits_too_small(void **state)
{
	(void)state;
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 511;
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup(state);
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 512;
	rig.virtio.seg_max = 7; /* less than a page */
	rig_expect_refused(STATUS_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_queue_full_and_out_of_order, rig_setup),
		cmocka_unit_test_setup(test_queue_full_and_out_of_order, rig_setup_legacy),
		cmocka_unit_test_setup(test_any_order, rig_setup),
		cmocka_unit_test_setup(test_rings_go_round, rig_setup),
		cmocka_unit_test_setup(test_nothing_waits, rig_setup),
		cmocka_unit_test_setup(test_scattered, rig_setup),
		cmocka_unit_test_setup(test_scattered, rig_setup_legacy),
		cmocka_unit_test_setup(test_neighbours_share_a_descriptor, rig_setup),
		cmocka_unit_test_setup(test_half_pages_at_the_ends, rig_setup),
		cmocka_unit_test_setup(test_refused, rig_setup),
		cmocka_unit_test_setup(test_notifications_are_spared, rig_setup),
		cmocka_unit_test_setup(test_4kn, rig_setup),
		cmocka_unit_test_setup(test_4kn, rig_setup_legacy),
		cmocka_unit_test_setup(test_without_indirect, rig_setup),
		cmocka_unit_test_setup(test_small_seg_max, rig_setup),
		cmocka_unit_test_setup(test_size_max, rig_setup),
		cmocka_unit_test_setup(test_limits_hold, rig_setup),
		cmocka_unit_test_setup(test_limits_too_small, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
