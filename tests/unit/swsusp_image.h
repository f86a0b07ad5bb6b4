/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds swsusp images in memory for tests, from the format's description and not from the reader's headers: offsets
 * are written out here on purpose.
 */
#pragma once

#include "image/swsusp.h"
#include "image/swsusp_scan.h"

struct image_spec {
	enum swsusp_codec codec;
	uint32_t data_pages;  /* frames with data */
	uint32_t zero_pages;  /* frames with the zero bit */
	uint64_t header_page; /* 0: a partition; otherwise as for a swap file */
	bool shuffled;        /* pages of the image in any order on the device */
	bool compressible;    /* every page, not only some */
};

struct image {
	struct image_spec spec;
	struct page *device;
	uint64_t device_pages;
	uint64_t *free_pages; /* device pages in the order in which they are given out */
	uint64_t free_next;
	uint64_t *maps; /* device pages of the swap map */
	uint64_t map_count;
	uint64_t *stream; /* device pages of the stream, 0 = information page */
	uint64_t stream_count;
	struct page *pages; /* the stream behind the information page, as it unpacks */
	uint64_t page_count;
	uint64_t meta_pages;
};

void forge_image(struct image *image, const struct image_spec *spec);
void forge_free(struct image *image);

/* Little-endian fields of a device page. */
void forge_put(struct image *image, uint64_t device_page, size_t offset, uint64_t value, size_t bytes);
uint64_t forge_get(const struct image *image, uint64_t device_page, size_t offset, size_t bytes);

/* The content of the frame, and its PFN entry, number `index` of all PFNs. */
uint64_t forge_pfn_entry(const struct image_spec *spec, uint32_t index);
void forge_fill_page(struct page *page, uint64_t pfn, bool compressible);

/* Scans the image with every page that is handed out compared. Returns the scan's status; *reason_out is static. */
enum status forge_scan(const struct image *image, const char **reason_out);

/* Marks from the heap for device_pages; block_limit: so many blocks, then no memory. */
struct image_marks {
	struct page **directory;
	uint64_t entries;
	uint64_t blocks;
	uint64_t block_limit;
};

struct swsusp_page_marks forge_marks_make(struct image_marks *marks, uint64_t device_pages, uint64_t block_limit);
void forge_marks_free(struct image_marks *marks);
