/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps, page by page into their frames. What a dump has of Thaw's own place is passed over: the session's kernel
 * brings that back itself.
 */
#include "loader/restore_dump.h"

#include "drivers/timer.h"
#include "image/core.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/dump_file.h"
#include "loader/restore_session.h"

#define DATA_WINDOW_BYTES  (1 * MIB)
#define TABLE_WINDOW_BYTES (64 * KIB)
#define PAGES_PER_MIB      (MIB / PAGE_BYTES)
#define ELF_HEADER_BYTES   64               /* without the program headers */
#define FRAMES_PER_BLOCK   (PAGE_BYTES * 8) /* of a bitmap */

enum frame_kind { FRAME_ABSENT, FRAME_ZERO, FRAME_DATA };

struct dump_restore {
	const struct restore_job *job;
	struct dump_file file;
	struct dump_window existing, dumped; /* the two bitmaps */
	struct dump_window table;            /* descriptors, or the header of an ELF file */
	struct dump_window data;
	struct kdump kdump;
	struct core core;
	struct placement placement;
	struct inflate inflate;
	uint64_t zero_offset; /* of the page of zeroes that many descriptors share; 0: not known yet */
	struct restore_result *result;
	const char **reason;
};

static enum status refuse(struct dump_restore *restore, enum status status, const char *reason)
{
	*restore->reason = reason;
	return status;
}

static enum status view(struct dump_restore *restore, struct dump_window *window, uint64_t offset, uint32_t bytes,
			const uint8_t **view_out)
{
	const enum status status = dump_window_view(window, offset, bytes, view_out);

	return status == STATUS_CORRUPT ? refuse(restore, status, "a part of the dump is missing") : status;
}

static bool is_hole(struct pfn pfn)
{
	const uint64_t address = pfn_to_paddr(pfn).value;

	return address >= SESSION_HOLE_START && address < SESSION_HOLE_END;
}

/* Claims what of the frames lies outside of Thaw's place. */
static enum status claim(struct dump_restore *restore, uint64_t first, uint64_t count, bool zero)
{
	const uint64_t hole_start = SESSION_HOLE_START >> PAGE_SHIFT, hole_end = SESSION_HOLE_END >> PAGE_SHIFT;
	const uint64_t end = first + count, front_end = min_u64(end, hole_start), behind = max_u64(first, hole_end);

	if (first < front_end)
		TRY(session_claim(&restore->placement, (struct pfn){first}, front_end - first, zero, restore->reason));
	if (behind < end)
		TRY(session_claim(&restore->placement, (struct pfn){behind}, end - behind, zero, restore->reason));
	return STATUS_OK;
}

/* --- kdump-compressed -------------------------------------------------------------------------------------------- */

static enum status kdump_open(struct dump_restore *restore)
{
	const uint8_t *header, *sub_header;

	TRY(view(restore, &restore->data, 0, KDUMP_HEADER_BYTES, &header));
	TRY(view(restore, &restore->table, KDUMP_SUB_HEADER_OFFSET, KDUMP_SUB_HEADER_BYTES, &sub_header));
	return kdump_header_parse(header, sub_header, restore->file.bytes, &restore->kdump, restore->reason);
}

static bool bit(const uint8_t *bitmap, uint64_t index)
{
	return bitmap[index / 8] >> index % 8 & 1;
}

/* Claims runs of frames of one kind. */
static enum status kdump_claim(struct dump_restore *restore)
{
	const struct kdump *kdump = &restore->kdump;
	const uint8_t *existing = NULL, *dumped = NULL;
	enum frame_kind run_kind = FRAME_ABSENT;
	uint64_t run_first = 0;

	for (uint64_t frame = 0; frame <= kdump->frames; frame++) {
		const uint64_t at = frame % FRAMES_PER_BLOCK;
		const uint64_t block = frame / FRAMES_PER_BLOCK * PAGE_BYTES;
		enum frame_kind kind = FRAME_ABSENT;

		if (at == 0 && frame < kdump->frames) {
			/* No more than counts: the rest of the last block may not be in the file. */
			const uint64_t left = div_round_up(kdump->frames - frame, 8);
			const uint32_t bytes = (uint32_t)min_u64(left, PAGE_BYTES);

			TRY(view(restore, &restore->existing, kdump->existing_offset + block, bytes, &existing));
			TRY(view(restore, &restore->dumped, kdump->dumped_offset + block, bytes, &dumped));
		}
		if (frame < kdump->frames && bit(existing, at))
			kind = bit(dumped, at) ? FRAME_DATA : FRAME_ZERO;
		else if (frame < kdump->frames && bit(dumped, at))
			return refuse(restore, STATUS_CORRUPT, "the dump has a page that its machine did not have");
		if (kind == run_kind)
			continue;
		if (run_kind != FRAME_ABSENT)
			TRY(claim(restore, run_first, frame - run_first, run_kind == FRAME_ZERO));
		run_kind = kind;
		run_first = frame;
	}
	return STATUS_OK;
}

static bool is_zero(const struct page *page)
{
	return page->bytes[0] == 0 && memcmp(page->bytes, page->bytes + 1, PAGE_BYTES - 1) == 0;
}

static enum status kdump_page_place(struct dump_restore *restore, struct pfn pfn, const struct kdump_page *page)
{
	const uint8_t *stored;
	struct page *out;
	struct pfn frame;
	uint64_t one;
	uint64_t start_us;

	TRY(placement_place(&restore->placement, pfn, 1, &frame, &one));
	restore->file.pages_done++;
	out = pfn_to_page(frame);
	if (page->codec == 0 && page->offset == restore->zero_offset) {
		memset(out, 0, PAGE_BYTES);
		return STATUS_OK;
	}
	TRY(view(restore, &restore->data, page->offset, page->bytes, &stored));
	start_us = timer_now_us();
	if (kdump_page_unpack(page, stored, &restore->inflate, out) != STATUS_OK)
		return refuse(restore, STATUS_CORRUPT, "a page of the dump does not unpack");
	restore->result->unpack_us += timer_now_us() - start_us;
	if (page->codec == 0 && restore->zero_offset == 0 && is_zero(out))
		restore->zero_offset = page->offset;
	return STATUS_OK;
}

/* Descriptors come in the order of the frames. */
static enum status kdump_read(struct dump_restore *restore)
{
	const struct kdump *kdump = &restore->kdump;
	uint64_t next = kdump->descriptors_offset;

	for (uint64_t frame = 0; frame < kdump->frames; frame++) {
		const uint64_t at = kdump->dumped_offset + frame / 8;
		const struct pfn pfn = {frame};
		const uint8_t *bits, *descriptor;
		struct kdump_page page;

		TRY(view(restore, &restore->dumped, at, 1, &bits));
		if (!bit(bits, frame % 8))
			continue;
		TRY(view(restore, &restore->table, next, KDUMP_DESCRIPTOR_BYTES, &descriptor));
		next += KDUMP_DESCRIPTOR_BYTES;
		TRY(kdump_page_parse(kdump, descriptor, &page, restore->reason));
		if (!is_hole(pfn))
			TRY(kdump_page_place(restore, pfn, &page));
	}
	return STATUS_OK;
}

/* --- ELF --------------------------------------------------------------------------------------------------------- */

static enum status elf_open(struct dump_restore *restore)
{
	const uint8_t *part;
	uint64_t bytes;
	uint8_t *header;
	void *memory;

	TRY(arena_alloc(restore->job->arena, PAGE_BYTES, PAGE_BYTES, &memory));
	TRY(view(restore, &restore->table, 0, ELF_HEADER_BYTES, &part));
	memcpy(memory, part, ELF_HEADER_BYTES);
	TRY(core_elf_header_bytes(memory, restore->file.bytes, &bytes, restore->reason));
	TRY(arena_alloc(restore->job->arena, bytes, PAGE_BYTES, &memory));
	header = memory;
	for (uint64_t done = 0, count; done < bytes; done += count) {
		count = min_u64(bytes - done, PAGE_BYTES);
		TRY(view(restore, &restore->table, done, (uint32_t)count, &part));
		memcpy(header + done, part, count);
	}
	return core_elf_parse(header, restore->file.bytes, &restore->core, restore->reason);
}

static enum status elf_claim(struct dump_restore *restore)
{
	for (uint32_t i = 0; i < restore->core.segment_count; i++) {
		const struct core_segment segment = core_segment(&restore->core, i);

		TRY(claim(restore, segment.first.value, segment.data_pages, false));
		TRY(claim(restore, segment.first.value + segment.data_pages, segment.zero_pages, true));
	}
	return STATUS_OK;
}

static enum status elf_read(struct dump_restore *restore)
{
	struct core_data_cursor cursor = {0};
	struct core_data_run run;

	while (core_data_next(&restore->core, &cursor, 1, &run)) {
		const uint8_t *page;
		struct pfn frame;
		uint64_t one;

		if (is_hole(run.first))
			continue;
		TRY(view(restore, &restore->data, run.offset, PAGE_BYTES, &page));
		TRY(placement_place(&restore->placement, run.first, 1, &frame, &one));
		restore->file.pages_done++;
		memcpy(pfn_to_page(frame), page, PAGE_BYTES);
	}
	return STATUS_OK;
}

/* --- both -------------------------------------------------------------------------------------------------------- */

/* *is_kdump_out: or ELF. */
static enum status open(struct dump_restore *restore, bool *is_kdump_out)
{
	const struct restore_job *job = restore->job;
	enum status status;

	TRY(dump_file_open(&restore->file, job, restore->reason));
	TRY(dump_window_init(&restore->existing, &restore->file, TABLE_WINDOW_BYTES, job->arena));
	TRY(dump_window_init(&restore->dumped, &restore->file, TABLE_WINDOW_BYTES, job->arena));
	TRY(dump_window_init(&restore->table, &restore->file, TABLE_WINDOW_BYTES, job->arena));
	TRY(dump_window_init(&restore->data, &restore->file, DATA_WINDOW_BYTES, job->arena));
	status = kdump_open(restore);
	*is_kdump_out = status != STATUS_NOT_FOUND;
	if (status == STATUS_NOT_FOUND) {
		*restore->reason = "";
		status = elf_open(restore);
	}
	return status == STATUS_NOT_FOUND ? refuse(restore, STATUS_UNSUPPORTED, "the flattened file is no memory dump")
					  : status;
}

/* All frames are known: the place to go on must be among them. */
static enum status accept(struct dump_restore *restore, struct sealed_plan *plan)
{
	struct placement *placement = &restore->placement;
	const struct pfn entry = paddr_to_pfn((struct paddr){restore->job->entry});
	const uint64_t pages = placement->image.count - placement->zero.count;

	if (!frame_set_contains(&placement->image, entry) || frame_set_contains(&placement->zero, entry))
		return refuse(restore, STATUS_CORRUPT, "the dump has nothing at the address that thaw.entry= gives");
	log_line("resume: kexec-jump on %s, %lu pages, %lu MiB", restore->job->found->name, pages,
		 div_round_up(pages, PAGES_PER_MIB));
	restore->file.pages_total = pages;
	restore->result->pages = pages;
	restore->result->zero_pages = placement->zero.count;
	return session_accept(placement, restore->job, plan);
}

static enum status run(struct dump_restore *restore, struct sealed_plan *plan)
{
	const struct restore_job *job = restore->job;
	struct restore_result *result = restore->result;
	const uint64_t start_us = timer_now_us();
	bool is_kdump;

	TRY(open(restore, &is_kdump));
	TRY(session_placement_init(&restore->placement, job));
	TRY(is_kdump ? kdump_claim(restore) : elf_claim(restore));
	TRY(accept(restore, plan));
	TRY(is_kdump ? kdump_read(restore) : elf_read(restore));
	TRY(session_finish(&restore->placement, plan, job->entry, job->levels, job, restore->reason));
	result->staged_pages = restore->placement.staged_pages;
	result->bytes_read = restore->file.bytes_read;
	result->waited_us = restore->file.read_us;
	result->read_us = timer_now_us() - start_us;
	return STATUS_OK;
}

enum status restore_dump(const struct restore_job *job, struct sealed_plan *plan_out, struct restore_result *result_out,
			 const char **reason_out)
{
	struct dump_restore *restore;
	void *memory;

	TRY(arena_alloc(job->arena, sizeof(*restore), _Alignof(struct dump_restore), &memory));
	restore = memory;
	restore->job = job;
	restore->result = result_out;
	restore->reason = reason_out;
	return run(restore, plan_out);
}
