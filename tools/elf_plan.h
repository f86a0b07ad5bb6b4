/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kexec_load is given of thaw.elf: its PT_LOADs as page-aligned segments, and the addresses of named symbols
 * (System V ABI, ELF-64). Pure: works on the file's bytes in memory.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/* KEXEC_SEGMENT_MAX of Linux. */
#define ELF_PLAN_SEGMENTS_MAX 16

/* [start, end) of physical memory, page aligned; the first data_bytes of it come from the file, the rest is zero. */
struct elf_plan_segment {
	uint64_t start;
	uint64_t end;
	uint64_t data_bytes;
};

/* PT_LOADs that share a page are one segment; in ascending order, disjoint, none of zero length. */
struct elf_plan {
	struct elf_plan_segment segments[ELF_PLAN_SEGMENTS_MAX];
	uint32_t count;
	uint64_t start; /* of the first */
	uint64_t end;   /* of the last */
};

/*
 * Errors: STATUS_CORRUPT (not a little-endian ELF64 program for x86-64, or it contradicts itself), STATUS_UNSUPPORTED
 * (too many segments); *reason_out: static text, written with every error.
 */
nodiscard enum status elf_plan_make(const void *file, size_t bytes, struct elf_plan *plan_out, const char **reason_out);

/* Copies the file's part of the segment into out (data_bytes long, zeroed where no PT_LOAD has anything). */
void elf_plan_copy(const void *file, size_t bytes, const struct elf_plan_segment *segment, uint8_t *out);

struct elf_symbol {
	uint64_t address;
	uint64_t bytes;
};

/* A defined symbol of the symbol table. STATUS_NOT_FOUND; STATUS_CORRUPT: the table contradicts itself. */
nodiscard enum status elf_symbol_find(const void *file, size_t bytes, const char *name, struct elf_symbol *symbol_out);
