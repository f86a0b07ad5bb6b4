/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts memory into segments and writes the header part of a kexec-jump image (image/core_format.h).
 */
#include "image/core_layout.h"

#include "image/core_internal.h"
#include "lib/crc32.h"
#include "lib/string.h"

#define CHUNK_TABLE_ALIGNMENT 8
#define LOAD_ALIGNMENT        PAGE_BYTES

/* The record of a note and its owner, padded. */
#define RECORD_BYTES(owner)                                                                                            \
	(sizeof(struct elf_note) + (sizeof(owner) + ELF_NOTE_ALIGNMENT - 1) / ELF_NOTE_ALIGNMENT * ELF_NOTE_ALIGNMENT)

/* Puts the first note's descriptor at a multiple of 8; the program headers end at one. */
#define NOTES_GAP 4

_Static_assert((NOTES_GAP + RECORD_BYTES(CORE_NOTE_OWNER)) % _Alignof(struct core_note) == 0, "aligned for reading");

/* Goes through the source, segment by segment. */
struct walk {
	const struct core_source *source;
	uint64_t gap_pages;
	struct core_run run; /* not used up yet */
	bool has_run;
};

static void run_fetch(struct walk *walk, uint64_t from)
{
	walk->has_run = walk->source->next_run(walk->source->context, (struct pfn){from}, &walk->run);
}

static void walk_start(struct walk *walk, const struct core_source *source, uint64_t gap_pages)
{
	walk->source = source;
	walk->gap_pages = gap_pages;
	run_fetch(walk, 0);
}

/* False: that was all. The segment's offset is not set. */
static bool walk_next(struct walk *walk, struct core_segment *segment_out)
{
	uint64_t end = walk->run.first.value;
	uint64_t data_pages = 0;
	uint64_t zero_pages = 0;

	if (!walk->has_run)
		return false;
	segment_out->first = walk->run.first;
	while (walk->has_run && walk->run.first.value == end) {
		if (walk->run.zero) {
			zero_pages += walk->run.pages;
		} else {
			if (zero_pages >= walk->gap_pages)
				break;
			data_pages += zero_pages + walk->run.pages;
			zero_pages = 0;
		}
		end += walk->run.pages;
		run_fetch(walk, end);
	}
	segment_out->data_pages = data_pages;
	segment_out->zero_pages = zero_pages;
	return true;
}

/* Counts with the layout's gap. Stops behind segments_max segments. */
static void layout_count(struct core_layout *layout, const struct core_source *source, uint32_t segments_max)
{
	struct core_segment segment;
	struct walk walk;

	walk_start(&walk, source, layout->gap_pages);
	layout->segment_count = 0;
	layout->data_pages = 0;
	layout->zero_pages = 0;
	while (layout->segment_count <= segments_max && walk_next(&walk, &segment)) {
		layout->segment_count++;
		layout->data_pages += segment.data_pages;
		layout->zero_pages += segment.zero_pages;
	}
	layout->chunk_count = div_round_up(layout->data_pages, CORE_CHUNK_PAGES);
}

enum status core_layout_plan(const struct core_source *source, uint32_t segments_max, struct core_layout *layout_out)
{
	struct core_layout layout = {.gap_pages = 1};

	layout_count(&layout, source, segments_max);
	while (layout.segment_count > segments_max && layout.gap_pages < CORE_ADDRESS_LIMIT / PAGE_BYTES) {
		layout.gap_pages *= 2;
		layout_count(&layout, source, segments_max);
	}
	if (layout.segment_count > segments_max || layout.data_pages == 0)
		return STATUS_UNSUPPORTED;
	*layout_out = layout;
	return STATUS_OK;
}

/* Byte offsets in the header part. */
struct places {
	uint64_t notes;
	uint64_t notes_end;
	uint64_t chunk_table;
	uint64_t data;
};

static uint64_t notes_place(uint32_t program_count)
{
	return sizeof(struct elf_header) + program_count * sizeof(struct elf_program_header) + NOTES_GAP;
}

static struct places places_find(const struct core_layout *layout, uint32_t vmcoreinfo_bytes)
{
	struct places places;

	places.notes = notes_place(layout->segment_count + 1);
	places.notes_end = places.notes + RECORD_BYTES(CORE_NOTE_OWNER) + sizeof(struct core_note);
	if (vmcoreinfo_bytes != 0)
		places.notes_end +=
			RECORD_BYTES(CORE_VMCOREINFO_OWNER) + align_up(vmcoreinfo_bytes, ELF_NOTE_ALIGNMENT);
	places.chunk_table = align_up(places.notes_end, CHUNK_TABLE_ALIGNMENT);
	places.data = align_up(places.chunk_table + layout->chunk_count * sizeof(struct core_chunk), PAGE_BYTES);
	return places;
}

uint64_t core_header_bytes(const struct core_layout *layout, uint32_t vmcoreinfo_bytes)
{
	return places_find(layout, vmcoreinfo_bytes).data;
}

static struct core_note *header_note(void *header)
{
	const struct elf_header *elf = header;

	return (struct core_note *)(void *)((uint8_t *)header + notes_place(elf->program_count) +
					    RECORD_BYTES(CORE_NOTE_OWNER));
}

static void elf_fill(struct elf_header *elf, const struct core_build *build)
{
	memcpy(elf->ident, build->note->codec == CORE_PLAIN ? CORE_ELF_MAGIC : CORE_PACKED_MAGIC,
	       ELF_IDENT_MAGIC_BYTES);
	elf->ident[ELF_IDENT_CLASS] = ELF_IDENT_CLASS_64;
	elf->ident[ELF_IDENT_DATA] = ELF_IDENT_DATA_LITTLE;
	elf->ident[ELF_IDENT_VERSION] = ELF_VERSION_CURRENT;
	elf->type = ELF_TYPE_CORE;
	elf->machine = ELF_MACHINE_X86_64;
	elf->version = ELF_VERSION_CURRENT;
	elf->program_offset = sizeof(*elf);
	elf->header_bytes = sizeof(*elf);
	elf->program_entry_bytes = sizeof(struct elf_program_header);
	elf->program_count = (uint16_t)(build->layout->segment_count + 1);
}

static enum status loads_fill(struct elf_program_header *loads, const struct core_build *build, uint64_t offset)
{
	const struct core_layout *layout = build->layout;
	const uint64_t data_end = offset + layout->data_pages * PAGE_BYTES;
	uint64_t zero_pages = 0;
	struct core_segment segment;
	uint32_t count = 0;
	struct walk walk;

	walk_start(&walk, build->source, layout->gap_pages);
	for (; walk_next(&walk, &segment); count++) {
		struct elf_program_header *load = &loads[count];

		if (count == layout->segment_count)
			return STATUS_INVALID;
		load->type = ELF_PROGRAM_LOAD;
		load->flags = ELF_PROGRAM_READ_WRITE_EXECUTE;
		load->offset = offset;
		load->physical_address = pfn_to_paddr(segment.first).value;
		load->virtual_address = load->physical_address + CORE_DIRECT_MAP;
		load->file_bytes = segment.data_pages * PAGE_BYTES;
		load->memory_bytes = load->file_bytes + segment.zero_pages * PAGE_BYTES;
		load->alignment = LOAD_ALIGNMENT;
		offset += load->file_bytes;
		zero_pages += segment.zero_pages;
	}
	if (count != layout->segment_count || offset != data_end || zero_pages != layout->zero_pages)
		return STATUS_INVALID;
	return STATUS_OK;
}

/* A record with its owner. The descriptor follows. */
static void record_fill(uint8_t *bytes, const char *owner, uint32_t owner_bytes, uint32_t type,
			uint32_t descriptor_bytes)
{
	struct elf_note *record = (struct elf_note *)(void *)bytes;

	record->owner_bytes = owner_bytes;
	record->descriptor_bytes = descriptor_bytes;
	record->type = type;
	memcpy(record + 1, owner, owner_bytes);
}

static void notes_fill(uint8_t *next, const struct core_build *build, const struct places *places)
{
	const struct core_layout *layout = build->layout;
	struct core_note *note;

	record_fill(next, CORE_NOTE_OWNER, sizeof(CORE_NOTE_OWNER), CORE_NOTE_TYPE, sizeof(*note));
	note = (struct core_note *)(void *)(next + RECORD_BYTES(CORE_NOTE_OWNER));
	*note = *build->note;
	note->version = CORE_NOTE_VERSION;
	note->data_pages = layout->data_pages;
	note->zero_pages = layout->zero_pages;
	note->chunk_table = places->chunk_table;
	note->chunk_count = layout->chunk_count;
	note->data_offset = places->data;
	if (build->vmcoreinfo_bytes == 0)
		return;
	next = (uint8_t *)(note + 1);
	record_fill(next, CORE_VMCOREINFO_OWNER, sizeof(CORE_VMCOREINFO_OWNER), 0, build->vmcoreinfo_bytes);
	memcpy(next + RECORD_BYTES(CORE_VMCOREINFO_OWNER), build->vmcoreinfo, build->vmcoreinfo_bytes);
}

enum status core_header_build(void *header, const struct core_build *build, struct core *core_out)
{
	const struct core_layout *layout = build->layout;
	const struct places places = places_find(layout, build->vmcoreinfo_bytes);
	struct elf_header *elf = header;
	struct elf_program_header *programs = (struct elf_program_header *)(void *)(elf + 1);

	memset(header, 0, places.data);
	elf_fill(elf, build);
	programs->type = ELF_PROGRAM_NOTE;
	programs->offset = places.notes;
	programs->file_bytes = places.notes_end - places.notes;
	programs->alignment = ELF_NOTE_ALIGNMENT;
	TRY(loads_fill(programs + 1, build, places.data));
	notes_fill((uint8_t *)header + places.notes, build, &places);
	*core_out = (struct core){
		.note = header_note(header),
		.data_pages = layout->data_pages,
		.zero_pages = layout->zero_pages,
		.segment_count = layout->segment_count,
		.data_aligned = true,
		.chunk_count = layout->chunk_count,
		.loads = programs + 1,
		.chunks = (const struct core_chunk *)(void *)((uint8_t *)header + places.chunk_table),
	};
	return STATUS_OK;
}

void core_chunk_set(void *header, uint64_t index, uint32_t stored_bytes, uint32_t crc32)
{
	uint8_t *table = (uint8_t *)header + header_note(header)->chunk_table;
	struct core_chunk *chunk = (struct core_chunk *)(void *)table + index;

	chunk->stored_bytes = stored_bytes;
	chunk->crc32 = crc32;
}

void core_anchor_complete(struct core_anchor *anchor, const void *header, uint64_t header_bytes, uint64_t stored_pages)
{
	anchor->header_bytes = header_bytes;
	anchor->core_bytes = header_bytes + stored_pages * PAGE_BYTES;
	anchor->header_crc32 = crc32_zlib(header, header_bytes);
}
