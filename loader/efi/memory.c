/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory while the firmware still has the machine: pages that it gives, and its own address space, in which all RAM has
 * its physical address (UEFI specification 2.10, 2.3.4), plus two windows. They lie in the upper half, where nothing of
 * the firmware's can be, in a copy of its topmost table; all tables below are its own, so that its code runs as before.
 */
#include "loader/memory.h"

#include "drivers/efi/firmware.h"
#include "drivers/efi/pages.h"
#include "include/cpu.h"
#include "lib/log.h"
#include "loader/efi/open_memory.h"
#include "mm/page_tables.h"

#define FOOTPRINT_BYTES   (16 * MIB)
#define TAKEN_ELSE_BYTES  (3 * MIB) /* bounce buffers, the firmware's map, events, the stack: generously */
#define ARENA_BYTES_MIN   (1 * MIB)
#define DISKS_ARENA_BYTES (1280 * KIB) /* for finding an image: 64 disks and the text of a volume group */
#define RESERVE_BYTES     (64 * KIB)
#define LOW_END           (4 * GIB)
#define IDENTITY_END      BIT64(47)
#define RING_WINDOW       0xFFFFFE0000000000u
#define FRAME_WINDOW      0xFFFFFF0000000000u
#define WINDOW_PAGES      512
#define PML4_SHIFT        39
#define TABLE_ENTRIES     512

static uint8_t *arena_memory;
static size_t arena_bytes;
static struct page_tables tables;
static uint64_t *window_entries;

/* --- the arena --------------------------------------------------------------------------------------------------- */

/* As much as there is of it, halved until the firmware has so much in one piece. */
static enum status allocate(uint64_t bytes, struct arena *arena)
{
	struct paddr start;

	for (; bytes >= ARENA_BYTES_MIN; bytes = align_down(bytes / 2, PAGE_BYTES)) {
		if (efi_pages_allocate(bytes / PAGE_BYTES, LOW_END, &start) == STATUS_OK) {
			arena_init(arena, paddr_to_virt(start), bytes);
			return STATUS_OK;
		}
	}
	return STATUS_NO_MEMORY;
}

/* Once; what is left of Thaw's own 16 MiB. Some firmwares clear what they get back, so it is not taken for nothing. */
struct arena *memory_image_arena(struct loader_memory *memory)
{
	static struct arena image_arena;
	const uint64_t taken = firmware.loaded->ImageSize + TAKEN_ELSE_BYTES + arena_bytes;
	const uint64_t bytes = FOOTPRINT_BYTES - min_u64(align_up(taken, PAGE_BYTES), FOOTPRINT_BYTES);

	if (!image_arena.base && allocate(bytes, &image_arena) != STATUS_OK)
		return &memory->arena;
	return &image_arena;
}

void memory_restart(struct loader_memory *memory)
{
	cpu_write_cr3(firmware_page_root());
	if (arena_bytes > 0)
		arena_init(&memory->arena, arena_memory + RESERVE_BYTES, arena_bytes - RESERVE_BYTES);
}

void memory_init(struct loader_memory *memory)
{
	struct arena whole = {0};

	if (allocate(DISKS_ARENA_BYTES, &whole) != STATUS_OK)
		log_line("the firmware has no memory for Thaw");
	arena_memory = whole.base;
	arena_bytes = whole.size_bytes;
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

enum status memory_keep(const struct boot_info *boot, struct placement *placement)
{
	(void)boot;
	return efi_open_memory(placement);
}
