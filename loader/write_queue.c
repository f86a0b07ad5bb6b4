/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's pages on their way to the disk.
 */
#include "loader/write_queue.h"

#include "lib/string.h"

#define COMPLETIONS 16
#define FREE        UINT64_MAX

void write_queue_init(struct write_queue *queue, struct block_device *device, uint64_t start_lba,
		      const struct core_anchor *anchor, uint64_t first_page)
{
	const struct block_identity *identity = &device->identity;

	memset(queue, 0, sizeof(*queue));
	queue->device = device;
	queue->start_lba = start_lba;
	queue->sectors_per_page = PAGE_BYTES / identity->sector_bytes;
	queue->depth = (uint32_t)min_u64(identity->queue_depth, WRITE_QUEUE_REQUESTS_MAX);
	queue->segments_max = (uint32_t)min_u64(identity->max_segments, WRITE_QUEUE_SEGMENTS_MAX);
	queue->pages_max = (uint32_t)min_u64(identity->max_transfer_bytes / PAGE_BYTES, queue->segments_max);
	queue->anchor = anchor;
	queue->next_page = first_page;
	for (uint32_t i = 0; i < WRITE_QUEUE_REQUESTS_MAX; i++)
		queue->firsts[i] = FREE;
}

static enum status collect(struct write_queue *queue)
{
	struct block_completion completions[COMPLETIONS];
	uint32_t count;

	queue->device->ops->poll(queue->device, completions, COMPLETIONS, &count);
	for (uint32_t i = 0; i < count; i++) {
		queue->in_flight--;
		queue->firsts[completions[i].tag] = FREE;
		if (queue->failure == STATUS_OK)
			queue->failure = completions[i].status;
	}
	return queue->failure;
}

static uint32_t free_slot(const struct write_queue *queue)
{
	uint32_t slot = 0;

	while (queue->firsts[slot] != FREE)
		slot++;
	return slot;
}

/* Sends what is being built, as soon as the device takes it. */
static enum status send(struct write_queue *queue)
{
	const struct lba lba = {queue->start_lba + queue->build_target * queue->sectors_per_page};
	enum status status = STATUS_AGAIN;
	uint32_t slot = 0;

	if (queue->build_pages == 0)
		return queue->failure;
	while (status == STATUS_AGAIN) {
		TRY(collect(queue));
		if (queue->in_flight >= queue->depth)
			continue;
		slot = free_slot(queue);
		status = queue->device->ops->submit_write(queue->device, queue->segments, queue->segment_count, lba,
							  slot);
	}
	if (status != STATUS_OK) {
		queue->failure = status;
		return status;
	}
	queue->firsts[slot] = queue->build_page;
	queue->in_flight++;
	queue->build_pages = 0;
	queue->segment_count = 0;
	return STATUS_OK;
}

/* Room for one page at least in the request being built; *room_out: how many, if they lie side by side. */
static enum status make_room(struct write_queue *queue, struct paddr pages, uint64_t *room_out)
{
	const struct block_segment *last = queue->segment_count ? &queue->segments[queue->segment_count - 1] : NULL;
	const bool extends = last && last->address.value + last->bytes == pages.value;

	if (queue->build_pages > 0 && (queue->build_room == 0 || queue->build_pages == queue->pages_max ||
				       (queue->segment_count == queue->segments_max && !extends)))
		TRY(send(queue));
	if (queue->build_pages == 0) {
		queue->build_page = queue->next_page;
		if (!core_extents_find(queue->anchor, queue->next_page, &queue->build_target, &queue->build_room))
			return STATUS_NO_MEMORY;
	}
	*room_out = min_u64(queue->build_room, queue->pages_max - queue->build_pages);
	return STATUS_OK;
}

static void append(struct write_queue *queue, struct paddr pages, uint64_t count)
{
	const uint32_t bytes = (uint32_t)(count * PAGE_BYTES);
	struct block_segment *last = queue->segment_count ? &queue->segments[queue->segment_count - 1] : NULL;

	if (last && last->address.value + last->bytes == pages.value)
		last->bytes += bytes;
	else
		queue->segments[queue->segment_count++] = (struct block_segment){pages, bytes};
	queue->build_pages += count;
	queue->build_room -= count;
	queue->next_page += count;
}

enum status write_queue_add(struct write_queue *queue, struct paddr pages, uint64_t count)
{
	while (count > 0) {
		uint64_t part;

		TRY(make_room(queue, pages, &part));
		part = min_u64(part, count);
		append(queue, pages, part);
		pages.value += part * PAGE_BYTES;
		count -= part;
	}
	return STATUS_OK;
}

/* The first page of the core that is not written yet. */
static uint64_t written_until(const struct write_queue *queue)
{
	uint64_t first = queue->build_pages > 0 ? queue->build_page : queue->next_page;

	for (uint32_t i = 0; i < WRITE_QUEUE_REQUESTS_MAX; i++)
		first = min_u64(first, queue->firsts[i]);
	return first;
}

enum status write_queue_wait(struct write_queue *queue, uint64_t end)
{
	if (queue->build_pages > 0 && queue->build_page < end)
		TRY(send(queue));
	while (written_until(queue) < end)
		TRY(collect(queue));
	return queue->failure;
}

enum status write_queue_finish(struct write_queue *queue)
{
	ignore_status(send(queue));
	while (queue->in_flight > 0)
		ignore_status(collect(queue));
	queue->build_pages = 0;
	queue->segment_count = 0;
	return queue->failure;
}
