/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of pages: one loop keeps the disk busy, supplies what the image reader must see, and takes what is ready.
 * Nothing waits but the loop itself, and that only for the disk.
 */
#include "loader/restore.h"

#include "drivers/timer.h"
#include "lib/log.h"
#include "loader/memory.h"
#include "loader/restore_internal.h"

#define RING_PAGES       1024
#define MARK_BLOCK_PAGES 32768
#define RESERVATION_END  (16 * MIB) /* linker.ld */

static struct page *next_mark_block(void *context)
{
	void *block;

	return arena_alloc(context, PAGE_BYTES, PAGE_BYTES, &block) == STATUS_OK ? block : NULL;
}

/* What must stay until the jump: low memory and Thaw's own place, and the modules. */
static enum status keep_ranges(struct restore *restore)
{
	const struct boot_info *boot = restore->job->boot;

	TRY(placement_keep(&restore->placement, 0, RESERVATION_END));
	for (uint32_t i = 0; i < boot->module_count; i++)
		TRY(placement_keep(&restore->placement, boot->modules[i].start, boot->modules[i].end));
	return STATUS_OK;
}

static enum status prepare(struct restore *restore)
{
	const struct found_image *found = restore->job->found;
	struct arena *arena = restore->job->arena;
	struct swsusp_page_marks marks = {.next_block = next_mark_block, .context = arena};
	void *memory;

	TRY(placement_init(&restore->placement, &restore->job->boot->memory, arena));
	TRY(keep_ranges(restore));
	marks.directory_entries = div_round_up(found->device_pages, MARK_BLOCK_PAGES);
	TRY(arena_alloc(arena, marks.directory_entries * sizeof(struct page *), sizeof(void *), &memory));
	marks.directory = memory;
	TRY(arena_alloc(arena, PAGE_BYTES, PAGE_BYTES, &memory));
	restore->control = memory;
	TRY(arena_alloc(arena, SWSUSP_PFNS_PER_PAGE * sizeof(uint64_t), PAGE_BYTES, &memory));
	restore->pfns = memory;
	TRY(arena_alloc(arena, SWSUSP_CHUNK_PAGES * (size_t)PAGE_BYTES, PAGE_BYTES, &memory));
	restore->bounce = memory;
	TRY(read_queue_init(&restore->queue, found->device, found->start_lba, RING_PAGES, arena));
	TRY(memory_ring_map(virt_to_paddr(restore->queue.ring), (uint32_t)restore->queue.ring_pages));
	TRY(arena_alloc(arena, restore->queue.ring_pages * sizeof(struct pfn), sizeof(uint64_t), &memory));
	restore->ring_frames = memory;
	return restore_reader_status(
		restore, swsusp_open(&restore->reader, &found->header, found->header_page, found->device_pages, marks));
}

/* The next wanted page, with its destination. STATUS_AGAIN: nothing is wanted now. */
static enum status next_pending(struct restore *restore)
{
	const enum status status =
		restore_reader_status(restore, swsusp_next_read(&restore->reader, &restore->pending));

	if (status == STATUS_END) {
		restore->ended = true;
		return STATUS_AGAIN;
	}
	TRY(status);
	if (restore->pending.kind == SWSUSP_READ_DATA)
		TRY(restore_place_next(restore, &restore->pending_frame));
	restore->has_pending = true;
	return STATUS_OK;
}

static enum status queue_pending(struct restore *restore)
{
	struct read_queue *queue = &restore->queue;
	const uint64_t device_page = restore->pending.device_page;
	const struct paddr frame = pfn_to_paddr(restore->pending_frame);

	switch (restore->pending.kind) {
	case SWSUSP_READ_MAP:
	case SWSUSP_READ_INFO:
		TRY(read_queue_add_control(queue, device_page, restore->control));
		restore->control_kind = restore->pending.kind;
		return STATUS_OK;
	case SWSUSP_READ_DATA:
		if (frame.value + PAGE_BYTES <= queue->device->identity.dma_limit)
			return read_queue_add_frame(queue, device_page, frame);
		TRY(read_queue_add_ring(queue, device_page));
		restore->ring_frames[read_queue_place(queue, queue->ring_added - 1)] = restore->pending_frame;
		return STATUS_OK;
	case SWSUSP_READ_PFNS:
	case SWSUSP_READ_CHUNK:
		return read_queue_add_ring(queue, device_page);
	}
	return STATUS_INVALID;
}

/* Keeps the disk busy until it takes no more or nothing more is wanted. */
static enum status fill(struct restore *restore)
{
	enum status status = STATUS_OK;

	while (status == STATUS_OK) {
		if (!restore->has_pending)
			status = next_pending(restore);
		if (status == STATUS_OK)
			status = queue_pending(restore);
		if (status == STATUS_OK)
			restore->has_pending = false;
	}
	if (status != STATUS_AGAIN)
		return status;
	/* Nothing more can join what is being built, unless only the queue's depth is in the way. */
	status = read_queue_flush(&restore->queue);
	return status == STATUS_AGAIN ? STATUS_OK : status;
}

static bool finished(const struct restore *restore)
{
	const struct read_queue *queue = &restore->queue;

	return restore->ended && !restore->has_pending && !queue->build_pages && !queue->in_flight &&
	       !read_queue_ready(queue);
}

static enum status stream(struct restore *restore)
{
	while (!finished(restore)) {
		const uint64_t start_us = timer_now_us();
		bool progress;

		TRY(fill(restore));
		TRY(read_queue_poll(&restore->queue));
		if (read_queue_take_control(&restore->queue)) {
			TRY(restore_take_control(restore));
			continue;
		}
		TRY(restore_take_ring(restore, &progress));
		if (progress)
			continue;
		restore->result->waited_us += timer_now_us() - start_us;
	}
	return STATUS_OK;
}

/* All is read: was it all, and was it right? */
static enum status check_complete(struct restore *restore)
{
	const struct swsusp_reader *reader = &restore->reader;

	if (restore->data_placed != reader->info.data_pages)
		return restore_refuse(restore, STATUS_CORRUPT, "the image ends early");
	if (reader->header.has_crc32 && restore->crc32 != reader->header.crc32)
		return restore_refuse(restore, STATUS_CORRUPT, "the checksum is wrong");
	return STATUS_OK;
}

static enum status run(struct restore *restore)
{
	struct restore_result *result = restore->result;
	const uint64_t start_us = timer_now_us();
	enum status status;

	TRY(prepare(restore));
	TRY(stream(restore));
	TRY(check_complete(restore));
	TRY(placement_clear_zeroes(&restore->placement));
	status = seal_finish(restore->plan, &restore->reader.info);
	if (status == STATUS_CORRUPT)
		*restore->reason = "its page tables do not lead to its jump address";
	TRY(status);
	result->pages = restore->reader.info.data_pages;
	result->zero_pages = restore->placement.zero.count;
	result->staged_pages = restore->placement.staged_pages;
	result->bytes_read = restore->queue.bytes_submitted;
	result->read_us = timer_now_us() - start_us;
	result->checked = restore->reader.header.has_crc32;
	return STATUS_OK;
}

enum status restore_image(const struct restore_job *job, struct sealed_plan *plan_out,
			  struct restore_result *result_out, const char **reason_out)
{
	struct restore *restore;
	enum status status;
	void *memory;

	*reason_out = "";
	*result_out = (struct restore_result){0};
	TRY(arena_alloc(job->arena, sizeof(*restore), sizeof(uint64_t), &memory));
	restore = memory;
	restore->job = job;
	restore->plan = plan_out;
	restore->result = result_out;
	restore->reason = reason_out;
	status = run(restore);
	if (restore->queue.device)
		read_queue_drain(&restore->queue);
	if (status != STATUS_OK && !**reason_out)
		*reason_out = status_text(status);
	return status;
}
