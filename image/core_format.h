/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image of a kexec jump on disk: anchor page, then a core. docs/kexec-jump-format.md describes it with reasons;
 * this is the layout, for loader, save role and host command alike. All numbers are little endian. Host-clean.
 *
 *     target (partition, or blocks of a file):  anchor page | the core's pages, along the anchor's extents …
 *     core (plain variant: an ELF64 core file): ELF header, program headers | notes | chunk table | data
 */
#pragma once

#include "include/types.h"

/* Structures that are read and written in place, in pages and buffers of bytes. */
#define CORE_ALIAS __attribute__((may_alias))

/* --- the anchor: page 0 of the target ---------------------------------------------------------------------------- */

#define CORE_ANCHOR_MAGIC   "THAWCORE"
#define CORE_ANCHOR_VERSION 1

/* In the anchor's first 512 bytes, so that one sector write changes it. */
enum core_anchor_state {
	CORE_ANCHOR_EMPTY = 0,    /* made by `thaw format` */
	CORE_ANCHOR_SAVING = 1,   /* a save began and did not end: no image */
	CORE_ANCHOR_VALID = 2,    /* may be restored, once */
	CORE_ANCHOR_USED = 3,     /* was restored */
	CORE_ANCHOR_SNAPSHOT = 4, /* the session went on after the save */
	CORE_ANCHOR_FAILED = 5,   /* the save failed, `failure` says why; the session went on */
};

#define CORE_EXTENTS_MAX 223

/* A run of pages of the target's partition, counted from the partition's start. */
struct core_extent {
	uint64_t start_page;
	uint64_t page_count;
};

struct core_anchor {
	/* Bytes 0-511: rewritten by every change of state. */
	uint8_t magic[8];
	uint32_t version;
	uint32_t state;         /* enum core_anchor_state */
	uint8_t uuid[16];       /* of the target, from `thaw format` */
	uint64_t target_pages;  /* all extents together: the anchor not counted */
	uint64_t core_bytes;    /* VALID, USED, SNAPSHOT: stored length of the core, a multiple of 4096 */
	uint64_t header_bytes;  /* of these, the part before the data: a multiple of 4096 */
	uint32_t header_crc32;  /* zlib's, of the header part */
	uint32_t extents_crc32; /* zlib's, of bytes 512-4095 of this page */
	uint32_t failure;       /* FAILED: enum status */
	uint32_t save_ms;       /* time that the save took */
	uint32_t restore_ms;    /* USED: time of the restore, and its pages */
	uint32_t restore_pages;
	uint32_t sector_crc32; /* zlib's, of bytes 0-511 with this field 0 */
	uint32_t could_write;  /* SNAPSHOT: not 0: the session could write to disks, and is not restored */
	uint8_t reserved[424]; /* zeroes */
	/* Bytes 512-4095: written by `thaw format` only. */
	uint32_t extent_count;
	uint8_t reserved2[12];
	struct core_extent extents[CORE_EXTENTS_MAX];
} CORE_ALIAS;

_Static_assert(offsetof(struct core_anchor, extent_count) == 512, "one sector write changes the state");
_Static_assert(sizeof(struct core_anchor) == PAGE_BYTES, "the anchor is one page");

/* --- the core's header part -------------------------------------------------------------------------------------- */

/*
 * A plain core is an ELF64 core file, e_machine EM_X86_64, program headers at byte 64: one PT_NOTE, then PT_LOADs in
 * order of p_paddr, page aligned, disjoint, p_vaddr = p_paddr + CORE_DIRECT_MAP; memory behind p_filesz is zero. Data
 * lies in file order. A compressed core is the same but for its magic (so that no tool takes it for one): its p_offsets
 * are those that the plain core would have.
 */
#define CORE_ELF_MAGIC    "\177ELF"
#define CORE_PACKED_MAGIC "\177THZ"
#define CORE_SEGMENTS_MAX 16384
#define CORE_DIRECT_MAP   0xffff888000000000ull /* where A's kernel maps all memory, but for KASLR and 5 levels */

/* Data is cut into chunks of so many pages (the last may be shorter), in file order. */
#define CORE_CHUNK_PAGES 32

/*
 * An entry of the chunk table. stored_bytes is as many bytes as the chunk's pages have (stored as they are), or fewer
 * (packed). A stored chunk begins at a page of the stored core, and the next behind its last page.
 */
struct core_chunk {
	uint32_t stored_bytes;
	uint32_t crc32; /* zlib's, of the stored bytes */
} CORE_ALIAS;

enum core_codec { CORE_PLAIN = 0, CORE_LZO = 1, CORE_LZ4 = 2 };

/* Notes: the ELF owner "THAW", and "VMCOREINFO" as A's kernel keeps it (for crash and makedumpfile). */
#define CORE_NOTE_OWNER   "THAW"
#define CORE_NOTE_TYPE    0x54484157 /* none that the kernel or crash uses for something else */
#define CORE_NOTE_VERSION 1

#define CORE_MEMORY_ENTRIES_MAX 128

/* As boot_params' e820_table has it. */
struct core_memory_entry {
	uint64_t address;
	uint64_t bytes;
	uint32_t type;
	uint32_t reserved;
};

#define CORE_GPE_BYTES_MAX 32

/* ACPI's fixed registers: where they are (I/O ports, 0: none), and what was in them at the save. */
struct core_acpi {
	uint16_t smi_command;
	uint16_t pm1a_event, pm1b_event, pm1a_control, pm1b_control;
	uint16_t gpe0, gpe1;
	uint8_t pm1_event_bytes; /* status and enable together */
	uint8_t pm1_control_bytes;
	uint8_t gpe0_bytes, gpe1_bytes;     /* likewise */
	uint8_t acpi_enable;                /* for SMI_CMD */
	uint8_t hardware_reduced;           /* 1: nothing of this is used */
	uint8_t sleep_type_a, sleep_type_b; /* of S5; 0xFF: not known */
	uint16_t pm1a_control_value, pm1b_control_value;
	uint16_t pm1a_enable_value, pm1b_enable_value;
	uint8_t gpe0_enable_value[CORE_GPE_BYTES_MAX];
	uint8_t gpe1_enable_value[CORE_GPE_BYTES_MAX];
};

_Static_assert(sizeof(struct core_acpi) == 94, "no holes");

/* Descriptor of the note; it lies at a multiple of 8 bytes. */
struct core_note {
	uint32_t version;
	uint32_t codec;  /* enum core_codec */
	uint32_t levels; /* of A's paging: 4 or 5 */
	uint32_t memory_count;
	uint64_t entry;        /* physical address of A's jump-back entry */
	uint64_t region_start; /* Thaw's own place, which is not in the image: bytes */
	uint64_t region_end;
	uint64_t data_pages; /* pages with data */
	uint64_t zero_pages;
	uint64_t chunk_table; /* byte offset in the header part */
	uint64_t chunk_count;
	uint64_t data_offset; /* of the first data, byte offset in the core: the length of the header part */
	struct core_acpi acpi;
	uint8_t padding[10];
	struct core_memory_entry memory[CORE_MEMORY_ENTRIES_MAX];
} CORE_ALIAS;

_Static_assert(offsetof(struct core_note, memory) == 184, "no holes");
_Static_assert(sizeof(struct core_note) == 3256, "no holes");
