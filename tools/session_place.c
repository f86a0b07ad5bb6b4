/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Header pages (block/fops.c, blkdev_write_iter: why not by the swap device itself).
 */
#define _GNU_SOURCE
#include "tools/session_place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/program.h"

#define SECTOR_BYTES 512 /* of sysfs and device-mapper, whatever the disk's are */

bool session_say(const char *node, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "session-record: %s: ", node);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return false;
}

struct page *session_page(void)
{
	struct page *page = aligned_alloc(sizeof(struct page), sizeof(struct page));

	if (page == NULL)
		abort();
	return page;
}

static bool place_open(const struct tree *tree, const char *device, uint64_t offset, int flags,
		       struct session_place *place_out)
{
	snprintf(place_out->device, sizeof(place_out->device), "%s", device);
	session_node(device, place_out->node);
	place_out->offset = offset;
	place_out->descriptor = session_open(tree, place_out->node, flags);
	return place_out->descriptor >= 0 || session_say(place_out->node, "%s", strerror(errno));
}

bool session_place_open(const struct tree *tree, const struct system_area *area, struct session_place *place_out)
{
	if (area->device[0] == '\0' || (area->line.is_file && !area->has_offset))
		return session_say(area->line.path, "where it lies on its device is not known");
	return place_open(tree, area->device, area->line.is_file ? area->offset * PAGE_BYTES : 0, O_RDONLY, place_out);
}

void session_place_close(struct session_place *place)
{
	close(place->descriptor);
}

bool session_place_read(const struct session_place *place, struct page *page)
{
	errno = 0;
	return pread(place->descriptor, page, sizeof(*page), (off_t)place->offset) == (ssize_t)sizeof(*page) ||
	       session_say(place->node, "the swap header can't be read: %s",
			   errno != 0 ? strerror(errno) : "the device ends there");
}

/* "sda" of "…/block/sda/sda2". */
static bool disk_of(const struct tree *tree, const char *device, char disk_out[SYSTEM_DEVICE_BYTES])
{
	char path[TREE_PATH_BYTES];
	char link[TREE_PATH_BYTES];
	char *slash;

	snprintf(path, sizeof(path), "/sys/class/block/%s", device);
	if (!tree_link(tree, path, link, sizeof(link)) || (slash = strrchr(link, '/')) == NULL)
		return false;
	*slash = '\0';
	slash = strrchr(link, '/');
	if (slash == NULL || slash[1] == '\0' || strlen(slash + 1) >= SYSTEM_DEVICE_BYTES)
		return false;
	snprintf(disk_out, SYSTEM_DEVICE_BYTES, "%s", slash + 1);
	return true;
}

/* The first target of `dmsetup table`: "0 2097152 linear 8:3 2048". */
static bool linear_below(const struct tree *tree, const char *device, uint64_t offset,
			 char below_out[SYSTEM_DEVICE_BYTES], uint64_t *offset_out)
{
	static const char *const paths[] = {"/usr/sbin/dmsetup", "/sbin/dmsetup"};
	const char *path = *tree->root == '\0' ? program_find(paths, ARRAY_COUNT(paths)) : NULL;
	char node[SESSION_NODE_BYTES];
	const char *const words[PROGRAM_WORDS_MAX] = {path, "table", node, NULL};
	struct program program;
	unsigned major_number;
	unsigned minor_number;
	uint64_t count;
	uint64_t sector;
	char kind[16];
	bool good;

	session_node(device, node);
	if (path == NULL || !program_open(words, &program))
		return false;
	good = fscanf(program.output, "0 %" SCNu64 " %15s %u:%u %" SCNu64, &count, kind, &major_number, &minor_number,
		      &sector) == 5;
	/* What it still has to say must not stop it. */
	while (fgetc(program.output) != EOF) {
	}
	if (!program_close(&program) || !good || strcmp(kind, "linear") != 0 ||
	    offset + PAGE_BYTES > count * SECTOR_BYTES ||
	    !system_device_of_number(tree, major_number, minor_number, below_out))
		return false;
	*offset_out = sector * SECTOR_BYTES + offset;
	return true;
}

bool session_place_below(const struct tree *tree, const char *device, uint64_t offset,
			 char below_out[SYSTEM_DEVICE_BYTES], uint64_t *offset_out)
{
	char path[TREE_PATH_BYTES];
	uint64_t start;

	if (strncmp(device, "dm-", 3) == 0)
		return linear_below(tree, device, offset, below_out, offset_out);
	snprintf(path, sizeof(path), "/sys/class/block/%s/partition", device);
	if (!tree_exists(tree, path))
		return false;
	snprintf(path, sizeof(path), "/sys/class/block/%s/start", device);
	if (!tree_read_number(tree, path, &start) || start > INT64_MAX / SECTOR_BYTES - offset ||
	    !disk_of(tree, device, below_out))
		return false;
	*offset_out = start * SECTOR_BYTES + offset;
	return true;
}

/* True: written; errno otherwise, ESTALE when the page there is another one. */
static bool write_checked(const struct session_place *place, const struct page *old, const struct page *changed)
{
	struct page *seen = session_page();
	bool good = false;

	if (pread(place->descriptor, seen, sizeof(*seen), (off_t)place->offset) == (ssize_t)sizeof(*seen)) {
		errno = ESTALE;
		good = memcmp(seen, old, sizeof(*seen)) == 0 &&
		       pwrite(place->descriptor, changed, sizeof(*changed), (off_t)place->offset) ==
			       (ssize_t)sizeof(*changed);
	}
	free(seen);
	return good;
}

static bool write_below(const struct tree *tree, const struct session_place *place, const struct page *old,
			const struct page *changed)
{
	char device[SYSTEM_DEVICE_BYTES];
	struct session_place below = {.descriptor = -1};
	uint64_t offset;
	bool good;

	if (!session_place_below(tree, place->device, place->offset, device, &offset))
		return session_say(place->node, "the kernel lets nobody write to it, and it is neither a partition nor "
						"a linear volume");
	if (!place_open(tree, device, offset, O_RDWR | O_DSYNC, &below))
		return false;
	good = write_checked(&below, old, changed) ||
	       session_say(below.node, "the swap header can't be written: %s",
			   errno == ESTALE ? "it is not where it should be" : strerror(errno));
	session_place_close(&below);
	return good;
}

/* What the cache has of the page is old. */
static void cache_drop(const struct session_place *place)
{
	(void)posix_fadvise(place->descriptor, (off_t)place->offset, PAGE_BYTES, POSIX_FADV_DONTNEED);
}

bool session_place_write(const struct tree *tree, const struct session_place *place, const struct page *old,
			 const struct page *changed)
{
	struct page *seen = session_page();
	struct session_place writable = {.descriptor = -1};
	bool good;

	if (!place_open(tree, place->device, place->offset, O_RDWR | O_DSYNC, &writable)) {
		free(seen);
		return false;
	}
	good = write_checked(&writable, old, changed);
	if (!good && errno == ETXTBSY)
		good = write_below(tree, place, old, changed);
	else if (!good)
		session_say(place->node, "the swap header can't be written: %s", strerror(errno));
	session_place_close(&writable);
	cache_drop(place);
	good = good && session_place_read(place, seen) &&
	       (memcmp(seen, changed, sizeof(*seen)) == 0 ||
		session_say(place->node, "the swap header does not read back as it was written"));
	free(seen);
	return good;
}
