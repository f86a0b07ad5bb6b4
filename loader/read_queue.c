/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of page reads.
 */
#include "loader/read_queue.h"

#include "lib/string.h"

#define RING_PAGES_MIN 128
#define ARENA_SHARE    3 /* the ring takes at most so large a part of what is free in the arena */
/* A ring request takes at most so large a part of the ring: a smaller one where more of them are in flight. */
#define RING_SHARE_MIN 2
#define RING_SHARE_MAX 16
#define COMPLETIONS    16

enum status read_queue_init(struct read_queue *queue, struct block_device *device, uint64_t start_lba,
			    uint64_t ring_pages_wanted, struct arena *arena)
{
	const struct block_identity *identity = &device->identity;
	void *controls;
	void *ring;

	*queue = (struct read_queue){
		.device = device,
		.start_lba = start_lba,
		.sectors_per_page = PAGE_BYTES / identity->sector_bytes,
		.depth = (uint32_t)min_u64(identity->queue_depth, READ_QUEUE_REQUESTS_MAX),
		.ring_pages = ring_pages_wanted,
		.pages_max = identity->max_transfer_bytes / PAGE_BYTES,
		.segments_max = (uint32_t)min_u64(identity->max_segments, READ_QUEUE_SEGMENTS_MAX),
	};
	while (queue->ring_pages > RING_PAGES_MIN &&
	       queue->ring_pages * PAGE_BYTES > arena_free_bytes(arena) / ARENA_SHARE)
		queue->ring_pages /= 2;
	TRY(arena_alloc(arena, sizeof(struct page) * READ_QUEUE_CONTROLS, PAGE_BYTES, &controls));
	queue->control_pages = controls;
	TRY(arena_alloc(arena, queue->ring_pages * PAGE_BYTES, PAGE_BYTES, &ring));
	queue->ring = ring;
	queue->ring_pages_max =
		(uint32_t)min_u64(identity->max_transfer_bytes / PAGE_BYTES,
				  queue->ring_pages / min_u64(max_u64(queue->depth, RING_SHARE_MIN), RING_SHARE_MAX));
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
		.frames_start = queue->build_frames_start,
		.ring_end = queue->ring_added,
		.control = queue->build_control,
		.joined = queue->build_joined,
	};
	if (queue->build_kind == READ_RING)
		queue->order[queue->order_tail++ % READ_QUEUE_REQUESTS_MAX] = slot;
	queue->in_flight++;
	queue->bytes_submitted += (uint64_t)queue->build_pages * PAGE_BYTES;
	queue->build_pages = 0;
	queue->segment_count = 0;
	queue->build_joined.value = 0;
	return STATUS_OK;
}

bool read_queue_can_grow(const struct read_queue *queue)
{
	const uint64_t taken = queue->ring_added - queue->ring_consumed;

	return queue->build_pages && queue->build_kind == READ_RING && taken == queue->ring_pages &&
	       taken - queue->build_pages >= queue->ring_pages / 2;
}

/* True when memory at the destination goes on where the last segment of the request being built ends. */
static bool extends_last(const struct read_queue *queue, struct paddr destination)
{
	const struct block_segment *last;

	if (queue->segment_count == 0)
		return false;
	last = &queue->segments[queue->segment_count - 1];
	return last->address.value + last->bytes == destination.value;
}

/* True when the page can join the request being built. */
static bool joins(const struct read_queue *queue, uint64_t device_page, struct paddr destination, enum read_kind kind)
{
	return queue->build_pages && queue->build_kind == kind && kind != READ_CONTROL &&
	       device_page == queue->build_page + queue->build_pages &&
	       queue->build_pages < (kind == READ_RING ? queue->ring_pages_max : queue->pages_max) &&
	       (queue->segment_count < queue->segments_max || extends_last(queue, destination));
}

/* Makes room for a page in the request being built; *room_out: how many it can take, if they lie side by side. */
static enum status begin(struct read_queue *queue, uint64_t device_page, struct paddr destination, enum read_kind kind,
			 uint64_t *room_out)
{
	if (!joins(queue, device_page, destination, kind)) {
		TRY(read_queue_flush(queue));
		queue->build_page = device_page;
		queue->build_kind = kind;
		queue->build_frames_start = queue->frames_added;
	}
	*room_out = (kind == READ_RING ? queue->ring_pages_max : queue->pages_max) - queue->build_pages;
	return STATUS_OK;
}

static void append(struct read_queue *queue, struct paddr destination, uint64_t pages)
{
	const uint32_t bytes = (uint32_t)(pages * PAGE_BYTES);

	if (extends_last(queue, destination))
		queue->segments[queue->segment_count - 1].bytes += bytes;
	else
		queue->segments[queue->segment_count++] = (struct block_segment){destination, bytes};
	queue->build_pages += (uint32_t)pages;
}

static enum status add_page(struct read_queue *queue, uint64_t device_page, struct paddr destination,
			    enum read_kind kind)
{
	uint64_t room;

	TRY(begin(queue, device_page, destination, kind, &room));
	append(queue, destination, 1);
	return STATUS_OK;
}

enum status read_queue_add_frames(struct read_queue *queue, uint64_t device_page, struct paddr destination,
				  uint64_t *count)
{
	while (*count > 0) {
		uint64_t part;

		if (queue->waits_for_joined)
			return STATUS_AGAIN;
		TRY(begin(queue, device_page, destination, READ_FRAME, &part));
		part = min_u64(part, *count);
		append(queue, destination, part);
		queue->frames_added += part;
		device_page += part;
		destination.value += part * PAGE_BYTES;
		*count -= part;
	}
	return STATUS_OK;
}

uint64_t read_queue_frames_there(const struct read_queue *queue)
{
	uint64_t there = queue->frames_added;

	if (queue->build_pages && queue->build_kind == READ_FRAME)
		there = queue->build_frames_start;
	for (uint32_t i = 0; i < READ_QUEUE_REQUESTS_MAX; i++)
		if (queue->requests[i].active && queue->requests[i].kind == READ_FRAME)
			there = min_u64(there, queue->requests[i].frames_start);
	return there;
}

static bool ring_is_full(const struct read_queue *queue)
{
	return queue->ring_added - queue->ring_consumed == queue->ring_pages;
}

static struct paddr ring_next(const struct read_queue *queue)
{
	return virt_to_paddr(&queue->ring[read_queue_place(queue, queue->ring_added)]);
}

enum status read_queue_add_ring(struct read_queue *queue, uint64_t device_page)
{
	const struct paddr place = ring_next(queue);

	if (ring_is_full(queue) || queue->waits_for_joined)
		return STATUS_AGAIN;
	TRY(add_page(queue, device_page, place, READ_RING));
	queue->ring_added++;
	return STATUS_OK;
}

static struct read_control *control_find(struct read_queue *queue, uint64_t device_page)
{
	for (uint32_t i = 0; i < READ_QUEUE_CONTROLS; i++)
		if (queue->controls[i].state != READ_CONTROL_FREE && queue->controls[i].device_page == device_page)
			return &queue->controls[i];
	return NULL;
}

static struct read_control *control_in_state(struct read_queue *queue, enum read_control_state state)
{
	for (uint32_t i = 0; i < READ_QUEUE_CONTROLS; i++)
		if (queue->controls[i].state == state)
			return &queue->controls[i];
	return NULL;
}

/* A place for a page that is wanted: one that is free, or that of a page nobody took. NULL: all are under way. */
static struct read_control *control_place(struct read_queue *queue)
{
	struct read_control *control = control_in_state(queue, READ_CONTROL_FREE);

	return control ? control : control_in_state(queue, READ_CONTROL_THERE);
}

static enum status control_add(struct read_queue *queue, uint64_t device_page, struct read_control *control)
{
	const uint32_t index = (uint32_t)(control - queue->controls);
	enum status status;

	TRY(add_page(queue, device_page, virt_to_paddr(&queue->control_pages[index]), READ_CONTROL));
	queue->build_control = index;
	*control = (struct read_control){.state = READ_CONTROL_UNDER_WAY, .device_page = device_page};
	status = read_queue_flush(queue);
	return status == STATUS_AGAIN ? STATUS_OK : status;
}

enum status read_queue_want_control(struct read_queue *queue, uint64_t device_page)
{
	struct read_control *control;

	if (control_find(queue, device_page))
		return STATUS_OK;
	control = control_place(queue);
	return control ? control_add(queue, device_page, control) : STATUS_AGAIN;
}

bool read_queue_join_control(struct read_queue *queue, uint64_t device_page, struct paddr next_frame)
{
	struct read_control *control = control_place(queue);
	struct paddr place = next_frame;

	if (queue->build_kind == READ_RING)
		place = ring_next(queue);
	if (!control || control_find(queue, device_page) || queue->waits_for_joined ||
	    (queue->build_kind == READ_RING && ring_is_full(queue)) ||
	    !joins(queue, device_page, place, queue->build_kind) || !extends_last(queue, place))
		return false;
	append(queue, place, 1);
	*control = (struct read_control){.state = READ_CONTROL_UNDER_WAY, .device_page = device_page};
	queue->build_control = (uint32_t)(control - queue->controls);
	queue->build_joined = place;
	queue->waits_for_joined = true;
	return true;
}

void read_queue_guess_control(struct read_queue *queue, uint64_t device_page)
{
	struct read_control *control = control_in_state(queue, READ_CONTROL_FREE);

	if (control && !control_find(queue, device_page))
		ignore_status(control_add(queue, device_page, control));
}

enum status read_queue_take_control(struct read_queue *queue, uint64_t device_page, const struct page **page_out)
{
	struct read_control *control = control_find(queue, device_page);

	if (!control || control->state != READ_CONTROL_THERE)
		return STATUS_AGAIN;
	control->state = READ_CONTROL_FREE;
	TRY(control->status);
	*page_out = &queue->control_pages[control - queue->controls];
	return STATUS_OK;
}

static void joined_arrived(struct read_queue *queue, const struct read_request *request)
{
	memcpy(&queue->control_pages[request->control], paddr_to_virt(request->joined), PAGE_BYTES);
	queue->waits_for_joined = false;
}

static void control_arrived(struct read_control *control, enum status status)
{
	control->state = READ_CONTROL_THERE;
	control->status = status;
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
		if (request->joined.value)
			joined_arrived(queue, request);
		if (request->kind == READ_CONTROL || request->joined.value)
			control_arrived(&queue->controls[request->control], completions[i].status);
		if (request->kind != READ_CONTROL && queue->failure == STATUS_OK)
			queue->failure = completions[i].status;
	}
	if (queue->failure == STATUS_OK)
		retire_ring(queue);
	return queue->failure;
}

void read_queue_collect(void *queue)
{
	ignore_status(read_queue_poll(queue));
}

void read_queue_drain(struct read_queue *queue)
{
	queue->build_pages = 0;
	queue->segment_count = 0;
	queue->build_joined.value = 0;
	while (queue->in_flight)
		ignore_status(read_queue_poll(queue));
	queue->waits_for_joined = false;
}
