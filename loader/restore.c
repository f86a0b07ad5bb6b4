/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of pages: one loop keeps the disk busy, supplies what the image reader must see, and takes what is ready.
 * Nothing waits but the loop itself, and that only for the disk.
 */
#include "loader/restore.h"

#include "drivers/timer.h"
#include "lib/log.h"
#include "loader/memory.h"
#include "loader/restore_core.h"
#include "loader/restore_dump.h"
#include "loader/restore_internal.h"

#define RING_PAGES       1024
#define MARK_BLOCK_PAGES 32768
#define RUN_PAGES        SWSUSP_MAP_ENTRIES
#define MAP_STRIDE       (SWSUSP_MAP_ENTRIES + 1) /* from one map to the next in a swap area without gaps */
#define MAP_GUESSES      (SWSUSP_MAPS_AHEAD - 1)
#define POLL_PAUSE_US    20 /* with nothing to do: far less than a request takes */

static struct page *next_mark_block(void *context)
{
	void *block;

	return arena_alloc(context, PAGE_BYTES, PAGE_BYTES, &block) == STATUS_OK ? block : NULL;
}

static enum status prepare(struct restore *restore)
{
	const struct found_image *found = restore->job->found;
	struct arena *arena = restore->job->arena;
	struct swsusp_page_marks marks = {.next_block = next_mark_block, .context = arena};
	void *memory;

	TRY(placement_init(&restore->placement, &restore->job->boot->memory, arena));
	marks.directory_entries = div_round_up(found->device_pages, MARK_BLOCK_PAGES);
	TRY(arena_alloc(arena, marks.directory_entries * sizeof(struct page *), sizeof(void *), &memory));
	marks.directory = memory;
	TRY(arena_alloc(arena, SWSUSP_PFNS_PER_PAGE * sizeof(uint64_t), PAGE_BYTES, &memory));
	restore->pfns = memory;
	TRY(arena_alloc(arena, SWSUSP_CHUNK_PAGES * (size_t)PAGE_BYTES, PAGE_BYTES, &memory));
	restore->bounce = memory;
	TRY(read_queue_init(&restore->queue, found->device, found->start_lba, RING_PAGES, arena));
	TRY(memory_ring_map(virt_to_paddr(restore->queue.ring), (uint32_t)restore->queue.ring_pages,
			    &restore->ring_window));
	TRY(arena_alloc(arena, restore->queue.ring_pages * sizeof(struct pfn), sizeof(uint64_t), &memory));
	restore->ring_frames = memory;
	return restore_reader_status(
		restore, swsusp_open(&restore->reader, &found->header, found->header_page, found->device_pages, marks));
}

/* Pages of the pending read went into the queue. */
static void pending_queued(struct restore *restore, uint64_t count)
{
	restore->pending.device_page += count;
	restore->pending.count -= (uint32_t)count;
}

/* Pages with data did. */
static void data_queued(struct restore *restore, uint64_t count)
{
	restore->pending_frame.value += count;
	restore->pending_frames -= count;
	pending_queued(restore, count);
}

/* Plain pages go to their frames, by way of the ring if the device can't reach them. */
static enum status queue_data(struct restore *restore)
{
	struct read_queue *queue = &restore->queue;
	struct swsusp_read *pending = &restore->pending;
	struct paddr frame;
	uint64_t count;
	uint64_t left;
	enum status status;

	if (restore->pending_frames == 0)
		TRY(restore_place_next(restore, pending->count, &restore->pending_frame, &restore->pending_frames));
	frame = pfn_to_paddr(restore->pending_frame);
	count = min_u64(restore->pending_frames, pending->count);
	if (frame.value + count * PAGE_BYTES <= queue->device->identity.dma_limit) {
		left = count;
		status = read_queue_add_frames(queue, pending->device_page, frame, &left);
		data_queued(restore, count - left);
		return status;
	}
	TRY(read_queue_add_ring(queue, pending->device_page));
	restore->ring_frames[read_queue_place(queue, queue->ring_added - 1)] = restore->pending_frame;
	data_queued(restore, 1);
	return STATUS_OK;
}

/*
 * Maps are a chain: each tells where the next one is. Where Linux had the swap area to itself they stand behind the
 * pages that they list, so those to come are read on that guess, lest the disk wait for each in turn.
 */
static void guess_maps(struct restore *restore, uint64_t map_page)
{
	const struct found_image *found = restore->job->found;
	const bool regular =
		map_page == found->header.first_map_page || map_page == restore->last_map_page + MAP_STRIDE;

	for (uint64_t i = 1; regular && i <= MAP_GUESSES && map_page + i * MAP_STRIDE < found->device_pages; i++)
		read_queue_guess_control(&restore->queue, map_page + i * MAP_STRIDE);
	restore->last_map_page = map_page;
}

/* Where pages with data go on behind those that are wanted so far; 0: not known. */
static enum status next_frame(struct restore *restore, struct paddr *frame_out)
{
	const struct swsusp_reader *reader = &restore->reader;

	*frame_out = (struct paddr){0};
	if (reader->header.codec != SWSUSP_PLAIN || restore->data_placed == 0)
		return STATUS_OK;
	if (restore->pending_frames == 0 && restore->data_placed < reader->info.data_pages)
		TRY(restore_place_next(restore, RUN_PAGES, &restore->pending_frame, &restore->pending_frames));
	if (restore->pending_frames > 0)
		*frame_out = pfn_to_paddr(restore->pending_frame);
	return STATUS_OK;
}

/* A page that is waited for by itself: a map, or the information page. */
static enum status queue_control(struct restore *restore)
{
	if (restore->has_control)
		return STATUS_AGAIN;
	TRY(read_queue_want_control(&restore->queue, restore->pending.device_page));
	if (restore->pending.kind == SWSUSP_READ_MAP)
		guess_maps(restore, restore->pending.device_page);
	restore->control = restore->pending;
	restore->has_control = true;
	pending_queued(restore, 1);
	return STATUS_OK;
}

/*
 * Where small requests are dear, a map is held back until nothing else can be wanted without it: then it comes with the
 * pages in front of it, which it mostly follows on the disk; else by itself.
 */
static enum status queue_map(struct restore *restore)
{
	if (!restore->queue.device->identity.is_serial)
		return queue_control(restore);
	restore->held_map = restore->pending;
	restore->holds_map = true;
	pending_queued(restore, 1);
	return STATUS_OK;
}

/* STATUS_AGAIN also when it is under way now: it has to arrive. */
static enum status queue_held_map(struct restore *restore)
{
	struct paddr frame;

	if (!restore->holds_map || restore->has_control || !swsusp_waits_for_map(&restore->reader))
		return STATUS_AGAIN;
	TRY(next_frame(restore, &frame));
	if (!read_queue_join_control(&restore->queue, restore->held_map.device_page, frame))
		TRY(read_queue_want_control(&restore->queue, restore->held_map.device_page));
	restore->control = restore->held_map;
	restore->has_control = true;
	restore->holds_map = false;
	return STATUS_AGAIN;
}

/* What is wanted next. STATUS_AGAIN: nothing now. */
static enum status next_pending(struct restore *restore)
{
	const enum status status =
		restore_reader_status(restore, swsusp_next_read(&restore->reader, RUN_PAGES, &restore->pending));

	if (status == STATUS_AGAIN)
		return queue_held_map(restore);
	if (status == STATUS_END) {
		restore->ended = true;
		return STATUS_AGAIN;
	}
	return status;
}

static enum status queue_pending(struct restore *restore)
{
	struct read_queue *queue = &restore->queue;

	switch (restore->pending.kind) {
	case SWSUSP_READ_MAP:
		return queue_map(restore);
	case SWSUSP_READ_INFO:
		return queue_control(restore);
	case SWSUSP_READ_DATA:
		return queue_data(restore);
	case SWSUSP_READ_PFNS:
	case SWSUSP_READ_CHUNK:
		TRY(read_queue_add_ring(queue, restore->pending.device_page));
		break;
	}
	pending_queued(restore, 1);
	return STATUS_OK;
}

/* Keeps the disk busy until it takes no more or nothing more is wanted. */
static enum status fill(struct restore *restore)
{
	enum status status = STATUS_OK;

	while (status == STATUS_OK) {
		if (restore->pending.count == 0)
			status = next_pending(restore);
		if (status == STATUS_OK)
			status = queue_pending(restore);
	}
	if (status != STATUS_AGAIN || read_queue_can_grow(&restore->queue))
		return status == STATUS_AGAIN ? STATUS_OK : status;
	/* Nothing more can join what is being built, unless only the queue's depth is in the way. */
	status = read_queue_flush(&restore->queue);
	return status == STATUS_AGAIN ? STATUS_OK : status;
}

static bool finished(const struct restore *restore)
{
	const struct read_queue *queue = &restore->queue;

	return restore->ended && restore->pending.count == 0 && !queue->build_pages && !queue->in_flight &&
	       !read_queue_ready(queue);
}

/* *progress_out: the page that was waited for is there. */
static enum status take_control(struct restore *restore, bool *progress_out)
{
	const struct page *page;
	enum status status = STATUS_AGAIN;

	if (restore->has_control)
		status = read_queue_take_control(&restore->queue, restore->control.device_page, &page);
	*progress_out = status == STATUS_OK;
	if (status == STATUS_AGAIN)
		return STATUS_OK;
	TRY(status);
	restore->has_control = false;
	return restore_take_control(restore, page);
}

/* Chunks are counted as they are unpacked, plain pages as they arrive: in their frames, or the ring. */
static enum status report(struct restore *restore)
{
	const struct swsusp_info *info = &restore->reader.info;
	struct restore_watch *watch = restore->job->watch;
	uint64_t done = restore->unpacked_pages;

	if (restore->reader.header.codec == SWSUSP_PLAIN)
		done = read_queue_frames_there(&restore->queue) + restore->queue.ring_consumed;
	return watch->look(watch, done, info->meta_pages + info->data_pages, read_queue_collect, &restore->queue);
}

static enum status stream(struct restore *restore)
{
	while (!finished(restore)) {
		uint64_t start_us;
		uint32_t in_flight;
		bool progress;

		if (restore_watch_is_due(restore->job->watch))
			TRY(report(restore));
		start_us = timer_now_us();
		TRY(fill(restore));
		in_flight = restore->queue.in_flight;
		TRY(read_queue_poll(&restore->queue));
		TRY(take_control(restore, &progress));
		if (progress || restore->queue.in_flight < in_flight)
			continue;
		TRY(restore_take_ring(restore, &progress));
		if (progress)
			continue;
		timer_delay_us(POLL_PAUSE_US);
		restore->result->waited_us += timer_now_us() - start_us;
	}
	return STATUS_OK;
}

/* All is read: was it all, and was it right? */
static enum status check_complete(struct restore *restore)
{
	const struct swsusp_reader *reader = &restore->reader;

	if (restore->data_placed != reader->info.data_pages || restore->pending_frames > 0)
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

static enum status restore_swsusp(const struct restore_job *job, struct sealed_plan *plan_out,
				  struct restore_result *result_out, const char **reason_out)
{
	struct restore *restore;
	enum status status;
	void *memory;

	TRY(arena_alloc(job->arena, sizeof(*restore), sizeof(uint64_t), &memory));
	restore = memory;
	restore->job = job;
	restore->plan = plan_out;
	restore->result = result_out;
	restore->reason = reason_out;
	status = run(restore);
	if (restore->queue.device)
		read_queue_drain(&restore->queue);
	return status;
}

enum status restore_image(const struct restore_job *job, struct sealed_plan *plan_out,
			  struct restore_result *result_out, const char **reason_out)
{
	enum status status;

	*reason_out = "";
	*result_out = (struct restore_result){0};
	if (job->found->kind == IMAGE_CORE)
		status = restore_core(job, plan_out, result_out, reason_out);
	else if (job->found->kind == IMAGE_DUMP)
		status = restore_dump(job, plan_out, result_out, reason_out);
	else
		status = restore_swsusp(job, plan_out, result_out, reason_out);
	if (status != STATUS_OK && !**reason_out)
		*reason_out = status_text(status);
	return status;
}
