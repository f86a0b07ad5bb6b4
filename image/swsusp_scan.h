/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a whole swsusp image page by page and checks all that can be checked without the machine it belongs to: the
 * plain, synchronous way through image/swsusp.h, for the host command, the tests and the fuzzers.
 */
#pragma once

#include "image/swsusp.h"

struct swsusp_scan_source {
	/* STATUS_OK, or an error that ends the scan. */
	enum status (*read_page)(void *context, uint64_t device_page, struct page *page_out);
	void *context;
};

/* What to do with what is found; each call may be NULL. */
struct swsusp_scan_sink {
	/* Entries of the PFN list as swsusp_decode_pfns gives them, in order, before the first data page. */
	void (*pfns)(void *context, const uint64_t *pfns, uint32_t count);
	/* The page of the PFN number `index` among those with data. */
	void (*data)(void *context, uint64_t index, const struct page *page);
	/* Stream pages done, of how many; called after each page or chunk. */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
};

/* About 300 KiB; the caller fills in source and sink, the scan all the rest. */
struct swsusp_scan {
	struct swsusp_scan_source source;
	struct swsusp_scan_sink sink;

	/* Results. */
	struct swsusp_reader reader; /* header, info and the reason of an error */
	uint64_t disk_pages;         /* read from the device, the header apart */
	uint64_t map_pages;
	uint64_t runs; /* of consecutive device pages, map pages apart */
	uint64_t chunks;
	uint32_t crc32; /* of all unpacked bytes; compressed images only */

	/* The scan's own state. */
	uint64_t last_device_page;
	uint64_t unpacked_pages; /* of the stream, the information page apart */
	uint32_t packed_pages;   /* of the chunk at hand that have been read */
	uint64_t pfns[SWSUSP_PFNS_PER_PAGE];
	struct page page;
	struct page packed[SWSUSP_CHUNK_DISK_PAGES];
	struct page unpacked[SWSUSP_CHUNK_PAGES];
};

/*
 * Scans the image whose header lies in device page header_page. marks: as for swsusp_open. STATUS_OK: everything is
 * right, the checksum included where the image has one. Otherwise the status says what was found, as in
 * image/swsusp.h, and scan->reader.reason why.
 */
nodiscard enum status swsusp_scan_image(struct swsusp_scan *scan, uint64_t header_page, uint64_t device_pages,
					struct swsusp_page_marks marks);
