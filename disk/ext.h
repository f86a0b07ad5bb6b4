/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext2, ext3 and ext4: a filesystem and an inode, shared by disk/ext*.c. */
#pragma once

#include "disk/file_internal.h"

struct ext_filesystem {
	struct file_search *search;
	uint32_t block_bytes;
	uint64_t block_count;
	uint32_t inode_bytes;
	uint32_t inode_count;
	uint32_t inodes_per_group;
	uint32_t group_bytes; /* of a descriptor */
	uint64_t first_group_block;
	bool has_checksums;
	uint32_t seed;
};

struct ext_inode_data {
	uint32_t number;
	uint32_t mode;
	uint32_t flags;
	uint64_t size;
	uint32_t seed; /* of its blocks' checksums */
	uint8_t block[60];
};

/* Reads and checks an inode. */
nodiscard enum status ext_inode_read(struct ext_filesystem *fs, uint32_t number, struct ext_inode_data *inode_out);

/* Fills the search's map with the inode's extents. */
nodiscard enum status ext_inode_map(struct ext_filesystem *fs, const struct ext_inode_data *inode);
