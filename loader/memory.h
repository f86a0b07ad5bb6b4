/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thaw's own memory: the arena, the reserve that the normal boot needs, the page tables it runs on, and the windows
 * through which scattered frames look contiguous.
 */
#pragma once

#include "include/boot_info.h"
#include "include/status.h"
#include "include/types.h"
#include "mm/arena.h"
#include "mm/placement.h"

struct loader_memory {
	struct arena arena;   /* disks and images */
	struct arena reserve; /* set aside for booting the normal kernel, whatever became of the arena */
};

/* Divides the reservation behind our bss. Once, on the boot loader's side of the page tables. */
void memory_init(struct loader_memory *memory);

/* Forgets everything in the arena, our own page tables too; memory_map_ram comes next. */
void memory_restart(struct loader_memory *memory);

/*
 * Builds and loads the tables: the first 4 GiB and all RAM, writable and not executable; Thaw's text executable and
 * read only, its constants read only, page 0 not mapped. Errors: STATUS_NO_MEMORY, STATUS_UNSUPPORTED (RAM beyond the
 * windows).
 */
nodiscard enum status memory_map_ram(struct loader_memory *memory, const struct memory_map *map);

/* The arena for restoring an image that was found: memory's own, or a larger one that is only taken then. */
struct arena *memory_image_arena(struct loader_memory *memory);

/* As struct driver_environment wants it. */
enum status memory_map_mmio(struct paddr base, uint64_t bytes);

/*
 * Maps count frames side by side in a window, replacing what was there; count at most the window's size, 512 pages.
 * Only after memory_map_ram.
 */
struct page *memory_window_map(const struct pfn *frames, uint32_t count);

/*
 * Maps `pages` contiguous pages twice in a row at *window_out, so that a ring is contiguous across its end.
 * STATUS_NO_MEMORY.
 */
nodiscard enum status memory_ring_map(struct paddr ring, uint32_t pages, const uint8_t **window_out);

/*
 * Right before acceptance: says what must stay as it is until the jump. All other RAM may be written from then on.
 * STATUS_NO_MEMORY: too many ranges.
 */
nodiscard enum status memory_keep(const struct boot_info *boot, struct placement *placement);

/* The depth of the paging that Thaw runs with: 4 or 5 levels. */
unsigned memory_paging_levels(void);
