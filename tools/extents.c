/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extents of the kind that <linux/fiemap.h> describes, in pages.
 */
#include "tools/extents.h"

#include <linux/fiemap.h>

/* Nothing else may be said of a piece whose blocks are to be written behind the filesystem's back. */
#define FLAGS_HARMLESS (FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED)

static const char *piece_fault(const struct file_extent *piece, uint64_t expected)
{
	if (piece->logical != expected)
		return "it has holes";
	if ((piece->flags & FIEMAP_EXTENT_UNWRITTEN) != 0)
		return "it has blocks that were reserved but never written";
	if ((piece->flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN)) != 0)
		return "it has blocks that have no place on the disk yet";
	if ((piece->flags & (FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_ENCRYPTED)) != 0)
		return "the filesystem keeps it compressed or encrypted";
	if ((piece->flags & (FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL)) != 0)
		return "the filesystem keeps it among its metadata";
	if ((piece->flags & FIEMAP_EXTENT_SHARED) != 0)
		return "it shares blocks with another file";
	if ((piece->flags & ~(uint32_t)FLAGS_HARMLESS) != 0)
		return "the filesystem says of its blocks what is not understood";
	if (piece->bytes == 0 || (piece->logical | piece->physical | piece->bytes) % PAGE_BYTES != 0)
		return "its blocks are not aligned to 4096 bytes";
	if (piece->physical == 0 || piece->physical > UINT64_MAX - piece->bytes)
		return "a block of it has an impossible place";
	return NULL;
}

/* False: no room for one more. */
static bool extents_append(struct extents *extents, uint64_t start_page, uint64_t page_count)
{
	struct core_extent *last = &extents->list[extents->count - (extents->count > 0)];

	if (page_count == 0)
		return true;
	extents->page_count += page_count;
	if (extents->count > 0 && last->start_page + last->page_count == start_page) {
		last->page_count += page_count;
		return true;
	}
	if (extents->count == CORE_EXTENTS_MAX)
		return false;
	extents->list[extents->count++] = (struct core_extent){start_page, page_count};
	return true;
}

enum status extents_from_file(const struct file_extent *pieces, uint32_t count, uint64_t file_bytes,
			      struct extents *extents_out, const char **reason_out)
{
	struct extents extents = {.count = 0};
	uint64_t done = 0;

	*reason_out = "its length is not a multiple of 4096 bytes, or below 8192";
	if (file_bytes % PAGE_BYTES != 0 || file_bytes < (uint64_t)2 * PAGE_BYTES)
		return STATUS_INVALID;
	for (uint32_t i = 0; i < count && done < file_bytes; i++) {
		const char *fault = piece_fault(&pieces[i], done);
		uint64_t start = pieces[i].physical / PAGE_BYTES;
		uint64_t pages;

		*reason_out = fault;
		if (fault != NULL)
			return STATUS_UNSUPPORTED;
		pages = min_u64(pieces[i].bytes, file_bytes - done) / PAGE_BYTES;
		if (done == 0) {
			extents.anchor_page = start++;
			pages--;
			done = PAGE_BYTES;
		}
		done += pages * PAGE_BYTES;
		*reason_out = "it is too fragmented: it lies in more pieces than an anchor can list (223)";
		if (!extents_append(&extents, start, pages))
			return STATUS_UNSUPPORTED;
	}
	*reason_out = "it has holes";
	if (done < file_bytes)
		return STATUS_UNSUPPORTED;
	*extents_out = extents;
	return STATUS_OK;
}

enum status extents_of_partition(uint64_t bytes, struct extents *extents_out, const char **reason_out)
{
	const uint64_t pages = bytes / PAGE_BYTES;

	*reason_out = "it is too small";
	if (pages < 2)
		return STATUS_INVALID;
	*extents_out = (struct extents){.anchor_page = 0, .page_count = pages - 1, .count = 1};
	extents_out->list[0] = (struct core_extent){1, pages - 1};
	return STATUS_OK;
}

_Static_assert(CORE_EXTENTS_MAX == 223, "the text above says so");
