/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap map of a swsusp image: a chain of pages that list, in stream order, where the image's pages lie, and the
 * proof that no page is used twice (kernel/power/swap.c, struct swap_map_page; 6.1 to 6.12).
 */
#include "image/swsusp_internal.h"

#include "image/swsusp_format.h"
#include "lib/span.h"

#define MARKS_PER_BLOCK ((uint64_t)PAGE_BYTES * 8)
#define MARKS_PER_WORD  64

/* Marks the pages of one word: count pages from device_page on. */
static enum status mark_word(struct swsusp_reader *reader, uint64_t device_page, uint64_t count)
{
	const uint64_t first = device_page % MARKS_PER_WORD;
	const uint64_t mask = ~(uint64_t)0 >> (MARKS_PER_WORD - count) << first;
	struct page **block = &reader->marks.directory[device_page / MARKS_PER_BLOCK];
	uint64_t *word;

	if (*block == NULL)
		*block = reader->marks.next_block(reader->marks.context);
	if (*block == NULL)
		return swsusp_fail(reader, STATUS_NO_MEMORY, "no memory for the marks of used swap pages");
	word = (uint64_t *)(void *)(*block)->bytes + device_page % MARKS_PER_BLOCK / MARKS_PER_WORD;
	if ((*word & mask) != 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "the swap map names a page twice");
	*word |= mask;
	return STATUS_OK;
}

enum status swsusp_mark_pages(struct swsusp_reader *reader, uint64_t device_page, uint64_t count)
{
	if (device_page >= reader->page_limit || count > reader->page_limit - device_page)
		return swsusp_fail(reader, STATUS_CORRUPT, "the swap map names a page outside the swap area");
	while (count > 0) {
		const uint64_t part = min_u64(count, MARKS_PER_WORD - device_page % MARKS_PER_WORD);

		TRY(mark_word(reader, device_page, part));
		device_page += part;
		count -= part;
	}
	return STATUS_OK;
}

/* Decodes the entries up to the list's end; what follows it must be zero, and only a full map has a successor. */
static enum status map_decode(struct swsusp_reader *reader, const struct page *page, uint64_t *entries,
			      uint32_t *count_out, uint64_t *next_out)
{
	const uint64_t next = load_le64(page->bytes + SWSUSP_MAP_AT(next));
	uint32_t count = 0;
	uint64_t behind = 0; /* all that follows the first zero */

	for (uint32_t i = 0; i < SWSUSP_MAP_ENTRIES; i++) {
		entries[i] = load_le64(page->bytes + SWSUSP_MAP_AT(entries) + i * sizeof(uint64_t));
		if (entries[i] != 0 && count == i)
			count++;
		else
			behind |= entries[i];
	}
	if (behind != 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "an entry behind the end of the swap map");
	if (count < SWSUSP_MAP_ENTRIES && next != 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "a swap map page follows the end of the list");
	*count_out = count;
	*next_out = next;
	return STATUS_OK;
}

enum status swsusp_supply_map(struct swsusp_reader *reader, const struct page *page)
{
	const uint64_t number = reader->maps_supplied;
	const uint64_t slot = number % SWSUSP_MAPS_AHEAD;
	uint32_t count = 0;
	uint64_t next = 0;

	TRY(reader->failure);
	if (number >= reader->maps_wanted)
		return STATUS_INVALID;
	TRY(map_decode(reader, page, reader->maps[slot].entries, &count, &next));
	if (number == 0 && count == 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "the swap map is empty");
	if (next != 0)
		TRY(swsusp_mark_pages(reader, next, 1));
	reader->maps[slot].count = count;
	reader->next_map_page = next;
	reader->maps_supplied++;
	return STATUS_OK;
}
