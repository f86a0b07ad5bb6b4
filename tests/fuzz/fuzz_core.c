/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An anchor page and the header part of its core, with checksums put right. What is accepted must add up. */
#include "image/core.h"
#include "lib/crc32.h"
#include "lib/string.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct page pages[9];
	static struct core_anchor anchor, *on_disk = (void *)pages;
	struct core core;
	struct core_chunk_cursor chunks = {0};
	struct core_chunk_place place = {0};
	struct core_data_cursor cursor = {0};
	struct core_data_run run = {.pages = 0};
	const char *reason;
	uint64_t page, rest, left;
	memcpy(memset(pages, 0, sizeof(pages)), data, min_u64(size, sizeof(pages)));
	if (on_disk->header_bytes > sizeof(pages) - PAGE_BYTES)
		return 0;
	on_disk->header_crc32 = crc32_zlib(pages + 1, on_disk->header_bytes);
	core_anchor_seal_extents(on_disk);
	if (core_anchor_parse(pages, 0, 1 << 20, &anchor, &reason) != STATUS_OK ||
	    core_header_parse(pages + 1, &anchor, &core, &reason) != STATUS_OK)
		return 0;
	for (left = core.data_pages; core_chunk_next(&core, &chunks, &place); left -= place.raw_pages)
		if (!core_extents_find(&anchor, place.stored_page + place.stored_pages - 1, &page, &rest))
			__builtin_trap();
	for (left += core.data_pages; core_data_next(&core, &cursor, UINT64_MAX, &run); left -= run.pages)
		continue;
	if (left != 0)
		__builtin_trap();
	return 0;
}
