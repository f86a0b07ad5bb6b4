/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host command makes of a file's extents, and of the memory map in Linux' boot parameters.
 */
#include "tools/boot_params.h"
#include "tools/extents.h"

#include <linux/fiemap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGES(n) ((uint64_t)(n)*PAGE_BYTES)

static enum status extents_of(const struct file_extent *pieces, uint32_t count, uint64_t bytes, struct extents *out)
{
	const char *reason = NULL;
	const enum status status = extents_from_file(pieces, count, bytes, out, &reason);

	if (status != STATUS_OK)
		assert_non_null(reason);
	return status;
}

static void the_anchor_is_the_first_page(void **state)
{
	const struct file_extent pieces[] = {
		{0, PAGES(100), PAGES(8), 0},
		{PAGES(8), PAGES(50), PAGES(4), FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED},
	};
	struct extents extents;

	(void)state;
	assert_int_equal(extents_of(pieces, 2, PAGES(12), &extents), STATUS_OK);
	assert_int_equal(extents.anchor_page, 100);
	assert_int_equal(extents.page_count, 11);
	assert_int_equal(extents.count, 2);
	assert_int_equal(extents.list[0].start_page, 101);
	assert_int_equal(extents.list[0].page_count, 7);
	assert_int_equal(extents.list[1].start_page, 50);
	assert_int_equal(extents.list[1].page_count, 4);
}

static void a_piece_of_the_anchor_alone_is_no_extent(void **state)
{
	const struct file_extent pieces[] = {{0, PAGES(9), PAGES(1), 0}, {PAGES(1), PAGES(20), PAGES(2), 0}};
	struct extents extents;

	(void)state;
	assert_int_equal(extents_of(pieces, 2, PAGES(3), &extents), STATUS_OK);
	assert_int_equal(extents.anchor_page, 9);
	assert_int_equal(extents.count, 1);
	assert_int_equal(extents.list[0].start_page, 20);
	assert_int_equal(extents.page_count, 2);
}

static void neighbours_are_merged(void **state)
{
	const struct file_extent pieces[] = {
		{0, PAGES(10), PAGES(3), 0},
		{PAGES(3), PAGES(13), PAGES(3), 0},
		/* Neighbours on disk the other way round are none. */
		{PAGES(6), PAGES(7), PAGES(3), 0},
	};
	struct extents extents;

	(void)state;
	assert_int_equal(extents_of(pieces, 3, PAGES(9), &extents), STATUS_OK);
	assert_int_equal(extents.count, 2);
	assert_int_equal(extents.list[0].start_page, 11);
	assert_int_equal(extents.list[0].page_count, 5);
}

static void what_is_beyond_the_end_does_not_count(void **state)
{
	const struct file_extent pieces[] = {{0, PAGES(10), PAGES(100), 0},
					     {PAGES(100), PAGES(500), PAGES(1), FIEMAP_EXTENT_UNWRITTEN}};
	struct extents extents;

	(void)state;
	assert_int_equal(extents_of(pieces, 2, PAGES(40), &extents), STATUS_OK);
	assert_int_equal(extents.page_count, 39);
	assert_int_equal(extents.count, 1);
	assert_int_equal(extents_of(pieces, 2, PAGES(101), &extents), STATUS_UNSUPPORTED);
}

static void blocks_that_can_not_be_written_directly_are_refused(void **state)
{
	static const uint32_t flags[] = {
		FIEMAP_EXTENT_UNKNOWN,     FIEMAP_EXTENT_DELALLOC,
		FIEMAP_EXTENT_ENCODED,     FIEMAP_EXTENT_DATA_ENCRYPTED,
		FIEMAP_EXTENT_NOT_ALIGNED, FIEMAP_EXTENT_DATA_INLINE,
		FIEMAP_EXTENT_DATA_TAIL,   FIEMAP_EXTENT_UNWRITTEN,
		FIEMAP_EXTENT_SHARED,      1u << 31,
	};
	struct extents extents;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		const struct file_extent pieces[] = {{0, PAGES(10), PAGES(4), 0},
						     {PAGES(4), PAGES(30), PAGES(4), flags[i] | FIEMAP_EXTENT_LAST}};

		assert_int_equal(extents_of(pieces, 2, PAGES(8), &extents), STATUS_UNSUPPORTED);
		assert_int_equal(extents_of(pieces, 1, PAGES(4), &extents), STATUS_OK);
	}
}

static void holes_and_odd_blocks_are_refused(void **state)
{
	static const struct file_extent bad[] = {
		{PAGES(5), PAGES(30), PAGES(4), 0}, /* a hole */
		{PAGES(3), PAGES(30), PAGES(4), 0}, /* twice */
		{PAGES(4), PAGES(30) + 1024, PAGES(4), 0},
		{PAGES(4), PAGES(30), PAGES(4) + 1024, 0},
		{PAGES(4), PAGES(30), 0, 0},
		{PAGES(4), 0, PAGES(4), 0},
		{PAGES(4), UINT64_MAX - 4095, PAGES(4), 0},
	};
	struct extents extents;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct file_extent pieces[] = {{0, PAGES(10), PAGES(4), 0}, bad[i]};

		assert_int_equal(extents_of(pieces, 2, PAGES(8), &extents), STATUS_UNSUPPORTED);
	}
	assert_int_equal(extents_of((const struct file_extent[]){{0, PAGES(10), 0, 0}, {0, PAGES(20), PAGES(4), 0}}, 2,
				    PAGES(4), &extents),
			 STATUS_UNSUPPORTED);
	/* One at the end, and nothing at all. */
	assert_int_equal(extents_of(bad, 0, PAGES(8), &extents), STATUS_UNSUPPORTED);
	assert_int_equal(extents_of(&(const struct file_extent){0, PAGES(10), PAGES(4), 0}, 1, PAGES(5), &extents),
			 STATUS_UNSUPPORTED);
}

static void files_of_an_odd_length_are_refused(void **state)
{
	const struct file_extent piece = {0, PAGES(10), PAGES(4), 0};
	struct extents extents;

	(void)state;
	assert_int_equal(extents_of(&piece, 1, PAGES(3) + 512, &extents), STATUS_INVALID);
	assert_int_equal(extents_of(&piece, 1, PAGES(1), &extents), STATUS_INVALID);
	assert_int_equal(extents_of(&piece, 1, 0, &extents), STATUS_INVALID);
	assert_int_equal(extents_of(&piece, 1, PAGES(2), &extents), STATUS_OK);
}

static void as_many_runs_as_an_anchor_lists(void **state)
{
	struct file_extent pieces[CORE_EXTENTS_MAX + 1];
	struct extents extents;

	(void)state;
	for (uint32_t i = 0; i <= CORE_EXTENTS_MAX; i++)
		pieces[i] = (struct file_extent){PAGES(2 * i), PAGES(10 + 4 * i), PAGES(2), 0};
	assert_int_equal(extents_of(pieces, CORE_EXTENTS_MAX, PAGES(2 * CORE_EXTENTS_MAX), &extents), STATUS_OK);
	assert_int_equal(extents.count, CORE_EXTENTS_MAX);
	assert_int_equal(extents_of(pieces, CORE_EXTENTS_MAX + 1, PAGES(2 * CORE_EXTENTS_MAX + 2), &extents),
			 STATUS_UNSUPPORTED);
}

static void a_partition_is_one_run(void **state)
{
	struct extents extents;
	const char *reason;

	(void)state;
	assert_int_equal(extents_of_partition(PAGES(100) + 512, &extents, &reason), STATUS_OK);
	assert_int_equal(extents.anchor_page, 0);
	assert_int_equal(extents.count, 1);
	assert_int_equal(extents.list[0].start_page, 1);
	assert_int_equal(extents.list[0].page_count, 99);
	assert_int_equal(extents.page_count, 99);
	assert_int_equal(extents_of_partition(PAGES(2) - 1, &extents, &reason), STATUS_INVALID);
}

#define E820_ENTRIES_AT 0x1E8
#define E820_TABLE_AT   0x2D0

static uint8_t zero_page[4096];

static void entry_put(uint32_t index, uint64_t address, uint64_t bytes, uint32_t type)
{
	uint8_t *entry = zero_page + E820_TABLE_AT + 20 * index;

	memcpy(entry, &address, 8);
	memcpy(entry + 8, &bytes, 8);
	memcpy(entry + 16, &type, 4);
	zero_page[E820_ENTRIES_AT] = (uint8_t)(index + 1);
}

static enum status memory_of(size_t bytes, struct core_memory_entry *entries, uint32_t *count)
{
	const char *reason = NULL;
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, zero_page, bytes);
	status = boot_params_memory(copy, bytes, entries, count, &reason);
	free(copy);
	if (status != STATUS_OK)
		assert_non_null(reason);
	return status;
}

static void the_memory_map_is_read_as_it_stands(void **state)
{
	struct core_memory_entry entries[CORE_MEMORY_ENTRIES_MAX];
	uint32_t count = 0;

	(void)state;
	memset(zero_page, 0, sizeof(zero_page));
	entry_put(0, 0x100000, 0x7EE0000, 1);
	entry_put(1, 0, 0x9FC00, 1);
	entry_put(2, 0xFFFC0000, 0x40000, 2);
	entry_put(3, 0x100000000, 0x40000000, 1);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_OK);
	assert_int_equal(count, 4);
	assert_int_equal(entries[0].address, 0x100000);
	assert_int_equal(entries[0].bytes, 0x7EE0000);
	assert_int_equal(entries[0].type, 1);
	assert_int_equal(entries[0].reserved, 0);
	assert_int_equal(entries[2].type, 2);
	assert_int_equal(entries[3].bytes, 0x40000000);
	/* Whole pages of RAM: 0x7EE0 + 0x9F + 0x40000, the region of 0xF00 taken away. */
	assert_int_equal(boot_params_ram_pages(entries, count, 0, 0), 0x7EE0 + 0x9F + 0x40000);
	assert_int_equal(boot_params_ram_pages(entries, count, 0x100000, 0x1000000), 0x7EE0 + 0x9F + 0x40000 - 0xF00);
	assert_int_equal(boot_params_ram_pages(entries, count, 0x9F000, 0x101000), 0x7EE0 + 0x9F + 0x40000 - 1);
	entries[1] = (struct core_memory_entry){.address = 0x1800, .bytes = 0x2000, .type = 1};
	assert_int_equal(boot_params_ram_pages(entries, count, 0, 0), 0x7EE0 + 1 + 0x40000);
}

static void a_full_memory_map_fits(void **state)
{
	struct core_memory_entry entries[CORE_MEMORY_ENTRIES_MAX];
	uint32_t count = 0;

	(void)state;
	memset(zero_page, 0, sizeof(zero_page));
	for (uint32_t i = 0; i < CORE_MEMORY_ENTRIES_MAX; i++)
		entry_put(i, 0x100000 + 0x2000 * i, 0x1000, 1);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_OK);
	assert_int_equal(count, CORE_MEMORY_ENTRIES_MAX);
	assert_int_equal(memory_of(E820_TABLE_AT + 20 * CORE_MEMORY_ENTRIES_MAX, entries, &count), STATUS_OK);
	assert_int_equal(memory_of(E820_TABLE_AT + 20 * CORE_MEMORY_ENTRIES_MAX - 1, entries, &count), STATUS_CORRUPT);
	zero_page[E820_ENTRIES_AT] = CORE_MEMORY_ENTRIES_MAX + 1;
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_CORRUPT);
}

static void a_wrong_memory_map_is_refused(void **state)
{
	struct core_memory_entry entries[CORE_MEMORY_ENTRIES_MAX];
	uint32_t count = 77;

	(void)state;
	memset(zero_page, 0, sizeof(zero_page));
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_CORRUPT);
	entry_put(0, 0x100000, 0x100000, 2);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_CORRUPT);
	entry_put(1, 0x300000, 0xFFF, 1);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_CORRUPT);
	entry_put(1, 0x300000, 0x1000, 1);
	assert_int_equal(memory_of(0x1E8, entries, &count), STATUS_CORRUPT);
	assert_int_equal(count, 77);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_OK);
	entry_put(2, 0xFFFC0000, 0x40000, 2);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_OK);
	entry_put(2, UINT64_MAX - 0xFFF, 0x1001, 1);
	assert_int_equal(memory_of(sizeof(zero_page), entries, &count), STATUS_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_anchor_is_the_first_page),
		cmocka_unit_test(a_piece_of_the_anchor_alone_is_no_extent),
		cmocka_unit_test(neighbours_are_merged),
		cmocka_unit_test(what_is_beyond_the_end_does_not_count),
		cmocka_unit_test(blocks_that_can_not_be_written_directly_are_refused),
		cmocka_unit_test(holes_and_odd_blocks_are_refused),
		cmocka_unit_test(files_of_an_odd_length_are_refused),
		cmocka_unit_test(as_many_runs_as_an_anchor_lists),
		cmocka_unit_test(a_partition_is_one_run),
		cmocka_unit_test(the_memory_map_is_read_as_it_stands),
		cmocka_unit_test(a_full_memory_map_fits),
		cmocka_unit_test(a_wrong_memory_map_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
