/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can this session write to disks?
 */
#pragma once

#include "tools/mounts.h"

/*
 * Some process has a writable filesystem of a disk, or there is swap on one; name_out, of MOUNT_NAME_BYTES: one of
 * them. True, too, when that can't be found out.
 */
bool mounts_write_to_disks(char *name_out);
