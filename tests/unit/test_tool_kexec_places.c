/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's list of the pages that changed places at a kexec jump: found wherever its head is, and only if it makes
 * sense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tools/kexec_places.h"

#define FRAMES       64 /* of the machine */
#define REGION_START 16
#define REGION_END   32
#define ENTRY_FRAME  40
#define ENTRY        (ENTRY_FRAME * (uint64_t)PAGE_BYTES + 0x123)
#define LIST_FRAME   50

enum { DESTINATION = 1, LIST = 2, END = 4, SOURCE = 8 };

static struct page memory[FRAMES];
static struct pfn sources[REGION_END - REGION_START];
static struct kexec_places places;
static uint64_t reads;

static enum status read_frame(void *context, struct pfn frame, struct page *page_out)
{
	assert_ptr_equal(context, memory);
	reads++;
	if (frame.value >= FRAMES)
		return STATUS_NOT_FOUND;
	*page_out = memory[frame.value];
	return STATUS_OK;
}

static void put(uint64_t frame, uint64_t index, uint64_t target, uint64_t kind)
{
	const uint64_t word = target * PAGE_BYTES | kind;

	memcpy(memory[frame].bytes + index * sizeof(word), &word, sizeof(word));
}

static enum status find(void)
{
	places = (struct kexec_places){{REGION_START}, {REGION_END}, sources, 0};
	memset(sources, 0xEE, sizeof(sources));
	reads = 0;
	return kexec_places_find(&places, ENTRY, read_frame, memory);
}

/* Frames 16-18 from 60, 33, 5 and, in the second page of the list, 30-31 from 41 and itself. */
static void make(void)
{
	memset(memory, 0, sizeof(memory));
	for (uint64_t i = 0; i < PAGE_BYTES / 8; i++)
		put(ENTRY_FRAME, i, i, 0x90);
	put(ENTRY_FRAME, 300, LIST_FRAME, LIST);
	put(LIST_FRAME, 0, REGION_START, DESTINATION);
	put(LIST_FRAME, 1, 60, SOURCE);
	put(LIST_FRAME, 2, 33, SOURCE);
	put(LIST_FRAME, 3, 5, SOURCE);
	put(LIST_FRAME, 4, LIST_FRAME + 1, LIST);
	put(LIST_FRAME + 1, 0, 30, DESTINATION);
	put(LIST_FRAME + 1, 1, 41, SOURCE);
	put(LIST_FRAME + 1, 2, 31, SOURCE);
	put(LIST_FRAME + 1, 3, 0, END);
}

static void test_the_list_is_followed(void **state)
{
	static const uint64_t expected[REGION_END - REGION_START] = {[0] = 60, [1] = 33, [2] = 5, [14] = 41};

	(void)state;
	for (uint64_t at = 0; at < PAGE_BYTES / 8; at += 73) {
		make();
		put(ENTRY_FRAME, 300, 300, 0x90);
		put(ENTRY_FRAME, at, LIST_FRAME, LIST);
		assert_int_equal(find(), STATUS_OK);
		assert_int_equal(places.count, 4);
		for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
			assert_int_equal(sources[i].value, expected[i]);
	}
}

/* The same head twice is one; and words that lead to no list do not matter. */
static void test_only_one_list_may_be_there(void **state)
{
	(void)state;
	make();
	put(ENTRY_FRAME, 5, LIST_FRAME, LIST);
	put(ENTRY_FRAME, 6, 7, LIST);
	put(ENTRY_FRAME, 301, FRAMES, LIST);
	put(ENTRY_FRAME, 302, 0xFFFFFFFFFF, LIST);
	assert_int_equal(find(), STATUS_OK);
	assert_int_equal(sources[0].value, 60);
	put(ENTRY_FRAME, 400, LIST_FRAME + 1, LIST); /* its second half makes sense, too */
	assert_int_equal(find(), STATUS_NOT_FOUND);
	put(ENTRY_FRAME, 400, 0, 0);
	put(ENTRY_FRAME, 5, 0, 0);
	put(ENTRY_FRAME, 300, LIST_FRAME, SOURCE);
	assert_int_equal(find(), STATUS_NOT_FOUND);
}

static void test_lists_that_make_no_sense(void **state)
{
	static const struct {
		uint64_t index, target, kind;
	} cases[] = {
		{0, 60, SOURCE},                    /* no destination yet */
		{0, REGION_START - 1, DESTINATION}, /* outside of the region */
		{0, REGION_END - 2, DESTINATION},   /* runs out of it, and meets the others */
		{1, REGION_START + 5, SOURCE},      /* from inside of it */
		{1, 0, SOURCE},
		{1, REGION_START, DESTINATION | SOURCE},
		{1, REGION_START, 0x10},
		{1, REGION_START, 0},
		{4, LIST_FRAME, LIST}, /* round and round */
		{4, FRAMES, LIST},     /* to memory that is not there */
		{4, 20, LIST},         /* to a page of zeroes */
		{3, 30, DESTINATION},  /* not followed by anything: the next page is the same again */
		{0, 0, END},           /* empty */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		make();
		if (i == 11) {
			put(LIST_FRAME + 1, 3, 30, DESTINATION);
			put(LIST_FRAME + 1, 4, 42, SOURCE);
			put(LIST_FRAME + 1, 5, 0, END);
		}
		put(LIST_FRAME, cases[i].index, cases[i].target, cases[i].kind);
		assert_int_equal(find(), STATUS_NOT_FOUND);
		assert_true(reads < 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_list_is_followed),
		cmocka_unit_test(test_only_one_list_may_be_there),
		cmocka_unit_test(test_lists_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
