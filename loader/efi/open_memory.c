/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be written while the firmware is still there.
 */
#include "loader/efi/open_memory.h"

#include "drivers/efi/firmware.h"
#include "drivers/efi/memory_map.h"
#include "drivers/efi/pages.h"

#define LOW_END         (4 * GIB)
#define OPEN_RANGES_MAX 384
#define FIRMWARE_BYTES  (48 * MIB) /* left to the firmware, whose drivers allocate while they read */

/* Free RAM that was taken from the firmware: Thaw may write to it. */
struct open_range {
	uint64_t start;
	uint64_t end;
};

static struct open_range open_ranges[OPEN_RANGES_MAX];
static uint32_t open_count;

/* The upper part of the largest free range below 4 GiB stays free, so that the firmware's drivers go on working. */
static struct open_range find_firmware_share(const struct efi_memory_map *map)
{
	struct efi_memory_range range;
	struct open_range largest = {0, 0};

	for (size_t i = 0; efi_memory_map_at(map, i, &range) == STATUS_OK; i++)
		if (range.type == EfiConventionalMemory && range.end <= LOW_END &&
		    range.end - range.start > largest.end - largest.start)
			largest = (struct open_range){range.start, range.end};
	largest.start =
		largest.end - min_u64(FIRMWARE_BYTES, align_down((largest.end - largest.start) / 2, PAGE_BYTES));
	return largest;
}

/* Sorted by address. */
static void note_open(uint64_t start, uint64_t end)
{
	uint32_t at = open_count++;

	for (; at > 0 && open_ranges[at - 1].start > start; at--)
		open_ranges[at] = open_ranges[at - 1];
	open_ranges[at] = (struct open_range){start, end};
}

/* All that is free goes to Thaw but the firmware's share. What can't be had is somebody else's by now. */
static enum status take_free_ram(void)
{
	struct efi_memory_map map;
	struct efi_memory_range range;
	struct open_range share;

	TRY(efi_memory_map_get(&map));
	share = find_firmware_share(&map);
	open_count = 0;
	for (size_t i = 0; efi_memory_map_at(&map, i, &range) == STATUS_OK && open_count < OPEN_RANGES_MAX; i++) {
		const uint64_t start = max_u64(range.start, PAGE_BYTES);
		const uint64_t end = range.end == share.end ? share.start : range.end;

		if (range.type == EfiConventionalMemory && start < end &&
		    efi_pages_allocate_at((struct paddr){start}, (end - start) / PAGE_BYTES) == STATUS_OK)
			note_open(start, end);
	}
	return STATUS_OK;
}

/* Everything but that: the firmware, its loaders and Thaw itself are overwritten at the jump only. */
enum status efi_open_memory(struct placement *placement)
{
	uint64_t cursor = 0;

	TRY(take_free_ram());
	for (uint32_t i = 0; i < open_count; i++) {
		if (open_ranges[i].start > cursor)
			TRY(placement_keep(placement, cursor, open_ranges[i].start));
		cursor = open_ranges[i].end;
	}
	return placement_keep(placement, cursor, UINT64_MAX - PAGE_BYTES);
}
