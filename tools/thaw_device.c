/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices by sysfs (Documentation/ABI/stable/sysfs-block), mounts by /proc/self/mountinfo (proc(5)), and the
 * signatures that disk/ knows.
 */
#include "tools/thaw_device.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk/filesystem.h"
#include "disk/raid.h"
#include "disk/swap_area.h"
#include "tools/thaw_say.h"

#define SYSFS_SECTOR 512
#define PATH_BYTES   600
#define EDGE_BYTES   (64 * KIB)

/* By the beginning of the kernel's name for it. */
static const struct {
	const char *prefix;
	const char *fault; /* NULL: Thaw has a driver */
} kinds[] = {
	{"sd", NULL},
	{"hd", NULL},
	{"vd", NULL},
	{"nvme", NULL},
	{"dm-", "it is on LVM, LUKS or another device-mapper volume, which Thaw can't write to"},
	{"md", "it is on a RAID array, which Thaw can't write to"},
	{"loop", "it is on a loop device, which Thaw can't write to"},
	{"zram", "it is on a disk in memory"},
	{"ram", "it is on a disk in memory"},
	{"nbd", "it is on a network disk"},
	{"bcache", "it is on a bcache volume, which Thaw can't write to"},
	{"mmcblk", "it is on an SD or eMMC card, for which Thaw has no driver"},
};

static const char *kind_fault(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].fault;
	}
	return "it is on a disk of a kind for which Thaw has no driver";
}

static bool number_read(const char *directory, const char *name, uint64_t *value_out)
{
	char path[PATH_BYTES];
	char text[32];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path) &&
	       file_read_text(path, text, sizeof(text)) && sscanf(text, "%" SCNu64, value_out) == 1;
}

static bool directory_is_empty(const char *directory, const char *name)
{
	char path[PATH_BYTES];
	const struct dirent *entry;
	bool empty = true;
	DIR *stream;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return false;
	stream = opendir(path);
	if (stream == NULL)
		return errno == ENOENT;
	while ((entry = readdir(stream)) != NULL)
		empty &= entry->d_name[0] == '.';
	closedir(stream);
	return empty;
}

/* Partitions are directories in their disk's, with a file `partition`. */
static bool has_partitions(const char *directory)
{
	const struct dirent *entry;
	bool found = false;
	DIR *stream = opendir(directory);

	if (stream == NULL)
		return true;
	while ((entry = readdir(stream)) != NULL) {
		char name[300];
		uint64_t number;

		snprintf(name, sizeof(name), "%s/partition", entry->d_name);
		found |= entry->d_name[0] != '.' && number_read(directory, name, &number);
	}
	closedir(stream);
	return found;
}

bool device_examine(dev_t number, struct device *device_out, const char **reason_out)
{
	struct device device = {.name = ""};
	char directory[64];
	char link[PATH_BYTES];
	const char *name;
	uint64_t index;
	ssize_t length;

	snprintf(directory, sizeof(directory), "/sys/dev/block/%u:%u", major(number), minor(number));
	length = readlink(directory, link, sizeof(link) - 1);
	*reason_out = "it is on no block device that /sys knows";
	if (length <= 0)
		return false;
	link[length] = '\0';
	name = strrchr(link, '/') != NULL ? strrchr(link, '/') + 1 : link;
	if (strlen(name) >= sizeof(device.name))
		return false;
	memcpy(device.name, name, strlen(name));
	*reason_out = kind_fault(name);
	if (*reason_out != NULL)
		return false;
	*reason_out = "it is on a USB disk, for which Thaw has no driver";
	if (strstr(link, "/usb") != NULL)
		return false;
	*reason_out = "/sys does not tell its place on the disk";
	device.is_partition = number_read(directory, "partition", &index);
	if (!number_read(directory, "size", &device.bytes) ||
	    (device.is_partition && !number_read(directory, "start", &device.start)) ||
	    !number_read(directory, device.is_partition ? "../queue/logical_block_size" : "queue/logical_block_size",
			 &device.sector_bytes))
		return false;
	device.bytes *= SYSFS_SECTOR;
	device.start *= SYSFS_SECTOR;
	device.has_holders = !directory_is_empty(directory, "holders");
	device.has_partitions = !device.is_partition && has_partitions(directory);
	*reason_out = "its disk's sectors have neither 512 nor 4096 bytes";
	if (device.sector_bytes != 512 && device.sector_bytes != PAGE_BYTES)
		return false;
	*device_out = device;
	return true;
}

/* True when a line of mountinfo has this device, and among its superblock's options this one (NULL: any). */
static bool mount_search(dev_t number, const char *option)
{
	char *line = NULL;
	size_t capacity = 0;
	bool found = false;
	FILE *stream = fopen("/proc/self/mountinfo", "re");

	if (stream == NULL)
		return option == NULL;
	while (!found && getline(&line, &capacity, stream) > 0) {
		const char *options = strrchr(line, ' ');
		unsigned int major_number;
		unsigned int minor_number;

		found = sscanf(line, "%*u %*u %u:%u ", &major_number, &minor_number) == 2 &&
			makedev(major_number, minor_number) == number &&
			(option == NULL || (options != NULL && strstr(options, option) != NULL));
	}
	free(line);
	fclose(stream);
	return found;
}

bool device_is_mounted(dev_t number)
{
	return mount_search(number, NULL);
}

bool device_journals_data(dev_t number, const struct device *device)
{
	char path[sizeof(device->name) + 32];
	char options[4096];

	/* mountinfo leaves out what is the filesystem's own default. */
	snprintf(path, sizeof(path), "/proc/fs/ext4/%s/options", device->name);
	return mount_search(number, "data=journal") ||
	       (file_read_text(path, options, sizeof(options)) && strstr(options, "data=journal") != NULL);
}

bool path_is_swap(const char *path)
{
	struct stat wanted;
	char *line = NULL;
	size_t capacity = 0;
	bool found = false;
	FILE *stream = fopen("/proc/swaps", "re");

	/* A kernel without swap has no such file. */
	if (stream == NULL || stat(path, &wanted) != 0) {
		if (stream != NULL)
			fclose(stream);
		return false;
	}
	while (!found && getline(&line, &capacity, stream) > 0) {
		struct stat area;

		line[strcspn(line, " \t\n")] = '\0';
		if (stat(line, &area) != 0)
			continue;
		found = S_ISBLK(wanted.st_mode) ? S_ISBLK(area.st_mode) && area.st_rdev == wanted.st_rdev
						: area.st_dev == wanted.st_dev && area.st_ino == wanted.st_ino;
	}
	free(line);
	fclose(stream);
	return found;
}

bool read_at(int descriptor, void *buffer, size_t bytes, uint64_t offset)
{
	for (size_t done = 0; done < bytes;) {
		const ssize_t count = pread(descriptor, (uint8_t *)buffer + done, bytes - done, (off_t)(offset + done));

		if (count < 0 && errno == EINTR)
			continue;
		if (count == 0)
			errno = EIO;
		if (count <= 0)
			return false;
		done += (size_t)count;
	}
	return true;
}

bool write_at(int descriptor, const void *buffer, size_t bytes, uint64_t offset)
{
	for (size_t done = 0; done < bytes;) {
		const ssize_t count =
			pwrite(descriptor, (const uint8_t *)buffer + done, bytes - done, (off_t)(offset + done));

		if (count < 0 && errno == EINTR)
			continue;
		if (count == 0)
			errno = EIO;
		if (count <= 0)
			return false;
		done += (size_t)count;
	}
	return true;
}

/* The name of what the first page begins, or NULL. */
static const char *first_page_holds(const struct page *first)
{
	struct identity identity;
	const enum filesystem_kind kind = filesystem_identify(first, &identity);

	if (kind != FILESYSTEM_UNKNOWN)
		return filesystem_kind_text(kind);
	if (filesystem_identify_fat(first, &identity))
		return "FAT32";
	if (swap_area_is_plain(first))
		return "swap";
	if (memcmp(first->bytes + PAGE_BYTES - 10, "S1SUSPEND", 9) == 0)
		return "a hibernation image";
	if (memcmp(first->bytes + 510, "\x55\xaa", 2) == 0)
		return "a boot sector or a partition table";
	return NULL;
}

static bool edge_is_zero(int descriptor, uint64_t offset, const char **found_out)
{
	struct page *edge = pages_allocate(EDGE_BYTES);
	bool zero = read_at(descriptor, edge, EDGE_BYTES, offset);

	*found_out = zero ? "data (its first and last 64 KiB must be zeroes)" : NULL;
	for (size_t i = 0; zero && i < EDGE_BYTES; i++)
		zero = ((const uint8_t *)edge)[i] == 0;
	free(edge);
	return zero;
}

/* Superblocks that lie elsewhere than in the first page: false: one is there, or (NULL) it can't be read. */
static bool has_no_other_superblock(int descriptor, uint64_t bytes, uint32_t sector_bytes, const char **found_out)
{
	struct page *page = pages_allocate(sizeof(*page));
	uint64_t places[RAID_PLACES];
	const uint32_t count = raid_superblock_places(bytes, sector_bytes, places);
	struct identity identity;
	bool blank = read_at(descriptor, page, sizeof(*page), FILESYSTEM_BTRFS_OFFSET);

	*found_out = NULL;
	if (blank && filesystem_identify_btrfs(page, &identity) != FILESYSTEM_UNKNOWN) {
		*found_out = "Btrfs";
		blank = false;
	}
	for (uint32_t i = 0; blank && i < count; i++) {
		const uint64_t room = min_u64(sizeof(*page), bytes - places[i]);

		memset(page, 0, sizeof(*page));
		blank = read_at(descriptor, page, room, places[i]);
		if (blank && raid_is_superblock(page)) {
			*found_out = "a member of a RAID array";
			blank = false;
		}
	}
	free(page);
	return blank;
}

bool device_is_blank(int descriptor, uint64_t bytes, uint32_t sector_bytes, const char **found_out)
{
	struct page *first = pages_allocate(sizeof(*first));
	const bool readable = read_at(descriptor, first, sizeof(*first), 0);

	*found_out = readable ? first_page_holds(first) : NULL;
	free(first);
	return readable && *found_out == NULL && has_no_other_superblock(descriptor, bytes, sector_bytes, found_out) &&
	       edge_is_zero(descriptor, 0, found_out) && edge_is_zero(descriptor, bytes - EDGE_BYTES, found_out);
}
