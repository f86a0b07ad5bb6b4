/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF64 cores of a whole machine that other programs wrote: Linux's /proc/vmcore (fs/proc/vmcore.c), makedumpfile -E,
 * QEMU's dump-guest-memory. Their program headers say where memory is; all else is left alone.
 */
#include "image/core.h"

#include "image/core_internal.h"
#include "lib/checked.h"
#include "lib/string.h"

/* Orders and overlaps are checked in pairs, so the square of it takes time. */
#define PROGRAMS_MAX 4096

#define PROGRAM_OFFSET_ALIGNMENT 8

enum status core_elf_check(const struct elf_header *elf, const char **reason_out)
{
	if (elf->ident[ELF_IDENT_CLASS] != ELF_IDENT_CLASS_64 || elf->ident[ELF_IDENT_DATA] != ELF_IDENT_DATA_LITTLE ||
	    elf->ident[ELF_IDENT_VERSION] != ELF_VERSION_CURRENT || elf->machine != ELF_MACHINE_X86_64)
		return core_refuse(reason_out, STATUS_UNSUPPORTED, "the ELF file is not of an x86-64 machine");
	if (elf->type != ELF_TYPE_CORE || elf->program_entry_bytes != sizeof(struct elf_program_header))
		return core_refuse(reason_out, STATUS_UNSUPPORTED, "the ELF file is no core");
	return STATUS_OK;
}

enum status core_elf_header_bytes(const struct page *first, uint64_t file_bytes, uint64_t *bytes_out,
				  const char **reason_out)
{
	const struct elf_header *elf = (const struct elf_header *)(const void *)first;
	uint64_t bytes;

	if (memcmp(elf->ident, CORE_ELF_MAGIC, ELF_IDENT_MAGIC_BYTES) != 0)
		return core_refuse(reason_out, STATUS_NOT_FOUND, "no ELF file");
	TRY(core_elf_check(elf, reason_out));
	if (elf->program_count > PROGRAMS_MAX)
		return core_refuse(reason_out, STATUS_UNSUPPORTED, "too many segments");
	if (elf->program_offset < sizeof(*elf) || elf->program_offset > MIB ||
	    elf->program_offset % PROGRAM_OFFSET_ALIGNMENT != 0)
		return core_refuse(reason_out, STATUS_UNSUPPORTED, "program headers in an unusual place");
	bytes = elf->program_offset + elf->program_count * sizeof(struct elf_program_header);
	if (bytes > file_bytes)
		return core_refuse(reason_out, STATUS_CORRUPT, "the program headers lie beyond the end of the file");
	*bytes_out = bytes;
	return STATUS_OK;
}

static enum status load_check(const struct elf_program_header *load, uint64_t file_bytes, const char **reason_out)
{
	uint64_t end;

	if (load->file_bytes > load->memory_bytes)
		return core_refuse(reason_out, STATUS_CORRUPT, "the size of a segment is not valid");
	if (!checked_add_u64(load->physical_address, load->memory_bytes, &end) || end > CORE_ADDRESS_LIMIT)
		return core_refuse(reason_out, STATUS_CORRUPT, "a segment lies beyond physical memory");
	if (!checked_add_u64(load->offset, load->file_bytes, &end) || end > file_bytes)
		return core_refuse(reason_out, STATUS_CORRUPT, "the data of a segment lies beyond the end of the file");
	end = load->physical_address + load->file_bytes;
	if (load->file_bytes != 0 && load->file_bytes < load->memory_bytes && end % PAGE_BYTES != 0)
		return core_refuse(reason_out, STATUS_UNSUPPORTED, "the data of a segment ends within a page");
	return STATUS_OK;
}

/* Frames that both have. */
static uint64_t frames_shared(const struct core_segment *a, const struct core_segment *b)
{
	const uint64_t start = max_u64(a->first.value, b->first.value);
	const uint64_t end =
		min_u64(a->first.value + a->data_pages + a->zero_pages, b->first.value + b->data_pages + b->zero_pages);

	return start < end ? end - start : 0;
}

/* Frames of the segment that those before `index` have. These do not share any, so none is counted twice. */
static uint64_t frames_known(const struct core *core, uint32_t index, const struct core_segment *segment)
{
	uint64_t frames = 0;

	for (uint32_t i = 0; i < index; i++) {
		const struct core_segment other = core_segment(core, i);

		frames += frames_shared(segment, &other);
	}
	return frames;
}

/* Counts what is in the core; no frame may be in it twice. */
static enum status segments_check(struct core *core, const char **reason_out)
{
	uint64_t floor = 0; /* no segment so far lies behind this frame */

	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);

		if (segment.data_pages + segment.zero_pages == 0)
			continue;
		if (segment.first.value < floor && frames_known(core, i, &segment) != 0)
			return core_refuse(reason_out, STATUS_CORRUPT, "segments overlap");
		floor = max_u64(floor, segment.first.value + segment.data_pages + segment.zero_pages);
		core->data_pages += segment.data_pages;
		core->zero_pages += segment.zero_pages;
		if (segment.data_pages != 0 && segment.offset % PAGE_BYTES != 0)
			core->data_aligned = false;
	}
	if (core->data_pages == 0)
		return core_refuse(reason_out, STATUS_CORRUPT, "the core has no data");
	return STATUS_OK;
}

/* What the text mapping shows must be in the direct mapping too; where there is nothing else it is in itself. */
static enum status text_check(const struct core *core, const char **reason_out)
{
	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment text = core_load_segment(&core->loads[i]);

		if (core_load_is_text(&core->loads[i]) &&
		    frames_known(core, core->segment_count, &text) != text.data_pages + text.zero_pages)
			return core_refuse(reason_out, STATUS_UNSUPPORTED,
					   "the kernel's text is only in its own mapping");
	}
	return STATUS_OK;
}

enum status core_elf_parse(const void *header, uint64_t file_bytes, struct core *core_out, const char **reason_out)
{
	const struct elf_header *elf = header;
	struct core core = {.segment_count = elf->program_count, .data_aligned = true};

	core.loads = (const struct elf_program_header *)(const void *)((const uint8_t *)header + elf->program_offset);
	core.stored_pages = div_round_up(file_bytes, PAGE_BYTES);
	for (uint32_t i = 0; i < core.segment_count; i++) {
		if (core.loads[i].type != ELF_PROGRAM_LOAD || core.loads[i].memory_bytes == 0)
			continue;
		TRY(load_check(&core.loads[i], file_bytes, reason_out));
		if (!core_load_is_text(&core.loads[i]))
			core.skips_text = true;
	}
	TRY(segments_check(&core, reason_out));
	TRY(text_check(&core, reason_out));
	*core_out = core;
	return STATUS_OK;
}
