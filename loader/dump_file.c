/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a memory dump, one request after the other: unpacking takes longer than the disk does.
 */
#include "loader/dump_file.h"

#include "drivers/timer.h"
#include "lib/string.h"

#define WRITES_MAX          131072 /* 4 GiB of a dump, and more */
#define RECORD_WINDOW_BYTES (2 * (uint64_t)PAGE_BYTES)

enum status dump_window_init(struct dump_window *window, struct dump_file *file, uint64_t capacity, struct arena *arena)
{
	void *memory;

	*window = (struct dump_window){.file = file, .capacity = capacity};
	TRY(arena_alloc(arena, capacity, PAGE_BYTES, &memory));
	window->memory = memory;
	TRY(arena_alloc(arena, PAGE_BYTES, PAGE_BYTES, &memory));
	window->joined = memory;
	return STATUS_OK;
}

/* bytes of the device from place on, at most a page. */
static enum status view_place(struct dump_window *window, uint64_t place, uint64_t bytes, const uint8_t **view_out)
{
	struct dump_file *file = window->file;
	const uint32_t sector_bytes = file->device->identity.sector_bytes;
	const uint64_t start = align_down(place, PAGE_BYTES);

	if (place > file->device_bytes || bytes > file->device_bytes - place)
		return STATUS_CORRUPT;
	if (place < window->start || place + bytes > window->end) {
		const uint64_t length = min_u64(window->capacity, file->device_bytes - start);
		uint64_t start_us;

		/* Nothing is in flight between two reads. */
		if (restore_watch_is_due(file->watch))
			TRY(file->watch->look(file->watch, file->pages_done, file->pages_total, NULL, NULL));
		start_us = timer_now_us();
		window->end = window->start = start;
		TRY(block_read_sync(file->device, (struct lba){file->start_lba + start / sector_bytes}, window->memory,
				    length));
		window->end += length;
		file->bytes_read += length;
		file->read_us += timer_now_us() - start_us;
	}
	*view_out = window->memory + (place - window->start);
	return STATUS_OK;
}

/* Where the byte at offset lies; *run_out: how many are there. */
static enum status find_piece(struct dump_window *window, uint64_t offset, uint64_t *place_out, uint64_t *run_out)
{
	if (offset < window->piece_offset || offset - window->piece_offset >= window->piece_bytes) {
		if (!flattened_find(&window->file->index, offset, &window->piece_place, &window->piece_bytes))
			return STATUS_CORRUPT;
		window->piece_offset = offset;
	}
	*place_out = window->piece_place + (offset - window->piece_offset);
	*run_out = window->piece_bytes - (offset - window->piece_offset);
	return STATUS_OK;
}

enum status dump_window_view(struct dump_window *window, uint64_t offset, uint32_t bytes, const uint8_t **view_out)
{
	const uint8_t *part;

	if (!window->file->is_flattened)
		return view_place(window, offset, bytes, view_out);
	for (uint32_t done = 0; done < bytes;) {
		uint64_t place, run;

		TRY(find_piece(window, offset + done, &place, &run));
		run = min_u64(run, bytes - done);
		TRY(view_place(window, place, run, &part));
		if (run == bytes) {
			*view_out = part;
			return STATUS_OK;
		}
		memcpy(window->joined->bytes + done, part, run);
		done += (uint32_t)run;
	}
	*view_out = window->joined->bytes;
	return STATUS_OK;
}

static enum status read_records(struct dump_file *file, struct dump_window *window, const char **reason_out)
{
	enum status status;

	do {
		const uint8_t *record;

		status = view_place(window, file->index.next, FLATTENED_RECORD_BYTES, &record);
		if (status == STATUS_OK)
			status = flattened_add(&file->index, record, file->device_bytes);
	} while (status == STATUS_OK);
	if (status == STATUS_END)
		return STATUS_OK;
	*reason_out = "";
	if (status == STATUS_CORRUPT)
		*reason_out = "the flattened dump has no end, or its writes overlap";
	if (status == STATUS_NO_MEMORY)
		*reason_out = "the flattened dump is in too many pieces: rearrange it (makedumpfile -R)";
	return status == STATUS_NO_MEMORY ? STATUS_UNSUPPORTED : status;
}

enum status dump_file_open(struct dump_file *file, const struct restore_job *job, const char **reason_out)
{
	const struct found_image *found = job->found;
	const uint32_t page_sectors = PAGE_BYTES / found->device->identity.sector_bytes;
	struct dump_window window;
	void *writes;

	*file = (struct dump_file){
		.device = found->device,
		.watch = job->watch,
		.start_lba = found->start_lba + found->header_page * page_sectors,
		.device_bytes = (found->device_pages - found->header_page) * PAGE_BYTES,
		.is_flattened = dump_identify(&found->header_bytes) == DUMP_FLATTENED,
	};
	file->bytes = file->device_bytes;
	if (!file->is_flattened)
		return STATUS_OK;
	TRY(arena_alloc(job->arena, WRITES_MAX * sizeof(struct flattened_write), sizeof(uint64_t), &writes));
	if (flattened_open(&found->header_bytes, writes, WRITES_MAX, &file->index) != STATUS_OK) {
		*reason_out = "the flattened dump is of another version";
		return STATUS_UNSUPPORTED;
	}
	TRY(dump_window_init(&window, file, RECORD_WINDOW_BYTES, job->arena));
	TRY(read_records(file, &window, reason_out));
	file->bytes = file->index.bytes;
	return STATUS_OK;
}
