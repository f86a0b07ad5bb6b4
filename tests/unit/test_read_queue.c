/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of page reads: right bytes in the right places, whatever the order of the disk's answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loader/read_queue.h"
#include "tests/unit/fake_disk.h"
#include "tests/unit/late_disk.h"

#define DISK_PAGES 2048
#define START_PAGE 16
#define RING_PAGES 256

static struct page disk_pages[DISK_PAGES];
static struct page frames[DISK_PAGES];
static uint8_t heap[4 * 1024 * 1024] __attribute__((aligned(4096)));
static struct fake_disk disk;
static struct read_queue queue;

static uint32_t page_value(const struct page *page)
{
	uint32_t value;

	memcpy(&value, page->bytes + 100, sizeof(value));
	return value;
}

static int set_up(void **state)
{
	struct arena arena;

	(void)state;
	for (uint32_t i = 0; i < DISK_PAGES; i++)
		memcpy(disk_pages[i].bytes + 100, &i, sizeof(i));
	memset(frames, 0xEE, sizeof(frames));
	fake_disk_init(&disk, disk_pages, sizeof(disk_pages) / 512, 512);
	arena_init(&arena, heap, sizeof(heap));
	return read_queue_init(&queue, &disk.device, START_PAGE * PAGE_BYTES / 512, RING_PAGES, &arena) == STATUS_OK
		       ? 0
		       : -1;
}

static void test_frames_get_their_pages(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000;) {
		const uint64_t page = i % 3 ? i : 1999 - i;
		uint64_t left = 1;
		const enum status status = read_queue_add_frames(&queue, page, virt_to_paddr(&frames[page]), &left);

		if (status == STATUS_AGAIN) {
			assert_int_equal(read_queue_poll(&queue), STATUS_OK);
			continue;
		}
		assert_int_equal(status, STATUS_OK);
		i++;
	}
	while (read_queue_flush(&queue) == STATUS_AGAIN)
		assert_int_equal(read_queue_poll(&queue), STATUS_OK);
	read_queue_drain(&queue);
	for (uint32_t i = 0; i < 1000; i++) {
		const uint64_t page = i % 3 ? i : 1999 - i;

		assert_int_equal(page_value(&frames[page]), page + START_PAGE);
	}
}

static void test_neighbours_are_read_together(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		uint64_t left = 1;

		while (read_queue_add_frames(&queue, i, virt_to_paddr(&frames[(i * 2) % 128]), &left) == STATUS_AGAIN)
			assert_int_equal(read_queue_poll(&queue), STATUS_OK);
	}
	assert_int_equal(read_queue_flush(&queue), STATUS_OK);
	read_queue_drain(&queue);
	assert_int_equal(disk.reads, 4);
	assert_int_equal(disk.largest_read_bytes, 64 * 1024);
}

static void test_the_ring_is_ready_in_order(void **state)
{
	uint64_t added = 0;

	(void)state;
	srand(3);
	while (queue.ring_consumed < 1500) {
		const uint64_t page = added / 10 % 2 ? 1990 - added : added;

		if (added < 1500 && read_queue_add_ring(&queue, page) == STATUS_OK) {
			added++;
			continue;
		}
		while (read_queue_flush(&queue) == STATUS_AGAIN)
			assert_int_equal(read_queue_poll(&queue), STATUS_OK);
		assert_int_equal(read_queue_poll(&queue), STATUS_OK);
		for (uint64_t ready = read_queue_ready(&queue); ready > 0 && rand() % 8; ready--) {
			const uint64_t count = queue.ring_consumed;
			const uint64_t expected = count / 10 % 2 ? 1990 - count : count;

			assert_int_equal(page_value(&queue.ring[read_queue_place(&queue, count)]),
					 expected + START_PAGE);
			queue.ring_consumed++;
		}
	}
	assert_int_equal(queue.in_flight, 0);
}

/* The disk is quicker than the reader, who takes one page at a time: still no request of one page. */
static void test_a_full_ring_gets_no_small_requests(void **state)
{
	uint64_t added = 0;

	(void)state;
	while (queue.ring_consumed < 1500) {
		while (added < 1500 && read_queue_add_ring(&queue, added) == STATUS_OK)
			added++;
		if (!read_queue_can_grow(&queue))
			ignore_status(read_queue_flush(&queue));
		assert_int_equal(read_queue_poll(&queue), STATUS_OK);
		if (read_queue_ready(&queue) > 0)
			queue.ring_consumed++;
	}
	assert_int_equal(queue.in_flight, 0);
	assert_true(disk.reads < 1500 / 8);
}

/* Polls until the page is there. */
static enum status control_status(uint64_t page)
{
	const struct page *taken;
	enum status status;

	while ((status = read_queue_take_control(&queue, page, &taken)) == STATUS_AGAIN)
		assert_int_equal(read_queue_poll(&queue), STATUS_OK);
	if (status == STATUS_OK)
		assert_int_equal(page_value(taken), page + START_PAGE);
	return status;
}

static void test_control_pages(void **state)
{
	const struct page *page;

	(void)state;
	assert_int_equal(read_queue_take_control(&queue, 5, &page), STATUS_AGAIN);
	assert_int_equal(read_queue_want_control(&queue, 5), STATUS_OK);
	assert_int_equal(read_queue_want_control(&queue, 5), STATUS_OK);
	read_queue_guess_control(&queue, 5);
	assert_int_equal(read_queue_take_control(&queue, 5, &page), STATUS_AGAIN);
	assert_int_equal(control_status(5), STATUS_OK);
	assert_int_equal(disk.reads, 1);
	assert_int_equal(read_queue_take_control(&queue, 5, &page), STATUS_AGAIN);
	/* Guesses take what is free; a want takes the place of a guess that came. */
	for (uint64_t i = 0; i < READ_QUEUE_CONTROLS + 2; i++) {
		read_queue_guess_control(&queue, 10 + i);
		assert_int_equal(read_queue_poll(&queue), STATUS_OK);
	}
	read_queue_drain(&queue);
	assert_int_equal(disk.reads, 1 + READ_QUEUE_CONTROLS);
	assert_int_equal(control_status(11), STATUS_OK);
	assert_int_equal(read_queue_want_control(&queue, 50), STATUS_OK);
	assert_int_equal(read_queue_want_control(&queue, 51), STATUS_OK);
	assert_int_equal(control_status(51), STATUS_OK);
	assert_int_equal(control_status(50), STATUS_OK);
	/* A guess that can't be read harms nothing until it is wanted. */
	disk.bad_lba_first = (START_PAGE + 70) * 8;
	disk.bad_lba_end = disk.bad_lba_first + 1;
	read_queue_guess_control(&queue, 70);
	read_queue_drain(&queue);
	assert_int_equal(read_queue_poll(&queue), STATUS_OK);
	assert_int_equal(control_status(70), STATUS_IO_ERROR);
}

static void test_an_error_comes_back_and_nothing_stays_in_flight(void **state)
{
	enum status status = STATUS_OK;

	(void)state;
	disk.bad_lba_first = (START_PAGE + 40) * 8;
	disk.bad_lba_end = disk.bad_lba_first + 1;
	for (uint32_t i = 0; i < 200 && status == STATUS_OK; i++) {
		while (status == STATUS_OK && read_queue_add_ring(&queue, i) == STATUS_AGAIN)
			status = read_queue_poll(&queue);
	}
	while (status == STATUS_OK)
		status = read_queue_poll(&queue);
	assert_int_equal(status, STATUS_IO_ERROR);
	read_queue_drain(&queue);
	assert_int_equal(queue.in_flight, 0);
	assert_true(queue.ring_ready <= 40);
}

static void test_a_small_arena_gets_a_small_ring(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, heap, sizeof(heap));
	assert_int_equal(read_queue_init(&queue, &disk.device, 0, 1024, &arena), STATUS_OK);
	assert_int_equal(queue.ring_pages, 256);
	assert_true(arena_free_bytes(&arena) >= sizeof(heap) / 3 * 2);
	arena_init(&arena, heap, (129 + READ_QUEUE_CONTROLS) * PAGE_BYTES);
	assert_int_equal(read_queue_init(&queue, &disk.device, 0, 1024, &arena), STATUS_OK);
	assert_int_equal(queue.ring_pages, 128);
	arena_init(&arena, heap, (127 + READ_QUEUE_CONTROLS) * PAGE_BYTES);
	assert_int_equal(read_queue_init(&queue, &disk.device, 0, 1024, &arena), STATUS_NO_MEMORY);
}

/* What is said to be there is there, in the order in which it was asked for, whatever order the disk has. */
static void test_frames_that_are_there(void **state)
{
	static struct late_disk late;
	struct arena arena;

	(void)state;
	assert_int_equal(read_queue_frames_there(&queue), 0);
	for (uint32_t seed = 0; seed < 30; seed++) {
		uint64_t added = 0;
		uint64_t checked = 0;

		memset(frames, 0xEE, sizeof(frames));
		late_disk_init(&late, disk_pages, sizeof(disk_pages) / 512, 512);
		late.seed = seed;
		arena_init(&arena, heap, sizeof(heap));
		assert_int_equal(read_queue_init(&queue, &late.device, 0, RING_PAGES, &arena), STATUS_OK);
		while (checked < 1500) {
			/* Every other run from the other end: nothing to be joined with. */
			uint64_t left = added < 1500 ? 1 + (added + seed) % 23 : 0;
			const uint64_t wanted = min_u64(left, 1500 - added);
			enum status status;

			left = wanted;
			status = read_queue_add_frames(&queue, added, virt_to_paddr(&frames[added]), &left);
			added += wanted - left;
			if (added % 5 == 0)
				ignore_status(read_queue_add_ring(&queue, 1600 + added % 100));
			queue.ring_consumed = queue.ring_ready;
			if (status == STATUS_AGAIN || added == 1500)
				ignore_status(read_queue_flush(&queue));
			assert_int_equal(read_queue_poll(&queue), STATUS_OK);
			assert_true(read_queue_frames_there(&queue) <= added);
			for (; checked < read_queue_frames_there(&queue); checked++)
				assert_int_equal(page_value(&frames[checked]), checked);
		}
		assert_int_equal(checked, 1500);
		read_queue_drain(&queue);
	}
	/* What is only being built is not there. */
	{
		uint64_t left = 1;

		assert_int_equal(read_queue_add_frames(&queue, 3, virt_to_paddr(&frames[3]), &left), STATUS_OK);
		assert_int_equal(read_queue_frames_there(&queue), 1500);
		read_queue_drain(&queue);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_frames_get_their_pages, set_up),
		cmocka_unit_test_setup(test_neighbours_are_read_together, set_up),
		cmocka_unit_test_setup(test_frames_that_are_there, set_up),
		cmocka_unit_test_setup(test_the_ring_is_ready_in_order, set_up),
		cmocka_unit_test_setup(test_a_full_ring_gets_no_small_requests, set_up),
		cmocka_unit_test_setup(test_control_pages, set_up),
		cmocka_unit_test_setup(test_a_small_arena_gets_a_small_ring, set_up),
		cmocka_unit_test_setup(test_an_error_comes_back_and_nothing_stays_in_flight, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
