/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address space that Thaw runs in (Intel SDM volume 3A, 4.5).
 */
#include "loader/memory.h"

#include "include/cpu.h"
#include "mm/page_tables.h"

#define RESERVE_BYTES    (1 * MIB)
#define LOW_MAPPING_END  (4 * GIB)
#define FIRST_LARGE_PAGE (2 * MIB)
#define WINDOW_PAGES     512
#define RESERVATION_END  (16 * MIB) /* linker.ld */

/* Virtual addresses of the windows; RAM is identity mapped below them. */
#define RING_WINDOW  0x7E0000000000u
#define FRAME_WINDOW 0x7F0000000000u

extern uint8_t image_start[];
extern uint8_t image_text_end[];
extern uint8_t image_rodata_end[];
extern uint8_t arena_start[];
extern uint8_t arena_end[];

static struct page_tables tables;
static uint64_t mapped_end; /* identity mapped RAM and the low 4 GiB end here */
static uint64_t *window_entries;
static uint64_t entry_cr3; /* the tables that we were entered with: the first 4 GiB, or a session's RAM */
static uint64_t top_root;  /* tables.root, or what is above it where the CPU runs with five levels */

static uint64_t address_of(const void *symbol)
{
	return virt_to_paddr(symbol).value;
}

void memory_restart(struct loader_memory *memory)
{
	cpu_write_cr3(entry_cr3);
	arena_init(&memory->arena, arena_start + RESERVE_BYTES,
		   (size_t)(address_of(arena_end) - address_of(arena_start) - RESERVE_BYTES));
}

void memory_init(struct loader_memory *memory)
{
	entry_cr3 = cpu_read_cr3();
	arena_init(&memory->reserve, arena_start, RESERVE_BYTES);
	memory_restart(memory);
}

struct arena *memory_image_arena(struct loader_memory *memory)
{
	return &memory->arena;
}

static struct page *table_page(void *context)
{
	void *page;

	return arena_alloc(context, PAGE_BYTES, PAGE_BYTES, &page) == STATUS_OK ? page : NULL;
}

static enum status map_identity(uint64_t start, uint64_t end, uint64_t flags)
{
	return page_tables_map(&tables, start, end, start, flags);
}

/* The first 2 MiB by small pages: each part of Thaw with its own rights, page 0 left out. */
static enum status map_first_large_page(void)
{
	const uint64_t data = MAP_WRITE | MAP_NO_EXECUTE;

	TRY(map_identity(PAGE_BYTES, address_of(image_start), data));
	TRY(map_identity(address_of(image_start), address_of(image_text_end), 0));
	TRY(map_identity(address_of(image_text_end), address_of(image_rodata_end), MAP_NO_EXECUTE));
	return map_identity(address_of(image_rodata_end), FIRST_LARGE_PAGE, data);
}

/* A session with five levels leaves the CPU with five. */
static enum status make_top_root(struct loader_memory *memory)
{
	struct page *five;

	top_root = virt_to_paddr(tables.root).value;
	if ((cpu_read_cr4() & CR4_LA57) == 0)
		return STATUS_OK;
	five = table_page(&memory->arena);
	if (!five)
		return STATUS_NO_MEMORY;
	((uint64_t *)(void *)five)[0] = top_root | PTE_PRESENT | PTE_WRITE;
	top_root = virt_to_paddr(five).value;
	return STATUS_OK;
}

enum status memory_map_ram(struct loader_memory *memory, const struct memory_map *map)
{
	const uint64_t data = MAP_WRITE | MAP_NO_EXECUTE;

	tables = (struct page_tables){
		.allocate = table_page,
		.context = &memory->arena,
		.pages_1gib = cpu_has_1gib_pages(),
	};
	if (memory_map_ram_end(map) > RING_WINDOW)
		return STATUS_UNSUPPORTED;
	TRY(page_tables_create(&tables));
	TRY(map_first_large_page());
	TRY(map_identity(FIRST_LARGE_PAGE, LOW_MAPPING_END, data));
	mapped_end = LOW_MAPPING_END;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->ranges[i];
		const uint64_t start = max_u64(align_down(range->start, FIRST_LARGE_PAGE), mapped_end);
		const uint64_t end = align_up(range->end, FIRST_LARGE_PAGE);

		if (range->type != MEMORY_RAM || end <= mapped_end)
			continue;
		TRY(map_identity(start, end, data));
		mapped_end = end;
	}
	TRY(page_tables_entry(&tables, FRAME_WINDOW, &window_entries));
	TRY(make_top_root(memory));
	cpu_write_cr3(top_root);
	return STATUS_OK;
}

enum status memory_map_mmio(struct paddr base, uint64_t bytes)
{
	const uint64_t start = align_down(base.value, FIRST_LARGE_PAGE);
	uint64_t end;

	if (__builtin_add_overflow(base.value, bytes, &end) || end > BIT64(cpu_physical_address_bits()) ||
	    end > RING_WINDOW)
		return STATUS_INVALID;
	if (end <= LOW_MAPPING_END)
		return STATUS_OK;
	if (!tables.root || start < mapped_end)
		return STATUS_INVALID;
	TRY(map_identity(start, align_up(end, FIRST_LARGE_PAGE), MAP_WRITE | MAP_NO_EXECUTE | MAP_UNCACHED));
	cpu_write_cr3(top_root);
	return STATUS_OK;
}

struct page *memory_window_map(const struct pfn *frames, uint32_t count)
{
	struct page *window = paddr_to_virt((struct paddr){FRAME_WINDOW});

	for (uint32_t i = 0; i < count && i < WINDOW_PAGES; i++) {
		window_entries[i] = pfn_to_paddr(frames[i]).value | PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE;
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
					    MAP_WRITE | MAP_NO_EXECUTE));
	*window_out = paddr_to_virt((struct paddr){RING_WINDOW});
	return STATUS_OK;
}

/* Low memory and Thaw's own place, and the modules. */
enum status memory_keep(const struct boot_info *boot, struct placement *placement)
{
	TRY(placement_keep(placement, 0, RESERVATION_END));
	for (uint32_t i = 0; i < boot->module_count; i++)
		TRY(placement_keep(placement, boot->modules[i].start, boot->modules[i].end));
	return STATUS_OK;
}

unsigned memory_paging_levels(void)
{
	return cpu_read_cr4() & CR4_LA57 ? 5 : 4;
}
