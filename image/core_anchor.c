/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The anchor of a kexec-jump image: its state and where the image lies (image/core_format.h).
 */
#include "image/core.h"

#include "image/core_internal.h"
#include "lib/checked.h"
#include "lib/crc32.h"
#include "lib/string.h"

#define MAGIC_BYTES sizeof(((struct core_anchor *)0)->magic)

/* The first sector with sector_crc32 taken as 0. */
static uint32_t sector_crc32(const struct core_anchor *anchor)
{
	static const uint32_t zero;
	const size_t behind = offsetof(struct core_anchor, sector_crc32) + sizeof(zero);
	uint32_t crc = crc32_update(~(uint32_t)0, anchor, behind - sizeof(zero));

	crc = crc32_update(crc, &zero, sizeof(zero));
	return ~crc32_update(crc, (const uint8_t *)anchor + behind,
			     offsetof(struct core_anchor, extent_count) - behind);
}

static uint32_t extents_crc32(const struct core_anchor *anchor)
{
	return crc32_zlib(&anchor->extent_count, sizeof(*anchor) - offsetof(struct core_anchor, extent_count));
}

static bool extents_overlap(const struct core_extent *a, const struct core_extent *b)
{
	return a->start_page < b->start_page + b->page_count && b->start_page < a->start_page + a->page_count;
}

/* Extent number `index` by itself and against those before it. */
static bool extent_good(const struct core_anchor *anchor, uint32_t index, uint64_t anchor_page,
			uint64_t partition_pages)
{
	const struct core_extent *extent = &anchor->extents[index];
	uint64_t end;

	/* Page 0 is the anchor's, or a filesystem's superblock. */
	if (extent->start_page == 0 || extent->page_count == 0 ||
	    !checked_add_u64(extent->start_page, extent->page_count, &end) || end > partition_pages ||
	    anchor_page - extent->start_page < extent->page_count)
		return false;
	for (uint32_t i = 0; i < index; i++)
		if (extents_overlap(extent, &anchor->extents[i]))
			return false;
	return true;
}

static bool extents_good(const struct core_anchor *anchor, uint64_t anchor_page, uint64_t partition_pages)
{
	uint64_t pages = 0;

	if (anchor->extent_count > CORE_EXTENTS_MAX)
		return false;
	for (uint32_t i = 0; i < anchor->extent_count; i++) {
		if (!extent_good(anchor, i, anchor_page, partition_pages))
			return false;
		pages += anchor->extents[i].page_count;
	}
	return pages != 0 && pages == anchor->target_pages;
}

static bool sizes_good(const struct core_anchor *anchor)
{
	if (!core_anchor_has_core(anchor))
		return anchor->state <= CORE_ANCHOR_FAILED;
	return anchor->header_bytes != 0 && (anchor->header_bytes | anchor->core_bytes) % PAGE_BYTES == 0 &&
	       anchor->header_bytes < anchor->core_bytes && anchor->core_bytes / PAGE_BYTES <= anchor->target_pages;
}

enum status core_anchor_parse(const struct page *page, uint64_t anchor_page, uint64_t partition_pages,
			      struct core_anchor *anchor_out, const char **reason_out)
{
	const struct core_anchor *anchor = (const struct core_anchor *)(const void *)page;

	if (memcmp(anchor->magic, CORE_ANCHOR_MAGIC, MAGIC_BYTES) != 0)
		return core_refuse(reason_out, STATUS_NOT_FOUND, "no anchor");
	/* Before the version: the place of this checksum is the same in all of them. */
	if (anchor->sector_crc32 != sector_crc32(anchor))
		return core_refuse(reason_out, STATUS_CORRUPT, "the anchor's checksum is wrong");
	if (anchor->version != CORE_ANCHOR_VERSION)
		return core_refuse(reason_out, STATUS_UNSUPPORTED, "the anchor is of another version");
	if (anchor->extents_crc32 != extents_crc32(anchor))
		return core_refuse(reason_out, STATUS_CORRUPT, "the checksum of the anchor's extents is wrong");
	if (!extents_good(anchor, anchor_page, partition_pages))
		return core_refuse(reason_out, STATUS_CORRUPT, "the anchor's extents are not valid");
	if (!sizes_good(anchor))
		return core_refuse(reason_out, STATUS_CORRUPT, "the anchor's state and sizes contradict each other");
	*anchor_out = *anchor;
	return STATUS_OK;
}

bool core_anchor_has_core(const struct core_anchor *anchor)
{
	return anchor->state == CORE_ANCHOR_VALID || anchor->state == CORE_ANCHOR_USED ||
	       anchor->state == CORE_ANCHOR_SNAPSHOT;
}

void core_anchor_seal(struct core_anchor *anchor)
{
	anchor->sector_crc32 = sector_crc32(anchor);
}

void core_anchor_seal_extents(struct core_anchor *anchor)
{
	anchor->extents_crc32 = extents_crc32(anchor);
	core_anchor_seal(anchor);
}

bool core_extents_find(const struct core_anchor *anchor, uint64_t stored_page, uint64_t *partition_page_out,
		       uint64_t *run_out)
{
	for (uint32_t i = 0; i < anchor->extent_count; i++) {
		const struct core_extent *extent = &anchor->extents[i];

		if (stored_page < extent->page_count) {
			*partition_page_out = extent->start_page + stored_page;
			*run_out = extent->page_count - stored_page;
			return true;
		}
		stored_page -= extent->page_count;
	}
	return false;
}
