/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a file's bytes straight into place.
 */
#pragma once

#include "disk/file.h"
#include "loader/volume.h"

/*
 * Reads bytes at offset of the file into memory at `to` (below the device's dma_limit, identity mapped), with many
 * requests in flight; only what does not begin or end with a sector goes through *bounce. STATUS_INVALID: beyond the
 * file. STATUS_IO_ERROR, STATUS_TIMEOUT. No read of others may be in flight, and none is left.
 */
nodiscard enum status file_read(const struct volume *volume, const struct file_map *map, uint64_t offset,
				uint64_t bytes, struct paddr to, struct page *bounce);
