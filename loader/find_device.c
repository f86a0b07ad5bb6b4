/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device that may be the resume device: is it the one that is named, and does it hold an image.
 */
#include "loader/find_internal.h"

#include "disk/raid.h"
#include "disk/swap_area.h"
#include "lib/format.h"

void find_device_name(const struct find_device *device, char *name_out, size_t name_bytes)
{
	if (device->number == 0)
		(void)format_text(name_out, name_bytes, "%s", device->disk->identity.name);
	else
		(void)format_text(name_out, name_bytes, "%sp%u", device->disk->identity.name, device->number);
}

uint64_t find_device_pages(const struct find_device *device)
{
	return device->sector_count / (PAGE_BYTES / device->disk->identity.sector_bytes);
}

enum status find_device_read(const struct find_device *device, uint64_t device_page, struct page *page_out)
{
	const uint64_t page_sectors = PAGE_BYTES / device->disk->identity.sector_bytes;

	if (device_page >= find_device_pages(device))
		return STATUS_NOT_FOUND;
	return block_read_sync(device->disk, (struct lba){device->start_lba + device_page * page_sectors}, page_out,
			       PAGE_BYTES);
}

/* What is on the device. Reads the place of Btrfs only when nothing else is known. */
static enum status content_identify(const struct find_device *device, struct page *page, struct identity *identity_out,
				    enum filesystem_kind *kind_out)
{
	struct swsusp_header header;
	const char *reason;
	enum status status;

	*kind_out = FILESYSTEM_UNKNOWN;
	if (swap_area_is_plain(page) || swsusp_header_parse(page, &header, &reason) != STATUS_NOT_FOUND) {
		if (swap_area_identify(page, identity_out))
			return STATUS_OK;
	}
	*kind_out = filesystem_identify(page, identity_out);
	if (*kind_out != FILESYSTEM_UNKNOWN)
		return STATUS_OK;
	status = find_device_read(device, FILESYSTEM_BTRFS_OFFSET / PAGE_BYTES, page);
	if (status == STATUS_OK)
		*kind_out = filesystem_identify_btrfs(page, identity_out);
	return status == STATUS_NOT_FOUND || *kind_out != FILESYSTEM_UNKNOWN ? STATUS_OK : status;
}

/* Reads the first page and what it takes to know whether UUID= or LABEL= is this device. */
static enum status content_look(const struct find_request *request, const struct find_device *device, struct page *page,
				struct find_look *look)
{
	struct identity identity = {.uuid = ""};
	enum filesystem_kind kind;

	look->is_named = false;
	if (find_device_pages(device) == 0)
		return STATUS_OK;
	TRY(find_device_read(device, 0, page));
	TRY(content_identify(device, page, &identity, &kind));
	look->is_named = find_matches_identity(request, &identity);
	look->is_container = filesystem_is_container(kind);
	return STATUS_OK;
}

/* A page 0 that both begins a filesystem and carries an image was overwritten by one of the two since. */
static enum status header_check(const struct page *page, uint64_t header_page, struct find_look *look)
{
	struct identity identity;
	const enum filesystem_kind kind = header_page == 0 ? filesystem_identify(page, &identity) : FILESYSTEM_UNKNOWN;
	const enum status status = swsusp_header_parse(page, &look->header, &look->reason);

	if (filesystem_is_container(kind))
		look->is_container = true;
	if (status == STATUS_OK && kind != FILESYSTEM_UNKNOWN) {
		look->reason = "the page of the image also begins a filesystem";
		return STATUS_CORRUPT;
	}
	return status;
}

enum status find_device_look(const struct find_request *request, const struct find_device *device, struct page *page,
			     struct find_look *look_out)
{
	struct find_look look = {.is_named = true, .image = STATUS_NOT_FOUND, .reason = ""};
	enum status status;

	if (find_names_content(request))
		TRY(content_look(request, device, page, &look));
	if (look.is_named) {
		status = find_device_read(device, request->header_page, page);
		if (status == STATUS_NOT_FOUND)
			look.reason = "the place of the image header is beyond the device";
		else if (status == STATUS_OK)
			look.image = header_check(page, request->header_page, &look);
		else
			return status;
	}
	*look_out = look;
	return STATUS_OK;
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

enum status find_device_check_raid(const struct find_device *device, struct page *scratch)
{
	struct block_device *disk = device->disk;

	if (device->number != 0)
		TRY(raid_check(disk, device->start_lba, device->sector_count, scratch));
	return raid_check(disk, 0, disk->identity.sector_count, scratch);
}
