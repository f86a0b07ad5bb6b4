/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of procfs and of the firmware.
 */
#include "tools/procfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/words.h"

/* Linux's own numbers for what has none in ACPI (arch/x86/include/asm/e820/types.h). */
#define MEMORY_PERSISTENT_OLD 12
#define MEMORY_SOFT_RESERVED  0xefffffffu

static const char *line_next(const char *line)
{
	const char *end = strchr(line, '\n');

	return end != NULL && end[1] != '\0' ? end + 1 : NULL;
}

/* One field of a line; false: there is none. Returns behind it. */
static const char *field_take(const char *text, char *field_out, size_t capacity)
{
	size_t length;

	text += strspn(text, " \t");
	length = strcspn(text, " \t\n");
	if (length == 0)
		return NULL;
	snprintf(field_out, capacity, "%.*s", (int)(length < capacity ? length : capacity - 1), text);
	return text + length;
}

static bool number_parse(const char *text, int base, uint64_t *value_out)
{
	char *end;

	errno = 0;
	*value_out = strtoull(text, &end, base);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static bool kibibytes_parse(const char *text, uint64_t *bytes_out)
{
	if (!number_parse(text, 10, bytes_out) || *bytes_out > UINT64_MAX / KIB)
		return false;
	*bytes_out *= KIB;
	return true;
}

static bool swap_line_parse(const char *text, struct swap_line *line_out)
{
	struct swap_line line;
	char type[32];
	char size[32];
	char used[32];
	char priority[32];
	char *end;

	if ((text = field_take(text, line.path, sizeof(line.path))) == NULL ||
	    (text = field_take(text, type, sizeof(type))) == NULL ||
	    (text = field_take(text, size, sizeof(size))) == NULL ||
	    (text = field_take(text, used, sizeof(used))) == NULL ||
	    field_take(text, priority, sizeof(priority)) == NULL)
		return false;
	words_unescape_octal(line.path);
	line.is_file = strcmp(type, "file") == 0;
	line.priority = (int32_t)strtol(priority, &end, 10);
	if (line.path[0] != '/' || *end != '\0' || !kibibytes_parse(size, &line.bytes) ||
	    !kibibytes_parse(used, &line.used_bytes) || line.used_bytes > line.bytes)
		return false;
	*line_out = line;
	return true;
}

size_t procfs_swaps(const char *text, struct swap_line *lines_out, size_t capacity)
{
	size_t count = 0;

	/* The heading is no line: its size is no number. */
	for (const char *line = text; line != NULL && count < capacity; line = line_next(line)) {
		struct swap_line parsed;
		size_t at = count;

		if (!swap_line_parse(line, &parsed))
			continue;
		for (; at > 0 && lines_out[at - 1].priority < parsed.priority; at--)
			lines_out[at] = lines_out[at - 1];
		lines_out[at] = parsed;
		count++;
	}
	return count;
}

/* Does the directory hold the path? */
static bool holds(const char *directory, const char *path)
{
	const size_t length = strlen(directory);

	return strcmp(directory, "/") == 0 ||
	       (strncmp(path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

/* 36 35 98:0 /root /mount options optional… - type source options; NULL, or what is behind the source. */
static const char *mount_line_parse(const char *text, char *place_out, size_t capacity, struct mount_line *mount_out)
{
	char field[PROCFS_NAME_BYTES];
	char number[32];

	for (int skipped = 0; skipped < 2; skipped++) {
		if ((text = field_take(text, field, sizeof(field))) == NULL)
			return NULL;
	}
	if ((text = field_take(text, number, sizeof(number))) == NULL ||
	    (text = field_take(text, field, sizeof(field))) == NULL ||
	    (text = field_take(text, place_out, capacity)) == NULL ||
	    !procfs_device_number(number, &mount_out->major, &mount_out->minor))
		return NULL;
	words_unescape_octal(place_out);
	do {
		if ((text = field_take(text, field, sizeof(field))) == NULL)
			return NULL;
	} while (strcmp(field, "-") != 0);
	text = field_take(text, mount_out->filesystem, sizeof(mount_out->filesystem));
	if (text == NULL || (text = field_take(text, mount_out->source, sizeof(mount_out->source))) == NULL)
		return NULL;
	words_unescape_octal(mount_out->source);
	return text;
}

bool procfs_mount_of(const char *text, const char *path, struct mount_line *mount_out)
{
	size_t longest = 0;

	for (const char *line = text; line != NULL; line = line_next(line)) {
		char place[1024];
		struct mount_line mount;

		if (mount_line_parse(line, place, sizeof(place), &mount) && holds(place, path) &&
		    strlen(place) >= longest) {
			longest = strlen(place);
			*mount_out = mount;
		}
	}
	return longest > 0;
}

const char *procfs_mount_next(const char *text, struct mount_entry *entry_out)
{
	while (*text != '\0') {
		const char *rest = text + strcspn(text, "\n");
		const char *options =
			mount_line_parse(text, entry_out->place, sizeof(entry_out->place), &entry_out->line);

		rest += *rest == '\n';
		text = rest;
		if (options == NULL)
			continue;
		options += strspn(options, " ");
		entry_out->is_writable = strncmp(options, "rw", 2) == 0 && strchr(", \n", options[2]) != NULL;
		return rest;
	}
	return NULL;
}

bool procfs_meminfo(const char *text, const char *name, uint64_t *bytes_out)
{
	for (const char *line = text; line != NULL; line = line_next(line)) {
		char field[64];

		if (strncmp(line, name, strlen(name)) == 0 &&
		    field_take(line + strlen(name), field, sizeof(field)) != NULL)
			return kibibytes_parse(field, bytes_out);
	}
	return false;
}

bool procfs_device_number(const char *text, uint32_t *major_out, uint32_t *minor_out)
{
	char major_text[16];
	const char *colon = strchr(text, ':');
	uint64_t major_number;
	uint64_t minor_number;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(major_text))
		return false;
	snprintf(major_text, sizeof(major_text), "%.*s", (int)(colon - text), text);
	if (!number_parse(major_text, 10, &major_number) || !number_parse(colon + 1, 10, &minor_number) ||
	    major_number > UINT32_MAX || minor_number > UINT32_MAX)
		return false;
	*major_out = (uint32_t)major_number;
	*minor_out = (uint32_t)minor_number;
	return true;
}

bool procfs_memmap_entry(const char *start, const char *last, const char *type, struct memory_range *range_out)
{
	static const struct {
		const char *text;
		uint32_t type;
	} types[] = {
		{"System RAM", MEMORY_RAM},
		{"Reserved", MEMORY_RESERVED},
		{"reserved", MEMORY_RESERVED},
		{"ACPI Tables", MEMORY_ACPI_RECLAIM},
		{"ACPI Non-volatile Storage", MEMORY_ACPI_NVS},
		{"Unusable memory", MEMORY_UNUSABLE},
		{"Persistent Memory", MEMORY_PERSISTENT},
		{"Persistent Memory (legacy)", MEMORY_PERSISTENT_OLD},
		{"Soft Reserved", MEMORY_SOFT_RESERVED},
	};
	struct memory_range range = {.type = MEMORY_RESERVED};

	if (!number_parse(start, 16, &range.start) || !number_parse(last, 16, &range.end) || range.end < range.start ||
	    range.end == UINT64_MAX)
		return false;
	range.end++;
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		if (strcmp(type, types[i].text) == 0)
			range.type = types[i].type;
	}
	*range_out = range;
	return true;
}
