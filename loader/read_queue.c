/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of page reads.
 */
#include "loader/read_queue.h"

#define RING_PAGES_MIN 128
#define ARENA_SHARE    3  /* the ring takes at most so large a part of what is free in the arena */
#define RING_SHARE     16 /* a ring request takes at most so large a part of the ring */
#define COMPLETIONS    16

enum status read_queue_init(struct read_queue *queue, struct block_device *device, uint64_t start_lba,
			    uint64_t ring_pages_wanted, struct arena *arena)
{
	const struct block_identity *identity = &device->identity;
	void *ring;

	*queue = (struct read_queue){
		.device = device,
		.start_lba = start_lba,
		.sectors_per_page = PAGE_BYTES / identity->sector_bytes,
		.depth = (uint32_t)min_u64(identity->queue_depth, READ_QUEUE_REQUESTS_MAX),
		.ring_pages = ring_pages_wanted,
		.pages_max = (uint32_t)min_u64(identity->max_transfer_bytes / PAGE_BYTES,
					       min_u64(identity->max_segments, READ_QUEUE_SEGMENTS_MAX)),
	};
	while (queue->ring_pages > RING_PAGES_MIN &&
	       queue->ring_pages * PAGE_BYTES > arena_free_bytes(arena) / ARENA_SHARE)
		queue->ring_pages /= 2;
	TRY(arena_alloc(arena, queue->ring_pages * PAGE_BYTES, PAGE_BYTES, &ring));
	queue->ring = ring;
	queue->ring_pages_max =
		(uint32_t)min_u64(identity->max_transfer_bytes / PAGE_BYTES, queue->ring_pages / RING_SHARE);
	return STATUS_OK;
}

static uint32_t free_request(const struct read_queue *queue)
{
	uint32_t slot = 0;

	while (slot < queue->depth && queue->requests[slot].active)
		slot++;
	return slot;
}

enum status read_queue_flush(struct read_queue *queue)
{
	const uint32_t slot = free_request(queue);

	if (!queue->build_pages)
		return STATUS_OK;
	if (slot == queue->depth)
		return STATUS_AGAIN;
	TRY(queue->device->ops->submit_read(
		queue->device, queue->segments, queue->segment_count,
		(struct lba){queue->start_lba + queue->build_page * queue->sectors_per_page}, slot));
	queue->requests[slot] = (struct read_request){
		.active = true,
		.kind = queue->build_kind,
		.ring_end = queue->ring_added,
	};
	if (queue->build_kind == READ_RING)
		queue->order[queue->order_tail++ % READ_QUEUE_REQUESTS_MAX] = slot;
	queue->in_flight++;
	queue->bytes_submitted += (uint64_t)queue->build_pages * PAGE_BYTES;
	queue->build_pages = 0;
	queue->segment_count = 0;
	return STATUS_OK;
}

/* True when the page can join the request being built. */
static bool joins(const struct read_queue *queue, uint64_t device_page, enum read_kind kind)
{
	return queue->build_pages && queue->build_kind == kind && kind != READ_CONTROL &&
	       device_page == queue->build_page + queue->build_pages &&
	       queue->build_pages < (kind == READ_RING ? queue->ring_pages_max : queue->pages_max);
}

static enum status add(struct read_queue *queue, uint64_t device_page, struct paddr destination, enum read_kind kind)
{
	struct block_segment *last = NULL;

	if (!joins(queue, device_page, kind)) {
		TRY(read_queue_flush(queue));
		queue->build_page = device_page;
		queue->build_kind = kind;
	}
	if (queue->segment_count)
		last = &queue->segments[queue->segment_count - 1];
	if (last && last->address.value + last->bytes == destination.value)
		last->bytes += PAGE_BYTES;
	else
		queue->segments[queue->segment_count++] = (struct block_segment){destination, PAGE_BYTES};
	queue->build_pages++;
	return STATUS_OK;
}

enum status read_queue_add_frame(struct read_queue *queue, uint64_t device_page, struct paddr destination)
{
	return add(queue, device_page, destination, READ_FRAME);
}

enum status read_queue_add_ring(struct read_queue *queue, uint64_t device_page)
{
	const struct page *place = &queue->ring[read_queue_place(queue, queue->ring_added)];

	if (queue->ring_added - queue->ring_consumed == queue->ring_pages)
		return STATUS_AGAIN;
	TRY(add(queue, device_page, virt_to_paddr(place), READ_RING));
	queue->ring_added++;
	return STATUS_OK;
}

enum status read_queue_add_control(struct read_queue *queue, uint64_t device_page, struct page *page)
{
	enum status status;

	if (queue->control_busy)
		return STATUS_AGAIN;
	TRY(add(queue, device_page, virt_to_paddr(page), READ_CONTROL));
	queue->control_busy = true;
	status = read_queue_flush(queue);
	return status == STATUS_AGAIN ? STATUS_OK : status;
}

bool read_queue_take_control(struct read_queue *queue)
{
	const bool ready = queue->control_ready;

	queue->control_busy = queue->control_busy && !ready;
	queue->control_ready = false;
	return ready;
}

/* Ring requests become ready in order. */
static void retire_ring(struct read_queue *queue)
{
	while (queue->order_head != queue->order_tail) {
		struct read_request *oldest =
			&queue->requests[queue->order[queue->order_head % READ_QUEUE_REQUESTS_MAX]];

		if (!oldest->done)
			return;
		queue->ring_ready = oldest->ring_end;
		oldest->active = false;
		queue->order_head++;
	}
}

enum status read_queue_poll(struct read_queue *queue)
{
	struct block_completion completions[COMPLETIONS];
	uint32_t count;

	queue->device->ops->poll(queue->device, completions, COMPLETIONS, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct read_request *request = &queue->requests[completions[i].tag];

		queue->in_flight--;
		request->done = true;
		request->active = request->kind == READ_RING;
		queue->control_ready |= request->kind == READ_CONTROL;
		if (queue->failure == STATUS_OK)
			queue->failure = completions[i].status;
	}
	if (queue->failure == STATUS_OK)
		retire_ring(queue);
	return queue->failure;
}

void read_queue_drain(struct read_queue *queue)
{
	queue->build_pages = 0;
	queue->segment_count = 0;
	while (queue->in_flight)
		ignore_status(read_queue_poll(queue));
}
