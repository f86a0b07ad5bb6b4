/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files on a partition, by path: where their bytes lie. Read only, for the normal kernel and its initrd; nothing is
 * read of the files themselves. docs/kernel-from-disk.md says what is understood.
 */
#pragma once

#include "disk/reader.h"

#define FILE_EXTENTS_MAX 4096
#define FILE_PATH_BYTES  1024
#define FILE_HOLE        UINT64_MAX

/* A part of a file. */
struct file_extent {
	uint64_t device_offset; /* bytes from the start of the partition; FILE_HOLE: zeroes */
	uint64_t bytes;
};

/* In file order, neighbours merged. Together the extents have at least `bytes`: the last may go beyond. */
struct file_map {
	uint64_t bytes; /* the file's size */
	uint32_t count;
	struct file_extent extents[FILE_EXTENTS_MAX];
};

/* The caller's memory for a search; nothing in it need be set. */
struct file_workspace {
	struct page window[2]; /* the last piece of the partition that was read */
	struct page levels[3]; /* indirect blocks */
	uint64_t window_start;
	uint64_t window_bytes; /* 0: empty */
	uint64_t level_blocks[3];
	char path[FILE_PATH_BYTES];
	char link[FILE_PATH_BYTES];
};

/*
 * Finds a regular file by its absolute path, symbolic links followed. On ext2, ext3, ext4 and FAT32.
 *
 * Errors, with *reason_out (static text): STATUS_NOT_FOUND, STATUS_UNSUPPORTED (another filesystem, or a feature that
 * is not understood), STATUS_CORRUPT (contradictions, wrong checksums), STATUS_INVALID (the path), and the reader's.
 * Bounded: it ends on every partition, and reads metadata only.
 */
nodiscard enum status file_find(const struct disk_reader *reader, struct file_workspace *workspace, const char *path,
				struct file_map *map_out, const char **reason_out);
