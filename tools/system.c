/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's own word on hibernation: /sys/power (Documentation/ABI/testing/sysfs-power), procfs, initramfs-tools,
 * efivarfs.
 */
#define _GNU_SOURCE
#include "tools/system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/program.h"
#include "tools/words.h"

#define EFIVARS        "/sys/firmware/efi/efivars/"
#define SECURE_BOOT    EFIVARS "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define TEXT_BYTES_MAX ((size_t)MIB)
#define FILES_MAX      64
#define DMSETUP_BYTES  16384

void system_place_set(const struct tree *tree, const char *text, struct system_place *place)
{
	place->is_given = true;
	snprintf(place->text, sizeof(place->text), "%s", text);
	place->is_found = system_device_find(tree, text, place->device);
	words_make_printable(place->text);
}

static void kernel_read(const struct tree *tree, struct system_view *view)
{
	uint32_t major_number;
	uint32_t minor_number;
	char text[64];

	view->has_power = tree_read_line(tree, "/sys/power/state", view->power_state, sizeof(view->power_state));
	tree_read_line(tree, "/sys/power/disk", view->power_disk, sizeof(view->power_disk));
	view->has_image_bytes = tree_read_number(tree, "/sys/power/image_size", &view->image_bytes);
	tree_read_line(tree, "/sys/module/hibernate/parameters/compressor", view->compressor, sizeof(view->compressor));
	/* "0:0": none was ever named. */
	if (tree_read_line(tree, "/sys/power/resume", text, sizeof(text)) &&
	    procfs_device_number(text, &major_number, &minor_number) && (major_number != 0 || minor_number != 0)) {
		system_place_set(tree, text, &view->kernel);
		view->kernel.has_offset = tree_read_number(tree, "/sys/power/resume_offset", &view->kernel.offset);
	}
}

static void firmware_read(const struct tree *tree, struct system_view *view)
{
	char text[128];
	size_t bytes;
	char *data;

	view->is_uefi = tree_exists(tree, "/sys/firmware/efi");
	view->loader_path = view->is_uefi ? SYSTEM_UEFI_LOADER : SYSTEM_BIOS_LOADER;
	view->loader = tree_exists(tree, view->loader_path) ? ANSWER_YES : errno == ENOENT ? ANSWER_NO : ANSWER_UNKNOWN;
	if (tree_read_line(tree, "/sys/kernel/security/lockdown", text, sizeof(text)))
		view->lockdown = strstr(text, "[none]") != NULL ? ANSWER_NO : ANSWER_YES;
	if (!view->is_uefi) {
		view->secure_boot = ANSWER_NO;
		return;
	}
	data = tree_read(tree, SECURE_BOOT, 64, &bytes);
	/* Four bytes of attributes, then one. */
	if (data != NULL)
		view->secure_boot = bytes == 5 && data[4] == 1 ? ANSWER_YES : ANSWER_NO;
	else
		view->secure_boot = errno == ENOENT ? ANSWER_NO : ANSWER_UNKNOWN;
	free(data);
}

static void memory_read(const struct tree *tree, struct system_view *view)
{
	size_t bytes;
	char *text = tree_read(tree, "/proc/meminfo", TEXT_BYTES_MAX, &bytes);

	if (text == NULL)
		return;
	if (!procfs_meminfo(text, "MemTotal:", &view->memory_bytes) ||
	    !procfs_meminfo(text, "MemFree:", &view->memory_free) ||
	    !procfs_meminfo(text, "MemAvailable:", &view->memory_available))
		view->memory_bytes = 0;
	free(text);
}

static void initramfs_take(const struct tree *tree, const char *path, struct system_view *view)
{
	char value[SYSTEM_TEXT_BYTES];
	size_t bytes;
	char *text = tree_read(tree, path, TEXT_BYTES_MAX, &bytes);
	enum words_setting setting;

	if (text == NULL)
		return;
	setting = words_setting_find(text, "RESUME", value, sizeof(value));
	free(text);
	if (setting == WORDS_NOT_SET)
		return;
	view->initramfs = (struct system_place){.is_given = false};
	view->initramfs_kind = INITRAMFS_PLACE;
	if (setting == WORDS_UNCLEAR)
		view->initramfs_kind = INITRAMFS_UNCLEAR;
	else if (*value == '\0' || strcmp(value, "auto") == 0)
		view->initramfs_kind = INITRAMFS_AUTO;
	else if (strcmp(value, "none") == 0)
		view->initramfs_kind = INITRAMFS_NONE;
	else
		system_place_set(tree, value, &view->initramfs);
}

/* initramfs-tools sources these files in this order. */
static void initramfs_read(const struct tree *tree, struct system_view *view)
{
	static const char *const directories[] = {"/usr/share/initramfs-tools/conf.d", "/etc/initramfs-tools/conf.d"};
	static struct tree_name names[FILES_MAX];
	char path[TREE_PATH_BYTES];

	if (!tree_exists(tree, "/etc/initramfs-tools"))
		return;
	view->initramfs_kind = INITRAMFS_AUTO;
	initramfs_take(tree, "/etc/initramfs-tools/initramfs.conf", view);
	for (size_t i = 0; i < ARRAY_COUNT(directories); i++) {
		const size_t count = tree_list(tree, directories[i], names, FILES_MAX);

		for (size_t j = 0; j < count; j++) {
			snprintf(path, sizeof(path), "%s/%s", directories[i], names[j].text);
			initramfs_take(tree, path, view);
		}
	}
}

/* Where the file's first page is; the answer is a place on the device on every filesystem but Btrfs. */
static void file_offset_read(const struct tree *tree, struct system_area *area)
{
	union {
		struct fiemap map;
		uint8_t room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} request;
	char path[TREE_PATH_BYTES];
	int descriptor;

	if (!tree_path(tree, area->line.path, path))
		return;
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0) {
		area->offset_needs_root = errno == EACCES;
		return;
	}
	memset(&request, 0, sizeof(request));
	request.map.fm_length = PAGE_BYTES;
	request.map.fm_extent_count = 1;
	if (strcmp(area->filesystem, "btrfs") != 0 && ioctl(descriptor, FS_IOC_FIEMAP, &request.map) == 0 &&
	    request.map.fm_mapped_extents == 1) {
		const struct fiemap_extent *first = request.map.fm_extents;

		area->has_offset =
			first->fe_logical == 0 && first->fe_physical % PAGE_BYTES == 0 && first->fe_physical != 0;
		area->offset = first->fe_physical / PAGE_BYTES;
	}
	close(descriptor);
}

/* The device under an area, and for a file its place there. */
static void area_locate(const struct tree *tree, struct system_area *area)
{
	struct mount_line mount;
	size_t bytes;
	char *text;

	if (!area->line.is_file) {
		if (!system_device_find(tree, area->line.path, area->device))
			area->device[0] = '\0';
		return;
	}
	text = tree_read(tree, "/proc/self/mountinfo", TEXT_BYTES_MAX, &bytes);
	if (text == NULL)
		return;
	if (procfs_mount_of(text, area->line.path, &mount)) {
		snprintf(area->filesystem, sizeof(area->filesystem), "%s", mount.filesystem);
		/* Btrfs counts its own devices, which are no block devices. */
		if (!system_device_of_number(tree, mount.major, mount.minor, area->device) &&
		    !system_device_find(tree, mount.source, area->device))
			area->device[0] = '\0';
	}
	free(text);
}

static bool area_is_on_disk(const struct system_area *area)
{
	return strncmp(area->line.path, "/dev/zram", 9) != 0;
}

/* Is it the one that the kernel was told? */
static bool area_is_kernels(const struct system_area *area, const struct system_place *kernel)
{
	return kernel->is_found && strcmp(area->device, kernel->device) == 0 &&
	       area->line.is_file == (kernel->has_offset && kernel->offset != 0);
}

/* The area that the kernel was told, else the one that is filled first. */
static void area_choose(const struct tree *tree, struct system_view *view)
{
	for (size_t i = 0; i < view->swap_count; i++) {
		struct system_area area = {.is_there = true, .line = view->swaps[i]};

		if (!area_is_on_disk(&area))
			continue;
		area_locate(tree, &area);
		if (!view->kernel.is_given || area_is_kernels(&area, &view->kernel)) {
			view->area = area;
			break;
		}
	}
	if (!view->area.is_there || !view->area.line.is_file)
		return;
	file_offset_read(tree, &view->area);
	if (view->area.has_offset && view->kernel.is_given)
		view->area.offset_differs = view->kernel.offset != view->area.offset;
	else if (!view->area.has_offset && view->kernel.is_given) {
		/* Nobody else tells: the kernel's word is taken. */
		view->area.has_offset = true;
		view->area.offset = view->kernel.offset;
	}
}

static void swaps_read(const struct tree *tree, struct system_view *view)
{
	size_t bytes;
	char *text = tree_read(tree, "/proc/swaps", TEXT_BYTES_MAX, &bytes);

	if (text == NULL)
		return;
	view->swap_count = procfs_swaps(text, view->swaps, SYSTEM_SWAPS_MAX);
	free(text);
	area_choose(tree, view);
}

/* The kinds of a volume's segments are told to root only. */
static void volume_ask(struct system_view *view)
{
	static const char *const paths[] = {"/usr/sbin/dmsetup", "/sbin/dmsetup"};
	static char table[DMSETUP_BYTES];
	const char *path = program_find(paths, ARRAY_COUNT(paths));
	char node[SYSTEM_DEVICE_BYTES + 8];
	const char *const words[PROGRAM_WORDS_MAX] = {path, "table", node, NULL};
	struct program program;
	bool linear;
	size_t bytes;

	snprintf(node, sizeof(node), "/dev/%s", view->area.device);
	if (path == NULL || !program_open(words, &program))
		return;
	bytes = fread(table, 1, sizeof(table) - 1, program.output);
	table[bytes] = '\0';
	/* What is longer has too many segments for Thaw, too: its last line is cut. */
	linear = system_volume_is_linear(table, view->volume_kind, sizeof(view->volume_kind)) &&
		 bytes < sizeof(table) - 1;
	if (program_close(&program) && bytes > 0)
		view->volume_is_linear = linear ? ANSWER_YES : ANSWER_NO;
}

static void record_read(const struct tree *tree, struct system_view *view)
{
	const struct system_area *area = &view->area;
	struct page *header = aligned_alloc(sizeof(struct page), sizeof(struct page));
	char path[TREE_PATH_BYTES];
	char node[SYSTEM_DEVICE_BYTES + 8];
	int descriptor;

	if (header == NULL)
		abort();
	/* A swap file's own first page is the header, too. */
	snprintf(node, sizeof(node), "/dev/%s", area->device);
	if (tree_path(tree, area->line.is_file ? area->line.path : node, path)) {
		descriptor = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
		if (descriptor < 0 && errno == EINVAL)
			descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (descriptor >= 0 && pread(descriptor, header, sizeof(*header), 0) == (ssize_t)sizeof(*header))
			view->has_record = result_record_read(header, &view->record) ? ANSWER_YES : ANSWER_NO;
		if (descriptor >= 0)
			close(descriptor);
	}
	free(header);
}

static void results_read(const struct tree *tree, struct system_view *view)
{
	char word[128];
	size_t bytes;
	char *data = tree_read(tree, EFIVARS RESULT_VARIABLE, 4096, &bytes);

	if (words_option(view->command_line, "thaw.status=", word, sizeof(word))) {
		words_make_printable(word);
		snprintf(view->booted_status, sizeof(view->booted_status), "%.*s", RESULT_WORD_BYTES - 1, word);
	}
	if (data != NULL)
		view->has_variable = result_variable_read(data, bytes, &view->variable);
	free(data);
	if (view->area.is_there && view->area.device[0] != '\0')
		record_read(tree, view);
}

static void begin(const struct tree *tree, struct system_view *view)
{
	memset(view, 0, sizeof(*view));
	view->is_root = geteuid() == 0;
	tree_read_line(tree, "/proc/cmdline", view->command_line, sizeof(view->command_line));
	system_place_of_words(tree, view->command_line, &view->booted);
	kernel_read(tree, view);
	swaps_read(tree, view);
}

void system_read_results(const struct tree *tree, struct system_view *view_out)
{
	begin(tree, view_out);
	results_read(tree, view_out);
}

size_t system_read_areas(const struct tree *tree, bool all, struct system_area areas_out[SYSTEM_SWAPS_MAX])
{
	static struct system_view view;
	size_t count = 0;

	begin(tree, &view);
	for (size_t i = 0; i < view.swap_count; i++) {
		struct system_area *area = &areas_out[count];

		*area = (struct system_area){.is_there = true, .line = view.swaps[i]};
		if (!area_is_on_disk(area))
			continue;
		area_locate(tree, area);
		if (area->line.is_file)
			file_offset_read(tree, area);
		if (!all && view.kernel.is_given && !area_is_kernels(area, &view.kernel))
			continue;
		/* Where the file itself does not tell, the kernel's word is taken. */
		if (area->line.is_file && !area->has_offset && area_is_kernels(area, &view.kernel)) {
			area->has_offset = true;
			area->offset = view.kernel.offset;
		}
		count++;
	}
	return count;
}

void system_read(const struct tree *tree, bool runs, struct system_view *view_out)
{
	begin(tree, view_out);
	firmware_read(tree, view_out);
	memory_read(tree, view_out);
	initramfs_read(tree, view_out);
	if (view_out->area.is_there && view_out->area.device[0] != '\0')
		system_disk_examine(tree, view_out->area.device, view_out->is_uefi, &view_out->disk);
	if (runs && view_out->disk.is_volume && strncmp(view_out->area.device, "dm-", 3) == 0)
		volume_ask(view_out);
	system_read_grub(tree, view_out);
	results_read(tree, view_out);
}
