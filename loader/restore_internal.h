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

	struct swsusp_read pending; /* wanted, aimed, but not yet in the queue */
	struct pfn pending_frame;   /* of a plain page: where it goes */
	bool has_pending;
	enum swsusp_read_kind control_kind; /* of the control read under way */
	bool ended;                         /* the reader has handed out everything */

	struct page *control;    /* the control page under way */
	uint64_t *pfns;          /* one decoded page of the PFN list */
	struct pfn *ring_frames; /* by place in the ring: where a plain page beyond the device's reach goes */
	struct pfn data_cursor;  /* behind the last frame with data that was placed */
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

/* The control page arrived. */
nodiscard enum status restore_take_control(struct restore *restore);

/* Takes what is ready in the ring, at most one chunk's worth; *progress_out: whether there was anything. */
nodiscard enum status restore_take_ring(struct restore *restore, bool *progress_out);

/* The frame where the next page with data goes. */
nodiscard enum status restore_place_next(struct restore *restore, struct pfn *frame_out);
