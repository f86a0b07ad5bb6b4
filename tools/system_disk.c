/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a name to the controller.
 */
#include "tools/system_disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tools/procfs.h"
#include "tools/words.h"

#define LAYERS_MAX 32 /* devices below one name */
#define PCI_BYTES  16 /* "0000:00:1f.2"; the domain may have more digits */

/* PCI class code, subclass, programming interface (PCI Code and ID Assignment 1.16, 1.2). */
#define CLASS_IDE        0x0101
#define CLASS_RAID       0x0104
#define CLASS_SATA       0x0106
#define CLASS_SAS        0x0107
#define CLASS_NVM        0x0108
#define CLASS_USB        0x0C03
#define INTERFACE_AHCI   0x01
#define INTERFACE_NVME   0x02
#define ADVICE_PARTITION "Hibernate to a plain swap partition, or leave the resume to Linux: it works as before."

/* As udev writes it in names of links. */
static bool name_encode(const char *text, char *out, size_t capacity)
{
	size_t length = 0;

	for (; *text != '\0'; text++) {
		const uint8_t byte = (uint8_t)*text;
		const bool is_plain = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
				      (byte >= '0' && byte <= '9') || strchr("#+-.:=@_", byte) != NULL || byte >= 0x80;
		const int count = snprintf(out + length, capacity - length, is_plain ? "%c" : "\\x%02x", byte);

		if ((size_t)count >= capacity - length)
			return false;
		length += (size_t)count;
	}
	return length > 0;
}

static bool name_is_plain(const char *name)
{
	return *name != '\0' && *name != '.' && strchr(name, '/') == NULL && strlen(name) < SYSTEM_DEVICE_BYTES;
}

bool system_device_of_number(const struct tree *tree, uint32_t major_number, uint32_t minor_number,
			     char name_out[SYSTEM_DEVICE_BYTES])
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major_number, minor_number);
	return tree_link_name(tree, path, name_out, SYSTEM_DEVICE_BYTES);
}

static bool device_of_node(const struct tree *tree, const char *path, char name_out[SYSTEM_DEVICE_BYTES])
{
	char full[TREE_PATH_BYTES];
	char name[TREE_PATH_BYTES];
	struct stat status;

	if (tree_link_name(tree, path, name_out, SYSTEM_DEVICE_BYTES))
		return true;
	/* /dev/mapper without udev holds nodes. */
	if (tree_path(tree, path, full) && stat(full, &status) == 0 && S_ISBLK(status.st_mode))
		return system_device_of_number(tree, major(status.st_rdev), minor(status.st_rdev), name_out);
	if (strncmp(path, "/dev/", 5) != 0 || !name_is_plain(path + 5))
		return false;
	snprintf(name, sizeof(name), "/sys/class/block/%s", path + 5);
	if (!tree_exists(tree, name))
		return false;
	memcpy(name_out, path + 5, strlen(path + 5) + 1);
	return true;
}

bool system_device_find(const struct tree *tree, const char *text, char name_out[SYSTEM_DEVICE_BYTES])
{
	static const struct {
		const char *tag;
		const char *directory;
	} tags[] = {
		{"UUID=", "/dev/disk/by-uuid/"},
		{"LABEL=", "/dev/disk/by-label/"},
		{"PARTUUID=", "/dev/disk/by-partuuid/"},
		{"PARTLABEL=", "/dev/disk/by-partlabel/"},
	};
	char path[TREE_PATH_BYTES];
	char encoded[512];
	uint32_t major_number;
	uint32_t minor_number;

	for (size_t i = 0; i < ARRAY_COUNT(tags); i++) {
		const size_t length = strlen(tags[i].tag);

		if (strncmp(text, tags[i].tag, length) != 0)
			continue;
		if (!name_encode(text + length, encoded, sizeof(encoded)))
			return false;
		snprintf(path, sizeof(path), "%s%s", tags[i].directory, encoded);
		return tree_link_name(tree, path, name_out, SYSTEM_DEVICE_BYTES);
	}
	if (*text == '/')
		return device_of_node(tree, text, name_out);
	return procfs_device_number(text, &major_number, &minor_number) &&
	       system_device_of_number(tree, major_number, minor_number, name_out);
}

/* The last part of a path that looks like a PCI function's address. */
static bool pci_find(const char *path, char address_out[PCI_BYTES])
{
	bool found = false;

	for (const char *part = strchr(path, '/'); part != NULL; part = strchr(part + 1, '/')) {
		const char *name = part + 1;
		const size_t length = strcspn(name, "/");
		const size_t domain = strspn(name, "0123456789abcdef");

		if (domain >= 4 && length == domain + 8 && length < PCI_BYTES && name[domain] == ':' &&
		    name[domain + 3] == ':' && name[domain + 6] == '.') {
			snprintf(address_out, PCI_BYTES, "%.*s", (int)length, name);
			found = true;
		}
	}
	return found;
}

/* "virtio3" of a path. */
static bool virtio_find(const char *path, char name_out[32])
{
	const char *part = strstr(path, "/virtio");
	size_t length;

	if (part == NULL)
		return false;
	length = strcspn(part + 1, "/");
	if (length <= strlen("virtio") || length >= 32)
		return false;
	snprintf(name_out, 32, "%.*s", (int)length, part + 1);
	return true;
}

struct verdict {
	enum disk_way way;
	const char *kind;
	const char *fault;
	const char *advice;
};

static struct verdict class_judge(uint32_t class)
{
	static const char no_driver[] = "Thaw has no driver for this kind of controller";
	static const char use_uefi[] = "Linux resumes as before. With UEFI the firmware would read the disk for Thaw.";

	if (class >> 8 == CLASS_SATA && (class & 0xFF) == INTERFACE_AHCI)
		return (struct verdict){DISK_DRIVEN, "AHCI controller", NULL, NULL};
	if (class >> 8 == CLASS_IDE)
		return (struct verdict){DISK_DRIVEN, "IDE controller", NULL, NULL};
	if (class >> 8 == CLASS_NVM && (class & 0xFF) == INTERFACE_NVME)
		return (struct verdict){DISK_DRIVEN, "NVMe controller", NULL, NULL};
	if (class >> 8 == CLASS_RAID)
		return (struct verdict){
			DISK_CLOSED, "controller in RAID mode", no_driver,
			"The firmware's setup can often switch it to AHCI; prepare the installed systems "
			"for that first."};
	if (class >> 8 == CLASS_USB)
		return (struct verdict){DISK_CLOSED, "USB controller", no_driver, use_uefi};
	if (class >> 8 == CLASS_SAS)
		return (struct verdict){DISK_CLOSED, "SAS controller", no_driver, use_uefi};
	return (struct verdict){DISK_CLOSED, "controller", no_driver, use_uefi};
}

static struct verdict controller_judge(const struct tree *tree, const char *sysfs_path, const char *pci)
{
	char path[TREE_PATH_BYTES];
	char driver[64];
	char virtio[32];
	uint64_t class;

	if (virtio_find(sysfs_path, virtio)) {
		snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%s/driver", virtio);
		if (!tree_link_name(tree, path, driver, sizeof(driver)))
			return (struct verdict){DISK_UNKNOWN, "virtio device", "sysfs does not tell its driver", NULL};
		if (strcmp(driver, "virtio_blk") != 0)
			return (struct verdict){DISK_CLOSED, "virtio-scsi controller",
						"Thaw has no driver for this kind of controller",
						"Give the virtual machine a virtio-blk, NVMe or SATA disk."};
		if (*pci == '\0')
			return (struct verdict){DISK_CLOSED, "virtio-mmio disk", "Thaw looks for disks on PCI only",
						NULL};
		return (struct verdict){DISK_DRIVEN, "virtio disk", NULL, NULL};
	}
	if (*pci == '\0')
		return (struct verdict){DISK_CLOSED, "disk", "it is on no PCI controller", NULL};
	if (strncmp(pci, "0000:", 5) != 0)
		return (struct verdict){DISK_CLOSED, "controller",
					"it is behind another PCI bridge system (Intel VMD?)",
					"The firmware's setup can often switch VMD off; prepare the installed systems "
					"for that first."};
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", pci);
	if (!tree_read_number(tree, path, &class) || class > 0xFFFFFF)
		return (struct verdict){DISK_UNKNOWN, "controller", "sysfs does not tell its class", NULL};
	return class_judge((uint32_t) class);
}

/* What is no disk of its own, by the beginning of the kernel's name. */
static const struct {
	const char *prefix;
	const char *fault;
} virtuals[] = {
	{"md", "it is on a RAID array, which Thaw does not assemble"},
	{"loop", "it is on a loop device"},
	{"zram", "it is compressed memory, which is lost when the machine is switched off"},
	{"ram", "it is a disk in memory"},
	{"nbd", "it is a network disk"},
	{"rbd", "it is a network disk"},
	{"drbd", "it is a replicated disk"},
	{"bcache", "it is a bcache volume"},
};

/* Layers that are still to be looked at. */
struct layers {
	char names[LAYERS_MAX][SYSTEM_DEVICE_BYTES];
	uint32_t count;
	uint32_t next;
};

static void closed(struct system_disk *disk, enum disk_way way, const char *fault, const char *advice)
{
	if (way <= disk->way)
		return;
	disk->way = way;
	disk->fault = fault;
	disk->advice = advice;
}

__attribute__((format(printf, 2, 3))) static void what_add(struct system_disk *disk, const char *format, ...)
{
	const size_t length = strlen(disk->what);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(disk->what + length, sizeof(disk->what) - length, format, arguments);
	va_end(arguments);
}

static void mapped_examine(const struct tree *tree, const char *name, struct layers *layers, struct system_disk *disk)
{
	struct tree_name below[LAYERS_MAX];
	char path[TREE_PATH_BYTES];
	char uuid[256];
	size_t count;

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/uuid", name);
	if (!tree_read_line(tree, path, uuid, sizeof(uuid)))
		closed(disk, DISK_UNKNOWN, "sysfs does not tell what kind of volume it is", NULL);
	else if (strncmp(uuid, "CRYPT-", 6) == 0)
		closed(disk, DISK_CLOSED, "it is encrypted (LUKS or dm-crypt), which Thaw does not open",
		       ADVICE_PARTITION " A plain partition would hold all of memory unencrypted.");
	else if (strncmp(uuid, "LVM-", 4) != 0)
		closed(disk, DISK_CLOSED, "it is a device-mapper volume of a kind that Thaw does not read",
		       ADVICE_PARTITION);
	else
		disk->is_volume = true;
	snprintf(path, sizeof(path), "/sys/class/block/%s/slaves", name);
	count = tree_list(tree, path, below, LAYERS_MAX);
	for (size_t i = 0; i < count && layers->count < LAYERS_MAX; i++) {
		if (name_is_plain(below[i].text))
			memcpy(layers->names[layers->count++], below[i].text, strlen(below[i].text) + 1);
	}
}

static void disk_examine(const struct tree *tree, const char *name, bool is_uefi, struct system_disk *disk)
{
	char link[TREE_PATH_BYTES];
	char path[TREE_PATH_BYTES];
	char pci[PCI_BYTES] = "";
	struct verdict verdict;

	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	if (!tree_link(tree, path, link, sizeof(link))) {
		closed(disk, DISK_UNKNOWN, "sysfs does not know the disk", NULL);
		return;
	}
	/* A namespace that several controllers may share is nobody's child: its first controller is taken. */
	if (strstr(link, "/nvme-subsystem/") != NULL) {
		char controller[SYSTEM_DEVICE_BYTES];

		snprintf(controller, sizeof(controller), "%.*s",
			 (int)(strcspn(name + strlen("nvme"), "n") + strlen("nvme")), name);
		snprintf(path, sizeof(path), "/sys/class/nvme/%s", controller);
		if (!tree_link(tree, path, link, sizeof(link)))
			link[0] = '\0';
	}
	pci_find(link, pci);
	if (is_uefi) {
		what_add(disk, ", read through the firmware");
		return;
	}
	verdict = strstr(link, "/usb") != NULL ? class_judge(CLASS_USB << 8) : controller_judge(tree, link, pci);
	what_add(disk, ", %s%s%s", verdict.kind, *pci != '\0' ? " " : "", pci);
	closed(disk, verdict.way, verdict.fault, verdict.advice);
}

void system_disk_examine(const struct tree *tree, const char *name, bool is_uefi, struct system_disk *disk_out)
{
	struct layers layers = {.count = 0};

	memset(disk_out, 0, sizeof(*disk_out));
	if (!name_is_plain(name)) {
		closed(disk_out, DISK_UNKNOWN, "that is no device's name", NULL);
		return;
	}
	memcpy(layers.names[layers.count++], name, strlen(name) + 1);
	while (layers.next < layers.count) {
		const char *layer = layers.names[layers.next++];
		bool is_virtual = false;

		what_add(disk_out, "%s%s", layers.next > 1 ? ", on " : "", layer);
		for (size_t i = 0; i < ARRAY_COUNT(virtuals); i++) {
			if (strncmp(layer, virtuals[i].prefix, strlen(virtuals[i].prefix)) == 0) {
				closed(disk_out, DISK_CLOSED, virtuals[i].fault, ADVICE_PARTITION);
				is_virtual = true;
			}
		}
		if (is_virtual)
			continue;
		if (strncmp(layer, "dm-", 3) == 0)
			mapped_examine(tree, layer, &layers, disk_out);
		else
			disk_examine(tree, layer, is_uefi, disk_out);
	}
}

/* "0 2097152 linear 8:2 2048": the third word; the volume's name and a colon may stand in front. */
static bool target_kind(const char *line, char *kind_out, size_t capacity)
{
	char word[256];
	const char *rest = words_next(line, word, sizeof(word));

	if (rest != NULL && word[strlen(word) - (*word != '\0')] == ':')
		rest = words_next(rest, word, sizeof(word));
	for (uint32_t i = 0; i < 2 && rest != NULL; i++) {
		if (*word == '\0' || strspn(word, "0123456789") != strlen(word))
			return false;
		rest = words_next(rest, word, sizeof(word));
	}
	if (rest == NULL)
		return false;
	snprintf(kind_out, capacity, "%s", word);
	return true;
}

bool system_volume_is_linear(const char *table, char *kind_out, size_t capacity)
{
	bool linear = false;

	snprintf(kind_out, capacity, "unknown");
	for (const char *line = table; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');

		if (!target_kind(line, kind_out, capacity) || strcmp(kind_out, "linear") != 0)
			return false;
		linear = true;
		line = end != NULL ? end + 1 : NULL;
	}
	return linear;
}
