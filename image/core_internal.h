/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sources of core.h and core_layout.h share: the ELF64 structures of a core file ("System V Application Binary
 * Interface", gABI 4.1, object files and program loading; psABI for x86-64) as they lie in a header part.
 */
#pragma once

#include "image/core.h"

#define ELF_IDENT_MAGIC_BYTES          4
#define ELF_IDENT_CLASS                4 /* index of e_ident */
#define ELF_IDENT_CLASS_64             2
#define ELF_IDENT_DATA                 5
#define ELF_IDENT_DATA_LITTLE          1
#define ELF_IDENT_VERSION              6
#define ELF_VERSION_CURRENT            1
#define ELF_TYPE_CORE                  4
#define ELF_MACHINE_X86_64             62
#define ELF_PROGRAM_LOAD               1
#define ELF_PROGRAM_NOTE               4
#define ELF_PROGRAM_READ_WRITE_EXECUTE 7

#define CORE_VMCOREINFO_OWNER "VMCOREINFO"

/* No physical address lies beyond (Intel SDM volume 3A, 4.1.4). */
#define CORE_ADDRESS_LIMIT BIT64(52)

struct elf_header {
	uint8_t ident[16];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t program_offset;
	uint64_t section_offset;
	uint32_t flags;
	uint16_t header_bytes;
	uint16_t program_entry_bytes;
	uint16_t program_count;
	uint16_t section_entry_bytes;
	uint16_t section_count;
	uint16_t section_names;
} CORE_ALIAS;

_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

struct elf_program_header {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t virtual_address;
	uint64_t physical_address;
	uint64_t file_bytes;
	uint64_t memory_bytes;
	uint64_t alignment;
} CORE_ALIAS;

_Static_assert(sizeof(struct elf_program_header) == 56, "Elf64_Phdr");

/* Followed by the owner's name and the descriptor, each padded to ELF_NOTE_ALIGNMENT. */
struct elf_note {
	uint32_t owner_bytes; /* with its NUL */
	uint32_t descriptor_bytes;
	uint32_t type;
} CORE_ALIAS;

_Static_assert(sizeof(struct elf_note) == 12, "Elf64_Nhdr");

#define ELF_NOTE_ALIGNMENT 4

/* Evaluates to the status, with its reason left behind. */
static inline enum status core_refuse(const char **reason_out, enum status status, const char *reason)
{
	*reason_out = reason;
	return status;
}

/* All of an ELF header but its magic and where the program headers are. STATUS_UNSUPPORTED. */
nodiscard enum status core_elf_check(const struct elf_header *elf, const char **reason_out);

/* A PT_LOAD of the mapping of the kernel's text. */
bool core_load_is_text(const struct elf_program_header *load);

/*
 * What a program header covers, empty if it is no PT_LOAD. If it has memory_bytes it ends below 2^52; file_bytes are
 * none, all of them, or end with a page.
 */
struct core_segment core_load_segment(const struct elf_program_header *load);
