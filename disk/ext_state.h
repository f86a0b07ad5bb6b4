/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the superblock of ext2, ext3 and ext4 tells of the filesystem's history: fields that another system changes when
 * it mounts or checks the filesystem, and a session that has it mounted does not change by itself.
 */
#pragma once

#include "disk/uuid.h"
#include "include/status.h"

struct ext_state {
	uint8_t uuid[UUID_BYTES];
	uint16_t mount_count;
	uint64_t mount_time; /* seconds; of the last mount that may write */
	uint64_t check_time; /* seconds; of the last e2fsck */
	bool needs_recovery; /* the journal is in use */
};

/*
 * From the first page of the filesystem's device. STATUS_NOT_FOUND: no ext filesystem, or one without a UUID (revision
 * 0). STATUS_CORRUPT: the superblock's checksum is wrong, so that nothing follows from its fields.
 */
nodiscard enum status ext_state_read(const struct page *first, struct ext_state *state_out);

/* What another system did to it. */
enum ext_change {
	EXT_UNCHANGED,
	EXT_MOUNTED,  /* by another system, writable */
	EXT_CHECKED,  /* by e2fsck */
	EXT_COUNTED,  /* the count of mounts was changed by itself (tune2fs) */
	EXT_REPLAYED, /* the journal was: by e2fsck, or by a system that mounted the filesystem to read only */
};

/* keeps_journal: the journal was in use, and nothing but another system can have ended that. */
enum ext_change ext_state_compare(const struct ext_state *before, const struct ext_state *now, bool keeps_journal);

/* "mounted by another system", to follow "it was"; never NULL. */
const char *ext_change_text(enum ext_change change);
