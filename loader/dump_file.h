/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A memory dump on the resume device as one file, flattened or not, read through windows: what is asked for is nearly
 * always a little behind what was asked for last.
 */
#pragma once

#include "image/flattened.h"
#include "image/kdump.h"
#include "loader/find.h"
#include "loader/restore.h"
#include "mm/arena.h"

struct dump_file {
	struct block_device *device;
	uint64_t start_lba;    /* of the file's first byte */
	uint64_t device_bytes; /* from there to the end of the resume device */
	bool is_flattened;
	struct flattened index;
	uint64_t bytes; /* of the file, unflattened; device_bytes where nothing says */
	uint64_t bytes_read;
	uint64_t read_us;
	struct restore_watch *watch;
	uint64_t pages_done, pages_total; /* for it; total is 0 as long as it is not known */
};

/* A part of the device in memory. */
struct dump_window {
	struct dump_file *file;
	uint8_t *memory;
	uint64_t capacity;
	uint64_t start, end;   /* what it holds, counted from start_lba */
	struct page *joined;   /* a view of several pieces */
	uint64_t piece_offset; /* the last piece that was found: so many bytes of the file, from this one on, … */
	uint64_t piece_bytes;
	uint64_t piece_place; /* … lie here */
};

/*
 * The file whose first page is the image's header page. A flattened one is looked through: all its records, not their
 * data. Errors, with *reason_out.
 */
nodiscard enum status dump_file_open(struct dump_file *file, const struct restore_job *job, const char **reason_out);

/* capacity: whole pages, at least two. STATUS_NO_MEMORY. */
nodiscard enum status dump_window_init(struct dump_window *window, struct dump_file *file, uint64_t capacity,
				       struct arena *arena);

/*
 * bytes (at most a page) of the file at offset; they stay until the window is asked again. STATUS_CORRUPT: they are not
 * in the file. Errors of the device, and of watch.
 */
nodiscard enum status dump_window_view(struct dump_window *window, uint64_t offset, uint32_t bytes,
				       const uint8_t **view_out);
