/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a partition holds, as far as Thaw must know it to find an image: filesystems that can hold a swap file, by
 * their own UUID and label, and containers into which Thaw does not look.
 */
#pragma once

#include "disk/identity.h"

enum filesystem_kind {
	FILESYSTEM_UNKNOWN,
	FILESYSTEM_EXT, /* ext2, ext3, ext4 */
	FILESYSTEM_XFS,
	FILESYSTEM_BTRFS,
	FILESYSTEM_LUKS, /* a container */
	FILESYSTEM_LVM2, /* a physical volume, a container; its own UUID is not decoded */
};

/* From the first 4096 bytes; everything but Btrfs. *identity_out is written unless FILESYSTEM_UNKNOWN is returned. */
enum filesystem_kind filesystem_identify(const struct page *first, struct identity *identity_out);

/* Where the superblock of Btrfs is, in bytes from the start of the partition. */
#define FILESYSTEM_BTRFS_OFFSET (64 * KIB)

/* From the page at FILESYSTEM_BTRFS_OFFSET: FILESYSTEM_BTRFS or FILESYSTEM_UNKNOWN. */
enum filesystem_kind filesystem_identify_btrfs(const struct page *page, struct identity *identity_out);

/*
 * FAT32, which filesystem_identify leaves out: a swap area that was FAT before may still begin with its boot sector.
 * The UUID is the serial number as "1234-ABCD".
 */
bool filesystem_identify_fat(const struct page *first, struct identity *identity_out);

/* True for what holds volumes of its own. */
bool filesystem_is_container(enum filesystem_kind kind);

/* "ext4", "LUKS" …, never NULL. */
const char *filesystem_kind_text(enum filesystem_kind kind);
