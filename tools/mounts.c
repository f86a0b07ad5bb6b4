/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writable disks, by the kernel's own lists.
 */
#include "tools/mounts.h"

#include <stdio.h>
#include <string.h>

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Filesystems on several devices have no device number of their own. */
static bool is_on_disk(unsigned int major_number, const char *type, const char *source)
{
	return major_number != 0 || begins_with(source, "/dev/") || strcmp(type, "zfs") == 0;
}

bool mount_writes_to_disk(const char *line, char *name_out)
{
	const char *rest = strstr(line, " - ");
	char type[64];
	char source[MOUNT_NAME_BYTES];
	char access[3]; /* the first word of the superblock's options */
	unsigned int major_number;

	if (rest == NULL || sscanf(line, "%*u %*u %u:", &major_number) != 1 ||
	    sscanf(rest, " - %63s %255s %2s", type, source, access) != 3)
		return false;
	if (strcmp(access, "rw") != 0 || !is_on_disk(major_number, type, source))
		return false;
	memcpy(name_out, source, sizeof(source));
	return true;
}

bool swap_writes_to_disk(const char *line, char *name_out)
{
	char name[MOUNT_NAME_BYTES] = "";

	(void)sscanf(line, "%255s", name);
	if (strcmp(name, "Filename") == 0 || begins_with(name, "/dev/zram"))
		return false;
	memcpy(name_out, name, sizeof(name));
	return true;
}
