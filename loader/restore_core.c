/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A core's pages go straight into their frames, and are checked there chunk by chunk while others are under way. What
 * is packed, or beyond the device's reach, goes through the ring.
 */
#include "loader/restore_core.h"

#include "drivers/timer.h"
#include "image/core.h"
#include "lib/crc32.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/memory.h"
#include "loader/read_queue.h"
#include "loader/restore_session.h"

#define RING_PAGES       1024
#define HEADER_BYTES_MAX (6 * MIB)
#define QUEUE_ROOM_BYTES MIB /* its least ring, and all that is small */
#define PAGES_PER_MIB    (MIB / PAGE_BYTES)
#define POLL_PAUSE_US    20

struct core_restore {
	const struct restore_job *job;
	struct core_anchor anchor;
	struct core core;
	struct read_queue queue;
	struct placement placement;
	struct sealed_plan *plan;
	const uint8_t *ring_window; /* the ring, twice in a row */
	bool through_ring;

	/* What is asked of the disk next. */
	uint64_t stored_next;              /* page of the core */
	struct core_data_cursor read_next; /* plain: its frame */
	struct core_data_run pending;      /* plain: frames with data that are not yet in the queue */
	struct pfn frame;                  /* where the first ones of these go */
	uint64_t frames;                   /* so many of them */

	/* What is checked, or unpacked, next. */
	struct core_chunk_cursor chunk_next;
	struct core_chunk_place chunk;
	bool has_chunk;
	struct core_data_cursor check_next;
	uint64_t pages_done;

	struct restore_result *result;
	const char **reason;
};

static enum status refuse(struct core_restore *restore, enum status status, const char *reason)
{
	*restore->reason = reason;
	return status;
}

/* --- before the first page --------------------------------------------------------------------------------------- */

/* Where a page of the core lies on the resume device. */
static enum status page_find(struct core_restore *restore, uint64_t stored_page, uint64_t *device_page_out,
			     uint64_t *run_out)
{
	if (!core_extents_find(&restore->anchor, stored_page, device_page_out, run_out))
		return refuse(restore, STATUS_CORRUPT, "the core is larger than its place");
	return STATUS_OK;
}

static enum status read_header(struct core_restore *restore, const uint8_t **header_out)
{
	const struct found_image *found = restore->job->found;
	const uint32_t page_sectors = PAGE_BYTES / found->device->identity.sector_bytes;
	const uint64_t pages = restore->anchor.header_bytes / PAGE_BYTES;
	uint8_t *header;
	void *memory;

	if (restore->anchor.header_bytes > HEADER_BYTES_MAX)
		return refuse(restore, STATUS_NO_MEMORY, "the core has more segments than Thaw has room for");
	TRY(arena_alloc(restore->job->arena, restore->anchor.header_bytes, PAGE_BYTES, &memory));
	header = memory;
	for (uint64_t page = 0, run; page < pages; page += run) {
		uint64_t device_page;

		TRY(page_find(restore, page, &device_page, &run));
		run = min_u64(run, pages - page);
		TRY(block_read_sync(found->device, (struct lba){found->start_lba + device_page * page_sectors},
				    header + page * PAGE_BYTES, run * PAGE_BYTES));
	}
	*header_out = header;
	return STATUS_OK;
}

/*
 * The session knows the memory map that it was started with. And our own place must be the one that the image leaves
 * out: what is lent from there is in use until the jump.
 */
static enum status check_machine(struct core_restore *restore)
{
	static struct memory_range ranges[CORE_MEMORY_ENTRIES_MAX];
	static struct memory_map map;
	const struct core_note *note = restore->core.note;

	if (note->region_start > SESSION_HOLE_START || note->region_end < SESSION_HOLE_END)
		return refuse(restore, STATUS_UNSUPPORTED, "the Thaw that saved it lay elsewhere in memory");
	for (uint32_t i = 0; i < note->memory_count; i++) {
		const struct core_memory_entry *entry = &note->memory[i];

		if (entry->bytes > UINT64_MAX - entry->address)
			return refuse(restore, STATUS_CORRUPT, "its memory map makes no sense");
		ranges[i] = (struct memory_range){entry->address, entry->address + entry->bytes, entry->type};
	}
	if (memory_map_build(ranges, note->memory_count, &map) != STATUS_OK)
		return refuse(restore, STATUS_CORRUPT, "its memory map makes no sense");
	if (memory_map_checksum(&map) == memory_map_checksum(&restore->job->boot->memory))
		return STATUS_OK;
	if (!restore->job->memory_map_relaxed)
		return refuse(restore, STATUS_MISMATCH, "the memory map is not the image's");
	log_line("the memory map is not the image's; going on, as thaw.memmap=relaxed says");
	return STATUS_OK;
}

static enum status claim(struct core_restore *restore)
{
	for (uint32_t i = 0; i < restore->core.segment_count; i++) {
		const struct core_segment segment = core_segment(&restore->core, i);
		const struct pfn zeroes = {segment.first.value + segment.data_pages};

		if (segment.data_pages > 0)
			TRY(session_claim(&restore->placement, segment.first, segment.data_pages, false,
					  restore->reason));
		if (segment.zero_pages > 0)
			TRY(session_claim(&restore->placement, zeroes, segment.zero_pages, true, restore->reason));
	}
	return STATUS_OK;
}

static enum status accept(struct core_restore *restore)
{
	TRY(session_placement_init(&restore->placement, restore->job));
	TRY(claim(restore));
	return session_accept(&restore->placement, restore->job, restore->plan);
}

static enum status prepare(struct core_restore *restore)
{
	const struct found_image *found = restore->job->found;
	const uint8_t *header;

	TRY(core_anchor_parse(&found->header_bytes, found->header_page, found->device_pages, &restore->anchor,
			      restore->reason));
	TRY(read_header(restore, &header));
	TRY(core_header_parse(header, &restore->anchor, &restore->core, restore->reason));
	TRY(check_machine(restore));
	log_line("resume: kexec-jump on %s, %lu pages, %lu MiB", found->name, restore->core.data_pages,
		 div_round_up(restore->core.data_pages, PAGES_PER_MIB));
	TRY(accept(restore));
	TRY(read_queue_init(&restore->queue, found->device, found->start_lba, RING_PAGES, restore->job->arena));
	TRY(memory_ring_map(virt_to_paddr(restore->queue.ring), (uint32_t)restore->queue.ring_pages,
			    &restore->ring_window));
	restore->through_ring = restore->core.note->codec != CORE_PLAIN ||
				memory_map_ram_end(&restore->job->boot->memory) > found->device->identity.dma_limit;
	restore->stored_next = restore->anchor.header_bytes / PAGE_BYTES;
	return STATUS_OK;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static bool all_asked(const struct core_restore *restore)
{
	return restore->stored_next == restore->core.stored_pages;
}

/* Plain pages, into their frames. */
static enum status ask_frames(struct core_restore *restore, uint64_t device_page, uint64_t run)
{
	uint64_t count;
	uint64_t left;
	enum status status;

	if (restore->pending.pages == 0 &&
	    !core_data_next(&restore->core, &restore->read_next, UINT32_MAX, &restore->pending))
		return refuse(restore, STATUS_CORRUPT, "more pages than page frames");
	if (restore->frames == 0)
		TRY(placement_place(&restore->placement, restore->pending.first, restore->pending.pages,
				    &restore->frame, &restore->frames));
	count = left = min_u64(run, restore->frames);
	status = read_queue_add_frames(&restore->queue, device_page, pfn_to_paddr(restore->frame), &left);
	count -= left;
	restore->frame.value += count;
	restore->frames -= count;
	restore->pending.first.value += count;
	restore->pending.pages -= count;
	restore->stored_next += count;
	return status;
}

static enum status ask(struct core_restore *restore)
{
	enum status status = STATUS_OK;

	while (status == STATUS_OK && !all_asked(restore)) {
		uint64_t device_page, run;

		TRY(page_find(restore, restore->stored_next, &device_page, &run));
		run = min_u64(run, restore->core.stored_pages - restore->stored_next);
		if (!restore->through_ring) {
			status = ask_frames(restore, device_page, run);
			continue;
		}
		for (; status == STATUS_OK && run > 0; run -= status == STATUS_OK) {
			status = read_queue_add_ring(&restore->queue, device_page++);
			restore->stored_next += status == STATUS_OK;
		}
	}
	if (status != STATUS_OK && status != STATUS_AGAIN)
		return status;
	status = read_queue_flush(&restore->queue);
	return status == STATUS_AGAIN ? STATUS_OK : status;
}

/* --- taking ------------------------------------------------------------------------------------------------------ */

/* The chunk that comes next. False: there is none any more. */
static bool chunk_at_hand(struct core_restore *restore)
{
	if (!restore->has_chunk)
		restore->has_chunk = core_chunk_next(&restore->core, &restore->chunk_next, &restore->chunk);
	return restore->has_chunk;
}

static enum status check_crc32(struct core_restore *restore, uint32_t crc32)
{
	return crc32 == restore->chunk.crc32 ? STATUS_OK
					     : refuse(restore, STATUS_CORRUPT, "the checksum of a chunk is wrong");
}

/* A chunk that lies in its frames. */
static enum status check_frames(struct core_restore *restore)
{
	const uint64_t start_us = timer_now_us();
	uint32_t crc32 = ~(uint32_t)0;

	for (uint64_t left = restore->chunk.raw_pages; left > 0;) {
		struct core_data_run run;

		if (!core_data_next(&restore->core, &restore->check_next, left, &run))
			return refuse(restore, STATUS_CORRUPT, "more chunks than pages");
		for (uint64_t i = 0; i < run.pages; i++)
			crc32 = crc32_update(crc32,
					     placement_find(&restore->placement, (struct pfn){run.first.value + i}),
					     PAGE_BYTES);
		left -= run.pages;
	}
	restore->result->check_us += timer_now_us() - start_us;
	return check_crc32(restore, ~crc32);
}

/* The frames of a chunk, side by side. */
static enum status open_window(struct core_restore *restore, struct page **window_out)
{
	struct pfn frames[CORE_CHUNK_PAGES];
	uint64_t used = 0;

	while (used < restore->chunk.raw_pages) {
		struct core_data_run run;
		uint64_t count;

		if (!core_data_next(&restore->core, &restore->read_next, restore->chunk.raw_pages - used, &run))
			return refuse(restore, STATUS_CORRUPT, "more chunks than pages");
		while (run.pages > 0) {
			TRY(placement_place(&restore->placement, run.first, run.pages, &frames[used], &count));
			for (uint64_t i = 1; i < count; i++)
				frames[used + i].value = frames[used].value + i;
			used += count;
			run.first.value += count;
			run.pages -= count;
		}
	}
	*window_out = memory_window_map(frames, restore->chunk.raw_pages);
	return STATUS_OK;
}

/* A chunk that lies in the ring. */
static enum status unpack_chunk(struct core_restore *restore)
{
	struct read_queue *queue = &restore->queue;
	const struct core_chunk_place *chunk = &restore->chunk;
	const uint8_t *stored = restore->ring_window + read_queue_place(queue, queue->ring_consumed) * PAGE_BYTES;
	uint64_t start_us = timer_now_us();
	struct page *window;

	TRY(check_crc32(restore, crc32_zlib(stored, chunk->stored_bytes)));
	restore->result->check_us += timer_now_us() - start_us;
	TRY(open_window(restore, &window));
	start_us = timer_now_us();
	if (core_chunk_unpack((enum core_codec)restore->core.note->codec, stored, chunk->stored_bytes, window->bytes,
			      chunk->raw_pages * PAGE_BYTES) != STATUS_OK)
		return refuse(restore, STATUS_CORRUPT, "a chunk does not unpack");
	restore->result->unpack_us += timer_now_us() - start_us;
	queue->ring_consumed += chunk->stored_pages;
	return STATUS_OK;
}

/* *progress_out: a chunk was there. */
static enum status take(struct core_restore *restore, bool *progress_out)
{
	const struct read_queue *queue = &restore->queue;

	*progress_out = false;
	if (!chunk_at_hand(restore))
		return STATUS_OK;
	if (restore->through_ring) {
		if (read_queue_ready(queue) < restore->chunk.stored_pages)
			return STATUS_OK;
		TRY(unpack_chunk(restore));
	} else {
		if (read_queue_frames_there(queue) < restore->pages_done + restore->chunk.raw_pages)
			return STATUS_OK;
		TRY(check_frames(restore));
	}
	restore->pages_done += restore->chunk.raw_pages;
	restore->has_chunk = false;
	*progress_out = true;
	return STATUS_OK;
}

static enum status stream(struct core_restore *restore)
{
	struct restore_watch *watch = restore->job->watch;

	while (chunk_at_hand(restore)) {
		uint64_t start_us;
		bool progress;

		if (restore_watch_is_due(watch))
			TRY(watch->look(watch, restore->pages_done, restore->core.data_pages, read_queue_collect,
					&restore->queue));
		start_us = timer_now_us();
		TRY(ask(restore));
		TRY(read_queue_poll(&restore->queue));
		TRY(take(restore, &progress));
		if (progress)
			continue;
		timer_delay_us(POLL_PAUSE_US);
		restore->result->waited_us += timer_now_us() - start_us;
	}
	return STATUS_OK;
}

static enum status run(struct core_restore *restore)
{
	struct restore_result *result = restore->result;
	const uint64_t start_us = timer_now_us();

	TRY(prepare(restore));
	TRY(stream(restore));
	if (restore->pages_done != restore->core.data_pages)
		return refuse(restore, STATUS_CORRUPT, "the core ends early");
	TRY(session_finish(&restore->placement, restore->plan, restore->core.note->entry, restore->core.note->levels,
			   restore->job, restore->reason));
	result->pages = restore->core.data_pages;
	result->zero_pages = restore->placement.zero.count;
	result->staged_pages = restore->placement.staged_pages;
	result->bytes_read = restore->queue.bytes_submitted;
	result->read_us = timer_now_us() - start_us;
	result->checked = true;
	result->acpi = restore->core.note->acpi;
	return STATUS_OK;
}

uint64_t restore_core_room(uint64_t header_bytes, uint64_t ram_frames)
{
	const uint64_t frame_set_bytes = div_round_up(ram_frames, 64) * sizeof(uint64_t);

	if (header_bytes > HEADER_BYTES_MAX)
		return UINT64_MAX;
	return header_bytes + 2 * frame_set_bytes + SESSION_LENT_PAGES * (uint64_t)PAGE_BYTES + QUEUE_ROOM_BYTES;
}

enum status restore_core(const struct restore_job *job, struct sealed_plan *plan_out, struct restore_result *result_out,
			 const char **reason_out)
{
	struct core_restore *restore;
	enum status status;
	void *memory;

	TRY(arena_alloc(job->arena, sizeof(*restore), _Alignof(struct core_restore), &memory));
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
