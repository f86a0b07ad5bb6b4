/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw sequential read through the same queue, and into the same kind of memory, as a restore.
 */
#include "loader/benchmark.h"

#include "drivers/timer.h"
#include "lib/log.h"
#include "loader/memory.h"
#include "loader/read_queue.h"
#include "mm/placement.h"

#define BENCHMARK_PAGES (768 * MIB / PAGE_BYTES)
#define RING_PAGES      128

static enum status find_room(struct placement *placement, const struct boot_info *boot, struct arena *arena)
{
	TRY(placement_init(placement, &boot->memory, arena));
	TRY(memory_keep(boot, placement));
	placement_accept(placement);
	return STATUS_OK;
}

static enum status read_all(struct read_queue *queue, struct placement *placement, uint64_t pages)
{
	enum status status = STATUS_OK;
	struct pfn frame = {0};
	uint64_t left = 0;

	for (uint64_t page = 0; page < pages; page += left == 0) {
		if (left == 0)
			TRY(placement_take_frame(placement, queue->device->identity.dma_limit, &frame));
		left = 1;
		status = read_queue_add_frames(queue, page, pfn_to_paddr(frame), &left);
		if (status == STATUS_AGAIN)
			TRY(read_queue_poll(queue));
		else
			TRY(status);
	}
	do {
		status = read_queue_flush(queue);
		if (status == STATUS_OK || status == STATUS_AGAIN)
			TRY(read_queue_poll(queue));
	} while (status == STATUS_AGAIN || (status == STATUS_OK && queue->in_flight));
	return status;
}

void benchmark_read(const struct found_image *found, const struct boot_info *boot, struct arena *arena)
{
	const uint64_t pages = min_u64(found->device_pages, BENCHMARK_PAGES);
	struct placement *placement;
	struct read_queue *queue;
	enum status status;
	uint64_t start_us;
	void *memory;

	status = arena_alloc(arena, sizeof(*queue) + sizeof(*placement), sizeof(uint64_t), &memory);
	if (status != STATUS_OK)
		return;
	queue = memory;
	placement = (struct placement *)(queue + 1);
	status = find_room(placement, boot, arena);
	if (status == STATUS_OK)
		status = read_queue_init(queue, found->device, found->start_lba, RING_PAGES, arena);
	start_us = timer_now_us();
	if (status == STATUS_OK) {
		status = read_all(queue, placement, pages);
		read_queue_drain(queue);
	}
	log_line("benchmark: %lu bytes raw in %lu us: %s", pages * PAGE_BYTES, timer_now_us() - start_us,
		 status_text(status));
}
