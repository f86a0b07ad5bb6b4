/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw sequential read through the same queue that a restore uses.
 */
#include "loader/benchmark.h"

#include "drivers/timer.h"
#include "lib/log.h"
#include "loader/read_queue.h"

#define BENCHMARK_PAGES (256 * MIB / PAGE_BYTES)
#define BUFFER_PAGES    1024 /* overwritten again and again */
#define RING_PAGES      128

static enum status read_all(struct read_queue *queue, struct page *buffer, uint64_t pages)
{
	for (uint64_t page = 0; page < pages;) {
		const enum status status =
			read_queue_add_frame(queue, page, virt_to_paddr(&buffer[page % BUFFER_PAGES]));

		if (status == STATUS_OK)
			page++;
		else if (status != STATUS_AGAIN)
			return status;
		if (status == STATUS_AGAIN || page == pages)
			TRY(read_queue_poll(queue));
	}
	for (;;) {
		const enum status status = read_queue_flush(queue);

		if (status == STATUS_OK && !queue->in_flight)
			return STATUS_OK;
		if (status != STATUS_OK && status != STATUS_AGAIN)
			return status;
		TRY(read_queue_poll(queue));
	}
}

void benchmark_read(const struct found_image *found, struct arena *arena)
{
	const uint64_t pages = min_u64(found->device_pages, BENCHMARK_PAGES);
	const size_t mark = arena_mark(arena);
	uint64_t start_us;
	enum status status;
	void *queue;
	void *buffer;

	status = arena_alloc(arena, sizeof(struct read_queue), sizeof(uint64_t), &queue);
	if (status == STATUS_OK)
		status = arena_alloc(arena, BUFFER_PAGES * (size_t)PAGE_BYTES, PAGE_BYTES, &buffer);
	if (status == STATUS_OK)
		status = read_queue_init(queue, found->device, found->start_lba, RING_PAGES, arena);
	if (status == STATUS_OK) {
		start_us = timer_now_us();
		status = read_all(queue, buffer, pages);
		log_line("benchmark: %lu bytes raw in %lu us: %s", pages * PAGE_BYTES, timer_now_us() - start_us,
			 status_text(status));
		read_queue_drain(queue);
	}
	arena_rewind(arena, mark);
}
