/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frame sets: membership and the searches, against a plain array of bools.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/frame_set.h"

#define LIMIT  1000
#define ROUNDS 200

static uint8_t heap[65536] __attribute__((aligned(4096)));

static struct frame_set make_set(struct arena *arena, bool *members, unsigned percent)
{
	struct frame_set set;

	assert_int_equal(frame_set_create(&set, LIMIT, arena), STATUS_OK);
	for (uint64_t i = 0; i < LIMIT; i++) {
		members[i] = (unsigned)rand() % 100 < percent;
		if (members[i])
			assert_true(frame_set_insert(&set, (struct pfn){i}));
	}
	return set;
}

static void test_searches_agree_with_an_array(void **state)
{
	bool members[LIMIT];
	bool others[LIMIT];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arena arena;
		struct frame_set set;
		struct frame_set other;
		uint64_t from = (uint64_t)rand() % LIMIT;
		uint64_t next = from;
		uint64_t absent = from;
		uint64_t without = from;

		arena_init(&arena, heap, sizeof(heap));
		set = make_set(&arena, members, (unsigned)rand() % 101);
		other = make_set(&arena, others, (unsigned)rand() % 101);
		while (next < LIMIT && !members[next])
			next++;
		while (absent < LIMIT && members[absent])
			absent++;
		while (without < LIMIT && !(members[without] && !others[without]))
			without++;
		assert_int_equal(frame_set_next(&set, (struct pfn){from}).value, next);
		assert_int_equal(frame_set_next_absent(&set, (struct pfn){from}).value, absent);
		assert_int_equal(frame_set_next_without(&set, &other, (struct pfn){from}).value, without);
		assert_true(frame_set_contains(&set, (struct pfn){from}) == members[from]);
	}
}

static void test_runs_agree_with_an_array(void **state)
{
	bool members[LIMIT];
	bool others[LIMIT];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arena arena;
		struct frame_set set;
		struct frame_set other;
		const uint64_t from = (uint64_t)rand() % LIMIT;
		const uint64_t most = 1 + (uint64_t)rand() % 200;
		const uint64_t count = min_u64(1 + (uint64_t)rand() % 200, LIMIT - from);
		uint64_t run = 0;
		bool taken = false;
		uint64_t before;

		arena_init(&arena, heap, sizeof(heap));
		set = make_set(&arena, members, 90 + (unsigned)rand() % 11);
		other = make_set(&arena, others, (unsigned)rand() % 3);
		while (run < most && from + run < LIMIT && members[from + run] && !others[from + run])
			run++;
		assert_int_equal(frame_set_run_without(&set, &other, (struct pfn){from}, most), run);
		for (uint64_t i = from; i < from + count; i++)
			taken |= others[i];
		before = other.count;
		assert_true(frame_set_insert_run(&other, (struct pfn){from}, count) == !taken);
		assert_int_equal(other.count, before + (taken ? 0 : count));
		for (uint64_t i = 0; i < LIMIT; i++)
			assert_true(frame_set_contains(&other, (struct pfn){i}) ==
				    (others[i] || (!taken && i >= from && i < from + count)));
	}
}

static void test_members_are_counted_once(void **state)
{
	struct arena arena;
	struct frame_set set;

	(void)state;
	arena_init(&arena, heap, sizeof(heap));
	assert_int_equal(frame_set_create(&set, LIMIT, &arena), STATUS_OK);
	assert_true(frame_set_insert(&set, (struct pfn){LIMIT - 1}));
	assert_false(frame_set_insert(&set, (struct pfn){LIMIT - 1}));
	assert_int_equal(set.count, 1);
	assert_false(frame_set_contains(&set, (struct pfn){LIMIT}));
	assert_int_equal(frame_set_next(&set, (struct pfn){LIMIT}).value, LIMIT);
}

static void test_a_full_arena_is_said(void **state)
{
	struct arena arena;
	struct frame_set set;

	(void)state;
	arena_init(&arena, heap, 64);
	assert_int_equal(frame_set_create(&set, LIMIT, &arena), STATUS_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_searches_agree_with_an_array),
		cmocka_unit_test(test_runs_agree_with_an_array),
		cmocka_unit_test(test_members_are_counted_once),
		cmocka_unit_test(test_a_full_arena_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
