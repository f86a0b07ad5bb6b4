/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory while the firmware still has the machine: pages that it gives, and its own address space, in which all RAM has
 * its physical address (UEFI specification 2.10, 2.3.4), plus two windows. They lie in the upper half, where nothing of
 * the firmware's can be, in a copy of its topmost table; all tables below are its own, so that its code runs as before.
 */
#include "loader/memory.h"

#include "drivers/efi/firmware.h"
#include "drivers/efi/memory_map.h"
#include "drivers/efi/pages.h"
#include "include/cpu.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/page_tables.h"

#define FOOTPRINT_BYTES  (16 * MIB)
#define TAKEN_ELSE_BYTES MIB /* the firmware's map, events, the stack: generously */
#define ARENA_BYTES_MIN  (2 * MIB)
#define RESERVE_BYTES    (64 * KIB)
#define LOW_END          (4 * GIB)
#define IDENTITY_END     BIT64(47)
#define RING_WINDOW      0xFFFFFE0000000000u
#define FRAME_WINDOW     0xFFFFFF0000000000u
#define WINDOW_PAGES     512
#define PML4_SHIFT       39
#define TABLE_ENTRIES    512
#define OPEN_RANGES_MAX  384
#define FIRMWARE_BYTES   (48 * MIB) /* left to the firmware, whose drivers allocate while they read */

/* Free RAM that was taken from the firmware: Thaw may write to it. */
struct open_range {
	uint64_t start;
	uint64_t end;
};

static uint8_t *arena_memory;
static size_t arena_bytes;
static struct page_tables tables;
static uint64_t *window_entries;
static struct open_range open_ranges[OPEN_RANGES_MAX];
static uint32_t open_count;

/* --- the arena --------------------------------------------------------------------------------------------------- */

static void allocate_arena(void)
{
	const uint64_t taken = firmware.loaded->ImageSize + TAKEN_ELSE_BYTES;
	uint64_t bytes = FOOTPRINT_BYTES - min_u64(align_up(taken, PAGE_BYTES), FOOTPRINT_BYTES - ARENA_BYTES_MIN);
	struct paddr start;

	for (; bytes >= ARENA_BYTES_MIN; bytes = align_down(bytes / 2, PAGE_BYTES)) {
		if (efi_pages_allocate(bytes / PAGE_BYTES, LOW_END, &start) == STATUS_OK) {
			arena_memory = paddr_to_virt(start);
			arena_bytes = bytes;
			return;
		}
	}
	log_line("the firmware has no memory for Thaw");
}

void memory_restart(struct loader_memory *memory)
{
	cpu_write_cr3(firmware_page_root());
	if (arena_bytes > 0)
		arena_init(&memory->arena, arena_memory + RESERVE_BYTES, arena_bytes - RESERVE_BYTES);
}

void memory_init(struct loader_memory *memory)
{
	allocate_arena();
	if (arena_bytes > 0)
		arena_init(&memory->reserve, arena_memory, RESERVE_BYTES);
	memory_restart(memory);
}

/* --- the address space ------------------------------------------------------------------------------------------- */

unsigned memory_paging_levels(void)
{
	return cpu_read_cr4() & CR4_LA57 ? 5 : 4;
}

static struct page *table_page(void *context)
{
	void *page;

	return arena_alloc(context, PAGE_BYTES, PAGE_BYTES, &page) == STATUS_OK ? page : NULL;
}

/* A copy of the firmware's topmost table whose windows are free; tables.root is its 4-level part for these. */
static enum status copy_root(struct page **root_out)
{
	struct page *root = table_page(tables.context);

	if (!root)
		return STATUS_NO_MEMORY;
	*root = *(const struct page *)paddr_to_virt((struct paddr){firmware_page_root() & PTE_ADDRESS});
	*root_out = root;
	if (memory_paging_levels() == 5) {
		TRY(page_tables_create(&tables));
		((uint64_t *)(void *)root)[TABLE_ENTRIES - 1] =
			virt_to_paddr(tables.root).value | PTE_PRESENT | PTE_WRITE;
		return STATUS_OK;
	}
	tables.root = (uint64_t *)(void *)root;
	tables.root[RING_WINDOW >> PML4_SHIFT & PTE_INDEX_MASK] = 0;
	tables.root[FRAME_WINDOW >> PML4_SHIFT & PTE_INDEX_MASK] = 0;
	return STATUS_OK;
}

enum status memory_map_ram(struct loader_memory *memory, const struct memory_map *map)
{
	struct page *root;

	if (memory_map_ram_end(map) > IDENTITY_END)
		return STATUS_UNSUPPORTED;
	tables = (struct page_tables){.allocate = table_page, .context = &memory->arena};
	TRY(copy_root(&root));
	TRY(page_tables_entry(&tables, FRAME_WINDOW, &window_entries));
	cpu_write_cr3(virt_to_paddr(root).value);
	return STATUS_OK;
}

struct page *memory_window_map(const struct pfn *frames, uint32_t count)
{
	struct page *window = paddr_to_virt((struct paddr){FRAME_WINDOW});

	for (uint32_t i = 0; i < count && i < WINDOW_PAGES; i++) {
		window_entries[i] = pfn_to_paddr(frames[i]).value | PTE_PRESENT | PTE_WRITE;
		cpu_invalidate_page(&window[i]);
	}
	return window;
}

enum status memory_ring_map(struct paddr ring, uint32_t pages, const uint8_t **window_out)
{
	const uint64_t bytes = (uint64_t)pages * PAGE_BYTES;

	for (unsigned copy = 0; copy < 2; copy++)
		for (uint64_t offset = 0; offset < bytes; offset += PAGE_BYTES)
			TRY(page_tables_map(&tables, RING_WINDOW + copy * bytes + offset,
					    RING_WINDOW + copy * bytes + offset + PAGE_BYTES, ring.value + offset,
					    MAP_WRITE));
	*window_out = paddr_to_virt((struct paddr){RING_WINDOW});
	return STATUS_OK;
}

/* --- what may be written ----------------------------------------------------------------------------------------- */

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
enum status memory_keep(const struct boot_info *boot, struct placement *placement)
{
	uint64_t cursor = 0;

	(void)boot;
	TRY(take_free_ram());
	for (uint32_t i = 0; i < open_count; i++) {
		if (open_ranges[i].start > cursor)
			TRY(placement_keep(placement, cursor, open_ranges[i].start));
		cursor = open_ranges[i].end;
	}
	return placement_keep(placement, cursor, IDENTITY_END);
}
