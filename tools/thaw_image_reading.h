/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A swsusp image as `thaw verify` and `thaw inspect` read it: the reader of image/ over pread, with a progress display,
 * and what is noted on the way.
 */
#pragma once

#include "image/swsusp_scan.h"
#include "tools/image_way.h"
#include "tools/thaw_image.h"
#include "tools/thaw_progress.h"

struct image_reading {
	int descriptor;
	uint64_t pages;
	struct page **directory; /* of the marks of used pages */
	uint64_t directory_entries;
	struct progress progress;
	struct image_facts facts;
	struct here *here;    /* NULL: not asked for */
	struct image_way way; /* verify */
	const struct swsusp_scan *scan;
	/* Of the frames with data: those in which the kernel's banner may be, by index. */
	uint64_t window_start, window_end;
	uint64_t data_frames;
	bool stops_early; /* inspect: when the window is behind us */
	bool is_done;
};

/* Opens what options->path names. False: said. */
bool image_reading_begin(struct image_reading *reading, const struct image_options *options);
void image_reading_end(struct image_reading *reading);

/* One page of the device, a struct image_reading being the context: STATUS_IO_ERROR, or STATUS_END once is_done. */
nodiscard enum status image_reading_page(void *context, uint64_t device_page, struct page *page_out);

/* The whole image, or (stops_early) what inspect has to see. */
nodiscard enum status image_reading_scan(struct image_reading *reading, const struct image_options *options,
					 struct swsusp_scan *scan);

/* After a scan: the image's page tables, which take another look at it where they are not in ascending order. */
nodiscard enum status image_reading_check_way(struct image_reading *reading, const struct image_options *options,
					      struct swsusp_scan *scan);

/* After a scan that stopped early: all places that the swap map names; of the pages there only those that lead on. */
nodiscard enum status image_reading_find_extents(struct image_reading *reading, const struct image_options *options,
						 const struct swsusp_header *header, struct swsusp_reader *reader,
						 struct page *page);

/* From the marks: extents, and with them what the image takes on the device. */
void image_reading_take_storage(struct image_reading *reading, const struct swsusp_info *info);
