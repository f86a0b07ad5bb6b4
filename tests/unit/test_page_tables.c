/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables: what was mapped is found again by the walk, in pages of every size and through 4 and 5 levels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page_tables.h"

#define POOL_PAGES 64

static struct page pool[POOL_PAGES];
static uint32_t pool_used;
static uint64_t hidden_frame; /* a frame that frame_at does not have */

static struct page *take(void *context)
{
	const uint32_t limit = *(const uint32_t *)context;

	return pool_used < limit ? &pool[pool_used++] : NULL;
}

static const struct page *frame_at(void *context, struct pfn pfn)
{
	(void)context;
	for (uint32_t i = 0; i < POOL_PAGES; i++)
		if (pfn_to_page(pfn) == &pool[i] && pfn_to_paddr(pfn).value != hidden_frame)
			return &pool[i];
	return NULL;
}

static uint32_t limit;

static struct page_tables make_tables(uint32_t pages, bool pages_1gib)
{
	struct page_tables tables = {.allocate = take, .context = &limit, .pages_1gib = pages_1gib};

	limit = pages;
	pool_used = 0;
	hidden_frame = 0;
	memset(pool, 0, sizeof(pool));
	assert_int_equal(page_tables_create(&tables), STATUS_OK);
	return tables;
}

static enum status walk(const struct page_tables *tables, uint64_t address, uint64_t *physical_out)
{
	return page_tables_walk(virt_to_paddr(tables->root).value, 4, address, frame_at, NULL, physical_out);
}

static void test_every_page_size_is_found(void **state)
{
	static const bool with_1gib[] = {false, true};
	uint64_t physical;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(with_1gib); i++) {
		struct page_tables tables = make_tables(POOL_PAGES, with_1gib[i]);
		const uint64_t start = 1 * GIB - 2 * MIB - 3 * PAGE_BYTES;
		const uint64_t end = 3 * GIB + 2 * MIB + PAGE_BYTES;

		assert_int_equal(page_tables_map(&tables, start, end, start, MAP_WRITE), STATUS_OK);
		for (uint64_t at = start; at < end; at += 511 * (uint64_t)PAGE_BYTES) {
			assert_int_equal(walk(&tables, at + 77, &physical), STATUS_OK);
			assert_int_equal(physical, at + 77);
		}
		assert_int_equal(walk(&tables, start - 1, &physical), STATUS_NOT_FOUND);
		assert_int_equal(walk(&tables, end, &physical), STATUS_NOT_FOUND);
		assert_true(pool_used < (with_1gib[i] ? 8u : 10u));
	}
}

static void test_kernel_addresses_are_mapped_elsewhere(void **state)
{
	struct page_tables tables = make_tables(POOL_PAGES, true);
	const uint64_t virtual = 0xFFFFFFFF81200000u;
	uint64_t physical;

	(void)state;
	assert_int_equal(page_tables_map(&tables, virtual, virtual + 2 * MIB, 0x13BA00000u, MAP_WRITE), STATUS_OK);
	assert_int_equal(walk(&tables, virtual + 0x1010, &physical), STATUS_OK);
	assert_int_equal(physical, 0x13BA01010u);
}

static void test_five_levels_differ_from_four(void **state)
{
	struct page_tables tables = make_tables(POOL_PAGES, false);
	const uint64_t virtual = 0xFFFFFFFF81200010u;
	struct page *top = take(&limit);
	uint64_t *root = (uint64_t *)(void *)top;
	uint64_t physical;

	(void)state;
	assert_int_equal(page_tables_map(&tables, align_down(virtual, 2 * MIB), align_down(virtual, 2 * MIB) + 2 * MIB,
					 0x200000, 0),
			 STATUS_OK);
	root[511] = virt_to_paddr(tables.root).value | PTE_PRESENT;
	assert_int_equal(page_tables_walk(virt_to_paddr(root).value, 5, virtual, frame_at, NULL, &physical), STATUS_OK);
	assert_int_equal(physical, 0x200010);
	assert_int_equal(page_tables_walk(virt_to_paddr(root).value, 4, virtual, frame_at, NULL, &physical),
			 STATUS_NOT_FOUND);
}

static void test_only_canonical_addresses_lead_somewhere(void **state)
{
	struct page_tables tables = make_tables(POOL_PAGES, false);
	const uint64_t virtual = 0xFFFFFFFF81200010u;
	uint64_t physical;

	(void)state;
	assert_int_equal(page_tables_map(&tables, align_down(virtual, 2 * MIB), align_down(virtual, 2 * MIB) + 2 * MIB,
					 0x200000, 0),
			 STATUS_OK);
	assert_int_equal(walk(&tables, virtual, &physical), STATUS_OK);
	for (unsigned bit = 48; bit < 64; bit++)
		assert_int_equal(walk(&tables, virtual ^ BIT64(bit), &physical), STATUS_NOT_FOUND);
	assert_int_equal(walk(&tables, virtual & 0x0000FFFFFFFFFFFFu, &physical), STATUS_NOT_FOUND);
}

static void test_a_walk_through_a_missing_frame_ends(void **state)
{
	struct page_tables tables = make_tables(POOL_PAGES, false);
	uint64_t physical;

	(void)state;
	assert_int_equal(page_tables_map(&tables, 0, 2 * MIB, 0, 0), STATUS_OK);
	hidden_frame = virt_to_paddr(&pool[1]).value;
	assert_int_equal(walk(&tables, 0, &physical), STATUS_NOT_FOUND);
	hidden_frame = 0;
	assert_int_equal(walk(&tables, 0, &physical), STATUS_OK);
}

static void test_only_lower_levels_have_large_pages(void **state)
{
	struct page_tables tables = make_tables(POOL_PAGES, false);
	uint64_t physical;

	(void)state;
	assert_int_equal(page_tables_map(&tables, 0, 2 * MIB, 0, 0), STATUS_OK);
	tables.root[0] |= PTE_LARGE;
	assert_int_equal(walk(&tables, 5, &physical), STATUS_OK);
	assert_int_equal(physical, 5);
	tables.root[0] &= ~PTE_PRESENT;
	assert_int_equal(walk(&tables, 5, &physical), STATUS_NOT_FOUND);
}

static void test_no_page_is_said(void **state)
{
	struct page_tables tables = make_tables(3, false);

	(void)state;
	assert_int_equal(page_tables_map(&tables, 0, PAGE_BYTES, 0, 0), STATUS_NO_MEMORY);
	assert_int_equal(page_tables_map(&tables, 0, 2 * MIB, 0, 0), STATUS_OK);
}

static void test_a_large_page_is_not_split_behind_our_back(void **state)
{
	struct page_tables tables = make_tables(POOL_PAGES, false);
	uint64_t *entry;

	(void)state;
	assert_int_equal(page_tables_map(&tables, 0, 2 * MIB, 0, 0), STATUS_OK);
	assert_int_equal(page_tables_entry(&tables, PAGE_BYTES, &entry), STATUS_INVALID);
	assert_int_equal(page_tables_entry(&tables, 4 * MIB, &entry), STATUS_OK);
	assert_int_equal(page_tables_map(&tables, 4 * MIB, 6 * MIB, 0, 0), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_size_is_found),
		cmocka_unit_test(test_kernel_addresses_are_mapped_elsewhere),
		cmocka_unit_test(test_five_levels_differ_from_four),
		cmocka_unit_test(test_only_canonical_addresses_lead_somewhere),
		cmocka_unit_test(test_a_walk_through_a_missing_frame_ends),
		cmocka_unit_test(test_only_lower_levels_have_large_pages),
		cmocka_unit_test(test_no_page_is_said),
		cmocka_unit_test(test_a_large_page_is_not_split_behind_our_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
