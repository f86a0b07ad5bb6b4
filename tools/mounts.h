/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of a session's mounts and swap areas write to disks: lines of /proc/PID/mountinfo (Linux,
 * Documentation/filesystems/proc.rst, 3.5) and of /proc/swaps. Pure.
 */
#pragma once

#include "include/types.h"

#define MOUNT_NAME_BYTES 256

/*
 * A filesystem on a block device that can be written to, whatever this one mount of it says; name_out, of
 * MOUNT_NAME_BYTES: what is mounted, as the kernel writes it. A line that can't be understood is none.
 */
bool mount_writes_to_disk(const char *line, char *name_out);

/* A swap area that lies on a disk; so is a line that can't be understood, but for the heading. */
bool swap_writes_to_disk(const char *line, char *name_out);
