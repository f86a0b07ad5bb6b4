/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding files on a disk in memory, for the tests of the filesystems. */
#pragma once

#include "disk/file.h"
#include "tests/unit/memory_disk.h"

extern struct file_map found_map; /* of the last find */

/* Looks for the path: the result is this status, and the reason contains the text (STATUS_OK: there is none). */
void expect_find(struct memory_disk *disk, const char *path, enum status status, const char *text);

/* The file is found, and is in `count` pieces. */
void expect_found_file(struct memory_disk *disk, const char *path, uint64_t bytes, uint32_t count);

/* Piece `index` of what was found. */
void expect_piece(uint32_t index, uint64_t device_offset, uint64_t bytes);
