/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Program headers and symbols of an ELF64 file (System V ABI, ELF-64; <elf.h> has its layout).
 */
#include "tools/elf_plan.h"

#include <elf.h>
#include <string.h>

#include "lib/checked.h"
#include "lib/span.h"

#define ADDRESS_MAX BIT64(52)

struct load {
	uint64_t offset;
	uint64_t address;
	uint64_t file_bytes;
	uint64_t memory_bytes;
};

static uint32_t load_count(struct span *elf)
{
	return span_u16(elf, offsetof(Elf64_Ehdr, e_phnum));
}

/* Program header `index`; false: it is no PT_LOAD, or an empty one. Failures show in the span. */
static bool load_read(struct span *elf, uint32_t index, struct load *load_out)
{
	const uint64_t table = span_u64(elf, offsetof(Elf64_Ehdr, e_phoff));
	const uint64_t at = table + (uint64_t)index * sizeof(Elf64_Phdr);

	/* So that the sums here and below stay small. */
	if (table > elf->size)
		elf->failed = true;
	load_out->offset = span_u64(elf, at + offsetof(Elf64_Phdr, p_offset));
	load_out->address = span_u64(elf, at + offsetof(Elf64_Phdr, p_paddr));
	load_out->file_bytes = span_u64(elf, at + offsetof(Elf64_Phdr, p_filesz));
	load_out->memory_bytes = span_u64(elf, at + offsetof(Elf64_Phdr, p_memsz));
	return span_ok(elf) && span_u32(elf, at + offsetof(Elf64_Phdr, p_type)) == PT_LOAD &&
	       load_out->memory_bytes != 0;
}

static bool load_is_sane(struct span *elf, const struct load *load)
{
	uint64_t end;

	return load->file_bytes <= load->memory_bytes && checked_add_u64(load->address, load->memory_bytes, &end) &&
	       end <= ADDRESS_MAX && span_has(elf, load->offset, load->file_bytes);
}

static bool header_is_sane(struct span *elf)
{
	static const uint8_t ident[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

	return span_has(elf, 0, sizeof(Elf64_Ehdr)) && memcmp(elf->bytes, ident, sizeof(ident)) == 0 &&
	       span_u16(elf, offsetof(Elf64_Ehdr, e_type)) == ET_EXEC &&
	       span_u16(elf, offsetof(Elf64_Ehdr, e_machine)) == EM_X86_64 &&
	       span_u16(elf, offsetof(Elf64_Ehdr, e_phentsize)) == sizeof(Elf64_Phdr);
}

/* Sorts it in; several are joined afterwards. */
static bool plan_insert(struct elf_plan *plan, const struct load *load)
{
	const uint64_t start = align_down(load->address, PAGE_BYTES);
	uint32_t at = plan->count;

	if (plan->count == ELF_PLAN_SEGMENTS_MAX)
		return false;
	while (at > 0 && plan->segments[at - 1].start > start) {
		plan->segments[at] = plan->segments[at - 1];
		at--;
	}
	plan->segments[at] = (struct elf_plan_segment){
		.start = start,
		.end = align_up(load->address + load->memory_bytes, PAGE_BYTES),
		.data_bytes = load->file_bytes != 0 ? load->address + load->file_bytes - start : 0,
	};
	plan->count++;
	return true;
}

static void plan_join(struct elf_plan *plan)
{
	uint32_t last = 0;

	for (uint32_t i = 1; i < plan->count; i++) {
		struct elf_plan_segment *previous = &plan->segments[last];
		const struct elf_plan_segment *next = &plan->segments[i];

		if (next->start >= previous->end) {
			plan->segments[++last] = *next;
			continue;
		}
		previous->end = max_u64(previous->end, next->end);
		if (next->data_bytes != 0)
			previous->data_bytes =
				max_u64(previous->data_bytes, next->start + next->data_bytes - previous->start);
	}
	plan->count = last + 1;
}

enum status elf_plan_make(const void *file, size_t bytes, struct elf_plan *plan_out, const char **reason_out)
{
	struct span elf = span_of(file, bytes);
	struct elf_plan plan = {.count = 0};

	*reason_out = "it is no ELF64 program for x86-64";
	if (!header_is_sane(&elf))
		return STATUS_CORRUPT;
	for (uint32_t i = 0; i < load_count(&elf); i++) {
		struct load load;
		const bool is_load = load_read(&elf, i, &load);

		*reason_out = "a program header contradicts itself or the file's length";
		if (!span_ok(&elf) || (is_load && !load_is_sane(&elf, &load)))
			return STATUS_CORRUPT;
		*reason_out = "it has too many segments";
		if (is_load && !plan_insert(&plan, &load))
			return STATUS_UNSUPPORTED;
	}
	*reason_out = "it has nothing to load";
	if (plan.count == 0)
		return STATUS_CORRUPT;
	plan_join(&plan);
	plan.start = plan.segments[0].start;
	plan.end = plan.segments[plan.count - 1].end;
	*plan_out = plan;
	return STATUS_OK;
}

void elf_plan_copy(const void *file, size_t bytes, const struct elf_plan_segment *segment, uint8_t *out)
{
	struct span elf = span_of(file, bytes);

	memset(out, 0, segment->data_bytes);
	for (uint32_t i = 0; i < load_count(&elf); i++) {
		struct load load;

		if (load_read(&elf, i, &load) && load.file_bytes != 0 && load.address >= segment->start &&
		    load.address < segment->end)
			memcpy(out + (load.address - segment->start), elf.bytes + load.offset, load.file_bytes);
	}
}

/* Section header `index`, as far as it is needed. */
struct section {
	uint32_t type;
	uint32_t link;
	struct span bytes;
};

static struct section section_read(struct span *elf, uint32_t index)
{
	const uint64_t table = span_u64(elf, offsetof(Elf64_Ehdr, e_shoff));
	const uint64_t at = table + (uint64_t)index * sizeof(Elf64_Shdr);
	struct section section = {.type = SHT_NULL};

	if (table > elf->size || index >= span_u16(elf, offsetof(Elf64_Ehdr, e_shnum)))
		elf->failed = true;
	section.type = span_u32(elf, at + offsetof(Elf64_Shdr, sh_type));
	section.link = span_u32(elf, at + offsetof(Elf64_Shdr, sh_link));
	if (section.type == SHT_SYMTAB || section.type == SHT_STRTAB)
		section.bytes = span_part(elf, span_u64(elf, at + offsetof(Elf64_Shdr, sh_offset)),
					  span_u64(elf, at + offsetof(Elf64_Shdr, sh_size)));
	return section;
}

static bool name_is(const struct span *strings, uint32_t at, const char *name)
{
	const size_t length = strlen(name) + 1;

	return at <= strings->size && length <= strings->size - at && memcmp(strings->bytes + at, name, length) == 0;
}

static enum status symbol_find_in(struct span *symbols, const struct span *strings, const char *name,
				  struct elf_symbol *symbol_out)
{
	for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols->size; at += sizeof(Elf64_Sym)) {
		if (span_u16(symbols, at + offsetof(Elf64_Sym, st_shndx)) == SHN_UNDEF ||
		    !name_is(strings, span_u32(symbols, at + offsetof(Elf64_Sym, st_name)), name))
			continue;
		symbol_out->address = span_u64(symbols, at + offsetof(Elf64_Sym, st_value));
		symbol_out->bytes = span_u64(symbols, at + offsetof(Elf64_Sym, st_size));
		return STATUS_OK;
	}
	return STATUS_NOT_FOUND;
}

enum status elf_symbol_find(const void *file, size_t bytes, const char *name, struct elf_symbol *symbol_out)
{
	struct span elf = span_of(file, bytes);
	const uint32_t count = span_u16(&elf, offsetof(Elf64_Ehdr, e_shnum));

	if (!header_is_sane(&elf))
		return STATUS_CORRUPT;
	for (uint32_t i = 0; i < count; i++) {
		struct section symbols = section_read(&elf, i);
		struct section strings;

		if (!span_ok(&elf))
			return STATUS_CORRUPT;
		if (symbols.type != SHT_SYMTAB)
			continue;
		strings = section_read(&elf, symbols.link);
		if (!span_ok(&elf) || strings.type != SHT_STRTAB)
			return STATUS_CORRUPT;
		return symbol_find_in(&symbols.bytes, &strings.bytes, name, symbol_out);
	}
	return STATUS_NOT_FOUND;
}
