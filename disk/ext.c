/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext2, ext3 and ext4 without a journal's replay: superblock, inodes, directories, paths (fs/ext4/super.c, inode.c,
 * dir.c; Documentation/filesystems/ext4). After a crash the journal may hold newer metadata; every boot loader reads
 * without it, and what it finds is checked by checksums where there are any.
 */
#include "disk/ext.h"

#include "disk/ext_format.h"
#include "lib/crc32c.h"
#include "lib/span.h"
#include "lib/string.h"

#define INCOMPAT_KNOWN                                                                                                 \
	(EXT_INCOMPAT_FILETYPE | EXT_INCOMPAT_RECOVER | EXT_INCOMPAT_EXTENTS | EXT_INCOMPAT_64BIT | EXT_INCOMPAT_MMP | \
	 EXT_INCOMPAT_FLEX_BG | EXT_INCOMPAT_EA_INODE | EXT_INCOMPAT_CSUM_SEED | EXT_INCOMPAT_LARGEDIR |               \
	 EXT_INCOMPAT_INLINE_DATA | EXT_INCOMPAT_ENCRYPT | EXT_INCOMPAT_CASEFOLD)

#define LOG_BLOCK_SIZE_MAX 2 /* 4096 bytes */
#define LINKS_MAX          8
#define DIRECTORY_MAX      (64 * MIB)

static enum status fail(struct ext_filesystem *fs, enum status status, const char *reason)
{
	return file_fail(fs->search, status, reason);
}

static void store_u32(uint8_t bytes_out[4], uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes_out[i] = (uint8_t)(value >> (8 * i));
}

/* --- the superblock ------------------------------------------------------------------ */

static const char *feature_reason(uint32_t incompat)
{
	if ((incompat & EXT_INCOMPAT_META_BG) != 0)
		return "an ext4 filesystem with meta_bg, which Thaw does not read";
	if ((incompat & EXT_INCOMPAT_JOURNAL_DEV) != 0)
		return "the journal of an ext4 filesystem, not the filesystem";
	if ((incompat & EXT_INCOMPAT_COMPRESSION) != 0)
		return "an ext2 filesystem with compression, which Thaw does not read";
	if ((incompat & EXT_INCOMPAT_DIRDATA) != 0)
		return "an ext4 filesystem with dirdata, which Thaw does not read";
	return "the ext4 filesystem has features that Thaw does not know";
}

static enum status check_features(struct ext_filesystem *fs, struct span *super)
{
	const uint32_t incompat = span_u32(super, EXT_SB_INCOMPAT);

	if (span_u32(super, EXT_SB_REVISION) == 0)
		return fail(fs, STATUS_UNSUPPORTED, "an ext2 filesystem of revision 0");
	fs->has_checksums = (span_u32(super, EXT_SB_RO_COMPAT) & EXT_RO_COMPAT_METADATA_CSUM) != 0;
	if (fs->has_checksums &&
	    span_u32(super, EXT_SB_CHECKSUM) != crc32c_update(UINT32_MAX, super->bytes, EXT_SB_CHECKSUM))
		return fail(fs, STATUS_CORRUPT, "the checksum of the ext4 superblock is wrong");
	if ((incompat & ~INCOMPAT_KNOWN) != 0)
		return fail(fs, STATUS_UNSUPPORTED, feature_reason(incompat));
	fs->seed = (incompat & EXT_INCOMPAT_CSUM_SEED) != 0 ? span_u32(super, EXT_SB_CHECKSUM_SEED)
							    : crc32c_update(UINT32_MAX, super->bytes + EXT_SB_UUID, 16);
	return STATUS_OK;
}

static enum status open_filesystem(struct ext_filesystem *fs)
{
	const uint64_t partition_bytes = fs->search->reader->sector_count * fs->search->reader->sector_bytes;
	const uint8_t *bytes;
	struct span super;
	uint32_t log_block_size;
	bool is_64bit;

	TRY(file_window(fs->search, EXT_SUPERBLOCK_OFFSET, EXT_SUPERBLOCK_BYTES, &bytes));
	super = span_of(bytes, EXT_SUPERBLOCK_BYTES);
	TRY(check_features(fs, &super));
	is_64bit = (span_u32(&super, EXT_SB_INCOMPAT) & EXT_INCOMPAT_64BIT) != 0;
	log_block_size = span_u32(&super, EXT_SB_LOG_BLOCK_SIZE);
	if (log_block_size > LOG_BLOCK_SIZE_MAX)
		return fail(fs, STATUS_UNSUPPORTED, "an ext4 filesystem with blocks larger than 4096 bytes");
	fs->block_bytes = 1024u << log_block_size;
	fs->block_count = span_u32(&super, EXT_SB_BLOCKS_LOW) |
			  (is_64bit ? (uint64_t)span_u32(&super, EXT_SB_BLOCKS_HIGH) << 32 : 0);
	fs->inode_bytes = span_u16(&super, EXT_SB_INODE_SIZE);
	fs->inode_count = span_u32(&super, EXT_SB_INODES);
	fs->inodes_per_group = span_u32(&super, EXT_SB_INODES_PER_GROUP);
	fs->group_bytes = is_64bit ? span_u16(&super, EXT_SB_DESC_SIZE) : EXT_GROUP_BYTES;
	fs->first_group_block = span_u32(&super, EXT_SB_FIRST_DATA_BLOCK) + 1ull;
	if (fs->inode_bytes < EXT_INODE_BYTES || fs->inode_bytes > fs->block_bytes ||
	    (fs->inode_bytes & (fs->inode_bytes - 1)) != 0 || fs->inodes_per_group == 0 ||
	    fs->group_bytes < (is_64bit ? EXT_GROUP_BYTES_64BIT : EXT_GROUP_BYTES) ||
	    fs->group_bytes > fs->block_bytes || (fs->group_bytes & (fs->group_bytes - 1)) != 0)
		return fail(fs, STATUS_CORRUPT, "the ext4 superblock contradicts itself");
	if (fs->block_count > partition_bytes / fs->block_bytes)
		return fail(fs, STATUS_CORRUPT, "the ext4 filesystem is larger than its partition");
	return STATUS_OK;
}

/* --- inodes -------------------------------------------------------------------------- */

static enum status inode_table_find(struct ext_filesystem *fs, uint32_t group, uint64_t *block_out)
{
	static const uint8_t zeroes[2];
	const uint64_t at = fs->first_group_block * fs->block_bytes + (uint64_t)group * fs->group_bytes;
	const uint8_t *bytes;
	struct span span;
	uint8_t number[4];
	uint32_t checksum;

	TRY(file_window(fs->search, at, fs->group_bytes, &bytes));
	span = span_of(bytes, fs->group_bytes);
	*block_out = span_u32(&span, EXT_GROUP_INODE_TABLE_LOW);
	if (fs->group_bytes >= EXT_GROUP_BYTES_64BIT)
		*block_out |= (uint64_t)span_u32(&span, EXT_GROUP_INODE_TABLE_HIGH) << 32;
	if (fs->has_checksums) {
		store_u32(number, group);
		checksum = crc32c_update(fs->seed, number, sizeof(number));
		checksum = crc32c_update(checksum, bytes, EXT_GROUP_CHECKSUM);
		checksum = crc32c_update(checksum, zeroes, sizeof(zeroes));
		checksum = crc32c_update(checksum, bytes + EXT_GROUP_CHECKSUM + 2,
					 fs->group_bytes - EXT_GROUP_CHECKSUM - 2);
		if (span_u16(&span, EXT_GROUP_CHECKSUM) != (uint16_t)checksum)
			return fail(fs, STATUS_CORRUPT, "the checksum of a group of the ext4 filesystem is wrong");
	}
	if (*block_out == 0 || *block_out >= fs->block_count)
		return fail(fs, STATUS_CORRUPT, "an inode table is beyond the filesystem");
	return STATUS_OK;
}

/* bytes: the inode. Over all of it, its own checksum's places taken as zero. */
static bool inode_checksum_is_right(const struct ext_filesystem *fs, uint32_t seed, const uint8_t *bytes)
{
	static const uint8_t zeroes[2];
	struct span span = span_of(bytes, fs->inode_bytes);
	uint32_t expected = span_u16(&span, EXT_INODE_CHECKSUM_LOW);
	uint32_t checksum = crc32c_update(seed, bytes, EXT_INODE_CHECKSUM_LOW);
	uint32_t at = EXT_INODE_CHECKSUM_LOW + 2;
	const bool has_high = fs->inode_bytes > EXT_INODE_BYTES && span_u16(&span, EXT_INODE_EXTRA_SIZE) >= 4;

	checksum = crc32c_update(checksum, zeroes, 2);
	if (has_high) {
		expected |= (uint32_t)span_u16(&span, EXT_INODE_CHECKSUM_HIGH) << 16;
		checksum = crc32c_update(checksum, bytes + at, EXT_INODE_CHECKSUM_HIGH - at);
		checksum = crc32c_update(checksum, zeroes, 2);
		at = EXT_INODE_CHECKSUM_HIGH + 2;
	}
	checksum = crc32c_update(checksum, bytes + at, fs->inode_bytes - at);
	return (has_high ? checksum : (uint16_t)checksum) == expected;
}

enum status ext_inode_read(struct ext_filesystem *fs, uint32_t number, struct ext_inode_data *inode_out)
{
	struct ext_inode_data inode = {.number = number};
	uint8_t bytes_of_number[4];
	const uint8_t *bytes;
	struct span span;
	uint64_t table;

	if (number == 0 || number > fs->inode_count)
		return fail(fs, STATUS_CORRUPT, "an inode number is beyond the filesystem");
	TRY(inode_table_find(fs, (number - 1) / fs->inodes_per_group, &table));
	TRY(file_window(fs->search,
			table * fs->block_bytes + (uint64_t)((number - 1) % fs->inodes_per_group) * fs->inode_bytes,
			fs->inode_bytes, &bytes));
	span = span_of(bytes, fs->inode_bytes);
	inode.mode = span_u16(&span, EXT_INODE_MODE);
	inode.flags = span_u32(&span, EXT_INODE_FLAGS);
	inode.size = span_u32(&span, EXT_INODE_SIZE_LOW) | (uint64_t)span_u32(&span, EXT_INODE_SIZE_HIGH) << 32;
	memcpy(inode.block, bytes + EXT_INODE_BLOCK, sizeof(inode.block));
	if (fs->has_checksums) {
		store_u32(bytes_of_number, number);
		inode.seed = crc32c_update(fs->seed, bytes_of_number, sizeof(bytes_of_number));
		inode.seed = crc32c_update(inode.seed, bytes + EXT_INODE_GENERATION, 4);
		if (!inode_checksum_is_right(fs, inode.seed, bytes))
			return fail(fs, STATUS_CORRUPT, "the checksum of an inode is wrong");
	}
	*inode_out = inode;
	return STATUS_OK;
}

/* --- directories --------------------------------------------------------------------- */

/* Where the index is in an inner block; 0: this is none. */
static size_t index_find(struct span *block)
{
	if (span_u32(block, EXT_ENTRY_INODE) == 0 && span_u16(block, EXT_ENTRY_LENGTH) == block->size)
		return EXT_INDEX_IN_NODE;
	if (span_u16(block, EXT_ENTRY_LENGTH) == EXT_INDEX_DOT_BYTES &&
	    span_u16(block, EXT_INDEX_DOT_BYTES + EXT_ENTRY_LENGTH) == block->size - EXT_INDEX_DOT_BYTES)
		return EXT_INDEX_IN_ROOT;
	return 0;
}

/* An index's checksum is over what is in use of it, ".." too. */
static bool index_checksum_is_right(const struct ext_inode_data *directory, struct span *block)
{
	static const uint8_t zeroes[EXT_INDEX_TAIL_BYTES - EXT_INDEX_TAIL_CHECKSUM];
	const size_t index = index_find(block);
	const size_t limit = span_u16(block, index + EXT_INDEX_LIMIT);
	const size_t count = span_u16(block, index + EXT_INDEX_COUNT);
	const size_t tail = index + limit * EXT_INDEX_ENTRY_BYTES;
	uint32_t checksum;

	if (index == 0 || (directory->flags & EXT_FLAG_INDEX) == 0 || count > limit ||
	    tail + EXT_INDEX_TAIL_BYTES > block->size)
		return false;
	checksum = crc32c_update(directory->seed, block->bytes, index + count * EXT_INDEX_ENTRY_BYTES);
	checksum = crc32c_update(checksum, block->bytes + tail, EXT_INDEX_TAIL_CHECKSUM);
	checksum = crc32c_update(checksum, zeroes, sizeof(zeroes));
	return span_u32(block, tail + EXT_INDEX_TAIL_CHECKSUM) == checksum;
}

static bool leaf_checksum_is_right(const struct ext_inode_data *directory, struct span *block)
{
	const size_t tail = block->size - EXT_TAIL_BYTES;

	return span_u32(block, tail + EXT_TAIL_CHECKSUM) == crc32c_update(directory->seed, block->bytes, tail);
}

static enum status check_directory_block(struct ext_filesystem *fs, const struct ext_inode_data *directory,
					 struct span *block)
{
	const size_t tail = block->size - EXT_TAIL_BYTES;
	bool is_leaf;

	if (!fs->has_checksums)
		return STATUS_OK;
	is_leaf = span_u32(block, tail) == 0 && span_u16(block, tail + EXT_ENTRY_LENGTH) == EXT_TAIL_BYTES &&
		  span_u8(block, tail + EXT_ENTRY_NAME_LENGTH) == 0 &&
		  span_u8(block, tail + EXT_ENTRY_TYPE) == EXT_TAIL_TYPE;
	if (is_leaf ? leaf_checksum_is_right(directory, block) : index_checksum_is_right(directory, block))
		return STATUS_OK;
	return fail(fs, STATUS_CORRUPT, "the checksum of a directory is wrong");
}

/* *number_out: 0 when the name is not in the block. */
static enum status search_block(struct ext_filesystem *fs, struct span *block, const char *name, size_t name_length,
				uint32_t *number_out)
{
	*number_out = 0;
	for (size_t at = 0; at + EXT_ENTRY_NAME <= block->size;) {
		const uint32_t inode = span_u32(block, at + EXT_ENTRY_INODE);
		const uint32_t length = span_u16(block, at + EXT_ENTRY_LENGTH);
		const uint32_t found_length = span_u8(block, at + EXT_ENTRY_NAME_LENGTH);

		if (length < EXT_ENTRY_NAME + found_length || length % 4 != 0 || length > block->size - at)
			return fail(fs, STATUS_CORRUPT, "a directory is damaged");
		if (inode != 0 && found_length == name_length &&
		    memcmp(block->bytes + at + EXT_ENTRY_NAME, name, name_length) == 0) {
			*number_out = inode;
			return STATUS_OK;
		}
		at += length;
	}
	return STATUS_OK;
}

static enum status search_directory(struct ext_filesystem *fs, const struct ext_inode_data *directory, const char *name,
				    size_t name_length, uint32_t *number_out)
{
	const struct file_map *map = fs->search->map;

	if ((directory->mode & EXT_MODE_MASK) != EXT_MODE_DIRECTORY)
		return fail(fs, STATUS_NOT_FOUND, "a part of the path is no directory");
	if (directory->size > DIRECTORY_MAX)
		return fail(fs, STATUS_UNSUPPORTED, "a directory is too large");
	TRY(ext_inode_map(fs, directory));
	for (uint32_t i = 0; i < map->count; i++) {
		for (uint64_t at = 0; at < map->extents[i].bytes; at += fs->block_bytes) {
			const uint8_t *bytes;
			struct span block;

			if (map->extents[i].device_offset == FILE_HOLE)
				break;
			TRY(file_window(fs->search, map->extents[i].device_offset + at, fs->block_bytes, &bytes));
			block = span_of(bytes, fs->block_bytes);
			TRY(check_directory_block(fs, directory, &block));
			TRY(search_block(fs, &block, name, name_length, number_out));
			if (*number_out != 0)
				return STATUS_OK;
		}
	}
	return fail(fs, STATUS_NOT_FOUND, "there is no such file");
}

/* --- paths --------------------------------------------------------------------------- */

/* What a symbolic link says, into the workspace. */
static enum status read_link(struct ext_filesystem *fs, const struct ext_inode_data *link)
{
	char *text = fs->search->workspace->link;
	const struct file_map *map = fs->search->map;
	const uint8_t *bytes = link->block;

	if (link->size == 0 || link->size >= min_u64(FILE_PATH_BYTES, fs->block_bytes))
		return fail(fs, STATUS_UNSUPPORTED, "a symbolic link is too long");
	if (link->size >= EXT_INODE_BLOCK_BYTES || (link->flags & (EXT_FLAG_EXTENTS | EXT_FLAG_ENCRYPT)) != 0) {
		TRY(ext_inode_map(fs, link));
		if (map->count == 0 || map->extents[0].device_offset == FILE_HOLE)
			return fail(fs, STATUS_CORRUPT, "a symbolic link is empty");
		TRY(file_window(fs->search, map->extents[0].device_offset, (uint32_t)link->size, &bytes));
	}
	memcpy(text, bytes, (size_t)link->size);
	text[link->size] = '\0';
	return STATUS_OK;
}

/* The path becomes what the link says, and the rest behind it. */
static enum status follow_link(struct ext_filesystem *fs, const struct ext_inode_data *link, const char **path)
{
	struct file_workspace *workspace = fs->search->workspace;
	size_t rest = strlen(*path);
	size_t length;

	TRY(read_link(fs, link));
	length = strlen(workspace->link);
	if (length + rest >= FILE_PATH_BYTES)
		return fail(fs, STATUS_UNSUPPORTED, "a symbolic link is too long");
	memmove(workspace->path + length, *path, rest + 1);
	memcpy(workspace->path, workspace->link, length);
	*path = workspace->path;
	return STATUS_OK;
}

static enum status walk_path(struct ext_filesystem *fs, const char *path, struct ext_inode_data *inode_out)
{
	struct ext_inode_data directory;
	struct ext_inode_data inode = {.number = 0};
	uint32_t number = 0;
	uint32_t links = 0;
	size_t length;

	TRY(ext_inode_read(fs, EXT_ROOT_INODE, &inode));
	for (;;) {
		const char *name = file_path_next(&path, &length);

		if (length == 0)
			break;
		directory = inode;
		TRY(search_directory(fs, &directory, name, length, &number));
		TRY(ext_inode_read(fs, number, &inode));
		if ((inode.mode & EXT_MODE_MASK) != EXT_MODE_LINK)
			continue;
		if (links++ == LINKS_MAX)
			return fail(fs, STATUS_UNSUPPORTED, "too many symbolic links");
		TRY(follow_link(fs, &inode, &path));
		inode = directory;
		if (path[0] == '/')
			TRY(ext_inode_read(fs, EXT_ROOT_INODE, &inode));
	}
	*inode_out = inode;
	return STATUS_OK;
}

enum status ext_find(struct file_search *search, const char *path)
{
	struct ext_filesystem fs = {.search = search};
	struct ext_inode_data inode;

	TRY(open_filesystem(&fs));
	memcpy(search->workspace->path, path, strlen(path) + 1);
	TRY(walk_path(&fs, search->workspace->path, &inode));
	if ((inode.mode & EXT_MODE_MASK) != EXT_MODE_FILE)
		return fail(&fs, STATUS_NOT_FOUND, "the path is no regular file");
	return ext_inode_map(&fs, &inode);
}
