/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map, as the front end got it: raw entries in the firmware's order for the checksum that
 * Linux takes of it, and a sorted view in which a byte is RAM only if no other entry claims it.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define MEMORY_RANGES_MAX 512

/* E820 types (ACPI 6.4, table 15-374). */
enum memory_type {
	MEMORY_RAM = 1,
	MEMORY_RESERVED = 2,
	MEMORY_ACPI_RECLAIM = 3,
	MEMORY_ACPI_NVS = 4,
	MEMORY_UNUSABLE = 5,
	MEMORY_PERSISTENT = 7,
};

/* [start, end) in bytes. type: enum memory_type or any other number the firmware used. */
struct memory_range {
	uint64_t start;
	uint64_t end;
	uint32_t type;
};

struct memory_map {
	struct memory_range ranges[MEMORY_RANGES_MAX]; /* sorted, disjoint, neighbours of one type merged */
	uint32_t count;
};

void memory_map_init(struct memory_map *map);

/*
 * Builds the map as Linux does before it takes the checksum (arch/x86/kernel/e820.c, e820__update_table): sorted;
 * where entries overlap the higher type wins; equal neighbours merged. Empty entries are left out.
 * Errors: STATUS_INVALID (an entry's end overflows), STATUS_NO_MEMORY (more than MEMORY_RANGES_MAX).
 */
nodiscard enum status memory_map_build(const struct memory_range *entries, uint32_t count, struct memory_map *map_out);

/* True when every byte of [start, end) has this type. */
bool memory_map_covers(const struct memory_map *map, uint64_t start, uint64_t end, uint32_t type);

/* First byte behind the last RAM range; 0 without RAM. */
uint64_t memory_map_ram_end(const struct memory_map *map);

/* The number of RAM bytes. */
uint64_t memory_map_ram_bytes(const struct memory_map *map);

/*
 * CRC-32 (zlib's) over Linux's packed table {u32 count; count x {u64 address; u64 size; u32 type}}
 * (arch/x86/power/hibernate.c, compute_e820_crc32).
 */
uint32_t memory_map_checksum(const struct memory_map *map);
