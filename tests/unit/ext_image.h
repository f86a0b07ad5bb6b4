/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small ext2, ext3 or ext4 filesystem in memory for unit tests, written from Documentation/filesystems/ext4 by code
 * that shares nothing with the code under test. Inodes and blocks are written as bytes: a test breaks what it likes
 * and seals it again.
 */
#pragma once

#include "disk/file.h"
#include "tests/unit/memory_disk.h"

enum {
	EXT_IMAGE_BYTES = 1024 * 1024,
	EXT_IMAGE_ROOT = 2,
	EXT_IMAGE_GROUPS = 2,
	EXT_IMAGE_GROUP_INODES = 16,
	EXT_IMAGE_DIRECTORY = 0x4000,
	EXT_IMAGE_FILE = 0x8000,
	EXT_IMAGE_LINK = 0xA000,
	EXT_IMAGE_FLAG_INDEX = 0x1000,
	EXT_IMAGE_FLAG_EXTENTS = 0x80000,
};

struct ext_image {
	struct memory_disk *disk;
	uint32_t block_bytes;
	uint32_t inode_bytes;
	bool has_checksums; /* and descriptors of 64 bytes; set before ext_image_make, as the two above */
	uint32_t next_block;
	uint32_t next_inode;
};

/* A filesystem with an empty root of one block, in an extent. 0 in *image: blocks of 1024 bytes, inodes of 256. */
void ext_image_make(struct ext_image *image);
void ext_image_free(struct ext_image *image);

uint8_t *ext_image_super(struct ext_image *image); /* 1024 bytes */
uint8_t *ext_image_group(struct ext_image *image, uint32_t group);
uint8_t *ext_image_inode(struct ext_image *image, uint32_t number);
uint8_t *ext_image_block(struct ext_image *image, uint32_t block);

/* Takes blocks that were not in use. Returns the first. */
uint32_t ext_image_take(struct ext_image *image, uint32_t count);

/* A new inode; it maps nothing. flags EXT_IMAGE_FLAG_EXTENTS: an empty root of a tree. Returns its number. */
uint32_t ext_image_add(struct ext_image *image, uint32_t mode, uint64_t size, uint32_t flags);

/* Likewise, and a name for it at the end of the directory's last block. */
uint32_t ext_image_add_named(struct ext_image *image, uint32_t directory, const char *name, uint32_t mode,
			     uint64_t size, uint32_t flags);

/* A new directory of one block, with "." and "..". */
uint32_t ext_image_add_directory(struct ext_image *image, uint32_t parent, const char *name);

/* A short symbolic link. */
uint32_t ext_image_add_link(struct ext_image *image, uint32_t directory, const char *name, const char *text);

/* Appends an entry to a block of a directory whose last one has room behind its name. */
void ext_image_add_entry(struct ext_image *image, uint32_t directory, uint32_t block, uint32_t number,
			 const char *name);

/* An empty block of a directory, with its tail when there are checksums. */
void ext_image_clear_directory(struct ext_image *image, uint32_t block);

/* The header of an extent node of `bytes` (60: in an inode), and one of its entries. */
void ext_image_node(uint8_t *node, uint32_t bytes, uint32_t entries, uint32_t depth);
void ext_image_extent(uint8_t *node, uint32_t index, uint32_t first, uint32_t length, uint64_t start);
void ext_image_child(uint8_t *node, uint32_t index, uint32_t first, uint64_t block);

/* Where the inode's 60 bytes of map are. */
uint8_t *ext_image_map(struct ext_image *image, uint32_t number);

/* New checksums: of a directory's block, of an extent node, of all inodes, groups and the superblock. */
void ext_image_seal_directory(struct ext_image *image, uint32_t directory, uint32_t block);
void ext_image_seal_node(struct ext_image *image, uint32_t inode, uint32_t block);
void ext_image_seal(struct ext_image *image);

/* CRC-32C bit by bit, begun with ~0 and not inverted. */
uint32_t ext_image_crc(uint32_t state, const void *bytes, size_t count);
