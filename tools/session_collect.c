/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the kernel's lists (proc(5): mountinfo, iomem, kallsyms) and the superblocks to the record.
 */
#define _GNU_SOURCE
#include "tools/session_collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disk/filesystem.h"
#include "lib/span.h"
#include "tools/procfs.h"
#include "tools/system_disk.h"

#define TEXT_BYTES_MAX ((size_t)MIB)
#define DEVICES_MAX    64
#define RETURN_POINT   "restore_registers" /* arch/x86/power/hibernate.c: what the header's jump address is */
#define BTRFS_PAGE     (FILESYSTEM_BTRFS_OFFSET / PAGE_BYTES)
#define FAT_SERIAL_AT  67

/* Filesystems that were met: each once, however often it is mounted. */
struct devices {
	char names[DEVICES_MAX][SYSTEM_DEVICE_BYTES];
	uint32_t count;
};

void session_node(const char *device, char node_out[SESSION_NODE_BYTES])
{
	snprintf(node_out, SESSION_NODE_BYTES, "/dev/%s", device);
	for (char *mark = node_out; (mark = strchr(mark, '!')) != NULL;)
		*mark = '/';
}

int session_open(const struct tree *tree, const char *path, int flags)
{
	char full[TREE_PATH_BYTES];
	int descriptor;

	if (!tree_path(tree, path, full))
		return -1;
	descriptor = open(full, flags | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
	if (descriptor < 0 && errno == EINVAL)
		descriptor = open(full, flags | O_CLOEXEC | O_NONBLOCK);
	return descriptor;
}

/* --- the kernel -------------------------------------------------------------------------------------------------- */

/* Calls take for each line, up to the one that it wants. False: there is none. */
static bool lines_search(const struct tree *tree, const char *path,
			 bool (*take)(const char *line, struct session_record *record), struct session_record *record)
{
	char full[TREE_PATH_BYTES];
	char line[512];
	FILE *stream = tree_path(tree, path, full) ? fopen(full, "re") : NULL;
	bool found = false;

	if (stream == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), stream) != NULL)
		found = take(line, record);
	fclose(stream);
	return found;
}

/* "  06000000-06e0ffff : Kernel code"; zeroes for all but root. */
static bool code_take(const char *line, struct session_record *record)
{
	unsigned long long start;
	unsigned long long last;
	int end = 0;

	if (sscanf(line, " %llx-%llx : Kernel code%n", &start, &last, &end) != 2 || end == 0 || last <= start)
		return false;
	record->code_start = start;
	record->code_end = last + 1;
	return true;
}

/* "ffffffff81061000 T restore_registers"; zeroes where the kernel hides its addresses. */
static bool return_point_take(const char *line, struct session_record *record)
{
	unsigned long long address;
	char name[sizeof(RETURN_POINT) + 1];
	char kind;

	if (sscanf(line, "%llx %c %18s", &address, &kind, name) != 3 || strcmp(name, RETURN_POINT) != 0)
		return false;
	record->jump_address = address;
	return true;
}

_Static_assert(sizeof(RETURN_POINT) == 18, "return_point_take reads a longer name as another one");

/* --- a filesystem --------------------------------------------------------------------------------------------- */

static bool page_read(int descriptor, uint64_t number, struct page *page)
{
	return pread(descriptor, page, sizeof(*page), (off_t)(number * PAGE_BYTES)) == (ssize_t)sizeof(*page);
}

/* The UUID of a superblock that filesystem_identify knows is at the same place as there. */
static void other_identify(int descriptor, struct page *page, struct session_filesystem *filesystem)
{
	enum { XFS_UUID_AT = 32, BTRFS_UUID_AT = 32 };
	struct identity identity;

	if (filesystem_identify(page, &identity) == FILESYSTEM_XFS) {
		filesystem->kind = SESSION_XFS;
		memcpy(filesystem->state.uuid, page->bytes + XFS_UUID_AT, UUID_BYTES);
	} else if (filesystem_identify_fat(page, &identity)) {
		filesystem->kind = SESSION_FAT;
		memcpy(filesystem->state.uuid, page->bytes + FAT_SERIAL_AT, sizeof(uint32_t));
	} else if (page_read(descriptor, BTRFS_PAGE, page) &&
		   filesystem_identify_btrfs(page, &identity) == FILESYSTEM_BTRFS) {
		filesystem->kind = SESSION_BTRFS;
		memcpy(filesystem->state.uuid, page->bytes + BTRFS_UUID_AT, UUID_BYTES);
	}
}

/*
 * Processes live in these: nobody unmounts or freezes them on the way into a hibernation. Of others a journal that is
 * no longer in use proves nothing.
 */
static bool place_is_lasting(const char *place)
{
	static const char *const lasting[] = {"/", "/usr", "/var", "/home"};

	for (size_t i = 0; i < ARRAY_COUNT(lasting); i++) {
		if (strcmp(place, lasting[i]) == 0)
			return true;
	}
	return false;
}

/* A kernel that freezes filesystems while it hibernates ends the use of their journals by itself. */
static bool kernel_freezes(const struct tree *tree)
{
	char value[16];

	return tree_read_line(tree, "/sys/power/freeze_filesystems", value, sizeof(value)) && strcmp(value, "0") != 0;
}

static void filesystem_read(const struct tree *tree, const char *device, struct page *page,
			    struct session_filesystem *filesystem)
{
	char node[SESSION_NODE_BYTES];
	struct system_disk disk;
	int descriptor;

	session_node(device, node);
	descriptor = session_open(tree, node, O_RDONLY);
	if (descriptor < 0)
		return;
	if (page_read(descriptor, 0, page)) {
		/* What is made of other devices, or on none that is always there, is nothing that the loader finds. */
		system_disk_examine(tree, device, tree_exists(tree, "/sys/firmware/efi"), &disk);
		if (ext_state_read(page, &filesystem->state) == STATUS_OK) {
			filesystem->kind = SESSION_EXT;
			filesystem->is_checked = disk.way != DISK_CLOSED;
			filesystem->keeps_journal = filesystem->state.needs_recovery && !kernel_freezes(tree);
		} else {
			other_identify(descriptor, page, filesystem);
		}
	}
	close(descriptor);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

/* Its number among those that were met; devices->count: it is new. */
static uint32_t device_find(const struct devices *devices, const char *name)
{
	uint32_t i = 0;

	while (i < devices->count && strcmp(devices->names[i], name) != 0)
		i++;
	return i;
}

/* The record keeps the first: mountinfo begins with the root filesystem. */
static void mount_note(const struct tree *tree, const struct mount_entry *mount, struct devices *devices,
		       bool is_lasting[SESSION_FILESYSTEMS_MAX])
{
	char name[SYSTEM_DEVICE_BYTES];
	uint32_t at;

	/* Btrfs counts its own devices, which are no block devices. */
	if (!system_device_of_number(tree, mount->line.major, mount->line.minor, name) &&
	    !(mount->line.source[0] == '/' && system_device_find(tree, mount->line.source, name)))
		return;
	at = device_find(devices, name);
	if (at == devices->count) {
		if (devices->count == DEVICES_MAX)
			return;
		memcpy(devices->names[devices->count++], name, sizeof(name));
	}
	if (at < SESSION_FILESYSTEMS_MAX && place_is_lasting(mount->place))
		is_lasting[at] = true;
}

static bool mounts_read(const struct tree *tree, struct session_record *record)
{
	static struct devices devices;
	bool is_lasting[SESSION_FILESYSTEMS_MAX] = {false};
	struct page *page = aligned_alloc(sizeof(struct page), sizeof(struct page));
	struct mount_entry mount;
	size_t bytes;
	/* Those of the system, not of a service with mounts of its own. */
	char *text = tree_read(tree, "/proc/1/mountinfo", TEXT_BYTES_MAX, &bytes);

	if (page == NULL)
		abort();
	devices.count = 0;
	for (const char *rest = text; rest != NULL && (rest = procfs_mount_next(rest, &mount)) != NULL;) {
		if (mount.is_writable)
			mount_note(tree, &mount, &devices, is_lasting);
	}
	for (uint32_t i = 0; i < devices.count; i++) {
		struct session_filesystem *filesystem = &record->filesystems[record->count];

		if (i == SESSION_FILESYSTEMS_MAX) {
			record->left_out = devices.count - i;
			break;
		}
		filesystem_read(tree, devices.names[i], page, filesystem);
		filesystem->keeps_journal &= is_lasting[i];
		filesystem->state.needs_recovery = filesystem->keeps_journal;
		record->count++;
	}
	free(page);
	free(text);
	return text != NULL;
}

bool session_collect(const struct tree *tree, struct session_record *record_out, const char **reason_out)
{
	struct session_record record = {.written_time = (uint64_t)time(NULL)};

	*reason_out = "/proc/iomem does not tell where the kernel is";
	if (!lines_search(tree, "/proc/iomem", code_take, &record))
		return false;
	/* Where addresses are hidden, that must do. */
	(void)lines_search(tree, "/proc/kallsyms", return_point_take, &record);
	*reason_out = "the list of mounts can't be read";
	if (!mounts_read(tree, &record))
		return false;
	*record_out = record;
	return true;
}
