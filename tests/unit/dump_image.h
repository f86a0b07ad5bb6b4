/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes memory dumps in memory for tests, by code that shares nothing with the readers: kdump-compressed files and ELF
 * cores, flattened or not.
 */
#pragma once

#include "include/types.h"

#define DUMP_FILE_BYTES (6 * MIB)

enum dump_codec { PACK_RAW, PACK_ZLIB, PACK_LZO };

struct dump_image {
	uint8_t *file; /* DUMP_FILE_BYTES, the rest zero */
	size_t bytes;
	uint64_t frames; /* of the bitmaps */
	size_t descriptors_at;
	size_t zero_page_at;
};

/* What a frame holds: 0 nothing, not of the machine; 'Z' zeroes that are left out; else data. */
typedef char dump_frame_kind(uint64_t frame);

/* Data that is all zeroes for 'z', random for 'R', and easy to pack otherwise. */
void dump_frame_fill(struct page *page, uint64_t frame, char kind);

/* frames: the highest one and one. Each page is packed with codec where that makes it smaller. */
void dump_image_kdump(struct dump_image *image, dump_frame_kind *kind, uint64_t frames, enum dump_codec codec);

/* Data begins at this byte of the file, which need not be a page's. */
void dump_image_elf(struct dump_image *image, dump_frame_kind *kind, uint64_t frames, size_t data_at);

/* The same as many small writes, out of order. The one of this byte is left out; SIZE_MAX: none. */
void dump_image_flatten(struct dump_image *image, size_t cut);

void dump_image_free(struct dump_image *image);

void dump_put(struct dump_image *image, size_t at, uint64_t value, unsigned bytes);
