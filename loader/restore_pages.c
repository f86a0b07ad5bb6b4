/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of pages that arrived: PFN list to claims, chunks to frames, with the checks of the machine between.
 */
#include "loader/restore_internal.h"

#include "drivers/timer.h"
#include "lib/crc32.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/memory.h"

#define PAGES_PER_MIB (MIB / PAGE_BYTES)

enum status restore_refuse(struct restore *restore, enum status status, const char *reason)
{
	*restore->reason = reason;
	return status;
}

enum status restore_reader_status(struct restore *restore, enum status status)
{
	if (status != STATUS_OK && status != STATUS_AGAIN && status != STATUS_END)
		*restore->reason = restore->reader.reason;
	return status;
}

static enum status check_machine(struct restore *restore)
{
	const struct swsusp_header *header = &restore->reader.header;
	const struct acpi_registers *acpi = restore->job->acpi;

	const struct boot_info *boot = restore->job->boot;
	const uint32_t checksum = restore->reader.info.e820_checksum;

	if (memory_map_checksum(&boot->memory) != checksum && boot->other_memory_checksum != checksum) {
		if (!restore->job->memory_map_relaxed)
			return restore_refuse(restore, STATUS_MISMATCH, "the memory map is not the image's");
		log_line("the memory map is not the image's; going on, as thaw.memmap=relaxed says");
	}
	if (header->has_hardware_signature &&
	    (!acpi || !acpi->has_hardware_signature || acpi->hardware_signature != header->hardware_signature))
		return restore_refuse(restore, STATUS_MISMATCH, "the hardware signature is not the image's");
	return STATUS_OK;
}

enum status restore_take_control(struct restore *restore, const struct page *page)
{
	const struct swsusp_info *info = &restore->reader.info;

	if (restore->control.kind == SWSUSP_READ_MAP)
		return restore_reader_status(restore, swsusp_supply_map(&restore->reader, page));
	TRY(restore_reader_status(restore, swsusp_supply_info(&restore->reader, page)));
	TRY(check_machine(restore));
	log_line("resume: swsusp on %s, %lu pages, %lu MiB", restore->job->found->name, info->data_pages,
		 div_round_up(info->data_pages, PAGES_PER_MIB));
	return STATUS_OK;
}

/* One page of the PFN list. With the last one the image is accepted. */
static enum status take_pfns(struct restore *restore, const struct page *page)
{
	struct swsusp_reader *reader = &restore->reader;
	uint32_t count;

	TRY(restore_reader_status(restore, swsusp_decode_pfns(reader, page, restore->pfns, &count)));
	for (uint32_t i = 0, run; i < count; i += run) {
		const struct pfn first = {restore->pfns[i] & ~SWSUSP_PFN_ZERO};
		enum status status;

		for (run = 1; i + run < count && restore->pfns[i + run] == restore->pfns[i] + run; run++)
			continue;
		status = placement_claim(&restore->placement, first, run, restore->pfns[i] & SWSUSP_PFN_ZERO);
		if (status != STATUS_OK)
			return restore_refuse(restore, status,
					      status == STATUS_MISMATCH ? "a page of the image is not RAM today"
									: "a page frame is named twice");
	}
	if (reader->pfn_pages_decoded < reader->info.meta_pages)
		return STATUS_OK;
	TRY(restore_reader_status(restore, swsusp_check_pfns(reader)));
	TRY(memory_keep(restore->job->boot, &restore->placement));
	placement_accept(&restore->placement);
	return seal_prepare(restore->plan, &restore->placement);
}

enum status restore_place_next(struct restore *restore, uint64_t most, struct pfn *frame_out, uint64_t *count_out)
{
	const struct placement *placement = &restore->placement;
	const struct pfn pfn = frame_set_next_without(&placement->image, &placement->zero, restore->data_cursor);

	if (pfn.value >= placement->image.limit)
		return restore_refuse(restore, STATUS_CORRUPT, "more pages than page frames");
	TRY(placement_place(&restore->placement, pfn, most, frame_out, count_out));
	restore->data_cursor.value = pfn.value + *count_out;
	restore->data_placed += *count_out;
	return STATUS_OK;
}

/* A chunk with pages of the PFN list: unpacked aside, page by page to where they belong. */
static enum status take_mixed_pages(struct restore *restore, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct pfn frame;
		uint64_t one;

		if (restore->unpacked_pages + i < restore->reader.info.meta_pages) {
			TRY(take_pfns(restore, &restore->bounce[i]));
			continue;
		}
		TRY(restore_place_next(restore, 1, &frame, &one));
		memcpy(pfn_to_page(frame), &restore->bounce[i], PAGE_BYTES);
	}
	return STATUS_OK;
}

/* The frames of a chunk of data pages, side by side: in a window, unless they lie so by themselves. */
static enum status open_window(struct restore *restore, uint32_t count, struct page **window_out)
{
	struct pfn frames[SWSUSP_CHUNK_PAGES];
	uint64_t run = 0;

	for (uint64_t i = 0; i < count; i += run) {
		TRY(restore_place_next(restore, count - i, &frames[i], &run));
		for (uint64_t k = 1; k < run; k++)
			frames[i + k].value = frames[i].value + k;
	}
	*window_out = run == count ? pfn_to_page(frames[0]) : memory_window_map(frames, count);
	return STATUS_OK;
}

static enum status unpack_chunk(struct restore *restore, const uint8_t *packed, uint32_t packed_bytes)
{
	const struct swsusp_reader *reader = &restore->reader;
	const uint64_t left = swsusp_unpacked_bytes(&reader->info) / PAGE_BYTES - restore->unpacked_pages;
	const uint32_t count = (uint32_t)min_u64(left, SWSUSP_CHUNK_PAGES);
	const bool mixed = restore->unpacked_pages < reader->info.meta_pages;
	struct page *out = restore->bounce;
	uint64_t start_us;

	if (!count)
		return restore_refuse(restore, STATUS_CORRUPT, "more chunks than pages");
	if (!mixed)
		TRY(open_window(restore, count, &out));
	start_us = timer_now_us();
	if (swsusp_chunk_unpack(reader->header.codec, packed, packed_bytes, out->bytes, count * PAGE_BYTES) !=
	    STATUS_OK)
		return restore_refuse(restore, STATUS_CORRUPT, "a chunk does not unpack");
	restore->result->unpack_us += timer_now_us() - start_us;
	start_us = timer_now_us();
	if (reader->header.has_crc32)
		restore->crc32 = crc32_update(restore->crc32, out, (size_t)count * PAGE_BYTES);
	restore->result->check_us += timer_now_us() - start_us;
	if (mixed)
		TRY(take_mixed_pages(restore, count));
	restore->unpacked_pages += count;
	return STATUS_OK;
}

static enum status take_chunk(struct restore *restore, bool *progress_out)
{
	struct read_queue *queue = &restore->queue;
	const uint8_t *chunk = restore->ring_window + read_queue_place(queue, queue->ring_consumed) * PAGE_BYTES;
	uint32_t packed_bytes;
	uint32_t pages;

	if (swsusp_chunk_frame(chunk, &packed_bytes, &pages) != STATUS_OK)
		return restore_refuse(restore, STATUS_CORRUPT, "a chunk's length is impossible");
	if (read_queue_ready(queue) < pages) {
		*progress_out = false;
		if (restore->ended && !queue->in_flight && !queue->build_pages)
			return restore_refuse(restore, STATUS_CORRUPT, "the last chunk is cut off");
		return STATUS_OK;
	}
	TRY(unpack_chunk(restore, chunk + sizeof(uint64_t), packed_bytes));
	queue->ring_consumed += pages;
	return STATUS_OK;
}

enum status restore_take_ring(struct restore *restore, bool *progress_out)
{
	struct read_queue *queue = &restore->queue;
	const uint64_t place = read_queue_place(queue, queue->ring_consumed);

	*progress_out = read_queue_ready(queue) > 0;
	if (!*progress_out)
		return STATUS_OK;
	if (restore->reader.header.codec != SWSUSP_PLAIN)
		return take_chunk(restore, progress_out);
	if (restore->reader.pfn_pages_decoded < restore->reader.info.meta_pages)
		TRY(take_pfns(restore, &queue->ring[place]));
	else
		memcpy(pfn_to_page(restore->ring_frames[place]), &queue->ring[place], PAGE_BYTES);
	queue->ring_consumed++;
	return STATUS_OK;
}
