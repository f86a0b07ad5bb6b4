/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a file's extents, as FIEMAP reports them, to the pages that an anchor lists. Pure.
 */
#pragma once

#include "image/core_format.h"
#include "include/status.h"

/* A piece of a file: bytes of the file, and of the filesystem's device. */
struct file_extent {
	uint64_t logical;
	uint64_t physical;
	uint64_t bytes;
	uint32_t flags; /* FIEMAP_EXTENT_* */
};

struct extents {
	uint64_t anchor_page; /* where the file's first page is */
	uint64_t page_count;  /* of the extents: without the anchor */
	uint32_t count;
	struct core_extent list[CORE_EXTENTS_MAX];
};

/*
 * pieces: in the order of the file, all of [0, file_bytes); the last may go beyond. Neighbours are merged. Errors:
 * STATUS_UNSUPPORTED (a hole; a piece that is not written, not aligned, shared, encoded; too many runs), STATUS_INVALID
 * (a file of less than two pages); *reason_out: static text, written with every error.
 */
nodiscard enum status extents_from_file(const struct file_extent *pieces, uint32_t count, uint64_t file_bytes,
					struct extents *extents_out, const char **reason_out);

/* A partition of so many bytes: the anchor, then one run. STATUS_INVALID as above. */
nodiscard enum status extents_of_partition(uint64_t bytes, struct extents *extents_out, const char **reason_out);
