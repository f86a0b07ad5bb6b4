/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a core one page after the other, with many writes in flight: what follows each other in memory and on the
 * disk is joined into one scatter-gather request.
 */
#pragma once

#include "image/core.h"
#include "include/block.h"

#define WRITE_QUEUE_REQUESTS_MAX 64
#define WRITE_QUEUE_SEGMENTS_MAX 256

struct write_queue {
	struct block_device *device;
	uint64_t start_lba; /* of the target's partition */
	uint32_t sectors_per_page;
	uint32_t depth;
	uint32_t segments_max;
	uint32_t pages_max;                        /* in one request */
	const struct core_anchor *anchor;          /* the places */
	uint64_t next_page;                        /* of the core: the next page that is added goes there */
	uint64_t firsts[WRITE_QUEUE_REQUESTS_MAX]; /* first core page of each request in flight; UINT64_MAX: free */
	uint32_t in_flight;
	enum status failure; /* the first error of any request */

	/* The request being built. */
	struct block_segment segments[WRITE_QUEUE_SEGMENTS_MAX];
	uint32_t segment_count;
	uint64_t build_page; /* of the core */
	uint64_t build_target;
	uint64_t build_pages; /* 0: none */
	uint64_t build_room;  /* pages that follow on the disk */
};

/* first_page: of the core. anchor is kept. */
void write_queue_init(struct write_queue *queue, struct block_device *device, uint64_t start_lba,
		      const struct core_anchor *anchor, uint64_t first_page);

/*
 * The next pages of the core, in frames that lie side by side below the device's dma_limit and stay as they are until
 * they are written. Waits while the device takes no more. STATUS_NO_MEMORY: the target is full. The device's errors.
 */
nodiscard enum status write_queue_add(struct write_queue *queue, struct paddr pages, uint64_t count);

/* Waits until all pages of the core below `end`, which were added, are written. */
nodiscard enum status write_queue_wait(struct write_queue *queue, uint64_t end);

/* Waits until nothing is in flight any more, whatever became of it; what is being built is sent or, after an error,
 * dropped. */
nodiscard enum status write_queue_finish(struct write_queue *queue);
