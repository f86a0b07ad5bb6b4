/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the image goes: the disk that has the anchor which `thaw save` named, at the place that it named.
 */
#include "lib/log.h"
#include "lib/string.h"
#include "loader/save_internal.h"

/* STATUS_NOT_FOUND: not this disk. */
static enum status look_at(struct save *save, struct block_device *device, struct page *page)
{
	const struct save_parameters *parameters = save->parameters;
	const struct block_identity *identity = &device->identity;
	const uint64_t start_lba = parameters->partition_start / identity->sector_bytes;
	const uint64_t page_sectors = PAGE_BYTES / identity->sector_bytes;
	const char *reason;

	if (parameters->partition_start % identity->sector_bytes != 0 || start_lba >= identity->sector_count ||
	    parameters->anchor_page >= (identity->sector_count - start_lba) / page_sectors)
		return STATUS_NOT_FOUND;
	save->start_lba = start_lba;
	save->anchor_lba = start_lba + parameters->anchor_page * page_sectors;
	TRY(block_read_sync(device, (struct lba){save->anchor_lba}, page, PAGE_BYTES));
	TRY(core_anchor_parse(page, parameters->anchor_page, (identity->sector_count - start_lba) / page_sectors,
			      save->anchor, &reason));
	return memcmp(save->anchor->uuid, parameters->target_uuid, sizeof(save->anchor->uuid)) == 0 ? STATUS_OK
												    : STATUS_NOT_FOUND;
}

/* The last disk that was looked at is the one whose anchor is in save->anchor: the right one is looked at once more. */
enum status save_target_find(struct save *save, const struct block_registry *registry)
{
	struct block_device *found = NULL;
	void *memory;

	TRY(arena_alloc(save->arena, 2 * sizeof(struct page), PAGE_BYTES, &memory));
	save->anchor = memory;
	for (uint32_t i = 0; i < registry->count; i++) {
		if (look_at(save, registry->devices[i], (struct page *)memory + 1) != STATUS_OK)
			continue;
		if (found)
			return save_refuse(save, STATUS_AMBIGUOUS, "two disks have the target's anchor");
		found = registry->devices[i];
	}
	if (!found)
		return save_refuse(save, STATUS_NOT_FOUND, "no disk that Thaw can drive has the target's anchor");
	TRY(look_at(save, found, (struct page *)memory + 1));
	/* Whatever else it says would still stand there while its image is overwritten. */
	if (save->anchor->state != CORE_ANCHOR_SAVING)
		return save_refuse(save, STATUS_INVALID, "the target's anchor does not say that a save is under way");
	save->device = found;
	log_line("save: to %s, %lu MiB of room", found->identity.name, save->anchor->target_pages / (MIB / PAGE_BYTES));
	return STATUS_OK;
}

enum status save_target_mark(struct save *save, enum core_anchor_state state)
{
	const struct lba lba = {save->anchor_lba};
	const uint32_t bytes = save->device->identity.sector_bytes;
	struct page *seen = (struct page *)(void *)save->anchor + 1;

	save->anchor->state = state;
	core_anchor_seal(save->anchor);
	TRY(save->device->ops->write_sync(save->device, lba, save->anchor, bytes));
	TRY(block_read_sync(save->device, lba, seen, bytes));
	return memcmp(seen, save->anchor, bytes) == 0 ? STATUS_OK : STATUS_IO_ERROR;
}
