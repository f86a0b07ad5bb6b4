/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the fields of ext2, ext3 and ext4 are (fs/ext4/ext4.h, ext4_extents.h; Linux 6.1 to 6.12). Little endian. */
#pragma once

#define EXT_SUPERBLOCK_OFFSET 1024
#define EXT_SUPERBLOCK_BYTES  1024

enum ext_superblock {
	EXT_SB_BLOCKS_LOW = 4,
	EXT_SB_FIRST_DATA_BLOCK = 20,
	EXT_SB_LOG_BLOCK_SIZE = 24,
	EXT_SB_INODES_PER_GROUP = 40,
	EXT_SB_MOUNT_TIME = 44,
	EXT_SB_MOUNT_COUNT = 52,
	EXT_SB_MAGIC_AT = 56,
	EXT_SB_CHECK_TIME = 64,
	EXT_SB_REVISION = 76,
	EXT_SB_INODE_SIZE = 88,
	EXT_SB_INCOMPAT = 96,
	EXT_SB_RO_COMPAT = 100,
	EXT_SB_UUID = 104,
	EXT_SB_INODES = 0,
	EXT_SB_DESC_SIZE = 254,
	EXT_SB_BLOCKS_HIGH = 336,
	EXT_SB_CHECKSUM_SEED = 624,
	EXT_SB_MOUNT_TIME_HIGH = 629,
	EXT_SB_CHECK_TIME_HIGH = 631,
	EXT_SB_CHECKSUM = 1020,
};

#define EXT_SB_MAGIC 0xEF53u

#define EXT_INCOMPAT_COMPRESSION 0x0001u
#define EXT_INCOMPAT_FILETYPE    0x0002u
#define EXT_INCOMPAT_RECOVER     0x0004u
#define EXT_INCOMPAT_JOURNAL_DEV 0x0008u
#define EXT_INCOMPAT_META_BG     0x0010u
#define EXT_INCOMPAT_EXTENTS     0x0040u
#define EXT_INCOMPAT_64BIT       0x0080u
#define EXT_INCOMPAT_MMP         0x0100u
#define EXT_INCOMPAT_FLEX_BG     0x0200u
#define EXT_INCOMPAT_EA_INODE    0x0400u
#define EXT_INCOMPAT_DIRDATA     0x1000u
#define EXT_INCOMPAT_CSUM_SEED   0x2000u
#define EXT_INCOMPAT_LARGEDIR    0x4000u
#define EXT_INCOMPAT_INLINE_DATA 0x8000u
#define EXT_INCOMPAT_ENCRYPT     0x10000u
#define EXT_INCOMPAT_CASEFOLD    0x20000u

#define EXT_RO_COMPAT_METADATA_CSUM 0x0400u

enum ext_group {
	EXT_GROUP_INODE_TABLE_LOW = 8,
	EXT_GROUP_CHECKSUM = 30,
	EXT_GROUP_INODE_TABLE_HIGH = 40,
	EXT_GROUP_BYTES = 32,
	EXT_GROUP_BYTES_64BIT = 64,
};

enum ext_inode {
	EXT_INODE_MODE = 0,
	EXT_INODE_SIZE_LOW = 4,
	EXT_INODE_BLOCKS = 28,
	EXT_INODE_FLAGS = 32,
	EXT_INODE_BLOCK = 40,
	EXT_INODE_BLOCK_BYTES = 60,
	EXT_INODE_GENERATION = 100,
	EXT_INODE_FILE_ACL = 104,
	EXT_INODE_SIZE_HIGH = 108,
	EXT_INODE_CHECKSUM_LOW = 124,
	EXT_INODE_BYTES = 128,
	EXT_INODE_EXTRA_SIZE = 128,
	EXT_INODE_CHECKSUM_HIGH = 130,
};

#define EXT_MODE_MASK      0xF000u
#define EXT_MODE_DIRECTORY 0x4000u
#define EXT_MODE_FILE      0x8000u
#define EXT_MODE_LINK      0xA000u

#define EXT_FLAG_ENCRYPT     0x00000800u
#define EXT_FLAG_INDEX       0x00001000u
#define EXT_FLAG_EXTENTS     0x00080000u
#define EXT_FLAG_INLINE_DATA 0x10000000u

#define EXT_ROOT_INODE 2

/* An extent tree's node. */
enum ext_node {
	EXT_NODE_MAGIC_AT = 0,
	EXT_NODE_ENTRIES = 2,
	EXT_NODE_MAX = 4,
	EXT_NODE_DEPTH = 6,
	EXT_NODE_HEADER_BYTES = 12,
	EXT_NODE_ENTRY_BYTES = 12,
	EXT_EXTENT_LENGTH = 4,
	EXT_EXTENT_START_HIGH = 6,
	EXT_EXTENT_START_LOW = 8,
	EXT_INDEX_LEAF_LOW = 4,
	EXT_INDEX_LEAF_HIGH = 8,
};

#define EXT_NODE_MAGIC        0xF30Au
#define EXT_NODE_DEPTH_MAX    5
#define EXT_EXTENT_LENGTH_MAX 0x8000u /* more: it is not written yet, and reads as zeroes */

enum ext_entry {
	EXT_ENTRY_INODE = 0,
	EXT_ENTRY_LENGTH = 4,
	EXT_ENTRY_NAME_LENGTH = 6,
	EXT_ENTRY_TYPE = 7,
	EXT_ENTRY_NAME = 8,
	EXT_TAIL_BYTES = 12, /* an entry without a name, of type 0xDE, that ends a block */
	EXT_TAIL_TYPE = 0xDE,
	EXT_TAIL_CHECKSUM = 8,
};

/* A directory's index: inner blocks, in which entries that no name has hide it (struct dx_root, dx_node, dx_tail). */
enum ext_index {
	EXT_INDEX_DOT_BYTES = 12, /* the root begins with "." and "..", the second over the rest of the block */
	EXT_INDEX_IN_ROOT = 32,
	EXT_INDEX_IN_NODE = 8, /* another begins with an empty entry over all of the block */
	EXT_INDEX_LIMIT = 0,
	EXT_INDEX_COUNT = 2,
	EXT_INDEX_ENTRY_BYTES = 8,
	EXT_INDEX_TAIL_BYTES = 8, /* behind `limit` entries */
	EXT_INDEX_TAIL_CHECKSUM = 4,
};
