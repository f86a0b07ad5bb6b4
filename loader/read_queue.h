/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many page reads in flight: pages that follow each other on the disk are joined into one scatter-gather request.
 *
 * Three kinds of reads share the queue. Frame reads go to frames of the caller's choice and complete in any order. Ring
 * reads go to consecutive places of a ring in the arena and become ready in the order in which they were added. A
 * control read brings one page, which the caller names when it asks whether it is there; it may be a guess, whose error
 * does not matter until it is asked for. Where small requests are dear, a control page joins the pages in front of it
 * on the disk: it is read into memory that is filled next, and taken from there before that.
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
	uint64_t frames_start; /* frame reads: pages added before it */
	uint64_t ring_end;     /* ring reads: pages added up to and with this request */
	uint32_t control;      /* control reads, and where a page joined: which */
	struct paddr joined;   /* where that page was read to; 0: none joined */
};

#define READ_QUEUE_CONTROLS 12

enum read_control_state { READ_CONTROL_FREE, READ_CONTROL_UNDER_WAY, READ_CONTROL_THERE };

struct read_control {
	enum read_control_state state;
	uint64_t device_page;
	enum status status; /* of the read, once it is there */
};

struct read_queue {
	struct block_device *device;
	uint64_t start_lba; /* of device page 0 */
	uint32_t sectors_per_page;
	uint32_t depth;          /* requests in flight at most */
	uint32_t pages_max;      /* pages in one frame request */
	uint32_t segments_max;   /* and segments */
	uint32_t ring_pages_max; /* pages in one ring request */

	struct page *ring;   /* ring_pages pages, identity mapped; also twice in a row in a window */
	uint64_t ring_pages; /* a power of two */
	uint64_t ring_added; /* counts of pages since the start */
	uint64_t ring_ready;
	uint64_t ring_consumed;

	struct read_request requests[READ_QUEUE_REQUESTS_MAX];
	uint32_t order[READ_QUEUE_REQUESTS_MAX]; /* ring requests, oldest first: a ring of slot numbers */
	uint64_t order_head, order_tail;
	uint32_t in_flight;
	uint64_t bytes_submitted;
	uint64_t frames_added; /* pages of frame reads since the start */
	enum status failure;   /* the first error of any request: nothing becomes ready any more */

	/* The request being built. */
	struct block_segment segments[READ_QUEUE_SEGMENTS_MAX];
	uint32_t segment_count;
	uint64_t build_page;  /* device page of its first page */
	uint32_t build_pages; /* 0: none */
	enum read_kind build_kind;
	uint64_t build_frames_start;
	uint32_t build_control;
	struct paddr build_joined;
	bool waits_for_joined; /* nothing is added until the page that joined has been taken to its place */

	struct read_control controls[READ_QUEUE_CONTROLS];
	struct page *control_pages; /* one for each */
};

/*
 * device_pages start at start_lba. The ring takes up to ring_pages_wanted pages (a power of two), fewer (at least 128)
 * where that is more than a third of what is free in the arena: others need room, too. STATUS_NO_MEMORY.
 */
nodiscard enum status read_queue_init(struct read_queue *queue, struct block_device *device, uint64_t start_lba,
				      uint64_t ring_pages_wanted, struct arena *arena);

/*
 * Adds reads of *count device pages into as much memory below the device's dma_limit, and takes from *count those that
 * were added. STATUS_AGAIN: no room for the rest, poll and try again. Other errors are the device's.
 */
nodiscard enum status read_queue_add_frames(struct read_queue *queue, uint64_t device_page, struct paddr destination,
					    uint64_t *count);

/* A read of one page into the next place of the ring. STATUS_AGAIN also when the ring is full. */
nodiscard enum status read_queue_add_ring(struct read_queue *queue, uint64_t device_page);

/*
 * Sees to it that a control page is under way. STATUS_AGAIN: too many are; poll and try again. A page that was wanted
 * and not taken may be forgotten.
 */
nodiscard enum status read_queue_want_control(struct read_queue *queue, uint64_t device_page);

/*
 * Makes a control page the last one of the request that is being built, if it follows that one's pages on the disk, and
 * the place where they go on in memory follows, too: next_frame for frame reads (nothing must be read there meanwhile),
 * the ring's next place. Until it is there, nothing can be added (STATUS_AGAIN). False: not joined; want it instead.
 */
nodiscard bool read_queue_join_control(struct read_queue *queue, uint64_t device_page, struct paddr next_frame);

/* As read_queue_want_control for a page that may be wanted soon; nothing is forgotten for it. */
void read_queue_guess_control(struct read_queue *queue, uint64_t device_page);

/*
 * A control page that was wanted: STATUS_OK: *page_out has it until the next control read is added. STATUS_AGAIN: it is
 * not there yet. Otherwise it can't be read.
 */
nodiscard enum status read_queue_take_control(struct read_queue *queue, uint64_t device_page,
					      const struct page **page_out);

/* How many pages of frame reads, in the order in which they were added, are all there. */
uint64_t read_queue_frames_there(const struct read_queue *queue);

/*
 * True while what is being built may wait for more pages: the ring has no room for them yet, and so much of it is there
 * or under way that nobody has to wait. Else a device that is quicker than its reader would get many small requests.
 */
bool read_queue_can_grow(const struct read_queue *queue);

/* Sends what is being built. STATUS_AGAIN: the device takes no more now. */
nodiscard enum status read_queue_flush(struct read_queue *queue);

/* Collects completions. The first error of a request, control reads apart, is returned, now and later; drain waits for
 * the others. */
nodiscard enum status read_queue_poll(struct read_queue *queue);

/*
 * The same while somebody thinks (struct restore_watch's idle): what is in flight arrives, and no driver takes it for
 * late. An error is that of the next poll.
 */
void read_queue_collect(void *queue);

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
