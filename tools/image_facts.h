/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `thaw inspect` and `thaw verify` say of an image of either kind beside its own fields: where its pages lie in
 * RAM and on the device, which kernel it holds. Pure but for the streams.
 */
#pragma once

#include <stdio.h>

#include "tools/frame_map.h"
#include "tools/json.h"

#define KERNEL_VERSION_BYTES 80

struct image_extent {
	uint64_t first; /* page of the device */
	uint64_t count;
};

struct image_facts {
	struct frame_map frames;
	char kernel[KERNEL_VERSION_BYTES]; /* "": not found */
	uint64_t stored_pages;             /* of the device, everything included */
	uint64_t unpacked_pages;           /* that are in them, data and lists */
	struct image_extent *extents;      /* in the order of the device (swsusp) or of the core */
	size_t extent_count, extent_capacity;
};

void image_facts_begin(struct image_facts *facts);
void image_facts_free(struct image_facts *facts);

/* Joined to the last one, if it follows it. */
void image_facts_add_extent(struct image_facts *facts, uint64_t first, uint64_t count);

/* From a bitmap of device pages in blocks of 32768, a NULL block being empty (struct swsusp_page_marks). */
void image_facts_add_marks(struct image_facts *facts, struct page *const *blocks, uint64_t block_count);

/*
 * Looks for Linux's banner in a page of memory, and for "OSRELEASE=" in VMCOREINFO's text; sets facts->kernel. False:
 * it is not in there. Only the first is kept.
 */
bool image_facts_find_banner(struct image_facts *facts, const struct page *page);
bool image_facts_find_release(struct image_facts *facts, const char *text, size_t bytes);

/* How both commands print. */
struct image_print {
	bool is_json;
	bool lists_extents; /* all of them */
	bool draws_map;
	bool is_unicode;
	uint32_t columns;
};

/* Lines of text; extents only where they are known. */
void image_facts_print(const struct image_facts *facts, const struct image_print *print, FILE *stream);

/* Members of the object that is open. */
void image_facts_json(const struct image_facts *facts, const struct image_print *print, struct json *json);
