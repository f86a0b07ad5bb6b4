/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swsusp reader's order of things: which page of the resume device is wanted next, and whether the list of them is
 * as long as it must be (kernel/power/swap.c, get_swap_reader and swap_read_page; 6.1 to 6.12).
 */
#include "image/swsusp.h"

#include "image/swsusp_format.h"
#include "image/swsusp_internal.h"
#include "lib/string.h"

#define PAGES_PER_DIRECTORY_ENTRY ((uint64_t)PAGE_BYTES * 8)

enum status swsusp_fail(struct swsusp_reader *reader, enum status status, const char *reason)
{
	reader->failure = status;
	reader->reason = reason;
	return status;
}

/* In a partition the swap header's own length bounds the area; a file's pages may lie anywhere on the device. */
static uint64_t page_limit(const struct swsusp_header *header, uint64_t header_page, uint64_t device_pages)
{
	if (header_page != 0)
		return device_pages;
	return min_u64(device_pages, (uint64_t)header->last_page + 1);
}

enum status swsusp_open(struct swsusp_reader *reader, const struct swsusp_header *header, uint64_t header_page,
			uint64_t device_pages, struct swsusp_page_marks marks)
{
	memset(reader, 0, sizeof(*reader));
	reader->reason = "";
	reader->header = *header;
	reader->header_page = header_page;
	reader->device_pages = device_pages;
	reader->page_limit = page_limit(header, header_page, device_pages);
	reader->marks = marks;
	reader->next_map_page = header->first_map_page;
	if (header_page >= device_pages ||
	    marks.directory_entries < div_round_up(device_pages, PAGES_PER_DIRECTORY_ENTRY))
		return swsusp_fail(reader, STATUS_INVALID, "the image header lies outside the device");
	TRY(swsusp_mark_pages(reader, header_page, 1));
	return swsusp_mark_pages(reader, header->first_map_page, 1);
}

/* Gives back the places of maps whose entries have all been handed out. */
static void maps_release(struct swsusp_reader *reader)
{
	while (reader->maps_consumed < reader->maps_supplied &&
	       reader->map_position == reader->maps[reader->maps_consumed % SWSUSP_MAPS_AHEAD].count) {
		reader->maps_consumed++;
		reader->map_position = 0;
	}
}

static bool map_wanted(const struct swsusp_reader *reader)
{
	return reader->next_map_page != 0 && reader->maps_wanted - reader->maps_consumed < SWSUSP_MAPS_AHEAD;
}

static void map_want(struct swsusp_reader *reader, struct swsusp_read *read_out)
{
	*read_out = (struct swsusp_read){SWSUSP_READ_MAP, reader->next_map_page, reader->maps_wanted, 1};
	reader->next_map_page = 0;
	reader->maps_wanted++;
}

/* What the next stream page is; STATUS_AGAIN while that is not known or its place in memory can't be. */
static enum status stream_page_classify(const struct swsusp_reader *reader, struct swsusp_read *read)
{
	const uint64_t stream_page = reader->entries_taken;

	if (stream_page == 0) {
		*read = (struct swsusp_read){.kind = SWSUSP_READ_INFO};
		return STATUS_OK;
	}
	if (!reader->info_supplied)
		return STATUS_AGAIN;
	if (reader->header.codec != SWSUSP_PLAIN) {
		*read = (struct swsusp_read){.kind = SWSUSP_READ_CHUNK, .index = stream_page - 1};
		return STATUS_OK;
	}
	if (stream_page <= reader->info.meta_pages) {
		*read = (struct swsusp_read){.kind = SWSUSP_READ_PFNS, .index = stream_page - 1};
		return STATUS_OK;
	}
	if (reader->pfn_pages_decoded < reader->info.meta_pages)
		return STATUS_AGAIN;
	*read = (struct swsusp_read){.kind = SWSUSP_READ_DATA, .index = stream_page - 1 - reader->info.meta_pages};
	return STATUS_OK;
}

/* The fewest and most pages that the map may list. */
static void stream_bounds(const struct swsusp_reader *reader, uint64_t *least_out, uint64_t *most_out)
{
	const uint64_t chunks = div_round_up(reader->info.stream_pages - 1, SWSUSP_CHUNK_PAGES);

	*least_out = reader->info.stream_pages;
	*most_out = reader->info.stream_pages;
	if (reader->header.codec != SWSUSP_PLAIN) {
		*least_out = 1 + chunks;
		*most_out = 1 + chunks * SWSUSP_CHUNK_DISK_PAGES;
	}
}

/* No entry is left in the maps at hand. */
static enum status list_end_check(struct swsusp_reader *reader)
{
	uint64_t least;
	uint64_t most;

	if (reader->next_map_page != 0 || reader->maps_supplied < reader->maps_wanted)
		return STATUS_AGAIN;
	stream_bounds(reader, &least, &most);
	if (reader->entries_taken < least)
		return swsusp_fail(reader, STATUS_CORRUPT, "the swap map lists fewer pages than the image has");
	return STATUS_END;
}

/* How many more pages of its kind the next stream page may begin. */
static uint64_t kind_pages(const struct swsusp_reader *reader, const struct swsusp_read *read)
{
	uint64_t least;
	uint64_t most;

	if (read->kind == SWSUSP_READ_INFO)
		return 1;
	if (read->kind == SWSUSP_READ_PFNS)
		return reader->info.meta_pages - read->index;
	stream_bounds(reader, &least, &most);
	return most - reader->entries_taken;
}

/* Takes the next entry, and those that follow it in the map as they do on the device: at most `wanted`. */
static enum status entries_take(struct swsusp_reader *reader, uint32_t wanted, struct swsusp_read *read)
{
	const uint64_t slot = reader->maps_consumed % SWSUSP_MAPS_AHEAD;
	const uint64_t *entries = &reader->maps[slot].entries[reader->map_position];
	uint64_t most = min_u64(kind_pages(reader, read), reader->maps[slot].count - reader->map_position);
	uint32_t count = 1;

	if (most == 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "the swap map lists more pages than the image has");
	most = min_u64(most, wanted);
	while (count < most && entries[count] == entries[0] + count)
		count++;
	TRY(swsusp_mark_pages(reader, entries[0], count));
	read->device_page = entries[0];
	read->count = count;
	reader->map_position += count;
	reader->entries_taken += count;
	return STATUS_OK;
}

bool swsusp_waits_for_map(const struct swsusp_reader *reader)
{
	return reader->maps_consumed == reader->maps_supplied;
}

enum status swsusp_next_read(struct swsusp_reader *reader, uint32_t most, struct swsusp_read *read_out)
{
	struct swsusp_read read = {0};
	enum status known;

	TRY(reader->failure);
	maps_release(reader);
	if (map_wanted(reader)) {
		map_want(reader, read_out);
		return STATUS_OK;
	}
	known = stream_page_classify(reader, &read);
	if (swsusp_waits_for_map(reader))
		return reader->info_supplied ? list_end_check(reader) : STATUS_AGAIN;
	TRY(known);
	TRY(entries_take(reader, most, &read));
	*read_out = read;
	return STATUS_OK;
}
