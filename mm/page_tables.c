/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables: Intel SDM volume 3A (September 2023), 4.5, tables 4-14 to 4-20.
 */
#include "mm/page_tables.h"

#define LEVEL_BITS 9
#define LEVEL_PT   1
#define LEVEL_PD   2
#define LEVEL_PDPT 3
#define LEVEL_PML4 4

#define LEVELS_FOUR 4
#define LEVELS_FIVE 5

/* Bytes that one entry of a level covers. */
static uint64_t level_bytes(unsigned level)
{
	return (uint64_t)PAGE_BYTES << (LEVEL_BITS * (level - 1));
}

static uint64_t level_index(unsigned level, uint64_t address)
{
	return address >> (PAGE_SHIFT + LEVEL_BITS * (level - 1)) & PTE_INDEX_MASK;
}

static uint64_t *table_of(uint64_t entry)
{
	return paddr_to_virt((struct paddr){entry & PTE_ADDRESS});
}

enum status page_tables_create(struct page_tables *tables)
{
	struct page *root = tables->allocate(tables->context);

	if (!root)
		return STATUS_NO_MEMORY;
	tables->root = (uint64_t *)(void *)root;
	return STATUS_OK;
}

/* The entry of `level` for an address; upper tables are made on the way. */
static enum status entry_at(struct page_tables *tables, uint64_t address, unsigned level, uint64_t **entry_out)
{
	uint64_t *table = tables->root;

	for (unsigned at = LEVEL_PML4; at > level; at--) {
		uint64_t *entry = &table[level_index(at, address)];

		if (!(*entry & PTE_PRESENT)) {
			const struct page *lower = tables->allocate(tables->context);

			if (!lower)
				return STATUS_NO_MEMORY;
			*entry = virt_to_paddr(lower).value | PTE_PRESENT | PTE_WRITE;
		} else if (*entry & PTE_LARGE) {
			return STATUS_INVALID;
		}
		table = table_of(*entry);
	}
	*entry_out = &table[level_index(level, address)];
	return STATUS_OK;
}

static unsigned largest_level(const struct page_tables *tables, uint64_t start, uint64_t bytes, uint64_t physical)
{
	for (unsigned level = tables->pages_1gib ? LEVEL_PDPT : LEVEL_PD; level > LEVEL_PT; level--)
		if (!((start | physical) & (level_bytes(level) - 1)) && bytes >= level_bytes(level))
			return level;
	return LEVEL_PT;
}

enum status page_tables_map(struct page_tables *tables, uint64_t start, uint64_t end, uint64_t physical, uint64_t flags)
{
	while (start != end) {
		const unsigned level = largest_level(tables, start, end - start, physical);
		const uint64_t large = level > LEVEL_PT ? PTE_LARGE : 0;
		uint64_t *entry;

		TRY(entry_at(tables, start, level, &entry));
		if (*entry & PTE_PRESENT && level > LEVEL_PT && !(*entry & PTE_LARGE))
			return STATUS_INVALID;
		*entry = physical | PTE_PRESENT | large | flags;
		start += level_bytes(level);
		physical += level_bytes(level);
	}
	return STATUS_OK;
}

enum status page_tables_entry(struct page_tables *tables, uint64_t address, uint64_t **entry_out)
{
	return entry_at(tables, address, LEVEL_PT, entry_out);
}

/* The bits above those that the tables translate repeat the topmost of these; otherwise the CPU refuses the address. */
static bool is_canonical(uint64_t address, unsigned levels)
{
	const uint64_t above = ~(uint64_t)0 << (PAGE_SHIFT + LEVEL_BITS * levels - 1);

	return (address & above) == 0 || (address & above) == above;
}

enum status page_tables_walk(uint64_t root, unsigned levels, uint64_t address,
			     const struct page *(*frame_at)(void *context, struct pfn pfn), void *context,
			     uint64_t *physical_out)
{
	uint64_t table = root & PTE_ADDRESS;

	if (!is_canonical(address, levels))
		return STATUS_NOT_FOUND;
	for (unsigned level = levels; level >= LEVEL_PT; level--) {
		const struct page *page = frame_at(context, paddr_to_pfn((struct paddr){table}));
		const uint64_t offset_mask = level_bytes(level) - 1;
		uint64_t entry;

		if (!page)
			return STATUS_NOT_FOUND;
		entry = ((const uint64_t *)(const void *)page)[level_index(level, address)];
		if (!(entry & PTE_PRESENT))
			return STATUS_NOT_FOUND;
		if (level == LEVEL_PT || (level <= LEVEL_PDPT && entry & PTE_LARGE)) {
			*physical_out = (entry & PTE_ADDRESS & ~offset_mask) | (address & offset_mask);
			return STATUS_OK;
		}
		table = entry & PTE_ADDRESS;
	}
	return STATUS_NOT_FOUND;
}

enum status page_tables_find_levels(uint64_t root, uint64_t address, uint64_t physical,
				    const struct page *(*frame_at)(void *context, struct pfn pfn), void *context,
				    unsigned *levels_out)
{
	unsigned found = 0;

	for (unsigned levels = LEVELS_FOUR; levels <= LEVELS_FIVE; levels++) {
		uint64_t end;

		if (page_tables_walk(root, levels, address, frame_at, context, &end) != STATUS_OK || end != physical)
			continue;
		if (found)
			return STATUS_CORRUPT;
		found = levels;
	}
	if (!found)
		return STATUS_CORRUPT;
	*levels_out = found;
	return STATUS_OK;
}
