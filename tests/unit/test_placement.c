/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Placement, as a property against an oracle: a small machine of real memory is given random kept ranges and a random
 * image; after the planned copies every claimed frame must hold its page, and no frame that is neither a target nor
 * free RAM may have changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "mm/placement.h"

#define MACHINE_BASE  0x20000000u /* the machine's memory, at its "physical" address */
#define MACHINE_PAGES 2048
#define MACHINE_BYTES (MACHINE_PAGES * (uint64_t)PAGE_BYTES)
#define HOLE_FIRST    200 /* pages of the machine that are reserved in its map */
#define HOLE_PAGES    16
#define ROUNDS        60

static uint8_t heap[1 << 20] __attribute__((aligned(4096)));
static struct memory_map map;

static struct page *machine_page(uint64_t index)
{
	return pfn_to_page((struct pfn){(MACHINE_BASE >> PAGE_SHIFT) + index});
}

static void fill(struct page *page, uint32_t value)
{
	for (size_t i = 0; i < PAGE_BYTES; i += sizeof(value))
		memcpy(page->bytes + i, &value, sizeof(value));
}

static bool filled(const struct page *page, uint32_t value)
{
	for (size_t i = 0; i < PAGE_BYTES; i += sizeof(value))
		if (memcmp(page->bytes + i, &value, sizeof(value)))
			return false;
	return true;
}

static int set_up_machine(void **state)
{
	const struct memory_range ranges[] = {
		{MACHINE_BASE, MACHINE_BASE + HOLE_FIRST * PAGE_BYTES, MEMORY_RAM},
		{MACHINE_BASE + HOLE_FIRST * PAGE_BYTES, MACHINE_BASE + (HOLE_FIRST + HOLE_PAGES) * PAGE_BYTES,
		 MEMORY_RESERVED},
		{MACHINE_BASE + (HOLE_FIRST + HOLE_PAGES) * PAGE_BYTES, MACHINE_BASE + MACHINE_BYTES, MEMORY_RAM},
	};
	void *memory = mmap(paddr_to_virt((struct paddr){MACHINE_BASE}), MACHINE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	(void)state;
	if (memory == MAP_FAILED)
		return -1;
	return memory_map_build(ranges, ARRAY_COUNT(ranges), &map) == STATUS_OK ? 0 : -1;
}

static struct pfn machine_pfn(uint64_t index)
{
	return (struct pfn){(MACHINE_BASE >> PAGE_SHIFT) + index};
}

static bool is_ram(uint64_t index)
{
	return index < HOLE_FIRST || index >= HOLE_FIRST + HOLE_PAGES;
}

static void new_placement(struct placement *placement)
{
	struct arena arena;

	arena_init(&arena, heap, sizeof(heap));
	assert_int_equal(placement_init(placement, &map, &arena), STATUS_OK);
}

static void run_plan(const struct placement *placement)
{
	for (const struct plan_page *page = placement->plan_first; page;
	     page = paddr_to_virt((struct paddr){page->next}))
		for (uint64_t i = 0; i < page->count; i++)
			memcpy(paddr_to_virt((struct paddr){page->copies[i].destination}),
			       paddr_to_virt((struct paddr){page->copies[i].source}), PAGE_BYTES);
}

enum role { FREE, DATA, ZERO };

static void run_round(unsigned percent)
{
	enum role roles[MACHINE_PAGES] = {FREE};
	bool kept[MACHINE_PAGES] = {false};
	struct placement placement;

	new_placement(&placement);
	for (unsigned range = 0; range < 5; range++) {
		const uint64_t first = (uint64_t)rand() % (MACHINE_PAGES - 16);
		const uint64_t count = 1 + (uint64_t)rand() % 16;

		assert_int_equal(placement_keep(&placement, MACHINE_BASE + first * PAGE_BYTES + 5,
						MACHINE_BASE + (first + count) * PAGE_BYTES - 5),
				 STATUS_OK);
		for (uint64_t i = first; i < first + count; i++)
			kept[i] = true;
	}
	for (uint64_t i = 0; i < MACHINE_PAGES; i++) {
		fill(machine_page(i), (uint32_t)(0xF0000000u + i));
		if (!is_ram(i) || (unsigned)rand() % 100 >= percent)
			continue;
		roles[i] = rand() % 4 ? DATA : ZERO;
		assert_int_equal(placement_claim(&placement, machine_pfn(i), 1, roles[i] == ZERO), STATUS_OK);
	}
	placement_accept(&placement);
	for (uint64_t i = 0; i < MACHINE_PAGES; i++) {
		uint64_t count;
		struct pfn frame;

		if (roles[i] != DATA)
			continue;
		assert_int_equal(placement_place(&placement, machine_pfn(i), 1, &frame, &count), STATUS_OK);
		assert_true((frame.value == machine_pfn(i).value) == !kept[i]);
		fill(pfn_to_page(frame), (uint32_t)i);
	}
	assert_int_equal(placement_clear_zeroes(&placement), STATUS_OK);
	for (uint64_t i = 0; i < MACHINE_PAGES; i++) {
		if (kept[i])
			assert_true(filled(machine_page(i), (uint32_t)(0xF0000000u + i)));
		if (roles[i] == DATA)
			assert_true(filled(placement_find(&placement, machine_pfn(i)), (uint32_t)i));
		if (roles[i] == FREE)
			assert_null(placement_find(&placement, machine_pfn(i)));
	}
	run_plan(&placement);
	for (uint64_t i = 0; i < MACHINE_PAGES; i++) {
		if (roles[i] != FREE)
			assert_true(filled(machine_page(i), roles[i] == DATA ? (uint32_t)i : 0));
		else if (!is_ram(i) || kept[i])
			assert_true(filled(machine_page(i), (uint32_t)(0xF0000000u + i)));
	}
}

static void test_every_page_ends_in_its_frame(void **state)
{
	(void)state;
	srand(7);
	for (unsigned round = 0; round < ROUNDS; round++)
		run_round(5 + round);
}

static void test_a_plan_has_as_many_pages_as_it_needs(void **state)
{
	const uint64_t first = HOLE_FIRST + HOLE_PAGES;
	const uint64_t count = 2 * PLACEMENT_COPIES_PER_PAGE;
	struct placement placement;
	uint64_t placed;
	struct pfn frame;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_keep(&placement, MACHINE_BASE + first * PAGE_BYTES,
					MACHINE_BASE + (first + count) * PAGE_BYTES),
			 STATUS_OK);
	for (uint64_t i = first; i < first + count; i++)
		assert_int_equal(placement_claim(&placement, machine_pfn(i), 1, false), STATUS_OK);
	placement_accept(&placement);
	for (uint64_t i = first; i < first + count; i++) {
		assert_int_equal(placement_place(&placement, machine_pfn(i), 1, &frame, &placed), STATUS_OK);
		fill(pfn_to_page(frame), (uint32_t)i);
	}
	assert_int_equal(placement.staged_pages, count);
	run_plan(&placement);
	for (uint64_t i = first; i < first + count; i++)
		assert_true(filled(machine_page(i), (uint32_t)i));
}

static void test_claims_outside_ram_are_refused(void **state)
{
	struct placement placement;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_claim(&placement, machine_pfn(HOLE_FIRST), 1, false), STATUS_MISMATCH);
	assert_int_equal(placement_claim(&placement, machine_pfn(MACHINE_PAGES), 1, false), STATUS_MISMATCH);
	assert_int_equal(placement_claim(&placement, (struct pfn){1}, 1, false), STATUS_MISMATCH);
	assert_int_equal(placement_claim(&placement, (struct pfn){UINT64_MAX}, 1, false), STATUS_MISMATCH);
	assert_int_equal(placement_claim(&placement, (struct pfn){UINT64_MAX >> PAGE_SHIFT}, 1, true), STATUS_MISMATCH);
}

static void test_a_frame_is_claimed_once(void **state)
{
	struct placement placement;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_claim(&placement, machine_pfn(3), 1, false), STATUS_OK);
	assert_int_equal(placement_claim(&placement, machine_pfn(3), 1, true), STATUS_CORRUPT);
}

/* Direct frames come as runs, up to the next that is kept, zero or not claimed; kept ones come one by one. */
static void test_runs(void **state)
{
	const uint64_t kept = 40;
	struct placement placement;
	uint64_t count;
	struct pfn frame;

	(void)state;
	new_placement(&placement);
	assert_int_equal(
		placement_keep(&placement, MACHINE_BASE + kept * PAGE_BYTES, MACHINE_BASE + (kept + 2) * PAGE_BYTES),
		STATUS_OK);
	assert_int_equal(placement_claim(&placement, machine_pfn(10), 50, false), STATUS_OK);
	assert_int_equal(placement_claim(&placement, machine_pfn(60), 3, true), STATUS_OK);
	assert_int_equal(placement_claim(&placement, machine_pfn(63), 10, false), STATUS_OK);
	assert_int_equal(placement_claim(&placement, machine_pfn(72), 2, false), STATUS_CORRUPT);
	assert_int_equal(placement_claim(&placement, machine_pfn(HOLE_FIRST - 1), 2, false), STATUS_MISMATCH);
	assert_int_equal(placement_claim(&placement, machine_pfn(MACHINE_PAGES - 1), 2, false), STATUS_MISMATCH);
	placement_accept(&placement);
	assert_int_equal(placement_place(&placement, machine_pfn(10), 7, &frame, &count), STATUS_OK);
	assert_int_equal(frame.value, machine_pfn(10).value);
	assert_int_equal(count, 7);
	assert_int_equal(placement_place(&placement, machine_pfn(17), 100, &frame, &count), STATUS_OK);
	assert_int_equal(count, kept - 17);
	assert_int_equal(placement_place(&placement, machine_pfn(kept), 100, &frame, &count), STATUS_OK);
	assert_int_not_equal(frame.value, machine_pfn(kept).value);
	assert_int_equal(count, 1);
	assert_int_equal(placement_place(&placement, machine_pfn(kept + 2), 100, &frame, &count), STATUS_OK);
	assert_int_equal(count, 60 - (kept + 2));
	assert_int_equal(placement_place(&placement, machine_pfn(63), 100, &frame, &count), STATUS_OK);
	assert_int_equal(count, 10);
}

static void test_nothing_is_given_out_before_acceptance(void **state)
{
	struct placement placement;
	uint64_t count;
	struct pfn frame;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_claim(&placement, machine_pfn(3), 1, false), STATUS_OK);
	assert_int_equal(placement_take_frame(&placement, UINT64_MAX, &frame), STATUS_INVALID);
	assert_int_equal(placement_place(&placement, machine_pfn(3), 1, &frame, &count), STATUS_INVALID);
	placement_accept(&placement);
	assert_int_equal(placement_place(&placement, machine_pfn(4), 1, &frame, &count), STATUS_INVALID);
	assert_int_equal(placement_place(&placement, machine_pfn(3), 1, &frame, &count), STATUS_OK);
}

/* Where the image takes all RAM, what is lent is used, and nothing else of what is kept. */
static void test_lent_frames(void **state)
{
	const uint64_t kept = 40;
	struct placement placement;
	struct pfn frame;
	uint64_t count;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_keep(&placement, MACHINE_BASE, MACHINE_BASE + kept * PAGE_BYTES), STATUS_OK);
	placement_lend(&placement, MACHINE_BASE + 10 * PAGE_BYTES, MACHINE_BASE + 14 * PAGE_BYTES);
	assert_int_equal(placement_claim(&placement, machine_pfn(0), 3, false), STATUS_OK);
	assert_int_equal(placement_claim(&placement, machine_pfn(kept), HOLE_FIRST - kept, false), STATUS_OK);
	/* All but the last frame, which is free. */
	assert_int_equal(placement_claim(&placement, machine_pfn(HOLE_FIRST + HOLE_PAGES),
					 MACHINE_PAGES - HOLE_FIRST - HOLE_PAGES - 1, false),
			 STATUS_OK);
	assert_int_equal(placement_take_frame(&placement, UINT64_MAX, &frame), STATUS_INVALID);
	placement_accept(&placement);
	/* The free one lies above this limit; it comes first without. */
	assert_int_equal(placement_take_frame(&placement, MACHINE_BASE + MACHINE_BYTES - 1, &frame), STATUS_OK);
	assert_int_equal(frame.value, machine_pfn(10).value);
	assert_int_equal(placement_take_frame(&placement, UINT64_MAX, &frame), STATUS_OK);
	assert_int_equal(frame.value, machine_pfn(MACHINE_PAGES - 1).value);
	/* Staged, with its plan, in lent ones; a limit that they do not meet. */
	assert_int_equal(placement_place(&placement, machine_pfn(1), 1, &frame, &count), STATUS_OK);
	assert_int_equal(frame.value, machine_pfn(11).value);
	assert_int_equal(count, 1);
	assert_ptr_equal(placement.plan_first, machine_page(12));
	assert_int_equal(placement_take_frame(&placement, MACHINE_BASE + 14 * PAGE_BYTES - 1, &frame),
			 STATUS_NO_MEMORY);
	assert_int_equal(placement_take_frame(&placement, MACHINE_BASE + 14 * PAGE_BYTES, &frame), STATUS_OK);
	assert_int_equal(frame.value, machine_pfn(13).value);
	assert_int_equal(placement_take_frame(&placement, UINT64_MAX, &frame), STATUS_NO_MEMORY);
	assert_int_equal(placement_place(&placement, machine_pfn(2), 1, &frame, &count), STATUS_NO_MEMORY);
}

/* Neighbours and overlaps become one range; only ranges that are apart are counted. */
static void test_kept_ranges_are_joined(void **state)
{
	struct placement placement;

	(void)state;
	new_placement(&placement);
	for (uint64_t i = PLACEMENT_KEPT_MAX; i-- > 0;)
		assert_int_equal(placement_keep(&placement, 4 * i * PAGE_BYTES, (4 * i + 2) * PAGE_BYTES), STATUS_OK);
	assert_int_equal(placement.kept_count, PLACEMENT_KEPT_MAX);
	assert_int_equal(placement_keep(&placement, 3 * PAGE_BYTES, 3 * PAGE_BYTES + 1), STATUS_OK);
	assert_int_equal(placement.kept_count, PLACEMENT_KEPT_MAX);
	assert_int_equal(placement.kept[0].end, 2 * PAGE_BYTES);
	assert_int_equal(placement.kept[1].start, 3 * PAGE_BYTES);
	assert_int_equal(placement_keep(&placement, BIT64(40), BIT64(40) + 1), STATUS_NO_MEMORY);
	assert_int_equal(placement_keep(&placement, PAGE_BYTES, 100 * PAGE_BYTES), STATUS_OK);
	assert_int_equal(placement.kept_count, PLACEMENT_KEPT_MAX - 25);
	assert_int_equal(placement.kept[0].start, 0);
	assert_int_equal(placement.kept[0].end, 102 * PAGE_BYTES);
	assert_int_equal(placement.kept[1].start, 104 * PAGE_BYTES);
}

/* An image of all memory around a module: two lent frames, one for the plan and one to clear from, are enough. */
static void test_zero_frames_hold_staged_pages(void **state)
{
	const uint64_t low = 16, module = 100, module_end = 180;
	struct placement placement;
	uint64_t staged = 0;
	uint64_t count;
	struct pfn frame;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_keep(&placement, MACHINE_BASE, MACHINE_BASE + low * PAGE_BYTES), STATUS_OK);
	assert_int_equal(
		placement_keep(&placement, MACHINE_BASE + module * PAGE_BYTES, MACHINE_BASE + module_end * PAGE_BYTES),
		STATUS_OK);
	placement_lend(&placement, MACHINE_BASE, MACHINE_BASE + 2 * PAGE_BYTES);
	placement_lend_zeroes(&placement);
	for (uint64_t i = 0; i < MACHINE_PAGES; i++) {
		fill(machine_page(i), (uint32_t)(0xF0000000u + i));
		if (i >= 2 && is_ram(i))
			assert_int_equal(placement_claim(&placement, machine_pfn(i), 1, i % 3 == 0), STATUS_OK);
	}
	placement_accept(&placement);
	for (uint64_t i = 2; i < MACHINE_PAGES; i++) {
		if (!is_ram(i) || i % 3 == 0)
			continue;
		assert_int_equal(placement_place(&placement, machine_pfn(i), 1, &frame, &count), STATUS_OK);
		staged += frame.value != machine_pfn(i).value;
		fill(pfn_to_page(frame), (uint32_t)i);
	}
	assert_int_equal(staged, 10 + 53);
	/* In any order. */
	for (uint64_t i = module_end; i-- > module;)
		if (i % 3 != 0)
			assert_true(filled(placement_find(&placement, machine_pfn(i)), (uint32_t)i));
	assert_int_equal(placement_clear_zeroes(&placement), STATUS_OK);
	for (uint64_t i = module; i < module_end; i++)
		assert_true(filled(machine_page(i), (uint32_t)(0xF0000000u + i)));
	run_plan(&placement);
	for (uint64_t i = 2; i < MACHINE_PAGES; i++)
		if (is_ram(i))
			assert_true(filled(machine_page(i), i % 3 ? (uint32_t)i : 0));
}

static void test_full_memory_is_said(void **state)
{
	struct placement placement;
	uint64_t count;
	struct pfn frame;
	uint64_t taken = 0;

	(void)state;
	new_placement(&placement);
	assert_int_equal(placement_keep(&placement, MACHINE_BASE, MACHINE_BASE + PAGE_BYTES), STATUS_OK);
	for (uint64_t i = 0; i < MACHINE_PAGES - 8; i++)
		if (is_ram(i))
			assert_int_equal(placement_claim(&placement, machine_pfn(i), 1, false), STATUS_OK);
	placement_accept(&placement);
	assert_int_equal(placement_take_frame(&placement, MACHINE_BASE, &frame), STATUS_NO_MEMORY);
	while (placement_take_frame(&placement, UINT64_MAX, &frame) == STATUS_OK)
		taken++;
	assert_int_equal(taken, 8);
	assert_int_equal(placement_place(&placement, machine_pfn(0), 1, &frame, &count), STATUS_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_ends_in_its_frame),
		cmocka_unit_test(test_a_plan_has_as_many_pages_as_it_needs),
		cmocka_unit_test(test_claims_outside_ram_are_refused),
		cmocka_unit_test(test_a_frame_is_claimed_once),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_nothing_is_given_out_before_acceptance),
		cmocka_unit_test(test_lent_frames),
		cmocka_unit_test(test_kept_ranges_are_joined),
		cmocka_unit_test(test_zero_frames_hold_staged_pages),
		cmocka_unit_test(test_full_memory_is_said),
	};

	return cmocka_run_group_tests(tests, set_up_machine, NULL);
}
