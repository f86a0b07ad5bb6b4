/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices as sysfs shows them (Documentation/ABI/stable/sysfs-block, testing/sysfs-bus-pci): which device a name
 * means, what lies between it and the disk, and whether Thaw has a driver for the disk's controller.
 */
#pragma once

#include "tools/tree.h"

#define SYSTEM_DEVICE_BYTES 64

/*
 * The kernel's name ("sda3", "dm-0") of UUID=, LABEL=, PARTUUID=, PARTLABEL=, a path in /dev, or "8:3". False: there is
 * no such device now.
 */
bool system_device_find(const struct tree *tree, const char *text, char name_out[SYSTEM_DEVICE_BYTES]);

bool system_device_of_number(const struct tree *tree, uint32_t major, uint32_t minor,
			     char name_out[SYSTEM_DEVICE_BYTES]);

enum disk_way {
	DISK_DRIVEN,  /* Thaw has a driver */
	DISK_UNKNOWN, /* sysfs does not tell enough */
	DISK_CLOSED,  /* Thaw has no way to it */
};

struct system_disk {
	enum disk_way way;
	bool is_volume;     /* a logical volume of LVM2: its kind is not in sysfs */
	char what[256];     /* "sda3, AHCI controller 0000:00:1f.2" */
	const char *fault;  /* static text: why DISK_CLOSED or DISK_UNKNOWN; else NULL */
	const char *advice; /* static text, or NULL */
};

/* is_uefi: the firmware reads the disks, so that their controllers do not matter. */
void system_disk_examine(const struct tree *tree, const char *name, bool is_uefi, struct system_disk *disk_out);

/* `dmsetup table` of one volume: is it linear, all of it? *kind_out: what else it is. Pure. */
bool system_volume_is_linear(const char *table, char *kind_out, size_t capacity);
