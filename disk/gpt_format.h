/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GUID partition table (UEFI 2.10, sections 5.3.2 and 5.3.3).
 */
#pragma once

#include "include/types.h"

struct gpt_format_header {
	uint8_t signature[8];
	uint32_t revision;
	uint32_t header_bytes;
	uint32_t header_crc32;
	uint32_t reserved;
	uint64_t my_lba;
	uint64_t alternate_lba;
	uint64_t first_usable_lba;
	uint64_t last_usable_lba;
	uint8_t disk_guid[16];
	uint64_t entries_lba;
	uint32_t entry_count;
	uint32_t entry_bytes;
	uint32_t entries_crc32;
} __attribute__((packed));

#define GPT_NAME_UNITS 36

struct gpt_format_entry {
	uint8_t type_guid[16];
	uint8_t unique_guid[16];
	uint64_t first_lba;
	uint64_t last_lba; /* inclusive */
	uint64_t attributes;
	uint16_t name[GPT_NAME_UNITS]; /* UTF-16LE */
} __attribute__((packed));

#define GPT_HEADER_AT(field) offsetof(struct gpt_format_header, field)
#define GPT_ENTRY_AT(field)  offsetof(struct gpt_format_entry, field)

_Static_assert(GPT_HEADER_AT(header_bytes) == 12, "GPT header");
_Static_assert(GPT_HEADER_AT(header_crc32) == 16, "GPT header");
_Static_assert(GPT_HEADER_AT(reserved) == 20, "GPT header");
_Static_assert(GPT_HEADER_AT(my_lba) == 24, "GPT header");
_Static_assert(GPT_HEADER_AT(alternate_lba) == 32, "GPT header");
_Static_assert(GPT_HEADER_AT(first_usable_lba) == 40, "GPT header");
_Static_assert(GPT_HEADER_AT(last_usable_lba) == 48, "GPT header");
_Static_assert(GPT_HEADER_AT(entries_lba) == 72, "GPT header");
_Static_assert(GPT_HEADER_AT(entry_count) == 80, "GPT header");
_Static_assert(GPT_HEADER_AT(entry_bytes) == 84, "GPT header");
_Static_assert(GPT_HEADER_AT(entries_crc32) == 88, "GPT header");
_Static_assert(sizeof(struct gpt_format_header) == 92, "GPT header");
_Static_assert(GPT_ENTRY_AT(unique_guid) == 16, "GPT partition entry");
_Static_assert(GPT_ENTRY_AT(first_lba) == 32, "GPT partition entry");
_Static_assert(GPT_ENTRY_AT(last_lba) == 40, "GPT partition entry");
_Static_assert(GPT_ENTRY_AT(name) == 56, "GPT partition entry");
_Static_assert(sizeof(struct gpt_format_entry) == 128, "GPT partition entry");

#define GPT_PRIMARY_LBA 1u
