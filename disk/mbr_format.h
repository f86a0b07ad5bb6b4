/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The classic partition table: MBR and EBR have the same layout (UEFI 2.10, section 5.2.1).
 */
#pragma once

#include "include/types.h"

struct mbr_format_entry {
	uint8_t boot_indicator;
	uint8_t first_chs[3];
	uint8_t type;
	uint8_t last_chs[3];
	uint32_t start_lba;
	uint32_t sector_count;
} __attribute__((packed));

#define MBR_ENTRIES 4

struct mbr_format {
	uint8_t code[440];
	uint32_t disk_signature;
	uint16_t unknown;
	struct mbr_format_entry entries[MBR_ENTRIES];
	uint16_t signature;
} __attribute__((packed));

#define MBR_AT(field)       offsetof(struct mbr_format, field)
#define MBR_ENTRY_AT(field) offsetof(struct mbr_format_entry, field)

_Static_assert(MBR_AT(disk_signature) == 440, "MBR");
_Static_assert(MBR_AT(entries) == 446, "MBR");
_Static_assert(MBR_AT(signature) == 510, "MBR");
_Static_assert(sizeof(struct mbr_format) == 512, "MBR");
_Static_assert(MBR_ENTRY_AT(type) == 4, "MBR partition record");
_Static_assert(MBR_ENTRY_AT(start_lba) == 8, "MBR partition record");
_Static_assert(MBR_ENTRY_AT(sector_count) == 12, "MBR partition record");
_Static_assert(sizeof(struct mbr_format_entry) == 16, "MBR partition record");

#define MBR_SIGNATURE 0xaa55u

#define MBR_INDICATOR_ACTIVE 0x80u

/* Partition types (block/partitions/msdos.c) */
#define MBR_TYPE_EXTENDED       0x05u
#define MBR_TYPE_EXTENDED_LBA   0x0fu
#define MBR_TYPE_EXTENDED_LINUX 0x85u
#define MBR_TYPE_GPT            0xeeu

/* Where a protective entry starts: the primary GPT header. */
#define MBR_GPT_START_LBA 1u
