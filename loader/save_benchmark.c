/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw sequential write through the same queue, and from the same kind of memory, as a save.
 */
#include "drivers/timer.h"
#include "lib/log.h"
#include "loader/save_internal.h"

#define START     (16 * MIB)
#define BYTES_MAX (256 * MIB)

static enum status write_all(struct save *save, uint64_t pages)
{
	struct write_queue *queue = &save->queue;

	write_queue_init(queue, save->device, save->start_lba, save->anchor, 0);
	ignore_status(write_queue_add(queue, (struct paddr){START}, pages));
	TRY(write_queue_finish(queue)); /* the first error of all */
	return save->device->ops->flush_sync(save->device);
}

void save_benchmark(struct save *save)
{
	uint64_t bytes = min_u64(BYTES_MAX, save->anchor->target_pages * PAGE_BYTES);
	uint64_t start_us;
	enum status status;

	bytes = min_u64(bytes, save->device->identity.dma_limit - START);
	while (bytes > 0 && !memory_map_covers(&save->map, START, START + bytes, MEMORY_RAM))
		bytes = align_down(bytes / 2, PAGE_BYTES);
	start_us = timer_now_us();
	status = write_all(save, bytes / PAGE_BYTES);
	log_line("benchmark: %lu bytes raw written in %lu us: %s", bytes, timer_now_us() - start_us,
		 status_text(status));
}
