/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building 4-level page tables (Intel SDM volume 3A, 4.5), and walking an image's own, 4 or 5 levels deep.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define PTE_PRESENT       BIT64(0)
#define PTE_WRITE         BIT64(1)
#define PTE_CACHE_DISABLE BIT64(4)
#define PTE_LARGE         BIT64(7)
#define PTE_NO_EXECUTE    BIT64(63)
#define PTE_ADDRESS       0x000FFFFFFFFFF000u
#define PTE_INDEX_MASK    0x1FFu

/* Mapping flags: combine; PRESENT is implied. */
#define MAP_WRITE      PTE_WRITE
#define MAP_NO_EXECUTE PTE_NO_EXECUTE
#define MAP_UNCACHED   PTE_CACHE_DISABLE

struct page_tables {
	uint64_t *root;
	/* A zeroed page-table page, identity mapped; NULL: none left. */
	struct page *(*allocate)(void *context);
	void *context;
	bool pages_1gib; /* the CPU has them */
};

/* An empty root. STATUS_NO_MEMORY. */
nodiscard enum status page_tables_create(struct page_tables *tables);

/*
 * Maps [start, end), page aligned, at virtual to physical addresses from `physical`, by the largest pages that fit.
 * What is mapped already is replaced only by a mapping of the same page size (for windows); otherwise STATUS_INVALID.
 * STATUS_NO_MEMORY.
 */
nodiscard enum status page_tables_map(struct page_tables *tables, uint64_t start, uint64_t end, uint64_t physical,
				      uint64_t flags);

/* The address of the 4 KiB entry for a virtual address, its tables made on the way. STATUS_NO_MEMORY, _INVALID. */
nodiscard enum status page_tables_entry(struct page_tables *tables, uint64_t address, uint64_t **entry_out);

/*
 * Walks tables that are not loaded, from the physical address root with so many levels (4 or 5), for a virtual address.
 * frame_at(context, pfn): where that frame's contents are readable now, or NULL when the frame is not available.
 * STATUS_NOT_FOUND: not mapped, not canonical with so many levels, or through a frame that is not available.
 */
nodiscard enum status page_tables_walk(uint64_t root, unsigned levels, uint64_t address,
				       const struct page *(*frame_at)(void *context, struct pfn pfn), void *context,
				       uint64_t *physical_out);

/*
 * How deep such tables are: 4 or 5, the one depth by which they lead from `address` to `physical`. frame_at: as above.
 * STATUS_CORRUPT: by neither, or by both.
 */
nodiscard enum status page_tables_find_levels(uint64_t root, uint64_t address, uint64_t physical,
					      const struct page *(*frame_at)(void *context, struct pfn pfn),
					      void *context, unsigned *levels_out);
