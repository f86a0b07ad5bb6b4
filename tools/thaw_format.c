/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw format`: makes a partition or a file a target of `thaw save`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "disk/filesystem.h"
#include "disk/uuid.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_core.h"
#include "tools/thaw_progress.h"
#include "tools/thaw_say.h"
#include "tools/thaw_target.h"

#define FILE_BYTES_MIN (16 * MIB)
#define ZERO_BYTES     (4 * MIB)

struct format_options {
	const char *path;
	uint64_t bytes; /* 0: not given */
	bool force;
};

static const char help[] =
	"usage: thaw format TARGET [--size=SIZE] [--force]\n"
	"\n"
	"  Makes TARGET a place for images of `thaw save`:\n"
	"  a partition          that holds nothing: zeroes in its first and last 64 KiB, or an earlier target\n"
	"  a file               on ext4 or XFS, directly on a partition; made new unless it is an earlier target. It\n"
	"                       becomes immutable: `chattr -i FILE` before removing it.\n"
	"\n"
	"  --size=SIZE          of the new file: 512M, 4G … The RAM in use must fit, half of it if compressed.\n"
	"  --force              also where an image waits to be restored, or a snapshot is kept: it is lost\n"
	"\n"
	"Exit status: 0 done, 1 it failed half-way, 2 refused.\n";

static bool options_parse(int argc, char **argv, struct format_options *options_out)
{
	struct format_options options = {.path = NULL};

	for (int i = 0; i < argc; i++) {
		const char *size = option_value(argv[i], "--size=");

		if (size != NULL) {
			if (!size_parse(size, &options.bytes)) {
				say_error(argv[i], "not a size");
				return false;
			}
		} else if (strcmp(argv[i], "--force") == 0) {
			options.force = true;
		} else if (argv[i][0] == '-' || options.path != NULL) {
			say_error(argv[i], "not understood; see `thaw format --help`");
			return false;
		} else {
			options.path = argv[i];
		}
	}
	if (options.path == NULL) {
		say_refusal("no target is named; see `thaw format --help`");
		return false;
	}
	*options_out = options;
	return true;
}

static void uuid_make(uint8_t uuid_out[UUID_BYTES])
{
	if (getrandom(uuid_out, UUID_BYTES, 0) != UUID_BYTES)
		abort();
	/* RFC 4122, 4.4: version 4, variant 1. */
	uuid_out[6] = (uint8_t)((uuid_out[6] & 0x0F) | 0x40);
	uuid_out[8] = (uint8_t)((uuid_out[8] & 0x3F) | 0x80);
}

static bool anchor_make(const struct target *target)
{
	struct core_anchor *anchor = pages_allocate(sizeof(*anchor));
	const struct extents *extents = &target->extents;
	bool good;

	memcpy(anchor->magic, CORE_ANCHOR_MAGIC, sizeof(anchor->magic));
	anchor->version = CORE_ANCHOR_VERSION;
	anchor->state = CORE_ANCHOR_EMPTY;
	uuid_make(anchor->uuid);
	anchor->target_pages = extents->page_count;
	anchor->extent_count = extents->count;
	memcpy(anchor->extents, extents->list, sizeof(extents->list));
	core_anchor_seal_extents(anchor);
	good = target_anchor_write(target, anchor);
	free(anchor);
	return good;
}

/* How Thaw is told of a file, when it can't find it by itself. */
static void resume_words_print(const struct target *target)
{
	struct page *first = pages_allocate(sizeof(*first));
	struct identity identity = {.uuid = ""};
	char path[80];
	int descriptor;

	snprintf(path, sizeof(path), "/dev/%s", target->device.name);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor >= 0 && read_at(descriptor, first, sizeof(*first), 0))
		filesystem_identify(first, &identity);
	if (descriptor >= 0)
		close(descriptor);
	if (identity.uuid[0] != '\0')
		printf("Thaw finds it by: resume=UUID=%s resume_offset=%" PRIu64 "\n", identity.uuid,
		       target->extents.anchor_page);
	else
		printf("Thaw finds it by: resume=/dev/%s resume_offset=%" PRIu64 "\n", target->device.name,
		       target->extents.anchor_page);
	free(first);
}

static int finish(struct target *target)
{
	struct core_anchor *anchor = pages_allocate(sizeof(*anchor));
	int result = COMMAND_FAILED;
	char text[UUID_TEXT_BYTES];
	const char *reason;

	if (!anchor_make(target)) {
		free(anchor);
		return COMMAND_FAILED;
	}
	if (target_anchor_read(target, anchor, &reason) == STATUS_OK) {
		uuid_format(anchor->uuid, text);
		printf("%s: %" PRIu64 " MiB for images, in %" PRIu32 " piece%s, UUID %s\n", target->path,
		       anchor->target_pages * PAGE_BYTES / MIB, anchor->extent_count,
		       anchor->extent_count == 1 ? "" : "s", text);
		if (target->is_file)
			resume_words_print(target);
		result = COMMAND_OK;
	} else {
		say_error(target->path, "what was written is not accepted: %s", reason);
	}
	free(anchor);
	return result;
}

/* Writes zeroes: blocks that are only reserved would still read as zeroes after Thaw wrote to them. */
static bool zeroes_write(const char *path, int descriptor, uint64_t bytes)
{
	uint8_t *zeroes = pages_allocate(ZERO_BYTES);
	struct progress progress = progress_begin();
	uint64_t done = 0;

	/* Reserving first keeps the pieces few, and finds out at once whether there is room. */
	if (posix_fallocate(descriptor, 0, (off_t)bytes) == ENOSPC) {
		free(zeroes);
		return say_error(path, "the filesystem has no room for %" PRIu64 " MiB", bytes / MIB);
	}
	while (done < bytes) {
		const uint64_t count = min_u64(ZERO_BYTES, bytes - done);

		if (!write_at(descriptor, zeroes, count, done))
			break;
		done += count;
		progress_show(&progress, done, bytes);
	}
	if (done == bytes && fsync(descriptor) != 0)
		done = 0;
	progress_clear(&progress);
	free(zeroes);
	return done == bytes || say_error(path, "%s", strerror(errno));
}

static bool room_is_there(const char *path, int directory, uint64_t bytes)
{
	struct statvfs filesystem;

	if (fstatvfs(directory, &filesystem) != 0)
		return say_error(path, "%s", strerror(errno));
	/* Bytes at least: what fits only nearly is found by reserving it. */
	if (filesystem.f_bavail * filesystem.f_frsize < bytes)
		return say_error(path, "the filesystem has only %" PRIu64 " MiB left, %" PRIu64 " are wanted",
				 (uint64_t)(filesystem.f_bavail * filesystem.f_frsize) / MIB, bytes / MIB);
	return true;
}

/* Makes the file without a name and gives it one when it is whole, so that a failure leaves nothing behind. */
static int file_fill(struct target *target, int directory, uint64_t bytes)
{
	const int descriptor = openat(directory, ".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	char link[40];
	int result;

	if (descriptor < 0) {
		say_error(target->path, "%s", strerror(errno));
		return COMMAND_REFUSED;
	}
	target->descriptor = descriptor;
	if (!target_examine_file(target, descriptor) || !room_is_there(target->path, directory, bytes))
		return COMMAND_REFUSED;
	if (!zeroes_write(target->path, descriptor, bytes) || !target_examine_file(target, descriptor))
		return COMMAND_FAILED;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
	if (linkat(AT_FDCWD, link, AT_FDCWD, target->path, AT_SYMLINK_FOLLOW) != 0 || fsync(directory) != 0) {
		say_error(target->path, "%s", strerror(errno));
		return COMMAND_FAILED;
	}
	result = finish(target);
	if (result != COMMAND_OK && file_set_immutable(descriptor, false))
		unlink(target->path);
	return result;
}

static int file_create(const struct format_options *options)
{
	struct target target = {.path = options->path, .descriptor = -1};
	const uint64_t bytes = align_up(options->bytes, PAGE_BYTES);
	char *copy = strdup(options->path);
	const char *parent;
	int directory;
	int result;

	if (copy == NULL)
		abort();
	if (bytes < FILE_BYTES_MIN || bytes > INT64_MAX) {
		free(copy);
		say_error(options->path, "there is no such file: to make one, --size=SIZE is needed, of at least "
					 "16M");
		return COMMAND_REFUSED;
	}
	parent = dirname(copy);
	directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		say_error(parent, "%s", strerror(errno));
		free(copy);
		return COMMAND_REFUSED;
	}
	/* Before anything is made there: some filesystems have no unnamed files. */
	target.is_file = true;
	result =
		target_filesystem_is_right(&target, directory) ? file_fill(&target, directory, bytes) : COMMAND_REFUSED;
	target_close(&target);
	close(directory);
	free(copy);
	return result;
}

/* May what an anchor says be lost? */
static bool anchor_may_go(const struct target *target, const struct core_anchor *anchor, bool force)
{
	if (force)
		return true;
	if (anchor->state == CORE_ANCHOR_VALID)
		return say_error(target->path, "it holds a session that was not restored; --force to lose it");
	if (anchor->state == CORE_ANCHOR_SNAPSHOT)
		return say_error(target->path, "it holds a snapshot; --force to lose it");
	return true;
}

static bool is_formattable(const struct target *target, bool force)
{
	struct core_anchor *anchor = pages_allocate(sizeof(*anchor));
	const char *found = NULL;
	const char *reason;
	const enum status status = target_anchor_read(target, anchor, &reason);
	bool good = false;

	if (status == STATUS_OK) {
		good = anchor_may_go(target, anchor, force);
	} else if (status != STATUS_NOT_FOUND && status != STATUS_IO_ERROR) {
		/* Moved or damaged: what it would have said is not known. */
		good = force ||
		       say_error(target->path, "it has an anchor that is refused: %s; --force to replace it", reason);
	} else if (status == STATUS_IO_ERROR || target->is_file) {
		say_error(target->path, "%s",
			  status == STATUS_IO_ERROR ? reason : "it exists and is no target: it is not touched");
	} else {
		good = device_is_blank(target->descriptor, target->bytes, (uint32_t)target->device.sector_bytes,
				       &found);
		if (!good && found != NULL)
			say_error(target->path,
				  "it holds %s; if that is not needed: `wipefs -a`, then zeroes over its "
				  "first and last 64 KiB",
				  found);
		else if (!good)
			say_error(target->path, "%s", strerror(errno));
	}
	free(anchor);
	return good;
}

static int existing_format(const struct format_options *options, bool is_file)
{
	struct target target;
	int result = COMMAND_REFUSED;

	if (is_file && !core_file_is_there(options->path, 0)) {
		say_error(options->path, "it exists and is no target: it is not touched");
		return COMMAND_REFUSED;
	}
	if (!target_open(&target, options->path)) {
		target_close(&target);
		return COMMAND_REFUSED;
	}
	if (options->bytes != 0 && (!target.is_file || align_up(options->bytes, PAGE_BYTES) != target.bytes))
		say_error(options->path, "--size is for new files: this has %" PRIu64 " bytes", target.bytes);
	else if (target.bytes < FILE_BYTES_MIN)
		say_error(options->path, "it is too small: below 16 MiB");
	else if (is_formattable(&target, options->force))
		result = finish(&target);
	target_close(&target);
	return result;
}

int thaw_format(int argc, char **argv)
{
	struct format_options options;
	struct stat status;

	if (command_wants_help(argc, argv, help))
		return COMMAND_OK;
	if (!options_parse(argc, argv, &options))
		return COMMAND_REFUSED;
	if (geteuid() != 0) {
		say_refusal("only root can do this");
		return COMMAND_REFUSED;
	}
	if (stat(options.path, &status) != 0) {
		/* Not a symbolic link to nowhere. */
		if (errno == ENOENT && lstat(options.path, &status) != 0)
			return file_create(&options);
		say_error(options.path, "%s", strerror(errno));
		return COMMAND_REFUSED;
	}
	return existing_format(&options, S_ISREG(status.st_mode));
}
