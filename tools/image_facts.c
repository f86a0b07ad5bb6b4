/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of an image.
 */
#define _GNU_SOURCE
#include "tools/image_facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span.h"

#define BANNER          "Linux version "
#define RELEASE         "OSRELEASE="
#define EXTENTS_PRINTED 8
#define BLOCK_PAGES     ((uint64_t)PAGE_BYTES * 8)

void image_facts_begin(struct image_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	frame_map_begin(&facts->frames);
}

void image_facts_free(struct image_facts *facts)
{
	free(facts->extents);
	facts->extents = NULL;
	facts->extent_count = 0;
	facts->extent_capacity = 0;
}

void image_facts_add_extent(struct image_facts *facts, uint64_t first, uint64_t count)
{
	struct image_extent *last = facts->extent_count > 0 ? &facts->extents[facts->extent_count - 1] : NULL;

	if (count == 0)
		return;
	if (last != NULL && last->first + last->count == first) {
		last->count += count;
		return;
	}
	if (facts->extents == NULL || facts->extent_count == facts->extent_capacity) {
		const size_t capacity = facts->extent_capacity > 0 ? facts->extent_capacity * 2 : 64;
		struct image_extent *larger = realloc(facts->extents, capacity * sizeof(*larger));

		if (larger == NULL)
			abort();
		facts->extents = larger;
		facts->extent_capacity = capacity;
	}
	facts->extents[facts->extent_count++] = (struct image_extent){first, count};
}

void image_facts_add_marks(struct image_facts *facts, struct page *const *blocks, uint64_t block_count)
{
	for (uint64_t block = 0; block < block_count; block++) {
		for (size_t at = 0; blocks[block] != NULL && at < PAGE_BYTES; at += sizeof(uint64_t)) {
			const uint64_t word = load_le64(blocks[block]->bytes + at);
			const uint64_t first = block * BLOCK_PAGES + at * 8;

			if (word == UINT64_MAX) {
				image_facts_add_extent(facts, first, 64);
				continue;
			}
			for (uint32_t bit = 0; word >> bit != 0; bit++) {
				if ((word >> bit & 1) != 0)
					image_facts_add_extent(facts, first + bit, 1);
				if (bit == 63)
					break;
			}
		}
	}
}

/* A version's characters, with an end behind them. */
static bool kernel_take(struct image_facts *facts, const char *text, size_t room)
{
	size_t length = 0;

	while (length < room && length < KERNEL_VERSION_BYTES && text[length] > ' ' && text[length] <= '~')
		length++;
	/* At the page's end the rest is missing. */
	if (length == room || length == KERNEL_VERSION_BYTES || length < 3 || text[0] < '1' || text[0] > '9' ||
	    memchr(text, '.', length) == NULL)
		return false;
	memcpy(facts->kernel, text, length);
	facts->kernel[length] = '\0';
	return true;
}

static bool text_find(struct image_facts *facts, const char *text, size_t bytes, const char *heading)
{
	const size_t length = strlen(heading);
	const char *rest = text;

	if (facts->kernel[0] != '\0')
		return false;
	while ((size_t)(rest - text) + length < bytes) {
		const size_t room = bytes - (size_t)(rest - text);
		const char *found = memmem(rest, room, heading, length);

		if (found == NULL)
			return false;
		rest = found + length;
		/* A log that is cached has the same words inside its lines. */
		if ((found == text || found[-1] == '\0' || found[-1] == '\n') &&
		    kernel_take(facts, rest, bytes - (size_t)(rest - text)))
			return true;
	}
	return false;
}

bool image_facts_find_banner(struct image_facts *facts, const struct page *page)
{
	return text_find(facts, (const char *)page->bytes, PAGE_BYTES, BANNER);
}

bool image_facts_find_release(struct image_facts *facts, const char *text, size_t bytes)
{
	return text_find(facts, text, bytes, RELEASE);
}

static uint64_t ratio_hundredths(const struct image_facts *facts)
{
	return facts->stored_pages > 0 ? facts->unpacked_pages * 100 / facts->stored_pages : 0;
}

static void extents_print(const struct image_facts *facts, const struct image_print *print, FILE *stream)
{
	const size_t count =
		print->lists_extents ? facts->extent_count : (size_t)min_u64(facts->extent_count, EXTENTS_PRINTED);
	uint64_t largest = 0;

	if (facts->extent_count == 0)
		return;
	for (size_t i = 0; i < facts->extent_count; i++)
		largest = max_u64(largest, facts->extents[i].count);
	fprintf(stream, "extents      %zu, the largest of %" PRIu64 " pages; device pages:\n", facts->extent_count,
		largest);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "             %" PRIu64 "-%" PRIu64 "\n", facts->extents[i].first,
			facts->extents[i].first + facts->extents[i].count - 1);
	if (count < facts->extent_count)
		fprintf(stream, "             and %zu more (--extents)\n", facts->extent_count - count);
}

void image_facts_print(const struct image_facts *facts, const struct image_print *print, FILE *stream)
{
	const uint64_t ratio = ratio_hundredths(facts);

	fprintf(stream, "kernel       %s\n",
		facts->kernel[0] != '\0' ? facts->kernel : "unknown: not found in the image");
	if (ratio != 0)
		fprintf(stream, "ratio        %" PRIu64 ".%02" PRIu64 ": %" PRIu64 " pages in %" PRIu64 "\n",
			ratio / 100, ratio % 100, facts->unpacked_pages, facts->stored_pages);
	extents_print(facts, print, stream);
	if (print->draws_map && facts->frames.end != 0) {
		fputc('\n', stream);
		frame_map_print(&facts->frames, print->columns, print->is_unicode, stream);
	}
}

static void frames_json(const struct frame_map *map, struct json *json)
{
	json_open(json, "frame_map", '{');
	json_number(json, "pages_per_cell", map->pages_per_cell);
	json_open(json, "cells", '[');
	for (uint64_t i = 0; i < FRAME_MAP_CELLS; i++) {
		if (map->data[i] == 0 && map->zero[i] == 0)
			continue;
		json_open(json, NULL, '{');
		json_number(json, "frame", i * map->pages_per_cell);
		json_number(json, "data", map->data[i]);
		json_number(json, "zero", map->zero[i]);
		json_close(json, '{');
	}
	json_close(json, '[');
	json_close(json, '{');
}

void image_facts_json(const struct image_facts *facts, const struct image_print *print, struct json *json)
{
	if (facts->kernel[0] != '\0')
		json_text(json, "kernel", facts->kernel);
	json_number(json, "zero_pages", facts->frames.zero_pages);
	json_number(json, "last_frame", facts->frames.end > 0 ? facts->frames.end - 1 : 0);
	json_number(json, "stored_pages", facts->stored_pages);
	json_number(json, "unpacked_pages", facts->unpacked_pages);
	json_hundredths(json, "ratio", ratio_hundredths(facts));
	json_number(json, "extent_count", facts->extent_count);
	if (print->lists_extents) {
		json_open(json, "extents", '[');
		for (size_t i = 0; i < facts->extent_count; i++) {
			json_open(json, NULL, '{');
			json_number(json, "first", facts->extents[i].first);
			json_number(json, "count", facts->extents[i].count);
			json_close(json, '{');
		}
		json_close(json, '[');
	}
	if (print->draws_map)
		frames_json(&facts->frames, json);
}
