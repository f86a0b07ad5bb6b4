/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block device under a target: what sysfs and procfs say of it, and whether Thaw can find the way to it.
 */
#pragma once

#include <sys/types.h>

#include "include/types.h"

struct device {
	char name[64]; /* "sda3" */
	bool is_partition;
	bool has_partitions;
	bool has_holders; /* RAID, LVM, LUKS or the like on top */
	uint64_t start;   /* bytes from the start of the disk */
	uint64_t bytes;
	uint64_t sector_bytes; /* logical, of the disk */
};

/*
 * Fills in *device_out. False, with *reason_out (static text): no partition or disk of a kind that Thaw drives (LVM,
 * RAID, LUKS, loop devices, USB …), or sysfs does not tell.
 */
bool device_examine(dev_t number, struct device *device_out, const char **reason_out);

/* Whether something is mounted from it, or it is swapped to (a file too: path). */
bool device_is_mounted(dev_t number);
bool path_is_swap(const char *path);

/* Whether the mounted filesystem on it writes files' data through its journal (ext4's data=journal). */
bool device_journals_data(dev_t number, const struct device *device);

/*
 * What a partition must not hold, to be made a target: false with the signature's name in *found_out, or NULL there
 * when it can't be read. descriptor: open for reading, bytes: its length.
 */
bool device_is_blank(int descriptor, uint64_t bytes, uint32_t sector_bytes, const char **found_out);

/* All of [offset, offset + bytes): false with errno set (EIO: it ends before). */
bool read_at(int descriptor, void *buffer, size_t bytes, uint64_t offset);
bool write_at(int descriptor, const void *buffer, size_t bytes, uint64_t offset);
