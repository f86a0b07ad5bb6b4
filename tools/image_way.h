/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way through a swsusp image's own page tables to its return point, as the loader goes it before it jumps
 * (loader/seal.c): here the few pages that it leads through are kept while the image is read. Pure.
 */
#pragma once

#include <stddef.h>

#include "image/swsusp.h"

/* By 4 levels and by 5, from one root. */
#define IMAGE_WAY_TABLES 8

struct image_way_table {
	uint64_t pfn;
	uint64_t index; /* among the frames with data */
	bool is_kept;
	struct page page;
};

struct image_way {
	uint64_t *pfns; /* of the frames with data, in the order of the stream */
	size_t count, capacity;
	bool has_return_frame;
	struct image_way_table tables[IMAGE_WAY_TABLES];
	uint32_t table_count;
};

void image_way_begin(struct image_way *way);
void image_way_free(struct image_way *way);

/* Entries of the PFN list, in order, before any page. Ends the program when there is no memory. */
void image_way_add_frames(struct image_way *way, const struct swsusp_info *info, const uint64_t *pfns, uint32_t count);

/* The page of frame number `index` among those with data, in any order, more than once if it must be. */
void image_way_add_page(struct image_way *way, const struct swsusp_info *info, uint64_t index, const struct page *page);

/*
 * After all pages. STATUS_AGAIN: a table was wanted that had gone by: add all pages again (at most IMAGE_WAY_TABLES
 * times; once, where tables lie in ascending order). STATUS_CORRUPT: the way does not lead to the return point, or that
 * is not in the image.
 */
nodiscard enum status image_way_end(struct image_way *way, const struct swsusp_info *info);
