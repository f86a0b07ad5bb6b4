/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an inode's blocks are: extent trees, and the indirect blocks of ext2 and ext3 (fs/ext4/extents.c, indirect.c).
 */
#include "disk/ext.h"
#include "disk/ext_format.h"
#include "lib/crc32c.h"
#include "lib/span.h"
#include "lib/string.h"

#define DIRECT_BLOCKS 12
#define LEVELS        3
#define VISITS_MAX    65536 /* of an extent tree's nodes; a file in FILE_EXTENTS_MAX pieces has far fewer */

static uint64_t block_total(const struct ext_filesystem *fs, const struct ext_inode_data *inode)
{
	return div_round_up(inode->size, fs->block_bytes);
}

static enum status corrupt(struct ext_filesystem *fs, const char *reason)
{
	ignore_status(file_fail(fs->search, STATUS_CORRUPT, reason));
	return STATUS_CORRUPT;
}

static enum status block_window(struct ext_filesystem *fs, uint64_t block, const uint8_t **bytes_out)
{
	if (block == 0 || block >= fs->block_count)
		return corrupt(fs, "a block number is beyond the filesystem");
	return file_window(fs->search, block * fs->block_bytes, fs->block_bytes, bytes_out);
}

/* --- extents -------------------------------------------------------------------------------------------------------
 */

/* On the way through the tree: a node and the entry to look at next. */
struct level {
	uint64_t block; /* 0: the inode itself */
	uint32_t next;
};

struct walk {
	struct ext_filesystem *fs;
	const struct ext_inode_data *inode;
	struct level levels[EXT_NODE_DEPTH_MAX + 1];
	uint32_t depth;    /* of the current level, 0: the inode */
	uint64_t position; /* file blocks that are mapped */
	uint64_t total;
};

static enum status check_node(struct walk *walk, struct span *node, uint32_t expected_depth)
{
	const uint32_t entries = span_u16(node, EXT_NODE_ENTRIES);
	const uint32_t most = span_u16(node, EXT_NODE_MAX);
	const size_t end = EXT_NODE_HEADER_BYTES + (size_t)most * EXT_NODE_ENTRY_BYTES;

	if (span_u16(node, EXT_NODE_MAGIC_AT) != EXT_NODE_MAGIC || entries > most || end > node->size ||
	    span_u16(node, EXT_NODE_DEPTH) != expected_depth)
		return corrupt(walk->fs, "a node of an extent tree is damaged");
	if (walk->depth == 0 || !walk->fs->has_checksums)
		return STATUS_OK;
	if (span_u32(node, end) != crc32c_update(walk->inode->seed, node->bytes, end))
		return corrupt(walk->fs, "the checksum of an extent tree's node is wrong");
	return STATUS_OK;
}

static enum status read_node(struct walk *walk, uint32_t root_depth, struct span *node_out)
{
	const uint64_t block = walk->levels[walk->depth].block;
	const uint8_t *bytes = walk->inode->block;

	if (walk->depth > 0)
		TRY(block_window(walk->fs, block, &bytes));
	*node_out = span_of(bytes, walk->depth > 0 ? walk->fs->block_bytes : EXT_INODE_BLOCK_BYTES);
	return check_node(walk, node_out, root_depth - walk->depth);
}

static enum status add_extent(struct walk *walk, struct span *node, size_t at)
{
	const uint32_t block_bytes = walk->fs->block_bytes;
	const uint64_t first = span_u32(node, at);
	const uint64_t start =
		(uint64_t)span_u16(node, at + EXT_EXTENT_START_HIGH) << 32 | span_u32(node, at + EXT_EXTENT_START_LOW);
	uint64_t length = span_u16(node, at + EXT_EXTENT_LENGTH);
	const bool unwritten = length > EXT_EXTENT_LENGTH_MAX;

	length -= unwritten ? EXT_EXTENT_LENGTH_MAX : 0;
	if (first < walk->position || length == 0)
		return corrupt(walk->fs, "the extents are out of order");
	if (start == 0 || start >= walk->fs->block_count || length > walk->fs->block_count - start)
		return corrupt(walk->fs, "an extent is beyond the filesystem");
	if (first >= walk->total)
		return STATUS_OK;
	TRY(file_map_add(walk->fs->search, FILE_HOLE, (first - walk->position) * block_bytes));
	length = min_u64(length, walk->total - first);
	walk->position = first + length;
	return file_map_add(walk->fs->search, unwritten ? FILE_HOLE : start * block_bytes, length * block_bytes);
}

/* One node, from where it was left: down into a child, or all of a leaf and then up. */
static enum status visit_node(struct walk *walk, uint32_t root_depth, bool *done_out)
{
	struct level *level = &walk->levels[walk->depth];
	struct span node;
	uint32_t entries;
	size_t at;

	TRY(read_node(walk, root_depth, &node));
	entries = span_u16(&node, EXT_NODE_ENTRIES);
	for (; walk->depth == root_depth && level->next < entries; level->next++)
		TRY(add_extent(walk, &node, EXT_NODE_HEADER_BYTES + (size_t)level->next * EXT_NODE_ENTRY_BYTES));
	if (level->next >= entries) {
		*done_out = walk->depth == 0;
		walk->depth -= walk->depth > 0;
		return STATUS_OK;
	}
	at = EXT_NODE_HEADER_BYTES + (size_t)level->next++ * EXT_NODE_ENTRY_BYTES;
	walk->depth++;
	walk->levels[walk->depth] = (struct level){
		.block = (uint64_t)span_u16(&node, at + EXT_INDEX_LEAF_HIGH) << 32 |
			 span_u32(&node, at + EXT_INDEX_LEAF_LOW),
	};
	return STATUS_OK;
}

static enum status map_extents(struct ext_filesystem *fs, const struct ext_inode_data *inode)
{
	struct walk walk = {.fs = fs, .inode = inode, .total = block_total(fs, inode)};
	struct span root = span_of(inode->block, sizeof(inode->block));
	const uint32_t root_depth = span_u16(&root, EXT_NODE_DEPTH);
	bool done = false;
	uint32_t visits = 0;

	if (root_depth > EXT_NODE_DEPTH_MAX)
		return corrupt(fs, "a node of an extent tree is damaged");
	/* What is behind the file's end, space that was set aside for it, does not matter. */
	while (!done && walk.position < walk.total) {
		if (visits++ == VISITS_MAX)
			return corrupt(fs, "an extent tree does not end");
		TRY(visit_node(&walk, root_depth, &done));
	}
	return file_map_add(fs->search, FILE_HOLE, (walk.total - walk.position) * fs->block_bytes);
}

/* --- indirect blocks -------------------------------------------------------------------------------------------------
 */

/* A number in an indirect block, which stays in memory for the next ones. */
static enum status pointer_read(struct ext_filesystem *fs, uint32_t level, uint64_t block, uint64_t index,
				uint64_t *pointer_out)
{
	struct file_workspace *workspace = fs->search->workspace;
	struct span span = span_of(workspace->levels[level].bytes, fs->block_bytes);
	const uint8_t *bytes;

	if (workspace->level_blocks[level] != block) {
		workspace->level_blocks[level] = 0;
		TRY(block_window(fs, block, &bytes));
		memcpy(workspace->levels[level].bytes, bytes, fs->block_bytes);
		workspace->level_blocks[level] = block;
	}
	*pointer_out = span_u32(&span, index * sizeof(uint32_t));
	return STATUS_OK;
}

/* The block of file block n; 0: a hole, of *count_out blocks from there on. */
static enum status block_find(struct ext_filesystem *fs, struct span *pointers, uint64_t n, uint64_t *block_out,
			      uint64_t *count_out)
{
	const uint64_t each = fs->block_bytes / sizeof(uint32_t);
	uint64_t covered = 1;
	uint32_t level = 0;
	uint64_t block;

	*count_out = 1;
	if (n < DIRECT_BLOCKS) {
		*block_out = span_u32(pointers, n * sizeof(uint32_t));
		return STATUS_OK;
	}
	n -= DIRECT_BLOCKS;
	for (; level < LEVELS && n >= covered * each; level++) {
		n -= covered * each;
		covered *= each;
	}
	if (level == LEVELS)
		return corrupt(fs, "the file is larger than it can be");
	block = span_u32(pointers, (DIRECT_BLOCKS + level) * sizeof(uint32_t));
	*count_out = covered * each - n;
	for (uint32_t depth = 0; depth <= level && block != 0; depth++) {
		TRY(pointer_read(fs, depth, block, n / covered, &block));
		n %= covered;
		*count_out = covered - n;
		covered /= each;
	}
	*block_out = block;
	return STATUS_OK;
}

static enum status map_blocks(struct ext_filesystem *fs, const struct ext_inode_data *inode)
{
	struct span pointers = span_of(inode->block, sizeof(inode->block));
	const uint64_t total = block_total(fs, inode);
	uint64_t block;
	uint64_t count;

	memset(fs->search->workspace->level_blocks, 0, sizeof(fs->search->workspace->level_blocks));
	for (uint64_t n = 0; n < total; n += count) {
		TRY(block_find(fs, &pointers, n, &block, &count));
		count = min_u64(count, total - n);
		if (block >= fs->block_count)
			return corrupt(fs, "a block number is beyond the filesystem");
		TRY(file_map_add(fs->search, block == 0 ? FILE_HOLE : block * fs->block_bytes,
				 count * fs->block_bytes));
	}
	return STATUS_OK;
}

enum status ext_inode_map(struct ext_filesystem *fs, const struct ext_inode_data *inode)
{
	/* A sparse file could claim any size; what Thaw reads is small. */
	if (inode->size > 4 * GIB)
		return file_fail(fs->search, STATUS_UNSUPPORTED, "the file is larger than 4 GiB");
	if ((inode->flags & EXT_FLAG_INLINE_DATA) != 0)
		return file_fail(fs->search, STATUS_UNSUPPORTED, "a file or directory that is stored in its inode");
	if ((inode->flags & EXT_FLAG_ENCRYPT) != 0)
		return file_fail(fs->search, STATUS_UNSUPPORTED, "an encrypted file or directory");
	file_map_begin(fs->search, inode->size);
	return (inode->flags & EXT_FLAG_EXTENTS) != 0 ? map_extents(fs, inode) : map_blocks(fs, inode);
}
