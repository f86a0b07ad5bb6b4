/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext filesystems in memory, see ext_image.h.
 */
#include "tests/unit/ext_image.h"

#include <assert.h>
#include <string.h>

enum {
	UUID_BYTES = 16,
	NODE_HEADER = 12,
	NODE_ENTRY = 12,
	TAIL = 12,
	MAP_AT = 40,
};

static uint32_t group_bytes(const struct ext_image *image)
{
	return image->has_checksums ? 64 : 32;
}

static uint32_t table_blocks(const struct ext_image *image)
{
	return (uint32_t)div_round_up(EXT_IMAGE_GROUP_INODES * image->inode_bytes, image->block_bytes);
}

static uint32_t first_block(const struct ext_image *image)
{
	return image->block_bytes == 1024;
}

static uint64_t get_le(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

static void make_super(struct ext_image *image)
{
	uint8_t *super = ext_image_super(image);

	memory_put_le(super + 0, EXT_IMAGE_GROUPS * EXT_IMAGE_GROUP_INODES, 4);
	memory_put_le(super + 4, EXT_IMAGE_BYTES / image->block_bytes, 4);
	memory_put_le(super + 20, first_block(image), 4);
	memory_put_le(super + 24, image->block_bytes / 2048, 4); /* 1024, 2048, 4096: 0, 1, 2 */
	memory_put_le(super + 32, EXT_IMAGE_BYTES / image->block_bytes / EXT_IMAGE_GROUPS, 4);
	memory_put_le(super + 40, EXT_IMAGE_GROUP_INODES, 4);
	memory_put_le(super + 56, 0xEF53, 2);
	memory_put_le(super + 76, 1, 4);
	memory_put_le(super + 88, image->inode_bytes, 2);
	memory_put_le(super + 96, image->has_checksums ? 0x2C2 : 0x242, 4); /* filetype, extents, flex_bg, 64bit */
	memory_put_le(super + 100, image->has_checksums ? 0x400 : 0, 4);
	for (uint32_t i = 0; i < UUID_BYTES; i++)
		super[104 + i] = (uint8_t)(0xA0 + i);
	memory_put_le(super + 254, image->has_checksums ? 64 : 0, 2);
}

void ext_image_make(struct ext_image *image)
{
	uint32_t block;

	image->block_bytes = image->block_bytes ? image->block_bytes : 1024;
	image->inode_bytes = image->inode_bytes ? image->inode_bytes : 256;
	image->disk = memory_disk_new("ext", 512, EXT_IMAGE_BYTES);
	make_super(image);
	image->next_block = first_block(image) + 2;
	for (uint32_t group = 0; group < EXT_IMAGE_GROUPS; group++)
		memory_put_le(ext_image_group(image, group) + 8, ext_image_take(image, table_blocks(image)), 4);
	image->next_inode = EXT_IMAGE_ROOT;
	ext_image_add(image, EXT_IMAGE_DIRECTORY, image->block_bytes, EXT_IMAGE_FLAG_EXTENTS);
	image->next_inode = 11;
	block = ext_image_take(image, 1);
	ext_image_node(ext_image_map(image, EXT_IMAGE_ROOT), 60, 1, 0);
	ext_image_extent(ext_image_map(image, EXT_IMAGE_ROOT), 0, 0, 1, block);
	ext_image_clear_directory(image, block);
	ext_image_add_entry(image, EXT_IMAGE_ROOT, block, EXT_IMAGE_ROOT, ".");
	ext_image_add_entry(image, EXT_IMAGE_ROOT, block, EXT_IMAGE_ROOT, "..");
	ext_image_seal(image);
}

void ext_image_free(struct ext_image *image)
{
	memory_disk_free(image->disk);
}

uint8_t *ext_image_super(struct ext_image *image)
{
	return image->disk->bytes + 1024;
}

uint8_t *ext_image_block(struct ext_image *image, uint32_t block)
{
	assert(block < EXT_IMAGE_BYTES / image->block_bytes);
	return image->disk->bytes + (size_t)block * image->block_bytes;
}

uint8_t *ext_image_group(struct ext_image *image, uint32_t group)
{
	return ext_image_block(image, first_block(image) + 1) + (size_t)group * group_bytes(image);
}

uint8_t *ext_image_inode(struct ext_image *image, uint32_t number)
{
	const uint32_t table = (uint32_t)get_le(ext_image_group(image, (number - 1) / EXT_IMAGE_GROUP_INODES) + 8, 4);

	return ext_image_block(image, table) + (size_t)((number - 1) % EXT_IMAGE_GROUP_INODES) * image->inode_bytes;
}

uint8_t *ext_image_map(struct ext_image *image, uint32_t number)
{
	return ext_image_inode(image, number) + MAP_AT;
}

uint32_t ext_image_take(struct ext_image *image, uint32_t count)
{
	const uint32_t block = image->next_block;

	image->next_block += count;
	assert(image->next_block <= EXT_IMAGE_BYTES / image->block_bytes);
	return block;
}

uint32_t ext_image_add(struct ext_image *image, uint32_t mode, uint64_t size, uint32_t flags)
{
	const uint32_t number = image->next_inode++;
	uint8_t *inode = ext_image_inode(image, number);

	assert(number <= EXT_IMAGE_GROUPS * EXT_IMAGE_GROUP_INODES);
	memory_put_le(inode + 0, mode | 0644, 2);
	memory_put_le(inode + 4, size, 4);
	memory_put_le(inode + 32, flags, 4);
	memory_put_le(inode + 100, 0xC0FFEE00 + number, 4); /* the generation */
	memory_put_le(inode + 108, size >> 32, 4);
	if (image->inode_bytes > 128)
		memory_put_le(inode + 128, 32, 2); /* extra size */
	if (flags & EXT_IMAGE_FLAG_EXTENTS)
		ext_image_node(inode + MAP_AT, 60, 0, 0);
	ext_image_seal(image);
	return number;
}

/* The only block of a directory that was made here. */
static uint32_t directory_block(struct ext_image *image, uint32_t directory)
{
	return (uint32_t)get_le(ext_image_map(image, directory) + NODE_HEADER + 8, 4);
}

uint32_t ext_image_add_named(struct ext_image *image, uint32_t directory, const char *name, uint32_t mode,
			     uint64_t size, uint32_t flags)
{
	const uint32_t number = ext_image_add(image, mode, size, flags);

	ext_image_add_entry(image, directory, directory_block(image, directory), number, name);
	return number;
}

uint32_t ext_image_add_directory(struct ext_image *image, uint32_t parent, const char *name)
{
	const uint32_t block = ext_image_take(image, 1);
	const uint32_t number = ext_image_add_named(image, parent, name, EXT_IMAGE_DIRECTORY, image->block_bytes,
						    EXT_IMAGE_FLAG_EXTENTS);

	ext_image_node(ext_image_map(image, number), 60, 1, 0);
	ext_image_extent(ext_image_map(image, number), 0, 0, 1, block);
	ext_image_clear_directory(image, block);
	ext_image_add_entry(image, number, block, number, ".");
	ext_image_add_entry(image, number, block, parent, "..");
	ext_image_seal(image);
	return number;
}

uint32_t ext_image_add_link(struct ext_image *image, uint32_t directory, const char *name, const char *text)
{
	const uint32_t number = ext_image_add_named(image, directory, name, EXT_IMAGE_LINK, strlen(text), 0);

	assert(strlen(text) < 60);
	memcpy(ext_image_map(image, number), text, strlen(text));
	ext_image_seal(image);
	return number;
}

static uint32_t entries_end(const struct ext_image *image)
{
	return image->block_bytes - (image->has_checksums ? TAIL : 0);
}

void ext_image_clear_directory(struct ext_image *image, uint32_t block)
{
	uint8_t *bytes = ext_image_block(image, block);

	memset(bytes, 0, image->block_bytes);
	memory_put_le(bytes + 4, entries_end(image), 2);
	if (!image->has_checksums)
		return;
	memory_put_le(bytes + entries_end(image) + 4, TAIL, 2);
	bytes[entries_end(image) + 7] = 0xDE;
}

void ext_image_add_entry(struct ext_image *image, uint32_t directory, uint32_t block, uint32_t number, const char *name)
{
	uint8_t *bytes = ext_image_block(image, block);
	uint32_t at = 0;
	uint32_t own;

	assert(get_le(bytes + 4, 2) != 0);
	while (at + get_le(bytes + at + 4, 2) < entries_end(image))
		at += (uint32_t)get_le(bytes + at + 4, 2);
	if (get_le(bytes + at, 4) != 0) {
		own = (uint32_t)align_up(8u + bytes[at + 6], 4);
		memory_put_le(bytes + at + 4, own, 2);
		at += own;
	}
	assert(at + 8 + strlen(name) <= entries_end(image));
	memory_put_le(bytes + at, number, 4);
	memory_put_le(bytes + at + 4, entries_end(image) - at, 2);
	bytes[at + 6] = (uint8_t)strlen(name);
	memcpy(bytes + at + 8, name, strlen(name));
	ext_image_seal_directory(image, directory, block);
}

void ext_image_node(uint8_t *node, uint32_t bytes, uint32_t entries, uint32_t depth)
{
	memory_put_le(node + 0, 0xF30A, 2);
	memory_put_le(node + 2, entries, 2);
	memory_put_le(node + 4, (bytes - NODE_HEADER) / NODE_ENTRY, 2);
	memory_put_le(node + 6, depth, 2);
}

void ext_image_extent(uint8_t *node, uint32_t index, uint32_t first, uint32_t length, uint64_t start)
{
	uint8_t *entry = node + NODE_HEADER + (size_t)index * NODE_ENTRY;

	memory_put_le(entry + 0, first, 4);
	memory_put_le(entry + 4, length, 2);
	memory_put_le(entry + 6, start >> 32, 2);
	memory_put_le(entry + 8, start, 4);
}

void ext_image_child(uint8_t *node, uint32_t index, uint32_t first, uint64_t block)
{
	uint8_t *entry = node + NODE_HEADER + (size_t)index * NODE_ENTRY;

	memory_put_le(entry + 0, first, 4);
	memory_put_le(entry + 4, block, 4);
	memory_put_le(entry + 8, block >> 32, 2);
}

/* --- checksums ------------------------------------------------------------------------------------------------- */

uint32_t ext_image_crc(uint32_t state, const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		state ^= ((const uint8_t *)bytes)[i];
		for (int bit = 0; bit < 8; bit++)
			state = state >> 1 ^ (state & 1 ? 0x82F63B78u : 0);
	}
	return state;
}

static uint32_t seed_of(struct ext_image *image)
{
	return ext_image_crc(~0u, ext_image_super(image) + 104, UUID_BYTES);
}

static uint32_t inode_seed(struct ext_image *image, uint32_t number)
{
	uint8_t bytes[4];

	memory_put_le(bytes, number, 4);
	return ext_image_crc(ext_image_crc(seed_of(image), bytes, 4), ext_image_inode(image, number) + 100, 4);
}

void ext_image_seal_directory(struct ext_image *image, uint32_t directory, uint32_t block)
{
	uint8_t *bytes = ext_image_block(image, block);
	const uint32_t tail = image->block_bytes - TAIL;

	if (image->has_checksums)
		memory_put_le(bytes + tail + 8, ext_image_crc(inode_seed(image, directory), bytes, tail), 4);
}

void ext_image_seal_node(struct ext_image *image, uint32_t inode, uint32_t block)
{
	uint8_t *bytes = ext_image_block(image, block);
	const uint32_t tail = NODE_HEADER + (uint32_t)get_le(bytes + 4, 2) * NODE_ENTRY;

	if (image->has_checksums)
		memory_put_le(bytes + tail, ext_image_crc(inode_seed(image, inode), bytes, tail), 4);
}

static void seal_inode(struct ext_image *image, uint32_t number)
{
	uint8_t *inode = ext_image_inode(image, number);
	const bool has_high = image->inode_bytes > 128 && get_le(inode + 128, 2) >= 4;
	uint32_t checksum;

	memory_put_le(inode + 124, 0, 2);
	if (has_high)
		memory_put_le(inode + 130, 0, 2);
	checksum = ext_image_crc(inode_seed(image, number), inode, image->inode_bytes);
	memory_put_le(inode + 124, checksum, 2);
	if (has_high)
		memory_put_le(inode + 130, checksum >> 16, 2);
}

static void seal_group(struct ext_image *image, uint32_t group)
{
	uint8_t *bytes = ext_image_group(image, group);
	uint8_t number[4];

	memory_put_le(number, group, 4);
	memory_put_le(bytes + 30, 0, 2);
	memory_put_le(bytes + 30, ext_image_crc(ext_image_crc(seed_of(image), number, 4), bytes, group_bytes(image)),
		      2);
}

void ext_image_seal(struct ext_image *image)
{
	if (!image->has_checksums)
		return;
	for (uint32_t number = 1; number < image->next_inode; number++)
		seal_inode(image, number);
	for (uint32_t group = 0; group < EXT_IMAGE_GROUPS; group++)
		seal_group(image, group);
	memory_put_le(ext_image_super(image) + 1020, ext_image_crc(~0u, ext_image_super(image), 1020), 4);
}
