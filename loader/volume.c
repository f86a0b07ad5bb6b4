/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One volume: reading it, and what it is.
 */
#include "loader/volume.h"

#include "disk/raid.h"
#include "disk/swap_area.h"
#include "disk/uuid.h"
#include "image/core.h"
#include "image/swsusp.h"
#include "lib/format.h"

void volume_name(const struct volume *volume, char name_out[VOLUME_NAME_BYTES])
{
	if (volume->number == 0)
		(void)format_text(name_out, VOLUME_NAME_BYTES, "%s", volume->disk->identity.name);
	else
		(void)format_text(name_out, VOLUME_NAME_BYTES, "%sp%u", volume->disk->identity.name, volume->number);
}

uint64_t volume_pages(const struct volume *volume)
{
	return volume->sector_count / (PAGE_BYTES / volume->disk->identity.sector_bytes);
}

enum status volume_read(const struct volume *volume, uint64_t page, struct page *page_out)
{
	const uint64_t page_sectors = PAGE_BYTES / volume->disk->identity.sector_bytes;

	if (page >= volume_pages(volume))
		return STATUS_NOT_FOUND;
	return block_read_sync(volume->disk, (struct lba){volume->start_lba + page * page_sectors}, page_out,
			       PAGE_BYTES);
}

static enum status read_sectors(void *context, struct lba lba, uint32_t count, void *buffer)
{
	const struct volume *volume = context;

	if (lba.value >= volume->sector_count || count > volume->sector_count - lba.value)
		return STATUS_INVALID;
	return block_read_sync(volume->disk, (struct lba){volume->start_lba + lba.value}, buffer,
			       (uint64_t)count * volume->disk->identity.sector_bytes);
}

struct disk_reader volume_reader(const struct volume *volume, struct page *scratch)
{
	return (struct disk_reader){read_sectors, (void *)(uintptr_t)volume, volume->disk->identity.sector_bytes,
				    volume->sector_count, scratch};
}

/* A place for images of kexec jumps. Damage is no reason to hide it: who looks at it next says what is wrong. */
static enum status check_anchor(const struct volume *volume, const struct page *page)
{
	static struct core_anchor anchor;
	const char *reason;

	return core_anchor_parse(page, 0, volume_pages(volume), &anchor, &reason);
}

static void identify_anchor(const struct page *page, struct identity *identity_out)
{
	*identity_out = (struct identity){0};
	uuid_format(page->bytes + offsetof(struct core_anchor, uuid), identity_out->uuid);
}

enum status volume_identify(const struct volume *volume, struct page *page, struct volume_content *content_out)
{
	struct volume_content content = {.kind = FILESYSTEM_UNKNOWN};
	struct swsusp_header header;
	const char *reason;
	enum status anchor;
	enum status status;

	*content_out = content;
	if (volume_pages(volume) == 0)
		return STATUS_OK;
	TRY(volume_read(volume, 0, page));
	if (swap_area_is_plain(page) || swsusp_header_parse(page, &header, &reason) != STATUS_NOT_FOUND) {
		if (swap_area_identify(page, &content_out->identity))
			return STATUS_OK;
	}
	anchor = check_anchor(volume, page);
	/* The extents of an anchor that is right may look like anything. */
	if (anchor != STATUS_OK)
		content_out->kind = filesystem_identify(page, &content_out->identity);
	if (anchor != STATUS_NOT_FOUND && content_out->kind == FILESYSTEM_UNKNOWN) {
		identify_anchor(page, &content_out->identity);
		return STATUS_OK;
	}
	if (content_out->kind != FILESYSTEM_UNKNOWN || filesystem_identify_fat(page, &content_out->identity))
		return STATUS_OK;
	status = volume_read(volume, FILESYSTEM_BTRFS_OFFSET / PAGE_BYTES, page);
	if (status == STATUS_OK)
		content_out->kind = filesystem_identify_btrfs(page, &content_out->identity);
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* One device: a partition or a whole disk of sector_count sectors. */
static enum status raid_check(struct block_device *disk, uint64_t start_lba, uint64_t sector_count,
			      struct page *scratch)
{
	const uint32_t sector_bytes = disk->identity.sector_bytes;
	uint64_t places[RAID_PLACES];
	const uint32_t count = raid_superblock_places(sector_count * sector_bytes, sector_bytes, places);

	for (uint32_t i = 0; i < count; i++) {
		const struct lba lba = {start_lba + places[i] / sector_bytes};

		TRY(block_read_sync(disk, lba, scratch, PAGE_BYTES));
		if (raid_is_superblock(scratch))
			return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

enum status volume_check_raid(const struct volume *volume, struct page *scratch)
{
	struct block_device *disk = volume->disk;

	if (volume->number != 0)
		TRY(raid_check(disk, volume->start_lba, volume->sector_count, scratch));
	return raid_check(disk, 0, disk->identity.sector_count, scratch);
}
