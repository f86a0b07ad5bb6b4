/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a restore, shared by the loop (restore.c) and what it does with pages that arrived (restore_pages.c).
 */
#pragma once

#include "image/swsusp.h"
#include "loader/read_queue.h"
#include "loader/restore.h"

struct restore {
	const struct restore_job *job;
	struct swsusp_reader reader;
	struct read_queue queue;
	struct placement placement;
	struct sealed_plan *plan;

	struct swsusp_read pending; /* wanted, but not yet in the queue: its pages that are left */
	struct pfn pending_frame;   /* of plain pages: where the next ones go, wanted already or not */
	uint64_t pending_frames;    /* so many of them */
	struct swsusp_read control; /* the map or information page that is waited for */
	bool has_control;
	struct swsusp_read held_map; /* wanted, but held back: the next control page */
	bool holds_map;
	uint64_t last_map_page; /* device page of the map before */
	bool ended;             /* the reader has handed out everything */

	uint64_t *pfns;             /* one decoded page of the PFN list */
	const uint8_t *ring_window; /* the ring, twice in a row */
	struct pfn *ring_frames;    /* by place in the ring: where a plain page beyond the device's reach goes */
	struct pfn data_cursor;     /* behind the last frame with data that was placed */
	uint64_t data_placed;

	uint64_t unpacked_pages; /* compressed: of the stream, information page not counted */
	struct page *bounce;     /* one unpacked chunk that holds pages of the PFN list */
	uint32_t crc32;

	struct restore_result *result;
	const char **reason;
};

/* Returns status with a reason in plain words. */
enum status restore_refuse(struct restore *restore, enum status status, const char *reason);

/* Returns status; the reader's own reason if it is an error. */
enum status restore_reader_status(struct restore *restore, enum status status);

/* The map or information page arrived. */
nodiscard enum status restore_take_control(struct restore *restore, const struct page *page);

/* Takes what is ready in the ring, at most one chunk's worth; *progress_out: whether there was anything. */
nodiscard enum status restore_take_ring(struct restore *restore, bool *progress_out);

/* The frames where the next pages with data go: *count_out of them, 1 to most, one after the other. */
nodiscard enum status restore_place_next(struct restore *restore, uint64_t most, struct pfn *frame_out,
					 uint64_t *count_out);
