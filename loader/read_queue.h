/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many page reads in flight: pages that follow each other on the disk are joined into one scatter-gather request.
 *
 * Three kinds of reads share the queue. Frame reads go to frames of the caller's choice and complete in any order. Ring
 * reads go to consecutive places of a ring in the arena and become ready in the order in which they were added. A
 * control read brings one page that the caller waits for by asking; only one is under way at a time.
 */
#pragma once

#include "include/block.h"
#include "mm/arena.h"

#define READ_QUEUE_REQUESTS_MAX 64
#define READ_QUEUE_SEGMENTS_MAX 256

enum read_kind { READ_FRAME, READ_RING, READ_CONTROL };

struct read_request {
	bool active;
	bool done; /* completed, but earlier ring requests are not */
	enum read_kind kind;
	uint64_t ring_end; /* ring reads: pages added up to and with this request */
};

struct read_queue {
	struct block_device *device;
	uint64_t start_lba; /* of device page 0 */
	uint32_t sectors_per_page;
	uint32_t depth;          /* requests in flight at most */
	uint32_t pages_max;      /* pages in one frame request */
	uint32_t ring_pages_max; /* pages in one ring request */

	struct page *ring;   /* ring_pages pages, identity mapped; also twice in a row at RING_WINDOW */
	uint64_t ring_pages; /* a power of two */
	uint64_t ring_added; /* counts of pages since the start */
	uint64_t ring_ready;
	uint64_t ring_consumed;

	struct read_request requests[READ_QUEUE_REQUESTS_MAX];
	uint32_t order[READ_QUEUE_REQUESTS_MAX]; /* ring requests, oldest first: a ring of slot numbers */
	uint64_t order_head, order_tail;
	uint32_t in_flight;
	uint64_t bytes_submitted;
	enum status failure; /* the first error of any request: nothing becomes ready any more */

	/* The request being built. */
	struct block_segment segments[READ_QUEUE_SEGMENTS_MAX];
	uint32_t segment_count;
	uint64_t build_page;  /* device page of its first page */
	uint32_t build_pages; /* 0: none */
	enum read_kind build_kind;
	bool control_busy;
	bool control_ready;
};

/*
 * device_pages start at start_lba. The ring takes up to ring_pages_wanted pages (a power of two), fewer (at least 128)
 * where that is more than a third of what is free in the arena: others need room, too. STATUS_NO_MEMORY.
 */
nodiscard enum status read_queue_init(struct read_queue *queue, struct block_device *device, uint64_t start_lba,
				      uint64_t ring_pages_wanted, struct arena *arena);

/*
 * Adds a read of one device page into memory below the device's dma_limit. STATUS_AGAIN: no room, poll and try again.
 * Other errors are the device's.
 */
nodiscard enum status read_queue_add_frame(struct read_queue *queue, uint64_t device_page, struct paddr destination);

/* The same into the next place of the ring. STATUS_AGAIN also when the ring is full. */
nodiscard enum status read_queue_add_ring(struct read_queue *queue, uint64_t device_page);

/* The same for a control page; it is sent at once. STATUS_AGAIN also while the last one was not taken. */
nodiscard enum status read_queue_add_control(struct read_queue *queue, uint64_t device_page, struct page *page);

/* True once for each control read: it is complete. */
bool read_queue_take_control(struct read_queue *queue);

/* Sends what is being built. STATUS_AGAIN: the device takes no more now. */
nodiscard enum status read_queue_flush(struct read_queue *queue);

/* Collects completions. The first error of any request is returned, now and later; drain waits for the others. */
nodiscard enum status read_queue_poll(struct read_queue *queue);

/* Waits until nothing is in flight, drops what is being built. Bounded by the driver's own time-outs. */
void read_queue_drain(struct read_queue *queue);

/* Pages of the ring that are ready and not consumed. */
static inline uint64_t read_queue_ready(const struct read_queue *queue)
{
	return queue->ring_ready - queue->ring_consumed;
}

/* The place in the ring of the page with this count. */
static inline uint64_t read_queue_place(const struct read_queue *queue, uint64_t count)
{
	return count & (queue->ring_pages - 1);
}
