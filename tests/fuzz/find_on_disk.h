/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file on a partition of 64 KiB in memory, for the fuzz targets of the filesystems. */
#pragma once

#include "disk/file.h"
#include "lib/string.h"

enum {
	DISK_SECTORS = 128,
	DISK_SECTOR_BYTES = 512,
};

static uint8_t disk[DISK_SECTORS * DISK_SECTOR_BYTES];

static enum status disk_read(void *context, struct lba lba, uint32_t count, void *buffer)
{
	if (context || lba.value >= DISK_SECTORS || count > DISK_SECTORS - lba.value)
		__builtin_trap();
	memcpy(buffer, disk + lba.value * DISK_SECTOR_BYTES, count * DISK_SECTOR_BYTES);
	return STATUS_OK;
}

/* The disk becomes the input and zeroes; a file that is found must lie on it, and be there from end to end. */
static void find_on_disk(const uint8_t *data, size_t size, void (*sign)(uint8_t *bytes), const char *path)
{
	static struct file_workspace workspace;
	static struct file_map map;
	const struct disk_reader reader = {disk_read, NULL, DISK_SECTOR_BYTES, DISK_SECTORS, NULL};
	uint64_t bytes = 0;
	const char *reason;

	memcpy(memset(disk, 0, sizeof(disk)), data, min_u64(size, sizeof(disk)));
	sign(disk);
	if (file_find(&reader, &workspace, path, &map, &reason) != STATUS_OK) {
		if (*reason == '\0')
			__builtin_trap();
		return;
	}
	for (uint32_t i = 0; i < map.count; bytes += map.extents[i++].bytes) {
		const struct file_extent *extent = &map.extents[i];

		if (extent->device_offset != FILE_HOLE &&
		    (extent->device_offset > sizeof(disk) || extent->bytes > sizeof(disk) - extent->device_offset))
			__builtin_trap();
	}
	if (bytes < map.bytes)
		__builtin_trap();
}
