/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints a file of a filesystem image, found by disk/file.h: file_extract IMAGE SECTOR_BYTES PATH. For the tests. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"

static int image;
static uint32_t sector_bytes;

static enum status read_sectors(void *context, struct lba lba, uint32_t count, void *buffer)
{
	const size_t bytes = (size_t)count * sector_bytes;

	(void)context;
	return pread(image, buffer, bytes, (off_t)(lba.value * sector_bytes)) == (ssize_t)bytes ? STATUS_OK
												: STATUS_IO_ERROR;
}

static void copy_extent(const struct file_extent *extent, uint64_t bytes)
{
	static char buffer[1 << 20];

	for (uint64_t at = 0; at < bytes; at += sizeof(buffer)) {
		const size_t part = min_u64(bytes - at, sizeof(buffer));

		memset(buffer, 0, sizeof(buffer));
		if (extent->device_offset != FILE_HOLE &&
		    pread(image, buffer, part, (off_t)(extent->device_offset + at)) != (ssize_t)part)
			exit(3);
		fwrite(buffer, 1, part, stdout);
	}
}

int main(int argc, char **argv)
{
	static struct file_workspace workspace;
	static struct file_map map;
	static struct page scratch;
	struct stat about;
	const char *reason;
	enum status status;

	if (argc != 4 || (image = open(argv[1], O_RDONLY)) < 0 || fstat(image, &about) != 0)
		return 2;
	sector_bytes = (uint32_t)atoi(argv[2]);
	const struct disk_reader reader = {read_sectors, NULL, sector_bytes, (uint64_t)about.st_size / sector_bytes,
					   &scratch};
	status = file_find(&reader, &workspace, argv[3], &map, &reason);
	if (status != STATUS_OK) {
		fprintf(stderr, "%s: %s\n", status_text(status), reason);
		return 1;
	}
	for (uint32_t i = 0; i < map.count && map.bytes > 0; i++) {
		const uint64_t bytes = min_u64(map.extents[i].bytes, map.bytes);

		copy_extent(&map.extents[i], bytes);
		map.bytes -= bytes;
	}
	return map.bytes == 0 ? 0 : 4;
}
