/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of writes: every page of the core where the extents say, from memory that stays as it is only until the
 * queue says that it is written; and after an error nothing in flight.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/write_queue.h"
#include "tests/unit/late_disk.h"

#define DISK_PAGES   2048
#define START_PAGE   16 /* of the partition */
#define MEMORY_PAGES 1024
#define FIRST_PAGE   3 /* of the core */
#define HANG_SECONDS 120

static struct page disk_pages[DISK_PAGES];
static struct page memory[MEMORY_PAGES];
static struct core_anchor anchor;
static struct late_disk disk;
static struct write_queue queue;

static void fill(struct page *page, uint32_t value)
{
	for (size_t i = 0; i < PAGE_BYTES; i += sizeof(value))
		memcpy(page->bytes + i, &value, sizeof(value));
}

static bool filled(const struct page *page, uint32_t value)
{
	for (size_t i = 0; i < PAGE_BYTES; i += sizeof(value))
		if (memcmp(page->bytes + i, &value, sizeof(value)) != 0)
			return false;
	return true;
}

static void start(uint32_t sector_bytes)
{
	memset(disk_pages, 0xEE, sizeof(disk_pages));
	for (uint32_t i = 0; i < MEMORY_PAGES; i++)
		fill(&memory[i], i);
	late_disk_init(&disk, disk_pages, sizeof(disk_pages) / sector_bytes, sector_bytes);
	write_queue_init(&queue, &disk.device, START_PAGE * PAGE_BYTES / sector_bytes, &anchor, FIRST_PAGE);
}

/* After a change of the disk's limits. */
static void restart(void)
{
	write_queue_init(&queue, &disk.device, START_PAGE * PAGE_BYTES / disk.device.identity.sector_bytes, &anchor,
			 FIRST_PAGE);
}

static void one_extent(uint64_t pages)
{
	anchor.extent_count = 1;
	anchor.extents[0] = (struct core_extent){5, pages};
}

static const struct page *stored(uint64_t core_page)
{
	uint64_t at, run;

	assert_true(core_extents_find(&anchor, core_page, &at, &run));
	return &disk_pages[START_PAGE + at];
}

static enum status add(uint64_t first, uint64_t count)
{
	return write_queue_add(&queue, virt_to_paddr(&memory[first]), count);
}

/* Nothing but the pages [FIRST_PAGE, end) of the core has changed. */
static void check_untouched(uint64_t end)
{
	bool touched[DISK_PAGES] = {false};

	for (uint64_t page = FIRST_PAGE; page < end; page++)
		touched[stored(page) - disk_pages] = true;
	for (size_t i = 0; i < DISK_PAGES; i++)
		if (!touched[i])
			assert_true(filled(&disk_pages[i], 0xEEEEEEEE));
}

static void random_extents(void)
{
	uint64_t next = 1 + (uint64_t)rand() % 3;

	anchor.extent_count = 0;
	while (next + 40 < DISK_PAGES - START_PAGE && anchor.extent_count < 60) {
		const uint64_t count = 1 + (uint64_t)rand() % (rand() % 3 ? 4 : 40);

		anchor.extents[anchor.extent_count++] = (struct core_extent){next, count};
		next += count + (uint64_t)rand() % 3;
	}
	/* Not in the order of the disk. */
	for (uint32_t i = 0; i < anchor.extent_count; i += 2) {
		const uint32_t other = (uint32_t)rand() % anchor.extent_count;
		const struct core_extent extent = anchor.extents[i];

		anchor.extents[i] = anchor.extents[other];
		anchor.extents[other] = extent;
	}
}

static void test_every_page_lands_along_the_extents(void **state)
{
	uint32_t order[MEMORY_PAGES];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 60; round++) {
		uint64_t room = 0, count = 0;

		random_extents();
		start(round % 2 ? 4096 : 512);
		disk.seed = round;
		disk.device.identity.queue_depth = 1 + (uint32_t)rand() % 12;
		disk.device.identity.max_segments = 1 + (uint32_t)rand() % 12;
		disk.device.identity.max_transfer_bytes = (1 + (uint32_t)rand() % 16) * PAGE_BYTES;
		restart();
		for (uint32_t i = 0; i < anchor.extent_count; i++)
			room += anchor.extents[i].page_count;
		room = min_u64(room - FIRST_PAGE, MEMORY_PAGES);
		while (count < room) {
			const uint64_t run = min_u64(1 + (uint64_t)rand() % (rand() % 2 ? 2 : 50), room - count);
			const uint64_t from = (uint64_t)rand() % (MEMORY_PAGES - run + 1);

			assert_int_equal(add(from, run), STATUS_OK);
			for (uint64_t i = 0; i < run; i++)
				order[count++] = (uint32_t)(from + i);
		}
		assert_int_equal(write_queue_finish(&queue), STATUS_OK);
		assert_int_equal(disk.in_flight, 0);
		assert_int_equal(queue.next_page, FIRST_PAGE + count);
		for (uint64_t i = 0; i < count; i++)
			assert_true(filled(stored(FIRST_PAGE + i), order[i]));
		check_untouched(FIRST_PAGE + count);
	}
}

static void test_neighbours_go_together(void **state)
{
	(void)state;
	one_extent(1000);
	start(512);
	assert_int_equal(add(0, 160), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_OK);
	assert_int_equal(disk.writes, 10); /* 16 pages each */
	assert_int_equal(disk.largest_pages, 16);
	assert_in_range(disk.most_in_flight, 3, 8);

	/* Scattered memory, one place on the disk: as many segments as the device takes. */
	start(512);
	disk.device.identity.max_transfer_bytes = 1024 * 1024;
	restart();
	for (uint64_t i = 0; i < 96; i++)
		assert_int_equal(add(2 * i, 1), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_OK);
	assert_int_equal(disk.writes, 4);

	/* One after the other in memory, added one by one. */
	start(512);
	for (uint64_t i = 0; i < 160; i++)
		assert_int_equal(add(i, 1), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_OK);
	assert_int_equal(disk.writes, 10);
}

static void test_many_requests_are_in_flight(void **state)
{
	(void)state;
	one_extent(1000);
	start(512);
	disk.device.identity.queue_depth = LATE_DISK_DEPTH;
	disk.device.identity.max_transfer_bytes = PAGE_BYTES;
	restart();
	assert_int_equal(add(0, 1000 - FIRST_PAGE), STATUS_OK);
	assert_true(disk.most_in_flight > 32);
	assert_int_equal(write_queue_finish(&queue), STATUS_OK);
	for (uint32_t i = 0; i < 1000 - FIRST_PAGE; i++)
		assert_true(filled(stored(FIRST_PAGE + i), i));
	/* What the queue has room for is the limit, too. */
	start(512);
	disk.device.identity.max_segments = LATE_DISK_SEGMENTS;
	disk.device.identity.max_transfer_bytes = 4 * 1024 * 1024;
	restart();
	for (uint64_t i = 0; i < 400; i++)
		assert_int_equal(add(2 * i, 1), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_OK);
	assert_int_equal(disk.largest_pages, WRITE_QUEUE_SEGMENTS_MAX);
}

/* What was waited for may be overwritten at once; whatever else is under way is not touched by that. */
static void test_memory_is_free_after_the_wait(void **state)
{
	(void)state;
	srand(2);
	for (unsigned round = 0; round < 40; round++) {
		const uint64_t half = 1 + (uint64_t)rand() % 300;

		random_extents();
		one_extent(900);
		start(512);
		disk.seed = round;
		assert_int_equal(add(0, half), STATUS_OK);
		assert_int_equal(add(half, 7), STATUS_OK);
		assert_int_equal(write_queue_wait(&queue, FIRST_PAGE + half), STATUS_OK);
		for (uint64_t i = 0; i < half; i++)
			fill(&memory[i], 0xBADBAD);
		assert_int_equal(add(half + 7, 20), STATUS_OK);
		assert_int_equal(write_queue_finish(&queue), STATUS_OK);
		for (uint64_t i = 0; i < half + 27; i++)
			assert_true(filled(stored(FIRST_PAGE + i), (uint32_t)i));
	}
	/* Nothing to wait for: nothing is sent. */
	start(512);
	assert_int_equal(add(0, 4), STATUS_OK);
	assert_int_equal(write_queue_wait(&queue, FIRST_PAGE), STATUS_OK);
	assert_int_equal(disk.writes, 0);
	assert_int_equal(write_queue_wait(&queue, 0), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_OK);
}

static void test_a_full_target_is_said(void **state)
{
	(void)state;
	for (uint64_t pages = FIRST_PAGE; pages < FIRST_PAGE + 40; pages++) {
		one_extent(pages);
		anchor.extent_count = 2;
		anchor.extents[1] = (struct core_extent){500, 9};
		start(512);
		assert_int_equal(add(0, pages + 9 - FIRST_PAGE), STATUS_OK);
		assert_int_equal(write_queue_finish(&queue), STATUS_OK);
		for (uint64_t i = 0; i < pages + 9 - FIRST_PAGE; i++)
			assert_true(filled(stored(FIRST_PAGE + i), (uint32_t)i));
		start(512);
		assert_int_equal(add(0, pages + 10 - FIRST_PAGE), STATUS_NO_MEMORY);
		assert_int_equal(write_queue_finish(&queue), STATUS_OK);
		assert_int_equal(disk.in_flight, 0);
		check_untouched(pages + 9);
	}
}

/* Whichever request fails: the error comes back, nothing is sent any more, and all of it has ended. */
static void test_an_error_ends_it(void **state)
{
	(void)state;
	one_extent(1000);
	for (uint32_t bad = 1; bad <= 37; bad++) {
		enum status status = STATUS_OK;
		uint32_t sent;
		uint64_t i = 0;

		start(512);
		disk.seed = bad;
		disk.bad_write = bad;
		for (; i < 600 && status == STATUS_OK; i += 5)
			status = add(i, 5);
		if (status == STATUS_OK)
			status = write_queue_wait(&queue, FIRST_PAGE + i);
		assert_int_equal(status, STATUS_IO_ERROR);
		sent = disk.writes;
		assert_true(sent < bad + 20);
		assert_int_equal(write_queue_wait(&queue, FIRST_PAGE + i), STATUS_IO_ERROR);
		assert_int_equal(write_queue_finish(&queue), STATUS_IO_ERROR);
		assert_int_equal(disk.in_flight, 0);
		assert_int_equal(queue.in_flight, 0);
		assert_int_equal(disk.writes, sent);
		assert_int_equal(write_queue_finish(&queue), STATUS_IO_ERROR);
		assert_int_equal(disk.writes, sent);
	}
}

/* The last request's error is seen by nobody but finish. */
static void test_the_last_error_comes_from_finish(void **state)
{
	(void)state;
	one_extent(1000);
	start(512);
	disk.bad_write = 1;
	assert_int_equal(add(0, 3), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_IO_ERROR);
	start(512);
	disk.bad_write = 2;
	assert_int_equal(add(0, 17), STATUS_OK);
	assert_int_equal(write_queue_wait(&queue, FIRST_PAGE + 17), STATUS_IO_ERROR);
}

static void test_a_device_that_takes_no_more_ends_it(void **state)
{
	(void)state;
	one_extent(1000);
	start(512);
	disk.gone_after = 5;
	assert_int_equal(add(0, 600), STATUS_IO_ERROR);
	assert_int_equal(write_queue_finish(&queue), STATUS_IO_ERROR);
	assert_int_equal(disk.in_flight, 0);
	assert_int_equal(disk.writes, 4);
	/* Memory that the device can't reach: the caller's mistake is no silent loss. */
	start(512);
	disk.device.identity.dma_limit = virt_to_paddr(&memory[20]).value;
	assert_int_equal(add(0, 21), STATUS_OK);
	assert_int_equal(write_queue_finish(&queue), STATUS_INVALID);
}

static int set_up(void **state)
{
	(void)state;
	alarm(HANG_SECONDS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_lands_along_the_extents),
		cmocka_unit_test(test_neighbours_go_together),
		cmocka_unit_test(test_many_requests_are_in_flight),
		cmocka_unit_test(test_memory_is_free_after_the_wait),
		cmocka_unit_test(test_a_full_target_is_said),
		cmocka_unit_test(test_an_error_ends_it),
		cmocka_unit_test(test_the_last_error_comes_from_finish),
		cmocka_unit_test(test_a_device_that_takes_no_more_ends_it),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
