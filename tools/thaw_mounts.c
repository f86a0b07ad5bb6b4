/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mounts of every process: containers have some that nobody else sees.
 */
#include "tools/thaw_mounts.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* True: a line of the file is one of those that is_wanted wants. missing: what it is when there is no such file. */
static bool any_line(const char *path, bool (*is_wanted)(const char *line, char *name_out), char *name_out,
		     bool missing)
{
	FILE *stream = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0;
	bool found = false;

	if (stream == NULL)
		return missing;
	while (!found && getline(&line, &capacity, stream) > 0)
		found = is_wanted(line, name_out);
	free(line);
	fclose(stream);
	return found;
}

bool mounts_write_to_disks(char *name_out)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	bool found;

	snprintf(name_out, MOUNT_NAME_BYTES, "/proc");
	if (processes == NULL)
		return true;
	/* A kernel without swap has no such file; a process that ended has none, either. */
	found = any_line("/proc/swaps", swap_writes_to_disk, name_out, false) ||
		any_line("/proc/self/mountinfo", mount_writes_to_disk, name_out, true);
	while (!found && (entry = readdir(processes)) != NULL) {
		char path[sizeof("/proc//mountinfo") + sizeof(entry->d_name)];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/mountinfo", entry->d_name);
		found = any_line(path, mount_writes_to_disk, name_out, false);
	}
	closedir(processes);
	return found;
}
