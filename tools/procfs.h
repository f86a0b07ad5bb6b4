/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of procfs and of the firmware that the command needs (proc(5); Documentation/ABI/testing/
 * sysfs-firmware-memmap). Pure; the texts are NUL-terminated.
 */
#pragma once

#include "include/types.h"
#include "mm/memory_map.h"

#define PROCFS_NAME_BYTES 256

/* A line of /proc/swaps. */
struct swap_line {
	char path[PROCFS_NAME_BYTES];
	bool is_file; /* else a partition, or another block device */
	uint64_t bytes;
	uint64_t used_bytes;
	int32_t priority;
};

/* The areas in use, up to capacity, the first to be filled (highest priority) first. */
size_t procfs_swaps(const char *text, struct swap_line *lines_out, size_t capacity);

/* Of the mount that holds an absolute path (the last of several at one place). */
struct mount_line {
	uint32_t major, minor;
	char filesystem[32];
	char source[PROCFS_NAME_BYTES];
};

/* In /proc/self/mountinfo. False: no line holds it. */
bool procfs_mount_of(const char *text, const char *path, struct mount_line *mount_out);

/* One mount. */
struct mount_entry {
	struct mount_line line;
	char place[1024];
	bool is_writable; /* the filesystem, whatever this one mount of it says */
};

/* The next one in mountinfo that is understood; returns what follows it (an empty text: nothing), or NULL: no more. */
const char *procfs_mount_next(const char *text, struct mount_entry *entry_out);

/* "MemTotal:" of /proc/meminfo, in bytes. */
bool procfs_meminfo(const char *text, const char *name, uint64_t *bytes_out);

/* "8:3" and nothing else. */
bool procfs_device_number(const char *text, uint32_t *major_out, uint32_t *minor_out);

/*
 * An entry of /sys/firmware/memmap: start, last byte, type in words. False: that is none. Types that are not known are
 * reserved memory: they are no RAM.
 */
bool procfs_memmap_entry(const char *start, const char *last, const char *type, struct memory_range *range_out);
