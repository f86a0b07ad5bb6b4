/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host command says of images: pictures, extents, versions, JSON, progress, results of resumes. */
#include "tools/findings.h"
#include "tools/here.h"
#include "tools/image_facts.h"
#include "tools/image_way.h"
#include "tools/result_record.h"
#include "tools/thaw_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_tree.h"
#include "image/swsusp.h"
#include "mm/page_tables.h"

static struct frame_map map;
static struct image_facts facts;
static struct page page __attribute__((aligned(4096)));

/* What a function prints. */
static char *printed;
static size_t printed_bytes;

static FILE *print_begin(void)
{
	FILE *stream;

	free(printed);
	printed = NULL;
	stream = open_memstream(&printed, &printed_bytes);
	assert_non_null(stream);
	return stream;
}

static const char *print_end(FILE *stream)
{
	assert_int_equal(fclose(stream), 0);
	return printed;
}

static void cells_grow_with_the_memory(void **state)
{
	(void)state;
	frame_map_begin(&map);
	frame_map_add(&map, 0, 2, false);
	frame_map_add(&map, 3, 2, true);
	assert_int_equal(map.pages_per_cell, 1);
	frame_map_add(&map, FRAME_MAP_CELLS * 4 - 1, 1, false);
	assert_int_equal(map.pages_per_cell, 4);
	assert_int_equal(map.data[0], 2);
	assert_int_equal(map.zero[0], 1);
	assert_int_equal(map.zero[1], 1);
	assert_int_equal(map.data[FRAME_MAP_CELLS - 1], 1);
	assert_int_equal(map.end, FRAME_MAP_CELLS * 4);
	frame_map_add(&map, BIT64(40) - 8, 8, false);
	assert_int_equal(map.pages_per_cell, BIT64(40) / FRAME_MAP_CELLS);
	assert_int_equal(map.data_pages, 11);
	assert_int_equal(map.zero_pages, 2);
}

static void impossible_frames_are_left_out(void **state)
{
	(void)state;
	frame_map_begin(&map);
	frame_map_add(&map, BIT64(40), 1, false);
	frame_map_add(&map, 5, UINT64_MAX, false);
	frame_map_add(&map, UINT64_MAX, 2, true);
	frame_map_add(&map, 0, 0, true);
	assert_int_equal(map.end, 0);
	assert_int_equal(map.data_pages + map.zero_pages, 0);
}

static void a_map_is_drawn_to_scale(void **state)
{
	FILE *stream = print_begin();
	const char *text;

	(void)state;
	frame_map_begin(&map);
	/* 8 columns: a row is 8 places. Full, three quarters … of 4 pages, zero, nothing. */
	frame_map_add(&map, 8 * 32 * 4 - 1, 1, false);
	frame_map_add(&map, 0, 4, false);
	frame_map_add(&map, 4, 3, false);
	frame_map_add(&map, 8, 2, false);
	frame_map_add(&map, 12, 1, false);
	frame_map_add(&map, 16, 4, true);
	frame_map_print(&map, 20, false, stream);
	text = print_end(stream);
	assert_non_null(strstr(text, "  0 bytes |#+:.0   |\n      ...\n"));
	assert_non_null(strstr(text, "  3.9 MiB |       .|\n"));
	assert_non_null(strstr(text, "one character: 16 KiB of RAM"));
	stream = print_begin();
	frame_map_print(&map, 20, true, stream);
	assert_non_null(strstr(print_end(stream), "|█▓▒░·   |"));
}

static void a_picture_is_closed_and_its_title_harmless(void **state)
{
	FILE *stream = print_begin();
	const char *text;

	(void)state;
	frame_map_begin(&map);
	frame_map_add(&map, 1, 1, false);
	frame_map_svg(&map, "<b>&\x01", stream);
	text = print_end(stream);
	assert_non_null(strstr(text, "&lt;b>&amp;?"));
	assert_non_null(strstr(text, "<rect x=\"102\" y=\"40\" width=\"12\" height=\"11\" fill=\"#0b4a86\"/>"));
	assert_string_equal(text + strlen(text) - 7, "</svg>\n");
}

static void size_is(uint64_t bytes, const char *expected)
{
	char text[32];

	size_format(bytes, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void sizes_have_one_decimal(void **state)
{
	(void)state;
	size_is(0, "0 bytes");
	size_is(1023, "1023 bytes");
	size_is(KIB, "1 KiB");
	size_is(1536, "1.5 KiB");
	size_is(8 * GIB, "8 GiB");
	size_is(8 * GIB - 1, "8 GiB");
	size_is(UINT64_MAX, "16384 PiB");
}

static void extents_are_joined(void **state)
{
	static struct page block __attribute__((aligned(4096)));
	struct page *blocks[3] = {NULL, &block, NULL};

	(void)state;
	image_facts_begin(&facts);
	memset(&block, 0, sizeof(block));
	memset(block.bytes, 0xFF, 8);
	block.bytes[8] = 0x01;
	block.bytes[10] = 0x80;
	block.bytes[PAGE_BYTES - 1] = 0x80;
	image_facts_add_marks(&facts, blocks, 3);
	image_facts_add_extent(&facts, 65536, 5);
	image_facts_add_extent(&facts, 7, 0);
	assert_int_equal(facts.extent_count, 3);
	assert_int_equal(facts.extents[0].first, 32768);
	assert_int_equal(facts.extents[0].count, 65);
	assert_int_equal(facts.extents[1].first, 32768 + 64 + 23);
	assert_int_equal(facts.extents[1].count, 1);
	assert_int_equal(facts.extents[2].first, 65535);
	assert_int_equal(facts.extents[2].count, 6);
	for (uint64_t i = 0; i < 500; i++)
		image_facts_add_extent(&facts, 100000 + 2 * i, 1);
	assert_int_equal(facts.extent_count, 503);
	image_facts_free(&facts);
}

/* The banner at an offset of a page. */
static bool banner_is_found(size_t offset, const char *text)
{
	image_facts_begin(&facts);
	memset(&page, 0, sizeof(page));
	memcpy(page.bytes + offset, text, min_u64(strlen(text), PAGE_BYTES - offset));
	return image_facts_find_banner(&facts, &page);
}

static void the_kernels_version_is_found(void **state)
{
	static const char release[] = "OSRELEASE=6.12.1-x\nPAGESIZE=4096\n";

	(void)state;
	assert_true(banner_is_found(100, "Linux version 6.1.0-37-amd64 (a@b)"));
	assert_string_equal(facts.kernel, "6.1.0-37-amd64");
	/* The first one is kept. */
	memcpy(page.bytes + 100, "Linux version 5", 15);
	assert_false(image_facts_find_banner(&facts, &page));
	assert_false(banner_is_found(PAGE_BYTES - 20, "Linux version 6.1.0-37-amd64 (a@b)"));
	assert_false(banner_is_found(100, "kernel: Linux version 6.1.0-37-amd64 (a@b)"));
	assert_false(banner_is_found(100, "Linux version %s (%s)"));
	assert_false(banner_is_found(100, "Linux version \x1b[2J.1 "));
	assert_false(banner_is_found(PAGE_BYTES - 14, "Linux version "));
	image_facts_begin(&facts);
	assert_true(image_facts_find_release(&facts, release, strlen(release)));
	assert_string_equal(facts.kernel, "6.12.1-x");
	image_facts_begin(&facts);
	assert_false(image_facts_find_release(&facts, release, 15));
}

static void json_is_escaped(void **state)
{
	FILE *stream = print_begin();
	struct json json = json_begin(stream);

	(void)state;
	json_open(&json, NULL, '{');
	json_text(&json, "a\"", "\\\x01\x7f\xc3\xa4\xff\xc0\x80\xed\xa0\x80");
	json_open(&json, "b", '[');
	json_number(&json, NULL, UINT64_MAX);
	json_bool(&json, NULL, false);
	json_close(&json, '[');
	json_open(&json, "c", '[');
	json_close(&json, '[');
	json_hundredths(&json, "d", 205);
	json_hex(&json, "e", 0x1f);
	json_close(&json, '{');
	assert_string_equal(
		print_end(stream),
		"{\n  \"a\\\"\": \"\\\\\\u0001\\u007f\xc3\xa4??????\",\n  \"b\": [\n    "
		"18446744073709551615,\n    false\n  ],\n  \"c\": [],\n  \"d\": 2.05,\n  \"e\": \"0x1f\"\n}\n");
}

static void findings_have_a_worst(void **state)
{
	static struct findings findings;
	FILE *stream = print_begin();

	(void)state;
	findings.count = 0;
	findings_advise(&findings, "nobody asked");
	assert_int_equal(findings_worst(&findings), FINDING_OK);
	findings_add(&findings, "a", FINDING_PROBLEM, "%s", "one two three four five six seven eight nine ten");
	findings_advise(&findings, "do it");
	findings_add(&findings, "b", FINDING_UNKNOWN, "x");
	assert_int_equal(findings_worst(&findings), FINDING_PROBLEM);
	findings_print(&findings, 10, stream);
	assert_string_equal(print_end(stream), "problem  a            one two three four five six seven\n"
					       "                      eight nine ten\n"
					       "                      do it\n"
					       "unknown  b            x\n");
	for (uint32_t i = 0; i < 2 * FINDINGS_MAX; i++)
		findings_add(&findings, "c", FINDING_OK, "y");
	assert_int_equal(findings.count, FINDINGS_MAX);
}

static void progress_is(uint64_t done, uint64_t total, uint64_t bytes, uint64_t elapsed_ms, const char *expected)
{
	char text[128];

	progress_format(text, sizeof(text), 46, done, total, bytes, elapsed_ms);
	assert_string_equal(text, expected);
}

static void progress_tells_speed_and_time(void **state)
{
	(void)state;
	progress_is(0, 100, 0, 0, "[          ]   0 %");
	progress_is(50, 100, 500000000, 1000, "[#####     ]  50 %, 500 MB/s, 1 s left");
	progress_is(100, 100, 0, 9000, "[##########] 100 %");
	progress_is(1, 1000, 4096, 1000, "[          ]   0 %, 0 MB/s, 17 min left");
	progress_is(7, 0, 0, 0, "[##########] 100 %");
	progress_is(UINT64_MAX, 1, 1, UINT64_MAX, "[##########] 100 %, 0 MB/s, 0 s left");
}

static void a_record_is_read_only_if_it_is_one(void **state)
{
	static const uint8_t bytes[16] = {'T', 'H', 'A', 'W', 1, 1, 0, 0, 0x10, 0x27, 0, 0, 0xE8, 3, 0, 0};
	struct result_record record;

	(void)state;
	memset(&page, 0, sizeof(page));
	assert_false(result_record_read(&page, &record));
	memcpy(page.bytes + 4032, bytes, 16);
	assert_true(result_record_read(&page, &record));
	assert_int_equal(record.kind, 1);
	assert_int_equal(record.pages, 10000);
	assert_int_equal(record.milliseconds, 1000);
	page.bytes[4032 + 6] = 1;
	assert_false(result_record_read(&page, &record));
	page.bytes[4032 + 6] = 0;
	page.bytes[4032 + 4] = 2;
	assert_false(result_record_read(&page, &record));
}

static void a_variable_is_lines(void **state)
{
	static const char text[] = "\7\0\0\0status=resumed\npages=12\nms=x\nother=1\n";
	static char endless[5000];
	struct result_variable variable;

	(void)state;
	assert_true(result_variable_read(text, sizeof(text) - 1, &variable));
	assert_string_equal(variable.status, "resumed");
	assert_true(variable.has_pages);
	assert_int_equal(variable.pages, 12);
	assert_false(variable.has_milliseconds);
	assert_false(result_variable_read(text, 3, &variable));
	assert_false(result_variable_read("\7\0\0\0pages=1", 11, &variable));
	memset(endless, 'a', sizeof(endless));
	memcpy(endless + 4, "status=", 7);
	assert_false(result_variable_read(endless, sizeof(endless), &variable));
	assert_true(result_variable_read(endless, 4096, &variable));
	assert_int_equal(strlen(variable.status), RESULT_WORD_BYTES - 1);
}

static void entry_put(const struct fake_tree *fake, int number, const char *start, const char *last, const char *type)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/firmware/memmap/%d/start", number);
	fake_tree_put(fake, path, start);
	snprintf(path, sizeof(path), "/sys/firmware/memmap/%d/end", number);
	fake_tree_put(fake, path, last);
	snprintf(path, sizeof(path), "/sys/firmware/memmap/%d/type", number);
	fake_tree_put(fake, path, type);
}

static void frames_are_compared_with_this_machine(void **state)
{
	static struct here here;
	struct fake_tree fake;
	const char *reason = NULL;

	(void)state;
	fake_tree_make(&fake);
	assert_false(here_read(&fake.tree, &here, &reason));
	assert_non_null(reason);
	entry_put(&fake, 0, "0x0\n", "0x9fbff\n", "System RAM\n");
	entry_put(&fake, 1, "0x100000\n", "0x1fffff\n", "System RAM\n");
	entry_put(&fake, 2, "0x200000\n", "0x2fffff\n", "Reserved\n");
	assert_true(here_read(&fake.tree, &here, &reason));
	assert_false(here.has_signature);
	assert_int_equal(here.checksum, memory_map_checksum(&here.map));
	here_note(&here, 0x9e, 2);
	here_note(&here, 0x100, 0x101);
	here_note(&here, BIT64(63), 1);
	assert_int_equal(here.right_frames, 0x101);
	assert_int_equal(here.wrong_frames, 3);
	assert_int_equal(here.first_wrong, 0x9f);
	fake_tree_put_bytes(&fake, "/sys/firmware/acpi/tables/FACS", "FACS\x40\0\0\0\x78\x56\x34\x12", 12);
	assert_true(here_read(&fake.tree, &here, &reason));
	assert_true(here.has_signature);
	assert_int_equal(here.signature, 0x12345678);
	entry_put(&fake, 1, "0x100000\n", "0x0\n", "System RAM\n");
	assert_false(here_read(&fake.tree, &here, &reason));
	fake_tree_remove(&fake);
}

static int printed_free(void **state)
{
	(void)state;
	free(printed);
	return 0;
}

/* --- the way to the return point ------------------------------------------------------------------------------- */

#define WAY_ADDRESS  0xFFFFFFFF9B000010u
#define WAY_PHYSICAL (4 * MIB + 0x1000010)
#define WAY_FRAMES   4

/* Frames of root, PDPT and PD, and one at the return point. */
static const uint64_t way_ascending[WAY_FRAMES] = {10, 15, 20, WAY_PHYSICAL / PAGE_BYTES};
static const uint64_t way_descending[WAY_FRAMES] = {20, 15, 10, WAY_PHYSICAL / PAGE_BYTES};
static struct page way_pages[WAY_FRAMES] __attribute__((aligned(4096)));
static struct image_way way;

static void entry_set(uint32_t table, unsigned shift, uint64_t entry)
{
	uint64_t *entries = (uint64_t *)(void *)way_pages[table].bytes;

	entries[WAY_ADDRESS >> shift & PTE_INDEX_MASK] = entry | PTE_PRESENT;
}

static struct swsusp_info way_info_of(const uint64_t *frames)
{
	memset(way_pages, 0, sizeof(way_pages));
	entry_set(0, 39, frames[1] * PAGE_BYTES);
	entry_set(1, 30, frames[2] * PAGE_BYTES);
	entry_set(2, 21, align_down(WAY_PHYSICAL, 2 * MIB) | PTE_LARGE);
	return (struct swsusp_info){
		.jump_address = WAY_ADDRESS,
		.jump_address_physical = WAY_PHYSICAL,
		.cr3 = frames[0] * PAGE_BYTES,
	};
}

/* All frames in ascending order, their pages with them; how often they must go by. */
static unsigned way_looks(const uint64_t *frames, enum status *status_out)
{
	const struct swsusp_info info = way_info_of(frames);
	const bool is_ascending = frames == way_ascending;
	unsigned looks = 0;

	image_way_begin(&way);
	for (uint32_t i = 0; i < WAY_FRAMES; i++)
		image_way_add_frames(&way, &info, &way_ascending[i], 1);
	do {
		for (uint32_t i = 0; i < WAY_FRAMES; i++)
			image_way_add_page(&way, &info, i, &way_pages[i == 3 || is_ascending ? i : 2 - i]);
		looks++;
		*status_out = image_way_end(&way, &info);
	} while (*status_out == STATUS_AGAIN);
	image_way_free(&way);
	return looks;
}

static void tables_are_followed_in_any_order(void **state)
{
	enum status status;

	(void)state;
	assert_int_equal(way_looks(way_ascending, &status), 1);
	assert_int_equal(status, STATUS_OK);
	assert_int_equal(way_looks(way_descending, &status), 3);
	assert_int_equal(status, STATUS_OK);
}

static void a_way_needs_the_return_frame(void **state)
{
	const struct swsusp_info info = way_info_of(way_ascending);

	(void)state;
	image_way_begin(&way);
	image_way_add_frames(&way, &info, way_ascending, WAY_FRAMES - 1);
	for (uint32_t i = 0; i < WAY_FRAMES - 1; i++)
		image_way_add_page(&way, &info, i, &way_pages[i]);
	assert_int_equal(image_way_end(&way, &info), STATUS_CORRUPT);
	image_way_free(&way);
}

static void a_table_of_zeroes_leads_nowhere(void **state)
{
	const struct swsusp_info info = way_info_of(way_ascending);
	uint64_t entries[WAY_FRAMES];

	(void)state;
	memcpy(entries, way_ascending, sizeof(entries));
	entries[1] |= SWSUSP_PFN_ZERO;
	image_way_begin(&way);
	image_way_add_frames(&way, &info, entries, WAY_FRAMES);
	image_way_add_page(&way, &info, 0, &way_pages[0]);
	image_way_add_page(&way, &info, 1, &way_pages[2]);
	assert_int_equal(image_way_end(&way, &info), STATUS_CORRUPT);
	image_way_free(&way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_followed_in_any_order),
		cmocka_unit_test(a_way_needs_the_return_frame),
		cmocka_unit_test(a_table_of_zeroes_leads_nowhere),
		cmocka_unit_test(cells_grow_with_the_memory),
		cmocka_unit_test(impossible_frames_are_left_out),
		cmocka_unit_test(a_map_is_drawn_to_scale),
		cmocka_unit_test(a_picture_is_closed_and_its_title_harmless),
		cmocka_unit_test(sizes_have_one_decimal),
		cmocka_unit_test(extents_are_joined),
		cmocka_unit_test(the_kernels_version_is_found),
		cmocka_unit_test(json_is_escaped),
		cmocka_unit_test(findings_have_a_worst),
		cmocka_unit_test(progress_tells_speed_and_time),
		cmocka_unit_test(a_record_is_read_only_if_it_is_one),
		cmocka_unit_test(a_variable_is_lines),
		cmocka_unit_test(frames_are_compared_with_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, printed_free);
}
