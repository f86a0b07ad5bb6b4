/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A physical volume of 16 KiB in memory, for the fuzz target of LVM2. */
#pragma once

#include "disk/lvm_group.h"
#include "lib/crc32.h"
#include "lib/string.h"

enum {
	DISK_BYTES = 16384,
	DISK_SECTOR_BYTES = 512,
	LABEL_AT = 512,
	AREA_AT = 2048,
};

static uint8_t disk[DISK_BYTES];

static enum status disk_read(void *context, struct lba lba, uint32_t count, void *buffer)
{
	if (context || lba.value >= DISK_BYTES / DISK_SECTOR_BYTES ||
	    count > DISK_BYTES / DISK_SECTOR_BYTES - lba.value || count > PAGE_BYTES / DISK_SECTOR_BYTES)
		__builtin_trap();
	memcpy(buffer, disk + lba.value * DISK_SECTOR_BYTES, count * DISK_SECTOR_BYTES);
	return STATUS_OK;
}

static void lvm_seal(uint8_t *checksum, const uint8_t *bytes, size_t count)
{
	const uint32_t crc32 = crc32_update(0xf597a6cf, bytes, count);

	memcpy(checksum, &crc32, sizeof(crc32));
}

/* The disk becomes the input and zeroes; its areas are read if it has a label. */
static void lvm_on_disk(const uint8_t *data, size_t size)
{
	static struct page scratch;
	static char chars[LVM_TEXT_BYTES_MAX];
	const struct disk_reader reader = {disk_read, NULL, DISK_SECTOR_BYTES, DISK_BYTES / DISK_SECTOR_BYTES,
					   &scratch};
	struct lvm_pv pv;
	const char *reason = "";
	size_t bytes;

	memcpy(memset(disk, 0, sizeof(disk)), data, min_u64(size, sizeof(disk)));
	lvm_seal(disk + LABEL_AT + 16, disk + LABEL_AT + 20, 492);
	lvm_seal(disk + AREA_AT, disk + AREA_AT + 4, 508);
	if (lvm_pv_read(&reader, &pv, &reason) != STATUS_OK) {
		if (*reason == '\0')
			__builtin_trap();
		return;
	}
	if (pv.area_count > LVM_AREAS_MAX || strlen(pv.uuid) >= LVM_UUID_BYTES)
		__builtin_trap();
	for (uint32_t i = 0; i < pv.area_count; i++)
		if (lvm_area_read(&reader, &pv.areas[i], chars, &bytes, &reason) == STATUS_OK && bytes > DISK_BYTES)
			__builtin_trap();
}

/* Every extent of a linear volume lies on its physical volume; their sectors can be counted. */
static void lvm_check_group(const struct lvm_group *group)
{
	char name[LVM_MAPPER_NAME_BYTES];

	for (uint32_t i = 0; i < group->volume_count; i++) {
		const struct lvm_volume *volume = &group->volumes[i];

		lvm_mapper_name(group, volume, name);
		if (strlen(volume->type) >= LVM_TYPE_BYTES || volume->first_segment > group->segment_count ||
		    volume->segment_count > group->segment_count - volume->first_segment ||
		    (volume->type[0] == '\0' && volume->segment_count == 0))
			__builtin_trap();
		for (uint32_t k = 0; k < volume->segment_count; k++) {
			const struct lvm_segment *segment = &group->segments[volume->first_segment + k];
			const uint64_t extents = group->members[segment->member].extent_count;

			if (segment->member >= group->member_count || segment->first_extent > extents ||
			    segment->extent_count > extents - segment->first_extent ||
			    extents > UINT64_MAX / 1024 / group->extent_sectors)
				__builtin_trap();
		}
	}
}
