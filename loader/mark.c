/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mark (kernel/power/swap.c, swsusp_check: Linux does the same before it loads the image; Thaw does it last).
 */
#include "loader/mark.h"

#include "image/core.h"
#include "image/kdump.h"
#include "lib/log.h"
#include "lib/string.h"

#define RESULT_VERSION     1
#define RESULT_KIND_SWSUSP 1

/* "THAW", version, kind, u16 zero, u32 pages, u32 milliseconds; little endian, as the CPU is. */
struct result_record {
	char magic[4];
	uint8_t version;
	uint8_t kind;
	uint16_t zero;
	uint32_t pages;
	uint32_t milliseconds;
};

_Static_assert(sizeof(struct result_record) == SWSUSP_RESULT_BYTES, "the record's size is part of the contract");

static void make_marked_swsusp(const struct found_image *found, const struct mark_result *result,
			       struct page *marked_out)
{
	const struct mark_result counts = result ? *result : (struct mark_result){0};
	const struct result_record record = {
		.magic = {'T', 'H', 'A', 'W'},
		.version = RESULT_VERSION,
		.kind = RESULT_KIND_SWSUSP,
		.pages = (uint32_t)min_u64(counts.pages, UINT32_MAX),
		.milliseconds = (uint32_t)min_u64(counts.milliseconds, UINT32_MAX),
	};

	*marked_out = found->header_bytes;
	memcpy(marked_out->bytes + SWSUSP_SIGNATURE_OFFSET, found->header.original_signature, SWSUSP_SIGNATURE_BYTES);
	if (result && !found->header.has_bad_pages)
		memcpy(marked_out->bytes + SWSUSP_RESULT_OFFSET, &record, sizeof(record));
}

/* The anchor's first sector has a place for the result. */
static void make_marked_core(const struct found_image *found, const struct mark_result *result, struct page *marked_out)
{
	struct core_anchor *anchor = (struct core_anchor *)(void *)marked_out;

	*marked_out = found->header_bytes;
	anchor->state = CORE_ANCHOR_USED;
	anchor->restore_pages = result ? (uint32_t)min_u64(result->pages, UINT32_MAX) : 0;
	anchor->restore_ms = result ? (uint32_t)min_u64(result->milliseconds, UINT32_MAX) : 0;
	core_anchor_seal(anchor);
}

static void make_marked(const struct found_image *found, const struct mark_result *result, struct page *marked_out)
{
	switch (found->kind) {
	case IMAGE_SWSUSP:
		make_marked_swsusp(found, result, marked_out);
		break;
	case IMAGE_CORE:
		make_marked_core(found, result, marked_out);
		break;
	case IMAGE_DUMP:
		*marked_out = found->header_bytes;
		dump_mark_used(marked_out);
		break;
	}
}

/* What the disk holds, compared with the two states that it may be in; written, that is marked, is MARK_USED here. */
static enum mark_state look(const struct found_image *found, struct lba lba, uint32_t offset, uint32_t bytes,
			    const struct page *marked, struct page *seen)
{
	if (block_read_sync(found->device, lba, seen, bytes) != STATUS_OK)
		return MARK_UNKNOWN;
	if (!memcmp(seen, marked->bytes + offset, bytes))
		return MARK_USED;
	if (!memcmp(seen, found->header_bytes.bytes + offset, bytes))
		return MARK_UNCHANGED;
	return MARK_UNKNOWN;
}

/* The sector that tells, relative to the header page; its size and place. */
static uint32_t find_sector(const struct found_image *found, struct lba *lba_out)
{
	const uint32_t bytes = found->device->identity.sector_bytes;
	const uint32_t offset = found->kind == IMAGE_SWSUSP ? (uint32_t)align_down(SWSUSP_SIGNATURE_OFFSET, bytes) : 0;

	lba_out->value = found->start_lba + found->header_page * (PAGE_BYTES / bytes) + offset / bytes;
	return offset;
}

enum mark_state mark_image_used(const struct found_image *found, const struct mark_result *result,
				struct page scratch[2])
{
	struct block_device *device = found->device;
	const uint32_t bytes = device->identity.sector_bytes;
	struct lba lba;
	const uint32_t offset = find_sector(found, &lba);
	struct page *marked = &scratch[0];
	struct page *seen = &scratch[1];
	enum mark_state state;
	enum status status;

	make_marked(found, result, marked);
	/* Somebody's write since the header was read would be undone by ours. */
	state = look(found, lba, offset, bytes, marked, seen);
	if (state != MARK_UNCHANGED)
		return MARK_UNCHANGED;
	status = device->ops->write_sync(device, lba, marked->bytes + offset, bytes);
	state = look(found, lba, offset, bytes, marked, seen);
	if (status == STATUS_OK && state == MARK_USED)
		return MARK_USED;
	log_line("mark: %s on write, read back %s", status_text(status),
		 state == MARK_USED        ? "as written"
		 : state == MARK_UNCHANGED ? "as before"
					   : "neither as before nor as written");
	/* What is read back may stand in the disk's cache only, if the flush failed. */
	return state == MARK_UNCHANGED ? MARK_UNCHANGED : MARK_UNKNOWN;
}

enum mark_state mark_take_back(const struct found_image *found, struct page scratch[2])
{
	struct block_device *device = found->device;
	const uint32_t bytes = device->identity.sector_bytes;
	struct lba lba;
	const uint32_t offset = find_sector(found, &lba);
	const enum status status = device->ops->write_sync(device, lba, found->header_bytes.bytes + offset, bytes);

	if (look(found, lba, offset, bytes, &scratch[0], &scratch[1]) != MARK_UNCHANGED || status != STATUS_OK)
		return MARK_UNKNOWN;
	return MARK_UNCHANGED;
}
