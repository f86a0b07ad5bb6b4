/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to an image's return point.
 */
#include "tools/image_way.h"

#include <stdlib.h>
#include <string.h>

#include "mm/page_tables.h"

void image_way_begin(struct image_way *way)
{
	memset(way, 0, sizeof(*way));
}

void image_way_free(struct image_way *way)
{
	free(way->pfns);
	way->pfns = NULL;
}

static void pfn_add(struct image_way *way, uint64_t pfn)
{
	if (way->pfns == NULL || way->count == way->capacity) {
		const size_t capacity = way->capacity > 0 ? way->capacity * 2 : BIT64(16);
		uint64_t *larger = realloc(way->pfns, capacity * sizeof(*larger));

		if (larger == NULL)
			abort();
		way->pfns = larger;
		way->capacity = capacity;
	}
	way->pfns[way->count++] = pfn;
}

void image_way_add_frames(struct image_way *way, const struct swsusp_info *info, const uint64_t *pfns, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t pfn = pfns[i] & ~SWSUSP_PFN_ZERO;

		if (pfn == info->jump_address_physical >> PAGE_SHIFT)
			way->has_return_frame = true;
		if ((pfns[i] & SWSUSP_PFN_ZERO) == 0)
			pfn_add(way, pfn);
	}
}

/* NULL: not yet, or never: then it is not among the tables that are wanted. */
static const struct page *table_at(void *context, struct pfn pfn)
{
	struct image_way *way = context;

	for (uint32_t i = 0; i < way->table_count; i++)
		if (way->tables[i].pfn == pfn.value)
			return way->tables[i].is_kept ? &way->tables[i].page : NULL;
	for (size_t index = 0; index < way->count && way->table_count < IMAGE_WAY_TABLES; index++) {
		if (way->pfns[index] != pfn.value)
			continue;
		way->tables[way->table_count].pfn = pfn.value;
		way->tables[way->table_count++].index = index;
		break;
	}
	return NULL;
}

static enum status way_follow(struct image_way *way, const struct swsusp_info *info)
{
	unsigned levels;

	return page_tables_find_levels(info->cr3, info->jump_address, info->jump_address_physical, table_at, way,
				       &levels);
}

void image_way_add_page(struct image_way *way, const struct swsusp_info *info, uint64_t index, const struct page *page)
{
	if (way->table_count == 0 && index == 0)
		ignore_status(way_follow(way, info));
	for (uint32_t i = 0; i < way->table_count; i++) {
		struct image_way_table *table = &way->tables[i];

		if (table->index != index || table->is_kept)
			continue;
		table->page = *page;
		table->is_kept = true;
		ignore_status(way_follow(way, info));
	}
}

enum status image_way_end(struct image_way *way, const struct swsusp_info *info)
{
	const enum status status = way_follow(way, info);

	for (uint32_t i = 0; i < way->table_count; i++)
		if (!way->tables[i].is_kept)
			return STATUS_AGAIN;
	return way->has_return_frame ? status : STATUS_CORRUPT;
}
