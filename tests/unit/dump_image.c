/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory dumps for tests; see dump_image.h.
 */
#include "tests/unit/dump_image.h"

#include <stdlib.h>
#include <string.h>

#include <lzo/lzo1x.h>
#include <zlib.h>

#define BLOCK      4096u
#define WRITE_SIZE 3000u

void dump_put(struct dump_image *image, size_t at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		image->file[at + i] = (uint8_t)(value >> (8 * i));
}

void dump_frame_fill(struct page *page, uint64_t frame, char kind)
{
	uint32_t random = (uint32_t)frame * 2654435761u + 1;

	memset(page, 0, sizeof(*page));
	for (size_t i = 0; kind == 'R' && i < sizeof(*page); i++) {
		random = random * 1664525u + 1013904223u;
		page->bytes[i] = (uint8_t)(random >> 24);
	}
	for (size_t i = 0; kind != 'R' && kind != 'z' && i < sizeof(*page); i += 16)
		memcpy(page->bytes + i, &frame, sizeof(frame));
}

static void start(struct dump_image *image, uint64_t frames)
{
	*image = (struct dump_image){.file = calloc(1, DUMP_FILE_BYTES), .frames = frames};
	if (!image->file)
		abort();
}

/* Returns the number of bytes, and in *flags_out how they are packed. */
static size_t pack(const struct page *page, enum dump_codec codec, uint8_t out[2 * BLOCK], uint32_t *flags_out)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS] __attribute__((aligned(16)));
	uLongf zlib_bytes = 2 * BLOCK;
	lzo_uint lzo_bytes = 0;

	*flags_out = codec;
	if (codec == PACK_ZLIB && compress2(out, &zlib_bytes, page->bytes, BLOCK, 1) == Z_OK && zlib_bytes < BLOCK)
		return zlib_bytes;
	if (codec == PACK_LZO && lzo1x_1_compress(page->bytes, BLOCK, out, &lzo_bytes, work) == LZO_E_OK &&
	    lzo_bytes < BLOCK)
		return lzo_bytes;
	*flags_out = 0;
	memcpy(out, page, BLOCK);
	return BLOCK;
}

void dump_image_kdump(struct dump_image *image, dump_frame_kind *kind, uint64_t frames, enum dump_codec codec)
{
	const size_t bitmap_blocks = div_round_up(div_round_up(frames, 8), BLOCK);
	size_t descriptor, at;

	start(image, frames);
	memcpy(image->file, "KDUMP   ", 8);
	dump_put(image, 0x08, 6, 4);
	memcpy(image->file + 0x110, "x86_64", 6);
	dump_put(image, 0x1A8, codec, 4);
	dump_put(image, 0x1AC, BLOCK, 4);
	dump_put(image, 0x1B0, 1, 4);
	dump_put(image, 0x1B4, 2 * bitmap_blocks, 4);
	dump_put(image, BLOCK + 0x08, 1, 4);
	dump_put(image, BLOCK + 0x60, frames, 8);
	descriptor = image->descriptors_at = (2 + 2 * bitmap_blocks) * BLOCK;
	at = descriptor;
	for (uint64_t frame = 0; frame < frames; frame++)
		at += kind(frame) && kind(frame) != 'Z' ? 24 : 0;
	image->zero_page_at = at;
	at += BLOCK;
	for (uint64_t frame = 0; frame < frames; frame++) {
		const char what = kind(frame);
		uint8_t packed[2 * BLOCK];
		struct page page;
		uint32_t flags = 0;
		size_t bytes = BLOCK;

		if (what == 0)
			continue;
		image->file[2 * BLOCK + frame / 8] |= (uint8_t)(1u << frame % 8);
		if (what == 'Z')
			continue;
		image->file[(2 + bitmap_blocks) * BLOCK + frame / 8] |= (uint8_t)(1u << frame % 8);
		dump_frame_fill(&page, frame, what);
		if (what != 'z') {
			bytes = pack(&page, codec, packed, &flags);
			memcpy(image->file + at, packed, bytes);
		}
		dump_put(image, descriptor, what == 'z' ? image->zero_page_at : at, 8);
		dump_put(image, descriptor + 8, bytes, 4);
		dump_put(image, descriptor + 12, flags, 4);
		descriptor += 24;
		at += what == 'z' ? 0 : bytes;
	}
	image->bytes = at;
}

void dump_image_elf(struct dump_image *image, dump_frame_kind *kind, uint64_t frames, size_t data_at)
{
	static const uint8_t ident[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
	size_t program = 64, at = data_at;
	unsigned count = 0;

	start(image, frames);
	for (uint64_t frame = 0, run; frame < frames; frame += run) {
		const uint64_t first = frame;
		const char what = kind(frame);

		for (run = 1; frame + run < frames && kind(frame + run) == what; run++)
			continue;
		if (what == 0)
			continue;
		dump_put(image, program, 1, 4);
		dump_put(image, program + 8, at, 8);
		dump_put(image, program + 16, 0xFFFF888000000000u + first * BLOCK, 8);
		dump_put(image, program + 24, first * BLOCK, 8);
		dump_put(image, program + 32, what == 'Z' ? 0 : run * BLOCK, 8);
		dump_put(image, program + 40, run * BLOCK, 8);
		program += 56;
		count++;
		for (uint64_t i = 0; what != 'Z' && i < run; i++, at += BLOCK) {
			struct page page;

			dump_frame_fill(&page, first + i, what);
			memcpy(image->file + at, &page, BLOCK);
		}
	}
	memcpy(image->file, ident, sizeof(ident));
	dump_put(image, 16, 4, 2);
	dump_put(image, 18, 62, 2);
	dump_put(image, 20, 1, 4);
	dump_put(image, 32, 64, 8);
	dump_put(image, 52, 64, 2);
	dump_put(image, 54, 56, 2);
	dump_put(image, 56, count, 2);
	image->bytes = at;
}

static void put_be64(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

void dump_image_flatten(struct dump_image *image, size_t cut)
{
	const size_t writes = div_round_up(image->bytes, WRITE_SIZE);
	uint8_t *flat = calloc(1, DUMP_FILE_BYTES);
	size_t at = BLOCK;

	if (!flat)
		abort();
	memcpy(flat, "makedumpfile", 12);
	put_be64(flat + 16, 1);
	put_be64(flat + 24, 1);
	for (size_t i = 0; i < writes; i++) {
		/* Even ones first, then odd ones backwards. */
		const size_t half = (writes + 1) / 2;
		const size_t number = i < half ? 2 * i : 2 * (writes - 1 - i) + 1;
		const size_t start = number * WRITE_SIZE, end = min_u64(start + WRITE_SIZE, image->bytes);

		if (start <= cut && cut < end)
			continue;
		put_be64(flat + at, start);
		put_be64(flat + at + 8, end - start);
		memcpy(flat + at + 16, image->file + start, end - start);
		at += 16 + end - start;
	}
	memset(flat + at, 0xFF, 16);
	free(image->file);
	image->file = flat;
	image->bytes = at + 16;
}

void dump_image_free(struct dump_image *image)
{
	free(image->file);
	image->file = NULL;
}
