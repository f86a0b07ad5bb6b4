/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How memory is cut into segments: against a plain re-telling of the rule, with as many segments as there may be.
 */
#include "image/core_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_image.h"
#include "tests/unit/noise.h"

#define FRAMES 400

static struct core_source source_of(char *map)
{
	return (struct core_source){core_image_next_run, map};
}

/* Zeroes in front of data, fewer than gap of them, become data. */
static void fill_gaps(char *map, uint64_t gap)
{
	for (char *next = map; *next != '\0'; next++) {
		const size_t zeroes = strspn(next, "Z");

		if (zeroes != 0 && zeroes < gap && next[zeroes] == 'D')
			memset(next, 'D', zeroes);
		if (zeroes != 0)
			next += zeroes - 1;
	}
}

/* A segment begins where data does not go on, or zeroes follow nothing. */
static uint32_t count_segments(const char *map)
{
	uint32_t count = 0;
	char before = '.';

	for (; *map != '\0'; before = *map++)
		count += (*map == 'D' && before != 'D') || (*map == 'Z' && before == '.');
	return count;
}

static uint64_t count_frames(const char *map, char kind)
{
	uint64_t count = 0;

	for (; *map != '\0'; map++)
		count += *map == kind;
	return count;
}

static void map_make(char *map, uint64_t seed)
{
	static const char kinds[] = "DDZZZ.";
	uint64_t next = seed;

	for (size_t i = 0; i < FRAMES;) {
		uint64_t number;
		size_t length;
		char kind;

		number = noise_next(&next);
		kind = kinds[number % (seed % 2 == 0 ? 6 : 5)];
		length = 1 + (number >> 7) % (1 + seed % 23);
		for (; length > 0 && i < FRAMES; length--)
			map[i++] = kind;
	}
	map[0] = 'D';
	map[FRAMES] = '\0';
}

/* The segments of a built header, drawn. */
static void draw(const struct core *core, char *drawn)
{
	memset(drawn, '.', FRAMES);
	drawn[FRAMES] = '\0';
	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);

		memset(drawn + segment.first.value, 'D', segment.data_pages);
		memset(drawn + segment.first.value + segment.data_pages, 'Z', segment.zero_pages);
	}
}

static void check_build(const struct core_source *source, const struct core_layout *layout, const char *expected)
{
	static const struct core_note note = {.codec = CORE_LZO};
	const struct core_build build = {source, layout, &note, NULL, 0};
	uint8_t *header = aligned_alloc(PAGE_BYTES, core_header_bytes(layout, 0));
	char drawn[FRAMES + 1];
	struct core core;

	assert_non_null(header);
	assert_int_equal(core_header_build(header, &build, &core), STATUS_OK);
	draw(&core, drawn);
	assert_string_equal(drawn, expected);
	free(header);
}

static void segments_follow_the_rule(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		char map[FRAMES + 1];
		const struct core_source source = source_of(map);
		uint32_t least;

		map_make(map, seed);
		least = count_segments(map);
		for (uint32_t most = least + 1; most > 0; most -= most > 8 ? most / 8 : 1) {
			char filled[FRAMES + 1];
			struct core_layout layout;
			uint64_t gap = 1;

			strcpy(filled, map);
			for (; count_segments(filled) > most && gap < 1024; fill_gaps(filled, gap))
				gap *= 2;
			if (count_segments(filled) > most) {
				assert_int_equal(core_layout_plan(&source, most, &layout), STATUS_UNSUPPORTED);
				continue;
			}
			assert_int_equal(core_layout_plan(&source, most, &layout), STATUS_OK);
			assert_int_equal(layout.gap_pages, gap);
			assert_int_equal(layout.segment_count, count_segments(filled));
			assert_int_equal(layout.data_pages, count_frames(filled, 'D'));
			assert_int_equal(layout.zero_pages, count_frames(filled, 'Z'));
			assert_int_equal(layout.chunk_count, div_round_up(layout.data_pages, 32));
			check_build(&source, &layout, filled);
		}
	}
}

/* A page at a time, as a source may do. */
static bool next_page(void *context, struct pfn from, struct core_run *run_out)
{
	if (!core_image_next_run(context, from, run_out))
		return false;
	run_out->pages = 1;
	return true;
}

static void runs_may_be_cut(void **state)
{
	char map[FRAMES + 1];
	const struct core_source whole = source_of(map);
	const struct core_source cut = {next_page, map};
	struct core_layout a;
	struct core_layout b;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		map_make(map, seed);
		assert_int_equal(core_layout_plan(&whole, 30, &a), core_layout_plan(&cut, 30, &b));
		if (core_layout_plan(&whole, 30, &a) == STATUS_OK)
			assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void memory_without_data_is_refused(void **state)
{
	static char maps[][6] = {"", "....", "ZZ.Z"};
	struct core_layout layout;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++) {
		const struct core_source source = source_of(maps[i]);

		assert_int_equal(core_layout_plan(&source, 10, &layout), STATUS_UNSUPPORTED);
	}
}

static void changed_answers_are_found(void **state)
{
	char many[FRAMES + 1];
	const struct core_source many_source = source_of(many);
	static char maps[][16] = {"DDZDD.D",   "DDZZD.D", "DDZD.D",   "DDDDD.D", "DDZDD.DD",
				  "DDZDD.D.D", "DDZDD",   "DDZZDD.D", "DDZDDD"};
	static const struct core_note note = {.codec = CORE_PLAIN};
	const struct core_source planned = source_of(maps[0]);
	struct core_layout layout;
	struct core core;
	_Alignas(8) static uint8_t header[8192];

	(void)state;
	assert_int_equal(core_layout_plan(&planned, 10, &layout), STATUS_OK);
	assert_int_equal(core_header_bytes(&layout, 0), 4096);
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++) {
		const struct core_source source = source_of(maps[i]);
		const struct core_build build = {&source, &layout, &note, NULL, 0};

		memset(header, 0xee, sizeof(header));
		assert_int_equal(core_header_build(header, &build, &core), i == 0 ? STATUS_OK : STATUS_INVALID);
		assert_int_equal(header[4096], 0xee);
	}
	/* More program headers than there is room for. */
	for (size_t i = 0; i < FRAMES; i++)
		many[i] = i % 2 == 0 ? 'D' : '.';
	many[FRAMES] = '\0';
	assert_int_equal(core_header_build(header, &(struct core_build){&many_source, &layout, &note, NULL, 0}, &core),
			 STATUS_INVALID);
	assert_int_equal(header[4096], 0xee);
}

/* 896 bytes short of a page with one segment and one chunk: text fills it. */
static void sizes_fit_their_contents(void **state)
{
	char map[] = "D";
	const struct core_source source = source_of(map);
	struct core_layout layout;
	struct core_layout large;

	(void)state;
	assert_int_equal(core_layout_plan(&source, 10, &layout), STATUS_OK);
	/* 64 + 2 * 56 + 4 + 20 + 3256 = 3456 bytes, 24 more for the record, 8 for the chunk. */
	assert_int_equal(core_header_bytes(&layout, 0), 4096);
	assert_int_equal(core_header_bytes(&layout, 608), 4096);
	assert_int_equal(core_header_bytes(&layout, 609), 8192);
	large = layout;
	large.segment_count = CORE_SEGMENTS_MAX;
	large.chunk_count = 1 << 20;
	assert_int_equal(core_header_bytes(&large, 0), align_up(64 + 16385 * 56 + 4 + 20 + 3256 + (8 << 20), 4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_follow_the_rule),       cmocka_unit_test(runs_may_be_cut),
		cmocka_unit_test(memory_without_data_is_refused), cmocka_unit_test(changed_answers_are_found),
		cmocka_unit_test(sizes_fit_their_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
