/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard against stale images: did another system write to a filesystem of the session since it hibernated? Resuming
 * it then would corrupt that filesystem. docs/stale-images.md has the reasons.
 */
#pragma once

#include "include/block.h"
#include "loader/find.h"
#include "mm/arena.h"

/*
 * Compares the filesystems of all disks with the record in the image's header, if there is one and it belongs to the
 * image. Nothing is written. STATUS_STALE: one of them is provably changed; it is logged, and *reason_out (static text)
 * is written. STATUS_OK otherwise: what can't be read, found or compared is logged at most, and proves nothing.
 * STATUS_NO_MEMORY. *is_missing_out, always written: a filesystem that the record names is on no disk. The arena is
 * used for scratch, as by find_image, and rewound.
 */
nodiscard enum status session_check(const struct block_registry *registry, const struct found_image *found,
				    struct arena *arena, bool *is_missing_out, const char **reason_out);
