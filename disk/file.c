/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files by path, whatever the filesystem. */
#include "disk/file_internal.h"

#include "disk/filesystem.h"
#include "lib/string.h"

enum status file_fail(struct file_search *search, enum status status, const char *reason)
{
	search->reason = reason;
	return status;
}

enum status file_window(struct file_search *search, uint64_t offset, uint32_t bytes, const uint8_t **bytes_out)
{
	const struct disk_reader *reader = search->reader;
	struct file_workspace *workspace = search->workspace;
	const uint64_t partition_bytes = reader->sector_count * reader->sector_bytes;
	uint64_t start;
	uint64_t end;

	if (bytes > PAGE_BYTES || offset > partition_bytes || bytes > partition_bytes - offset)
		return file_fail(search, STATUS_CORRUPT, "the filesystem points beyond its partition");
	if (offset < workspace->window_start || offset + bytes > workspace->window_start + workspace->window_bytes) {
		start = align_down(offset, reader->sector_bytes);
		end = min_u64(align_up(offset + bytes, PAGE_BYTES), partition_bytes);
		end = min_u64(end, start + sizeof(workspace->window));
		workspace->window_bytes = 0;
		search->reason = "the filesystem can't be read";
		TRY(reader->read(reader->context, (struct lba){start / reader->sector_bytes},
				 (uint32_t)((end - start) / reader->sector_bytes), workspace->window));
		workspace->window_start = start;
		workspace->window_bytes = end - start;
	}
	*bytes_out = workspace->window[0].bytes + (offset - workspace->window_start);
	return STATUS_OK;
}

void file_map_begin(struct file_search *search, uint64_t bytes)
{
	search->map->bytes = bytes;
	search->map->count = 0;
}

enum status file_map_add(struct file_search *search, uint64_t device_offset, uint64_t bytes)
{
	const uint64_t partition_bytes = search->reader->sector_count * search->reader->sector_bytes;
	struct file_map *map = search->map;
	struct file_extent *last = map->count > 0 ? &map->extents[map->count - 1] : NULL;
	const bool hole = device_offset == FILE_HOLE;

	if (bytes == 0)
		return STATUS_OK;
	if (!hole && (device_offset > partition_bytes || bytes > partition_bytes - device_offset))
		return file_fail(search, STATUS_CORRUPT, "the file lies beyond its partition");
	if (last && (hole ? last->device_offset == FILE_HOLE
			  : last->device_offset != FILE_HOLE && last->device_offset + last->bytes == device_offset)) {
		last->bytes += bytes;
		return STATUS_OK;
	}
	if (map->count == FILE_EXTENTS_MAX)
		return file_fail(search, STATUS_UNSUPPORTED, "the file is in too many pieces");
	map->extents[map->count++] = (struct file_extent){device_offset, bytes};
	return STATUS_OK;
}

const char *file_path_next(const char **path, size_t *length_out)
{
	const char *start = *path;
	size_t length = 0;

	while (*start == '/')
		start++;
	while (start[length] != '\0' && start[length] != '/')
		length++;
	*path = start + length;
	*length_out = length;
	return start;
}

/* Why a partition without a filesystem that is understood has none. */
static enum status refuse_kind(struct file_search *search, enum filesystem_kind kind)
{
	switch (kind) {
	case FILESYSTEM_BTRFS:
		return file_fail(search, STATUS_UNSUPPORTED, "Btrfs, which Thaw does not read");
	case FILESYSTEM_XFS:
		return file_fail(search, STATUS_UNSUPPORTED, "XFS, which Thaw does not read");
	case FILESYSTEM_LUKS:
		return file_fail(search, STATUS_UNSUPPORTED, "LUKS, which Thaw does not read");
	case FILESYSTEM_LVM2:
	case FILESYSTEM_EXT:
	case FILESYSTEM_UNKNOWN:
		break;
	}
	return file_fail(search, STATUS_UNSUPPORTED, "no filesystem that Thaw reads");
}

/* By the type in its boot sector, where FAT32 has something else. */
static bool is_small_fat(const struct page *first)
{
	enum { TYPE_AT = 54, SIGNATURE_AT = 510 };

	return memcmp(first->bytes + SIGNATURE_AT, "\x55\xaa", 2) == 0 &&
	       (memcmp(first->bytes + TYPE_AT, "FAT12   ", 8) == 0 ||
		memcmp(first->bytes + TYPE_AT, "FAT16   ", 8) == 0);
}

static enum status find(struct file_search *search, const char *path)
{
	struct identity identity;
	const uint8_t *bytes;
	enum filesystem_kind kind;

	TRY(file_window(search, 0, PAGE_BYTES, &bytes));
	memcpy(search->workspace->levels[0].bytes, bytes, PAGE_BYTES);
	kind = filesystem_identify(&search->workspace->levels[0], &identity);
	if (kind == FILESYSTEM_EXT)
		return ext_find(search, path);
	if (kind == FILESYSTEM_UNKNOWN && filesystem_identify_fat(&search->workspace->levels[0], &identity))
		return fat_find(search, path);
	if (kind == FILESYSTEM_UNKNOWN && is_small_fat(&search->workspace->levels[0]))
		return file_fail(search, STATUS_UNSUPPORTED, "FAT12 or FAT16, which Thaw does not read");
	if (kind == FILESYSTEM_UNKNOWN) {
		TRY(file_window(search, FILESYSTEM_BTRFS_OFFSET, PAGE_BYTES, &bytes));
		memcpy(search->workspace->levels[0].bytes, bytes, PAGE_BYTES);
		kind = filesystem_identify_btrfs(&search->workspace->levels[0], &identity);
	}
	return refuse_kind(search, kind);
}

enum status file_find(const struct disk_reader *reader, struct file_workspace *workspace, const char *path,
		      struct file_map *map_out, const char **reason_out)
{
	struct file_search search = {.reader = reader, .workspace = workspace, .map = map_out, .reason = ""};
	enum status status = STATUS_INVALID;

	workspace->window_start = workspace->window_bytes = 0;
	map_out->count = 0;
	if (path[0] != '/' || strlen(path) >= FILE_PATH_BYTES)
		search.reason = "the path is not absolute, or too long";
	else
		status = find(&search, path);
	*reason_out = status == STATUS_OK ? "" : search.reason;
	return status;
}
