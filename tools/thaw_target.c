/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets by O_DIRECT (open(2)), FIEMAP (Documentation/filesystems/fiemap.rst) and inode flags (FS_IOC_SETFLAGS).
 */
#define _GNU_SOURCE
#include "tools/thaw_target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tools/thaw_core.h"
#include "tools/thaw_say.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

#define NO_TARGET "it is no target: make it one with `thaw format`"

/* More pieces than an anchor lists, because neighbours are merged. */
#define PIECES_MAX 4096

bool target_filesystem_is_right(const struct target *target, int descriptor)
{
	struct statfs filesystem;

	if (fstatfs(descriptor, &filesystem) != 0)
		return say_error(target->path, "%s", strerror(errno));
	switch (filesystem.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		break;
	case BTRFS_SUPER_MAGIC:
		return say_error(target->path, "it is on Btrfs, which moves blocks: only ext4 and XFS will do");
	case TMPFS_MAGIC:
		return say_error(target->path, "it is on tmpfs, in memory: only ext4 and XFS will do");
	default:
		return say_error(target->path, "it is on a filesystem of type %#lx: only ext4 and XFS will do",
				 (unsigned long)filesystem.f_type);
	}
	return true;
}

static bool file_flags_are_right(const struct target *target, int descriptor)
{
	struct fsxattr attributes;
	int flags = 0;

	if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0)
		return say_error(target->path, "its flags can't be read: %s", strerror(errno));
	if ((flags & (FS_JOURNAL_DATA_FL | FS_COMPR_FL | FS_ENCRYPT_FL)) != 0)
		return say_error(target->path, "it is journaled, compressed or encrypted");
	if (ioctl(descriptor, FS_IOC_FSGETXATTR, &attributes) == 0 && (attributes.fsx_xflags & FS_XFLAG_REALTIME) != 0)
		return say_error(target->path, "it is on XFS's realtime device");
	return true;
}

static bool file_extents_read(struct target *target, int descriptor)
{
	struct fiemap *map = calloc(1, sizeof(*map) + PIECES_MAX * sizeof(struct fiemap_extent));
	struct file_extent *pieces = calloc(PIECES_MAX, sizeof(*pieces));
	const char *reason;
	bool good = false;

	if (map == NULL || pieces == NULL)
		abort();
	map->fm_length = FIEMAP_MAX_OFFSET;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = PIECES_MAX;
	if (ioctl(descriptor, FS_IOC_FIEMAP, map) != 0) {
		say_error(target->path, "its blocks can't be asked for (FIEMAP): %s", strerror(errno));
	} else {
		for (uint32_t i = 0; i < map->fm_mapped_extents; i++) {
			const struct fiemap_extent *from = &map->fm_extents[i];

			pieces[i] = (struct file_extent){from->fe_logical, from->fe_physical, from->fe_length,
							 from->fe_flags};
		}
		good = extents_from_file(pieces, map->fm_mapped_extents, target->bytes, &target->extents, &reason) ==
		       STATUS_OK;
		if (!good && map->fm_mapped_extents == PIECES_MAX)
			reason = "it is too fragmented";
		if (!good)
			say_error(target->path, "%s", reason);
	}
	free(map);
	free(pieces);
	return good;
}

bool target_examine_file(struct target *target, int descriptor)
{
	struct stat status;
	const char *reason;

	if (fstat(descriptor, &status) != 0)
		return say_error(target->path, "%s", strerror(errno));
	target->is_file = true;
	target->number = status.st_dev;
	target->bytes = (uint64_t)status.st_size;
	/* The filesystem first: others have no device. */
	if (!target_filesystem_is_right(target, descriptor))
		return false;
	if (!device_examine(target->number, &target->device, &reason))
		return say_error(target->path, "%s", reason);
	if (device_journals_data(target->number, &target->device))
		return say_error(target->path, "its filesystem writes data through its journal (data=journal), which "
					       "would overwrite the image");
	if (!file_flags_are_right(target, descriptor))
		return false;
	/* Neither XFS's realtime device nor ext4 has blocks outside. */
	return target->bytes == 0 || file_extents_read(target, descriptor);
}

static bool partition_examine(struct target *target, dev_t number)
{
	const char *reason;

	target->number = number;
	if (!device_examine(number, &target->device, &reason))
		return say_error(target->path, "%s", reason);
	target->bytes = target->device.bytes;
	if (target->device.has_partitions)
		return say_error(target->path, "it is a whole disk with partitions: name one of these");
	if (device_is_mounted(number))
		return say_error(target->path, "it is mounted");
	if (path_is_swap(target->path))
		return say_error(target->path, "it is in use as swap");
	if (target->device.has_holders)
		return say_error(target->path, "something is on top of it (/sys/class/block/%s/holders)",
				 target->device.name);
	if (extents_of_partition(target->bytes, &target->extents, &reason) != STATUS_OK)
		return say_error(target->path, "%s", reason);
	return true;
}

bool target_open(struct target *target, const char *path)
{
	struct stat status;
	int flags = O_DIRECT | O_CLOEXEC;

	*target = (struct target){.path = path, .descriptor = -1};
	if (stat(path, &status) != 0)
		return say_error(path, "%s", strerror(errno));
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return say_error(path, "it is neither a partition nor a regular file");
	/* Otherwise opening says less: that it is busy. */
	if (S_ISBLK(status.st_mode) && !partition_examine(target, status.st_rdev))
		return false;
	flags |= S_ISBLK(status.st_mode) ? O_RDWR | O_EXCL : O_RDONLY;
	target->descriptor = open(path, flags);
	if (target->descriptor < 0 && errno == EBUSY)
		return say_error(path, "it is in use");
	/* O_DIRECT is what tmpfs refuses; say that it is tmpfs. */
	if (target->descriptor < 0 && errno == EINVAL)
		target->descriptor = open(path, flags & ~O_DIRECT);
	if (target->descriptor < 0)
		return say_error(path, "%s", strerror(errno));
	if (S_ISBLK(status.st_mode))
		return true;
	if (path_is_swap(path))
		return say_error(path, "it is in use as swap");
	if (!core_file_is_there(path, 0))
		return say_error(path, NO_TARGET);
	return target_examine_file(target, target->descriptor);
}

void target_close(struct target *target)
{
	if (target->descriptor >= 0)
		close(target->descriptor);
	target->descriptor = -1;
}

static uint64_t partition_pages(const struct target *target)
{
	return target->device.bytes / PAGE_BYTES;
}

enum status target_anchor_read(const struct target *target, struct core_anchor *anchor_out, const char **reason_out)
{
	struct page *page = pages_allocate(sizeof(*page));
	enum status status = STATUS_IO_ERROR;

	*reason_out = "its first page can't be read";
	if (read_at(target->descriptor, page, sizeof(*page), 0))
		status = core_anchor_parse(page, target->extents.anchor_page, partition_pages(target), anchor_out,
					   reason_out);
	if (status == STATUS_NOT_FOUND)
		*reason_out = NO_TARGET;
	free(page);
	return status;
}

bool file_set_immutable(int descriptor, bool immutable)
{
	int flags = 0;
	int wanted;

	if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0)
		return false;
	wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	return wanted == flags || ioctl(descriptor, FS_IOC_SETFLAGS, &wanted) == 0;
}

/* A file is writable only while it is not immutable. */
static bool page_write(const struct target *target, const struct page *page)
{
	int descriptor = target->descriptor;
	bool written;

	if (target->is_file) {
		if (!file_set_immutable(target->descriptor, false))
			return false;
		descriptor = open(target->path, O_WRONLY | O_DIRECT | O_CLOEXEC);
		if (descriptor < 0)
			return false;
	}
	written = write_at(descriptor, page, sizeof(*page), 0) && fsync(descriptor) == 0;
	if (target->is_file) {
		close(descriptor);
		written &= file_set_immutable(target->descriptor, true) && fsync(target->descriptor) == 0;
	}
	return written;
}

bool target_anchor_write(const struct target *target, const struct core_anchor *anchor)
{
	struct page *pages = pages_allocate(2 * sizeof(*pages));
	bool good;

	memcpy(&pages[0], anchor, sizeof(*pages));
	errno = 0;
	good = page_write(target, &pages[0]) && read_at(target->descriptor, &pages[1], sizeof(*pages), 0);
	if (!good) {
		say_error(target->path, "its anchor can't be written: %s", strerror(errno));
	} else if (memcmp(&pages[0], &pages[1], sizeof(*pages)) != 0) {
		good = say_error(target->path, "its anchor reads back otherwise than it was written");
	}
	free(pages);
	return good;
}

bool target_extents_equal(const struct target *target, const struct core_anchor *anchor)
{
	const struct extents *extents = &target->extents;

	return anchor->target_pages == extents->page_count && anchor->extent_count == extents->count &&
	       memcmp(anchor->extents, extents->list, extents->count * sizeof(extents->list[0])) == 0;
}

void target_cache_drop(const struct target *target)
{
	/* Both are only in the way of stale reads by others; ours go past the cache. */
	if (target->is_file)
		posix_fadvise(target->descriptor, 0, 0, POSIX_FADV_DONTNEED);
	else
		ioctl(target->descriptor, BLKFLSBUF, 0);
}
