/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exported core has one segment more than the image, for all of Thaw's place, its data behind all other.
 */
#include "tools/thaw_region.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/core_format.h"
#include "tools/kexec_places.h"
#include "tools/thaw_device.h"
#include "tools/thaw_say.h"

/* Where a kernel with five levels and without KASLR maps all memory; makedumpfile takes what lies below for user space.
 */
#define DIRECT_MAP_LEVELS5 0xff11000000000000ull

/* Where the image's header part ends: what follows is padding. */
static uint64_t header_used(const struct core_file *file)
{
	return file->core.note->chunk_table + file->core.note->chunk_count * sizeof(struct core_chunk);
}

void region_places_set(struct core_out *out)
{
	out->header_bytes = align_up(header_used(out->file) + sizeof(Elf64_Phdr), PAGE_BYTES);
	out->data_end = out->header_bytes + out->file->core.data_pages * PAGE_BYTES;
}

/* How far data lies behind its place in a plain image. */
static uint64_t data_shift(const struct core_out *out)
{
	return out->header_bytes - out->file->anchor->header_bytes;
}

static enum status frame_read(void *context, struct pfn frame, struct page *page_out)
{
	const struct core_out *out = context;
	const struct core *core = &out->file->core;

	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);
		const uint64_t at = frame.value - segment.first.value;

		if (frame.value < segment.first.value || at >= segment.data_pages + segment.zero_pages)
			continue;
		memset(page_out, 0, sizeof(*page_out));
		if (at >= segment.data_pages)
			return STATUS_OK;
		return read_at(out->descriptor, page_out, sizeof(*page_out),
			       segment.offset + data_shift(out) + at * PAGE_BYTES)
			       ? STATUS_OK
			       : STATUS_IO_ERROR;
	}
	return STATUS_NOT_FOUND;
}

static bool pages_write(const struct core_out *out, const struct kexec_places *places)
{
	const uint64_t frames = places->end.value - places->start.value;
	struct core_out context = *out;
	struct page page;

	for (uint64_t i = 0; i < frames; i++) {
		const struct pfn source = places->sources[i];

		if (source.value != 0 &&
		    (frame_read(&context, source, &page) != STATUS_OK ||
		     !write_at(out->descriptor, &page, sizeof(page), out->data_end + i * PAGE_BYTES)))
			return false;
	}
	return ftruncate(out->descriptor, (off_t)(out->data_end + frames * PAGE_BYTES)) == 0;
}

bool region_write(const struct core_out *out, const char *path, struct pfn *first_out, uint64_t *pages_out)
{
	const struct core_note *note = out->file->core.note;
	struct kexec_places places = {
		.start = {note->region_start >> PAGE_SHIFT},
		.end = {note->region_end >> PAGE_SHIFT},
	};
	const uint64_t frames = places.end.value - places.start.value;
	struct core_out context = *out;
	bool good = true;

	places.sources = calloc(frames, sizeof(*places.sources));
	*first_out = places.start;
	*pages_out = 0;
	if (places.sources != NULL && kexec_places_find(&places, note->entry, frame_read, &context) == STATUS_OK) {
		*pages_out = frames;
		good = pages_write(out, &places) || say_error(path, "%s", strerror(errno));
	} else {
		say_refusal("note: where the session had its pages from %" PRIu64 " to %" PRIu64
			    " MiB is not known: they are not in the core, and crash may not read it",
			    note->region_start / MIB, note->region_end / MIB);
	}
	free(places.sources);
	return good;
}

/* In the order of addresses; returns how many more there are. */
static uint16_t programs_copy(const struct core_out *out, Elf64_Phdr *programs, struct pfn first, uint64_t pages)
{
	const Elf64_Ehdr *old_elf = (const Elf64_Ehdr *)(const void *)out->file->header;
	const Elf64_Phdr *old = (const Elf64_Phdr *)(const void *)(out->file->header + old_elf->e_phoff);
	const uint64_t address = pfn_to_paddr(first).value;
	uint16_t added = 0;

	for (uint16_t i = 0; i <= old_elf->e_phnum; i++) {
		const bool is_behind = i == old_elf->e_phnum || (old[i].p_type == PT_LOAD && old[i].p_paddr > address);

		if (pages != 0 && added == 0 && is_behind) {
			programs[i] = (Elf64_Phdr){
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_W | PF_X,
				.p_offset = out->data_end,
				.p_paddr = address,
				.p_filesz = pages * PAGE_BYTES,
				.p_memsz = pages * PAGE_BYTES,
			};
			added = 1;
		}
		if (i == old_elf->e_phnum)
			break;
		programs[i + added] = old[i];
		if (old[i].p_type == PT_LOAD)
			programs[i + added].p_offset += data_shift(out);
	}
	return added;
}

/* For the tools: crash tells a core like /proc/vmcore from a netdump by the alignment, which is 0. */
static void programs_adapt(Elf64_Phdr *programs, uint16_t count, uint32_t levels)
{
	const uint64_t direct_map = levels == 5 ? DIRECT_MAP_LEVELS5 : CORE_DIRECT_MAP;

	for (uint16_t i = 0; i < count; i++) {
		if (programs[i].p_type != PT_LOAD)
			continue;
		programs[i].p_vaddr = programs[i].p_paddr + direct_map;
		programs[i].p_align = 0;
	}
}

uint8_t *region_header_make(const struct core_out *out, struct pfn first, uint64_t pages)
{
	const struct core_file *file = out->file;
	const struct core_note *old_note = file->core.note;
	const size_t note_at = (size_t)((const uint8_t *)old_note - file->header);
	uint8_t *header = pages_allocate(out->header_bytes);
	Elf64_Ehdr *elf = (Elf64_Ehdr *)(void *)header;
	Elf64_Phdr *programs = (Elf64_Phdr *)(void *)(elf + 1);
	struct core_note *note;
	uint64_t programs_end;
	uint64_t growth;

	memcpy(elf, file->header, sizeof(*elf));
	memcpy(elf->e_ident, CORE_ELF_MAGIC, strlen(CORE_ELF_MAGIC));
	programs_end = elf->e_phoff + elf->e_phnum * sizeof(*programs);
	growth = programs_copy(out, programs, first, pages) * sizeof(*programs);
	elf->e_phnum = (uint16_t)(elf->e_phnum + growth / sizeof(*programs));
	memcpy(header + programs_end + growth, file->header + programs_end, header_used(file) - programs_end);
	programs_adapt(programs, elf->e_phnum, old_note->levels);
	for (uint16_t i = 0; i < elf->e_phnum; i++)
		if (programs[i].p_type == PT_NOTE)
			programs[i].p_offset += growth;
	note = (struct core_note *)(void *)(header + note_at + growth);
	note->codec = CORE_PLAIN;
	note->chunk_table += growth;
	note->data_offset += data_shift(out);
	return header;
}
