/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding files on a disk in memory, see find_file.h.
 */
#include "tests/unit/find_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct file_map found_map;

void expect_find(struct memory_disk *disk, const char *path, enum status status, const char *text)
{
	static struct file_workspace workspace;
	const struct disk_reader reader = memory_disk_reader(disk);
	const char *reason = NULL;

	/* Nothing in it need be set. */
	memset(&workspace, 0xA5, sizeof(workspace));
	workspace.window_start = 0;
	workspace.window_bytes = sizeof(workspace.window);
	memset(&found_map, 0xA5, sizeof(found_map));
	disk->reads = 0;
	assert_int_equal(file_find(&reader, &workspace, path, &found_map, &reason), status);
	assert_non_null(reason);
	if (status == STATUS_OK)
		assert_string_equal(reason, "");
	else if (!strstr(reason, text) || *text == '\0')
		assert_string_equal(reason, text);
}

void expect_found_file(struct memory_disk *disk, const char *path, uint64_t bytes, uint32_t count)
{
	expect_find(disk, path, STATUS_OK, "");
	assert_int_equal(found_map.bytes, bytes);
	assert_int_equal(found_map.count, count);
}

void expect_piece(uint32_t index, uint64_t device_offset, uint64_t bytes)
{
	assert_true(index < found_map.count);
	assert_int_equal(found_map.extents[index].device_offset, device_offset);
	assert_int_equal(found_map.extents[index].bytes, bytes);
}
