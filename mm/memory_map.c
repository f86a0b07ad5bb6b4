/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map, made disjoint in the way of Linux's e820__update_table (arch/x86/kernel/e820.c, 6.1 to
 * 6.12), so that its checksum is the one in the image. A sweep over the entries' boundaries takes the place of a sort:
 * quadratic, but needs no memory of its own, and a map has few entries.
 */
#include "mm/memory_map.h"

#include "lib/crc32.h"
#include "lib/string.h"

/* Types that Linux never merges with a neighbour: the boundary itself means something (e820.c, e820_nomerge). */
#define MEMORY_PRAM          12u
#define MEMORY_SOFT_RESERVED 0xefffffffu

/* No entry covers the address; Linux uses type 0 for the same, so entries of that type vanish. */
#define MEMORY_NONE 0u

/* Linux's packed table and entry, in bytes (arch/x86/include/asm/e820/types.h). */
#define CHECKSUM_COUNT_BYTES 4
#define CHECKSUM_ENTRY_BYTES 20

static bool type_merges(uint32_t type)
{
	return type != MEMORY_PRAM && type != MEMORY_SOFT_RESERVED;
}

/* The smallest start or end at or above address; false when there is none. */
static bool boundary_next(const struct memory_range *entries, uint32_t count, uint64_t address, uint64_t *next_out)
{
	uint64_t next = UINT64_MAX;
	bool found = false;

	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].start == entries[i].end)
			continue;
		if (entries[i].start >= address && entries[i].start <= next) {
			next = entries[i].start;
			found = true;
		}
		if (entries[i].end >= address && entries[i].end <= next) {
			next = entries[i].end;
			found = true;
		}
	}
	if (found)
		*next_out = next;
	return found;
}

static uint32_t type_at(const struct memory_range *entries, uint32_t count, uint64_t address)
{
	uint32_t type = MEMORY_NONE;

	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].start <= address && address < entries[i].end && entries[i].type > type)
			type = entries[i].type;
	}
	return type;
}

/* Counts the ranges, and writes them unless ranges_out is NULL. The entries' ends are known not to overflow. */
static uint32_t ranges_sweep(const struct memory_range *entries, uint32_t count, struct memory_range *ranges_out)
{
	struct memory_range current = {.type = MEMORY_NONE};
	uint32_t written = 0;
	uint64_t start, end;
	bool more = boundary_next(entries, count, 0, &start);

	/* Above UINT64_MAX no boundary can follow. */
	for (; more && start < UINT64_MAX && boundary_next(entries, count, start + 1, &end); start = end) {
		const uint32_t type = type_at(entries, count, start);

		if (type == current.type && type_merges(type)) {
			current.end = end;
		} else {
			current = (struct memory_range){start, end, type};
			written += type != MEMORY_NONE;
		}
		if (ranges_out && current.type != MEMORY_NONE)
			ranges_out[written - 1] = current;
	}
	return written;
}

static void store_le(uint8_t *bytes_out, uint64_t value, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bytes_out[i] = (uint8_t)(value >> (8 * i));
}

void memory_map_init(struct memory_map *map)
{
	memset(map, 0, sizeof(*map));
}

enum status memory_map_build(const struct memory_range *entries, uint32_t count, struct memory_map *map_out)
{
	if (count > MEMORY_RANGES_MAX)
		return STATUS_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].end < entries[i].start)
			return STATUS_INVALID;
	}
	if (ranges_sweep(entries, count, NULL) > MEMORY_RANGES_MAX)
		return STATUS_NO_MEMORY;
	map_out->count = ranges_sweep(entries, count, map_out->ranges);
	return STATUS_OK;
}

bool memory_map_covers(const struct memory_map *map, uint64_t start, uint64_t end, uint32_t type)
{
	for (uint32_t i = 0; i < map->count && start < end; i++) {
		const struct memory_range *range = &map->ranges[i];

		if (range->end <= start)
			continue;
		if (range->start > start || range->type != type)
			return false;
		start = range->end;
	}
	return start >= end;
}

uint64_t memory_map_ram_end(const struct memory_map *map)
{
	for (uint32_t i = map->count; i > 0; i--) {
		if (map->ranges[i - 1].type == MEMORY_RAM)
			return map->ranges[i - 1].end;
	}
	return 0;
}

uint64_t memory_map_ram_bytes(const struct memory_map *map)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		if (map->ranges[i].type == MEMORY_RAM)
			bytes += map->ranges[i].end - map->ranges[i].start;
	}
	return bytes;
}

uint32_t memory_map_checksum(const struct memory_map *map)
{
	uint8_t packed[CHECKSUM_ENTRY_BYTES];
	uint32_t state;

	store_le(packed, map->count, CHECKSUM_COUNT_BYTES);
	state = crc32_update(~(uint32_t)0, packed, CHECKSUM_COUNT_BYTES);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->ranges[i];

		store_le(packed, range->start, 8);
		store_le(packed + 8, range->end - range->start, 8);
		store_le(packed + 16, range->type, 4);
		state = crc32_update(state, packed, sizeof(packed));
	}
	return ~state;
}
