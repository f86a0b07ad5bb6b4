/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of this session (disk/session_record.h): its kernel, and the filesystems that it may write to, as their
 * superblocks on the disks say. Nothing is written.
 */
#pragma once

#include "disk/session_record.h"
#include "tools/tree.h"

/* Room for the kernel's name of a device, its path in /dev included. */
#define SESSION_NODE_BYTES 96

/* False, with *reason_out (static text): the session can't be described so that its image would be told from others. */
bool session_collect(const struct tree *tree, struct session_record *record_out, const char **reason_out);

/* "/dev/sda2" of "sda2", "/dev/cciss/c0d0p1" of "cciss!c0d0p1". */
void session_node(const char *device, char node_out[SESSION_NODE_BYTES]);

/*
 * Opens a path of the tree for whole pages past the page cache; with the cache where there is no direct I/O, as on a
 * file of tests. -1 with errno set.
 */
int session_open(const struct tree *tree, const char *path, int flags);
