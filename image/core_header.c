/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks the header part of a kexec-jump image (image/core_format.h).
 */
#include "image/core.h"

#include "image/core_internal.h"
#include "lib/checked.h"
#include "lib/crc32.h"
#include "lib/string.h"

#define HEADER_ALIGNMENT 8

/* 5 with LA57. */
#define PAGING_LEVELS_LEAST 4

static const char bad_notes[] = "the image's notes are not valid";
static const char bad_chunks[] = "the image's chunk table is not valid";

/* Header part and its core while they are checked. */
struct decode {
	const uint8_t *header;
	uint64_t header_bytes;
	struct core core;
	const char **reason_out;
};

static enum status corrupt(struct decode *decode, const char *reason)
{
	return core_refuse(decode->reason_out, STATUS_CORRUPT, reason);
}

static bool owner_is(const struct elf_note *note, const char *owner)
{
	return note->owner_bytes == strlen(owner) + 1 && memcmp(note + 1, owner, note->owner_bytes) == 0;
}

static enum status note_take(struct decode *decode, const struct elf_note *note, const uint8_t *descriptor)
{
	if (owner_is(note, CORE_VMCOREINFO_OWNER)) {
		decode->core.vmcoreinfo = (const char *)descriptor;
		decode->core.vmcoreinfo_bytes = note->descriptor_bytes;
		return STATUS_OK;
	}
	if (!owner_is(note, CORE_NOTE_OWNER) || note->type != CORE_NOTE_TYPE)
		return STATUS_OK;
	if ((descriptor - decode->header) % HEADER_ALIGNMENT != 0 || note->descriptor_bytes < sizeof(uint32_t))
		return corrupt(decode, bad_notes);
	decode->core.note = (const struct core_note *)(const void *)descriptor;
	if (decode->core.note->version != CORE_NOTE_VERSION)
		return core_refuse(decode->reason_out, STATUS_UNSUPPORTED, "the image's note is of another version");
	return note->descriptor_bytes == sizeof(struct core_note) ? STATUS_OK : corrupt(decode, bad_notes);
}

/* [position, end) lies in the header part. */
static enum status notes_walk(struct decode *decode, uint64_t position, uint64_t end)
{
	while (end - position >= sizeof(struct elf_note)) {
		const struct elf_note *note = (const struct elf_note *)(const void *)(decode->header + position);
		const uint64_t owner_bytes = align_up(note->owner_bytes, ELF_NOTE_ALIGNMENT);
		const uint64_t descriptor_bytes = align_up(note->descriptor_bytes, ELF_NOTE_ALIGNMENT);

		position += sizeof(*note);
		if (owner_bytes + descriptor_bytes > end - position)
			return corrupt(decode, bad_notes);
		TRY(note_take(decode, note, decode->header + position + owner_bytes));
		position += owner_bytes + descriptor_bytes;
	}
	return decode->core.note != NULL ? STATUS_OK : corrupt(decode, bad_notes);
}

static bool region_good(const struct core_note *note)
{
	return (note->region_start | note->region_end) % PAGE_BYTES == 0 && note->region_start < note->region_end &&
	       note->region_end <= CORE_ADDRESS_LIMIT;
}

/* The note by itself; chunk_count, data_pages and the like are checked where they are used. */
static enum status note_check(struct decode *decode)
{
	const struct core_note *note = decode->core.note;
	const bool is_plain = memcmp(decode->header, CORE_ELF_MAGIC, ELF_IDENT_MAGIC_BYTES) == 0;

	if (note->codec > CORE_LZ4)
		return core_refuse(decode->reason_out, STATUS_UNSUPPORTED, "the image is packed in an unknown way");
	if ((note->codec == CORE_PLAIN) != is_plain)
		return corrupt(decode, "the image's magic and its codec contradict each other");
	if (note->levels - PAGING_LEVELS_LEAST > 1 || note->memory_count - 1 >= CORE_MEMORY_ENTRIES_MAX ||
	    note->acpi.gpe0_bytes > 2 * CORE_GPE_BYTES_MAX || note->acpi.gpe1_bytes > 2 * CORE_GPE_BYTES_MAX ||
	    note->data_offset != decode->header_bytes || !region_good(note))
		return corrupt(decode, bad_notes);
	return STATUS_OK;
}

/* floor: the end of the segment before, in bytes. */
static enum status load_check(struct decode *decode, const struct elf_program_header *load, uint64_t floor)
{
	const struct core_note *note = decode->core.note;
	const uint64_t start = load->physical_address;
	uint64_t end;

	if (load->type != ELF_PROGRAM_LOAD || (start | load->file_bytes | load->memory_bytes) % PAGE_BYTES != 0 ||
	    load->memory_bytes == 0 || load->file_bytes > load->memory_bytes ||
	    load->virtual_address != start + CORE_DIRECT_MAP)
		return corrupt(decode, "a segment is not valid");
	if (!checked_add_u64(start, load->memory_bytes, &end) || end > CORE_ADDRESS_LIMIT)
		return corrupt(decode, "a segment lies beyond physical memory");
	if (start < floor)
		return corrupt(decode, "segments overlap or are out of order");
	if (start < note->region_end && note->region_start < end)
		return corrupt(decode, "a segment lies in the loader's region");
	if (load->offset != note->data_offset + decode->core.data_pages * PAGE_BYTES)
		return corrupt(decode, "the data of a segment is out of place");
	return STATUS_OK;
}

static enum status loads_check(struct decode *decode)
{
	struct core *core = &decode->core;
	uint64_t floor = 0;

	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct elf_program_header *load = &core->loads[i];

		TRY(load_check(decode, load, floor));
		floor = load->physical_address + load->memory_bytes;
		core->data_pages += load->file_bytes / PAGE_BYTES;
		core->zero_pages += (load->memory_bytes - load->file_bytes) / PAGE_BYTES;
	}
	if (core->data_pages != core->note->data_pages || core->zero_pages != core->note->zero_pages)
		return corrupt(decode, "the page counts contradict each other");
	if (!core_has_data(core, core->note->entry))
		return corrupt(decode, "the entry does not lie in the image's data");
	return STATUS_OK;
}

/* floor: the end of the notes, a byte offset in the header part. */
static enum status chunks_check(struct decode *decode, uint64_t floor)
{
	struct core *core = &decode->core;
	const struct core_note *note = core->note;
	struct core_chunk_cursor cursor = {0};
	struct core_chunk_place place;

	if (note->chunk_count != div_round_up(core->data_pages, CORE_CHUNK_PAGES) ||
	    note->chunk_table % HEADER_ALIGNMENT != 0 || note->chunk_table < floor ||
	    note->chunk_table > decode->header_bytes ||
	    note->chunk_count > (decode->header_bytes - note->chunk_table) / sizeof(struct core_chunk))
		return corrupt(decode, bad_chunks);
	core->chunks = (const struct core_chunk *)(const void *)(decode->header + note->chunk_table);
	core->chunk_count = note->chunk_count;
	while (core_chunk_next(core, &cursor, &place)) {
		const uint32_t raw_bytes = place.raw_pages * PAGE_BYTES;

		if (place.stored_bytes == 0 || place.stored_bytes > raw_bytes ||
		    (note->codec == CORE_PLAIN && place.stored_bytes != raw_bytes))
			return corrupt(decode, bad_chunks);
	}
	if (decode->header_bytes / PAGE_BYTES + cursor.stored_page != core->stored_pages)
		return corrupt(decode, "the chunks do not add up to the image's size");
	return STATUS_OK;
}

/* The ELF header and the one PT_NOTE; leaves core.loads and core.note. notes_end_out: byte offset in the header part.
 */
static enum status headers_decode(struct decode *decode, uint64_t *notes_end_out)
{
	const struct elf_header *elf = (const struct elf_header *)(const void *)decode->header;
	const struct elf_program_header *programs = (const struct elf_program_header *)(const void *)(elf + 1);
	uint64_t programs_end;

	TRY(core_elf_check(elf, decode->reason_out));
	programs_end = sizeof(*elf) + elf->program_count * sizeof(*programs);
	if ((memcmp(elf->ident, CORE_ELF_MAGIC, ELF_IDENT_MAGIC_BYTES) != 0 &&
	     memcmp(elf->ident, CORE_PACKED_MAGIC, ELF_IDENT_MAGIC_BYTES) != 0) ||
	    elf->program_offset != sizeof(*elf) || elf->program_count < 2 ||
	    elf->program_count - 1 > CORE_SEGMENTS_MAX || programs_end > decode->header_bytes)
		return corrupt(decode, "the image's ELF header is not valid");
	if (programs->type != ELF_PROGRAM_NOTE || programs->offset % ELF_NOTE_ALIGNMENT != 0 ||
	    programs->offset < programs_end ||
	    !checked_add_u64(programs->offset, programs->file_bytes, notes_end_out) ||
	    *notes_end_out > decode->header_bytes)
		return corrupt(decode, bad_notes);
	decode->core.loads = programs + 1;
	decode->core.segment_count = elf->program_count - 1;
	return notes_walk(decode, programs->offset, *notes_end_out);
}

enum status core_header_decode(const void *header, uint64_t header_bytes, uint64_t core_bytes, struct core *core_out,
			       const char **reason_out)
{
	struct decode decode = {.header = header, .header_bytes = header_bytes, .reason_out = reason_out};
	uint64_t notes_end;

	if (header_bytes == 0 || header_bytes % PAGE_BYTES != 0 || core_bytes % PAGE_BYTES != 0)
		return core_refuse(reason_out, STATUS_INVALID, "sizes that are no whole pages");
	decode.core.stored_pages = core_bytes / PAGE_BYTES;
	decode.core.data_aligned = true;
	TRY(headers_decode(&decode, &notes_end));
	TRY(note_check(&decode));
	TRY(loads_check(&decode));
	TRY(chunks_check(&decode, notes_end));
	*core_out = decode.core;
	return STATUS_OK;
}

enum status core_header_parse(const void *header, const struct core_anchor *anchor, struct core *core_out,
			      const char **reason_out)
{
	if (!core_anchor_has_core(anchor))
		return core_refuse(reason_out, STATUS_INVALID, "the anchor says that there is no image");
	if (crc32_zlib(header, anchor->header_bytes) != anchor->header_crc32)
		return core_refuse(reason_out, STATUS_CORRUPT, "the checksum of the image's header is wrong");
	return core_header_decode(header, anchor->header_bytes, anchor->core_bytes, core_out, reason_out);
}
