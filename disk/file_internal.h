/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filesystems share: a window on the partition, and the map of a file. */
#pragma once

#include "disk/file.h"

struct file_search {
	const struct disk_reader *reader;
	struct file_workspace *workspace;
	struct file_map *map;
	const char *reason;
};

/* Ends the search: returns status and keeps the reason. */
nodiscard enum status file_fail(struct file_search *search, enum status status, const char *reason);

/*
 * Bytes of the partition, at most PAGE_BYTES, in the window: valid until the next call. STATUS_CORRUPT: beyond the
 * partition; the reader's errors.
 */
nodiscard enum status file_window(struct file_search *search, uint64_t offset, uint32_t bytes,
				  const uint8_t **bytes_out);

/* Begins a map. */
void file_map_begin(struct file_search *search, uint64_t bytes);

/* Adds an extent. STATUS_UNSUPPORTED: too many; STATUS_CORRUPT: beyond the partition. */
nodiscard enum status file_map_add(struct file_search *search, uint64_t device_offset, uint64_t bytes);

/*
 * Cuts the next name off a path: its length in *length_out (0: the path is at its end) and where it begins; *path is
 * moved behind it.
 */
const char *file_path_next(const char **path, size_t *length_out);

/* disk/ext.c: *first: the partition's first page. STATUS_END: not this filesystem. */
nodiscard enum status ext_find(struct file_search *search, const char *path);

/* disk/fat.c */
nodiscard enum status fat_find(struct file_search *search, const char *path);
