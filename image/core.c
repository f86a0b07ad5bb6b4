/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks through a checked core: its segments, their data, its chunks (image/core_format.h).
 */
#include "image/core.h"

#include "image/core_internal.h"
#include "image/swsusp.h"
#include "lib/string.h"

/* Where Linux maps its own text on x86-64 (Documentation/arch/x86/x86_64/mm.rst), beside the direct mapping. */
#define KERNEL_TEXT_MAP 0xffffffff80000000ull

_Static_assert(CORE_CHUNK_PAGES == SWSUSP_CHUNK_PAGES, "the same bounds are good for unpacking");

bool core_load_is_text(const struct elf_program_header *load)
{
	return load->type == ELF_PROGRAM_LOAD && load->virtual_address >= KERNEL_TEXT_MAP;
}

/* A frame that a segment covers in part is not memory to Linux: both ends are rounded inwards. */
struct core_segment core_load_segment(const struct elf_program_header *load)
{
	const uint64_t start = load->physical_address;
	const uint64_t first = align_up(start, PAGE_BYTES);
	const uint64_t end = align_down(start + load->memory_bytes, PAGE_BYTES);
	struct core_segment segment = {0};

	if (load->type != ELF_PROGRAM_LOAD || load->memory_bytes == 0 || first >= end)
		return segment;
	segment.first.value = first / PAGE_BYTES;
	segment.offset = load->offset + (first - start);
	/* Ends with a page, or where the memory does. */
	if (load->file_bytes != 0)
		segment.data_pages = (start + load->file_bytes - first) / PAGE_BYTES;
	segment.zero_pages = (end - first) / PAGE_BYTES - segment.data_pages;
	return segment;
}

struct core_segment core_segment(const struct core *core, uint32_t index)
{
	const struct elf_program_header *load = &core->loads[index];

	if (core->skips_text && core_load_is_text(load))
		return (struct core_segment){0};
	return core_load_segment(load);
}

bool core_has_data(const struct core *core, uint64_t address)
{
	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);

		/* Wraps round, and is then too large, in front of the segment. */
		if (address / PAGE_BYTES - segment.first.value < segment.data_pages)
			return true;
	}
	return false;
}

bool core_data_next(const struct core *core, struct core_data_cursor *cursor, uint64_t most,
		    struct core_data_run *run_out)
{
	for (; cursor->segment < core->segment_count; cursor->segment++, cursor->page = 0) {
		const struct core_segment segment = core_segment(core, cursor->segment);

		if (cursor->page < segment.data_pages) {
			run_out->first.value = segment.first.value + cursor->page;
			run_out->pages = min_u64(most, segment.data_pages - cursor->page);
			run_out->offset = segment.offset + cursor->page * PAGE_BYTES;
			cursor->page += run_out->pages;
			return true;
		}
	}
	return false;
}

bool core_chunk_next(const struct core *core, struct core_chunk_cursor *cursor, struct core_chunk_place *place_out)
{
	const struct core_chunk *chunk;

	if (cursor->index >= core->chunk_count)
		return false;
	chunk = &core->chunks[cursor->index];
	place_out->index = cursor->index;
	place_out->stored_page = core->note->data_offset / PAGE_BYTES + cursor->stored_page;
	place_out->stored_bytes = chunk->stored_bytes;
	place_out->stored_pages = (uint32_t)div_round_up(chunk->stored_bytes, PAGE_BYTES);
	place_out->raw_pages = (uint32_t)min_u64(CORE_CHUNK_PAGES, core->data_pages - cursor->index * CORE_CHUNK_PAGES);
	place_out->crc32 = chunk->crc32;
	cursor->index++;
	cursor->stored_page += place_out->stored_pages;
	return true;
}

enum status core_chunk_unpack(enum core_codec codec, const uint8_t *stored, uint32_t bytes, uint8_t *out,
			      uint32_t out_bytes)
{
	if (bytes == out_bytes) {
		memcpy(out, stored, bytes);
		return STATUS_OK;
	}
	if (bytes > out_bytes || codec == CORE_PLAIN)
		return STATUS_INVALID;
	return swsusp_chunk_unpack(codec == CORE_LZO ? SWSUSP_LZO : SWSUSP_LZ4, stored, bytes, out, out_bytes);
}
