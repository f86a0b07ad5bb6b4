/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a Linux swsusp image on x86-64, as the kernel's structures lay them out (include/linux/swap.h,
 * kernel/power/swap.c, kernel/power/power.h, arch/x86/power/hibernate.c; 6.1 to 6.12). Only offsets are taken from
 * here: the pages are decoded with the little-endian reads of lib/span.h. docs/swsusp-format.md explains the fields.
 */
#pragma once

#include "image/swsusp.h"

#define SWSUSP_PACKED __attribute__((packed))

/* The swap area's first page, with the record of the hibernated kernel at its end. */
struct swsusp_format_header {
	uint8_t boot_area[1024];
	uint32_t version;
	uint32_t last_page;
	uint32_t bad_page_count;
	uint8_t uuid[16];
	uint8_t label[16];
	uint32_t padding[117];
	uint8_t bad_pages[SWSUSP_RESULT_OFFSET - 1536];
	uint8_t result[SWSUSP_RESULT_BYTES]; /* Thaw's own; part of the list of bad pages otherwise */
	uint8_t reserved[8];
	uint32_t hardware_signature;
	uint32_t crc32;
	uint64_t first_map_page;
	uint32_t flags;
	uint8_t original_signature[SWSUSP_SIGNATURE_BYTES];
	uint8_t signature[SWSUSP_SIGNATURE_BYTES];
} SWSUSP_PACKED;

#define SWSUSP_HEADER_AT(field) offsetof(struct swsusp_format_header, field)

_Static_assert(SWSUSP_HEADER_AT(version) == 1024, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(last_page) == 1028, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(bad_page_count) == 1032, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(uuid) == 1036, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(label) == 1052, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(padding) == 1068, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(bad_pages) == 1536, "union swap_header");
_Static_assert(SWSUSP_HEADER_AT(result) == SWSUSP_RESULT_OFFSET, "the result of a resume");
_Static_assert(SWSUSP_HEADER_AT(reserved) == 4048, "struct swsusp_header");
_Static_assert(SWSUSP_HEADER_AT(hardware_signature) == 4056, "struct swsusp_header");
_Static_assert(SWSUSP_HEADER_AT(crc32) == 4060, "struct swsusp_header");
_Static_assert(SWSUSP_HEADER_AT(first_map_page) == 4064, "struct swsusp_header");
_Static_assert(SWSUSP_HEADER_AT(flags) == 4072, "struct swsusp_header");
_Static_assert(SWSUSP_HEADER_AT(original_signature) == 4076, "struct swsusp_header");
_Static_assert(SWSUSP_HEADER_AT(signature) == SWSUSP_SIGNATURE_OFFSET, "struct swsusp_header");
_Static_assert(sizeof(struct swsusp_format_header) == PAGE_BYTES, "struct swsusp_header fills the page");

/* flags (kernel/power/power.h, SF_*) */
#define SWSUSP_FLAG_PLATFORM           BIT(0)
#define SWSUSP_FLAG_UNCOMPRESSED       BIT(1)
#define SWSUSP_FLAG_CRC32              BIT(2)
#define SWSUSP_FLAG_HARDWARE_SIGNATURE BIT(3)
#define SWSUSP_FLAG_LZ4                BIT(4)
#define SWSUSP_FLAGS_KNOWN             (BIT(5) - 1)

#define SWSUSP_SWAP_VERSION 1

/* One page of the swap map. */
struct swsusp_format_map {
	uint64_t entries[SWSUSP_MAP_ENTRIES];
	uint64_t next;
} SWSUSP_PACKED;

#define SWSUSP_MAP_AT(field) offsetof(struct swsusp_format_map, field)

_Static_assert(SWSUSP_MAP_AT(entries) == 0, "struct swap_map_page");
_Static_assert(SWSUSP_MAP_AT(next) == 4088, "struct swap_map_page");
_Static_assert(sizeof(struct swsusp_format_map) == PAGE_BYTES, "struct swap_map_page fills the page");

/* The information page: struct swsusp_info with x86's restore_data_record over its utsname. */
struct swsusp_format_info {
	uint64_t jump_address;
	uint64_t jump_address_physical;
	uint64_t cr3;
	uint64_t magic;
	uint64_t e820_checksum;
	uint8_t unused_release[360];
	uint64_t machine_pages;
	uint32_t cpus;
	uint32_t unused_cpus;
	uint64_t data_pages;
	uint64_t stream_pages;
	uint64_t size_bytes;
	uint8_t unused_tail[3656];
} SWSUSP_PACKED;

#define SWSUSP_INFO_AT(field) offsetof(struct swsusp_format_info, field)

_Static_assert(SWSUSP_INFO_AT(jump_address) == 0, "struct restore_data_record");
_Static_assert(SWSUSP_INFO_AT(jump_address_physical) == 8, "struct restore_data_record");
_Static_assert(SWSUSP_INFO_AT(cr3) == 16, "struct restore_data_record");
_Static_assert(SWSUSP_INFO_AT(magic) == 24, "struct restore_data_record");
_Static_assert(SWSUSP_INFO_AT(e820_checksum) == 32, "struct restore_data_record");
_Static_assert(SWSUSP_INFO_AT(unused_release) == 40, "struct restore_data_record ends");
_Static_assert(SWSUSP_INFO_AT(machine_pages) == 400, "struct swsusp_info, num_physpages");
_Static_assert(SWSUSP_INFO_AT(cpus) == 408, "struct swsusp_info, cpus");
_Static_assert(SWSUSP_INFO_AT(unused_cpus) == 412, "struct swsusp_info, padding");
_Static_assert(SWSUSP_INFO_AT(data_pages) == 416, "struct swsusp_info, image_pages");
_Static_assert(SWSUSP_INFO_AT(stream_pages) == 424, "struct swsusp_info, pages");
_Static_assert(SWSUSP_INFO_AT(size_bytes) == 432, "struct swsusp_info, size");
_Static_assert(SWSUSP_INFO_AT(unused_tail) == 440, "struct swsusp_info ends");
_Static_assert(sizeof(struct swsusp_format_info) == PAGE_BYTES, "struct swsusp_info fills the page");

#define SWSUSP_INFO_MAGIC 0x23456789ABCDEF02

/* The PFN list: u64 entries, this behind the last one unless that fills its page. */
#define SWSUSP_PFN_LIST_END UINT64_MAX
#define SWSUSP_PFN_LIMIT    BIT64(40) /* 52 bits of physical address */

/* A chunk begins with the length of what follows; both compressors share the bound on it. */
#define SWSUSP_CHUNK_LENGTH_BYTES 8
#define SWSUSP_CHUNK_BYTES        (SWSUSP_CHUNK_PAGES * PAGE_BYTES)
#define SWSUSP_CHUNK_PACKED_MAX   (SWSUSP_CHUNK_BYTES + SWSUSP_CHUNK_BYTES / 16 + 64 + 3 + 2)

_Static_assert(SWSUSP_CHUNK_PACKED_MAX == 139333, "bytes_worst_compress(UNC_SIZE)");
_Static_assert((SWSUSP_CHUNK_PACKED_MAX + SWSUSP_CHUNK_LENGTH_BYTES + PAGE_BYTES - 1) / PAGE_BYTES ==
		       SWSUSP_CHUNK_DISK_PAGES,
	       "CMP_PAGES");
