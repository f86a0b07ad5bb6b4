/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The anchor of kexec-jump images: every rule has an anchor that breaks it, and extents lead to the right pages.
 */
#include "image/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"

#define PARTITION_PAGES 1000
#define ANCHOR_PAGE     50

static const char *reason;

/* Of a file: three extents, in no order, with the anchor between them. */
static struct core_anchor anchor_make(void)
{
	struct core_anchor anchor = {
		.magic = {'T', 'H', 'A', 'W', 'C', 'O', 'R', 'E'},
		.version = 1,
		.state = CORE_ANCHOR_VALID,
		.target_pages = 100,
		.core_bytes = 90 * 4096,
		.header_bytes = 2 * 4096,
		.extent_count = 3,
		.extents = {{51, 20}, {930, 70}, {40, 10}},
	};

	core_anchor_seal_extents(&anchor);
	return anchor;
}

/* From a page of its own, so that the sanitizer sees a read beyond it. */
static enum status parse(const struct core_anchor *anchor)
{
	struct page *page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	static struct core_anchor out;
	enum status status;

	assert_non_null(page);
	memcpy(page, anchor, sizeof(*page));
	memset(&out, 0xee, sizeof(out));
	reason = "";
	status = core_anchor_parse(page, ANCHOR_PAGE, PARTITION_PAGES, &out, &reason);
	free(page);
	if (status == STATUS_OK)
		assert_memory_equal(&out, anchor, sizeof(out));
	else
		assert_int_equal(out.magic[0], 0xee);
	return status;
}

static void expect(struct core_anchor anchor, enum status status, const char *why)
{
	core_anchor_seal_extents(&anchor);
	assert_int_equal(parse(&anchor), status);
	assert_string_equal(reason, why);
}

static void anchors_are_read(void **state)
{
	struct core_anchor anchor = anchor_make();

	(void)state;
	expect(anchor, STATUS_OK, "");
	for (uint32_t i = 0; i <= CORE_ANCHOR_FAILED; i++) {
		anchor.state = i;
		expect(anchor, STATUS_OK, "");
		assert_int_equal(core_anchor_has_core(&anchor), i == 2 || i == 3 || i == 4);
	}
	/* Sizes say nothing without a core. */
	anchor.core_bytes = 1;
	expect(anchor, STATUS_OK, "");
	anchor = anchor_make();
	anchor.core_bytes = 100 * 4096;
	expect(anchor, STATUS_OK, "");
	/* A change of state, without the extents' checksum. */
	anchor.state = CORE_ANCHOR_USED;
	core_anchor_seal(&anchor);
	assert_int_equal(parse(&anchor), STATUS_OK);
	/* Extents that touch each other. */
	anchor = anchor_make();
	anchor.extents[0] = (struct core_extent){60, 10};
	anchor.extents[1] = (struct core_extent){70, 80};
	anchor.extents[2] = (struct core_extent){51, 9};
	anchor.target_pages = 99;
	expect(anchor, STATUS_OK, "");
	/* As many extents as there can be. */
	anchor.extent_count = CORE_EXTENTS_MAX;
	anchor.target_pages = CORE_EXTENTS_MAX;
	anchor.core_bytes = 3 * 4096;
	for (uint32_t i = 0; i < CORE_EXTENTS_MAX; i++)
		anchor.extents[i] = (struct core_extent){990 - 2 * i, 1};
	for (uint32_t i = 0; i < CORE_EXTENTS_MAX; i++)
		assert_int_not_equal(anchor.extents[i].start_page, ANCHOR_PAGE);
	expect(anchor, STATUS_OK, "");
}

/* By the format's description: offsets and what the checksums cover. */
static void anchors_lie_as_described(void **state)
{
	static struct page page;
	struct core_anchor anchor = anchor_make();
	uint32_t stored;
	uint32_t zero = 0;

	(void)state;
	memcpy(&page, &anchor, sizeof(page));
	memcpy(&stored, page.bytes + 60, sizeof(stored));
	assert_int_equal(stored, crc32_zlib(page.bytes + 512, 4096 - 512));
	memcpy(&stored, page.bytes + 80, sizeof(stored));
	memcpy(page.bytes + 80, &zero, sizeof(zero));
	assert_int_equal(stored, crc32_zlib(page.bytes, 512));
	assert_int_equal(page.bytes[512], 3);
	assert_int_equal(page.bytes[528], 51);
	assert_int_equal(page.bytes[536], 20);
}

static void broken_anchors_are_refused(void **state)
{
	static const char extents[] = "the anchor's extents are not valid";
	static const char sizes[] = "the anchor's state and sizes contradict each other";
	static const struct core_extent bad[] = {
		{930, 0},          /* empty */
		{0, 30},           /* page 0 */
		{931, 70},         /* beyond the partition */
		{UINT64_MAX, 70},  /* around the end of numbers */
		{930, UINT64_MAX}, /* likewise */
		{UINT64_MAX, 1},   /* likewise */
		{70, 70},          /* over the last page of the first */
		{52, 1},           /* in the first */
		{51, 20},          /* the first itself */
		{30, 70},          /* over the third, the anchor and the first */
		{ANCHOR_PAGE, 1},  /* the anchor */
		{930, 69},         /* the sum */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct core_anchor anchor = anchor_make();

		anchor.target_pages += bad[i].page_count - 70;
		if (i == ARRAY_COUNT(bad) - 1)
			anchor.target_pages = 100;
		anchor.state = CORE_ANCHOR_EMPTY;
		anchor.extents[1] = bad[i];
		expect(anchor, STATUS_CORRUPT, extents);
	}
	for (uint32_t i = 0; i < 8; i++) {
		struct core_anchor anchor = anchor_make();

		switch (i) {
		case 0:
			anchor.extent_count = 0;
			anchor.target_pages = 0;
			break;
		case 1:
			anchor.extent_count = CORE_EXTENTS_MAX + 1;
			for (uint32_t j = 0; j < CORE_EXTENTS_MAX; j++)
				anchor.extents[j] = (struct core_extent){100 + j, 1};
			break;
		case 2:
			anchor.extent_count = UINT32_MAX;
			break;
		case 3:
			anchor.extent_count = 2;
			break;
		case 4:
			anchor.extents[2].start_page++; /* now over the anchor */
			break;
		case 5:
			anchor.extents[0] = (struct core_extent){50, 20};
			break;
		case 6:
			anchor.extents[2] = (struct core_extent){42, 10};
			break;
		default:
			anchor.target_pages++;
			break;
		}
		expect(anchor, STATUS_CORRUPT, extents);
	}
	for (uint32_t i = 0; i < 7; i++) {
		struct core_anchor anchor = anchor_make();

		switch (i) {
		case 0:
			anchor.state = CORE_ANCHOR_FAILED + 1;
			break;
		case 1:
			anchor.core_bytes++;
			break;
		case 2:
			anchor.header_bytes += 8;
			break;
		case 3:
			anchor.header_bytes = 0;
			break;
		case 4:
			anchor.header_bytes = anchor.core_bytes;
			break;
		case 5:
			anchor.core_bytes = 101 * 4096;
			break;
		default:
			anchor.core_bytes = -4096ull;
			break;
		}
		expect(anchor, STATUS_CORRUPT, sizes);
	}
}

static void checksums_are_checked(void **state)
{
	struct core_anchor anchor = anchor_make();

	(void)state;
	for (uint32_t bit = 0; bit < 4096 * 8; bit += 3) {
		((uint8_t *)&anchor)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(parse(&anchor), bit < 64 ? STATUS_NOT_FOUND : STATUS_CORRUPT);
		if (bit >= 64)
			assert_string_equal(reason, bit < 4096 ? "the anchor's checksum is wrong"
							       : "the checksum of the anchor's extents is wrong");
		((uint8_t *)&anchor)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	anchor.version = 2;
	expect(anchor, STATUS_UNSUPPORTED, "the anchor is of another version");
	anchor.version = 0;
	expect(anchor, STATUS_UNSUPPORTED, "the anchor is of another version");
}

static void stored_pages_are_found(void **state)
{
	const struct core_anchor anchor = anchor_make();
	static const uint64_t expected[][3] = {{0, 51, 20},  {1, 52, 19},  {19, 70, 1}, {20, 930, 70},
					       {89, 999, 1}, {90, 40, 10}, {99, 49, 1}};
	uint64_t page = 7;
	uint64_t run = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		assert_true(core_extents_find(&anchor, expected[i][0], &page, &run));
		assert_int_equal(page, expected[i][1]);
		assert_int_equal(run, expected[i][2]);
	}
	page = 7;
	assert_false(core_extents_find(&anchor, 100, &page, &run));
	assert_false(core_extents_find(&anchor, UINT64_MAX, &page, &run));
	assert_int_equal(page, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anchors_are_read),           cmocka_unit_test(anchors_lie_as_described),
		cmocka_unit_test(broken_anchors_are_refused), cmocka_unit_test(checksums_are_checked),
		cmocka_unit_test(stored_pages_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
