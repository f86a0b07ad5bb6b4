/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target of `thaw save`: a partition, or a file on ext4 or XFS whose blocks are written behind the filesystem's back.
 * All reads and writes pass the page cache by: what Thaw wrote while Linux slept is seen.
 */
#pragma once

#include <sys/types.h>

#include "image/core.h"
#include "tools/extents.h"
#include "tools/thaw_device.h"

struct target {
	const char *path;
	bool is_file;
	int descriptor; /* open for reading; a partition's also for writing, exclusively */
	dev_t number;   /* of the partition */
	struct device device;
	uint64_t bytes; /* of the file or partition */
	struct extents extents;
};

/*
 * Opens an existing target and examines what it lies on; says what is wrong. For a file also: takes its extents. Only
 * for root. target_close afterwards, also after a failure.
 */
bool target_open(struct target *target, const char *path);
void target_close(struct target *target);

/* Whether descriptor, a file or directory, is on ext4 or XFS; says what is wrong. */
bool target_filesystem_is_right(const struct target *target, int descriptor);

/* The checks of a file that is open, for one that has no name yet; target->path is for messages. */
bool target_examine_file(struct target *target, int descriptor);

/*
 * The anchor, checked. STATUS_IO_ERROR; core_anchor_parse's errors. *reason_out: static text, written with every error.
 */
nodiscard enum status target_anchor_read(const struct target *target, struct core_anchor *anchor_out,
					 const char **reason_out);

/* Writes and reads back an anchor that is sealed; a file is made immutable again. False: said. */
bool target_anchor_write(const struct target *target, const struct core_anchor *anchor);

/* Does the anchor list the blocks that the target has now? */
bool target_extents_equal(const struct target *target, const struct core_anchor *anchor);

/* Forgets what the page cache holds of it. */
void target_cache_drop(const struct target *target);

bool file_set_immutable(int descriptor, bool immutable);
