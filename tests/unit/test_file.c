/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the filesystems share: the window on the partition, the map, names of a path; and partitions that are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "disk/ext.h"
#include "tests/unit/find_file.h"

#define DISK_BYTES (128 * KIB)

static struct memory_disk *disk;
static struct disk_reader reader;
static struct file_workspace workspace;
static struct file_map map;
static struct file_search search;

static void make(uint32_t sector_bytes)
{
	disk = memory_disk_new("disk", sector_bytes, DISK_BYTES);
	for (uint32_t i = 0; i < DISK_BYTES; i++)
		disk->bytes[i] = (uint8_t)(i * 7 + i / 256);
	reader = memory_disk_reader(disk);
	search = (struct file_search){&reader, &workspace, &map, ""};
	workspace.window_bytes = 0;
}

static int setup(void **state)
{
	(void)state;
	make(512);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_disk_free(disk);
	return 0;
}

static void expect_window(uint64_t offset, uint32_t bytes)
{
	const uint8_t *found;

	assert_int_equal(file_window(&search, offset, bytes, &found), STATUS_OK);
	assert_memory_equal(found, disk->bytes + offset, bytes);
}

static void test_window(void **state)
{
	(void)state;
	for (uint32_t sector_bytes = 512; sector_bytes <= 4096; sector_bytes *= 8) {
		make(sector_bytes);
		for (uint64_t offset = 0; offset < DISK_BYTES - PAGE_BYTES; offset += 509)
			expect_window(offset, PAGE_BYTES);
		for (uint64_t offset = DISK_BYTES; offset > 700; offset -= 701)
			expect_window(offset - 3, 3);
		memory_disk_free(disk);
	}
	make(512);
	reader.sector_count -= 3; /* no whole number of pages */
	expect_window(DISK_BYTES - 4 * 512 - 5, 512);
	assert_int_equal(workspace.window_start + workspace.window_bytes, DISK_BYTES - 3 * 512);
	expect_window(5000, 100);
	disk->reads = 0;
	expect_window(5000 - 5000 % 512, 8192 - (5000 - 5000 % 512)); /* to the page's end */
	assert_int_equal(disk->reads, 0);
	expect_window(8190, 2);
	assert_int_equal(disk->reads, 0);
	expect_window(8190, 3);
	assert_int_equal(disk->reads, 1);
	memory_disk_free(disk);
}

static void test_window_beyond(void **state)
{
	static const uint64_t places[][2] = {{DISK_BYTES - 1, 2}, {DISK_BYTES, 1},     {DISK_BYTES + 1, 0},
					     {UINT64_MAX, 2},     {UINT64_MAX - 9, 9}, {0, PAGE_BYTES + 1}};
	const uint8_t *found = NULL;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(places); i++) {
		assert_int_equal(file_window(&search, places[i][0], (uint32_t)places[i][1], &found), STATUS_CORRUPT);
		assert_string_equal(search.reason, "the filesystem points beyond its partition");
	}
	assert_null(found);
	assert_int_equal(disk->reads, 0);
	/* After an error the window is empty. */
	expect_window(100, 10);
	memory_disk_break(disk, 64 * KIB, DISK_BYTES, STATUS_IO_ERROR);
	assert_int_equal(file_window(&search, 64 * KIB, 10, &found), STATUS_IO_ERROR);
	disk->reads = 0;
	expect_window(100, 10);
	assert_int_equal(disk->reads, 1);
}

static void test_map(void **state)
{
	(void)state;
	file_map_begin(&search, 1000);
	assert_int_equal(map.bytes, 1000);
	assert_int_equal(file_map_add(&search, 0, 0), STATUS_OK);
	assert_int_equal(map.count, 0);
	assert_int_equal(file_map_add(&search, DISK_BYTES - 512, 512), STATUS_OK);
	assert_int_equal(file_map_add(&search, DISK_BYTES - 512, 513), STATUS_CORRUPT);
	assert_string_equal(search.reason, "the file lies beyond its partition");
	assert_int_equal(file_map_add(&search, DISK_BYTES, 1), STATUS_CORRUPT);
	assert_int_equal(file_map_add(&search, DISK_BYTES + 1, UINT64_MAX), STATUS_CORRUPT);
	assert_int_equal(file_map_add(&search, FILE_HOLE - 1, 2), STATUS_CORRUPT);
	assert_int_equal(file_map_add(&search, FILE_HOLE, 4 * GIB), STATUS_OK);
	assert_int_equal(file_map_add(&search, FILE_HOLE, 1), STATUS_OK);
	assert_int_equal(file_map_add(&search, 512, 512), STATUS_OK);
	assert_int_equal(file_map_add(&search, 1024, 100), STATUS_OK);
	assert_int_equal(file_map_add(&search, 1024, 100), STATUS_OK);
	assert_int_equal(map.count, 4);
	assert_int_equal(map.extents[1].bytes, 4 * GIB + 1);
	assert_int_equal(map.extents[2].bytes, 612);
	file_map_begin(&search, 1);
	assert_int_equal(map.count, 0);
}

static void expect_name(const char **path, const char *name)
{
	size_t length;
	const char *found = file_path_next(path, &length);

	assert_int_equal(length, strlen(name));
	assert_memory_equal(found, name, length);
}

static void test_path(void **state)
{
	const char *path = "//a/bcd///e";

	(void)state;
	expect_name(&path, "a");
	expect_name(&path, "bcd");
	expect_name(&path, "e");
	expect_name(&path, "");
	expect_name(&path, "");
	path = "x/";
	expect_name(&path, "x");
	expect_name(&path, "");
}

static void test_other_filesystems(void **state)
{
	uint8_t *bytes = disk->bytes;

	(void)state;
	memset(bytes, 0, DISK_BYTES);
	expect_find(disk, "/x", STATUS_UNSUPPORTED, "no filesystem that Thaw reads");
	memcpy(bytes + 64 * KIB + 64, "_BHRfS_M", 8);
	expect_find(disk, "/x", STATUS_UNSUPPORTED, "Btrfs");
	memcpy(bytes, "XFSB", 4);
	expect_find(disk, "/x", STATUS_UNSUPPORTED, "XFS");
	memcpy(bytes + 54, "FAT16   ", 8); /* what was there before */
	memcpy(bytes + 510, "\x55\xaa", 2);
	expect_find(disk, "/x", STATUS_UNSUPPORTED, "XFS");
	memcpy(bytes, "LUKS\xba\xbe", 6);
	expect_find(disk, "/x", STATUS_UNSUPPORTED, "LUKS");
	memset(bytes, 0, 512);
	memcpy(bytes + 512, "LABELONE", 8);
	memcpy(bytes + 512 + 24, "LVM2 001", 8);
	expect_find(disk, "/x", STATUS_UNSUPPORTED, "no filesystem that Thaw reads");
	disk->sector_count = 7; /* smaller than a page */
	expect_find(disk, "/x", STATUS_CORRUPT, "beyond its partition");
	disk->sector_count = 64 * KIB / 512; /* too small for Btrfs */
	memset(bytes, 0, PAGE_BYTES);
	expect_find(disk, "/x", STATUS_CORRUPT, "beyond its partition");
	memory_disk_break(disk, 0, 1, STATUS_TIMEOUT);
	expect_find(disk, "/x", STATUS_TIMEOUT, "can't be read");
}

/* No directory leads there; whoever calls it is refused. */
static void test_inode_zero(void **state)
{
	struct ext_filesystem fs = {.search = &search,
				    .block_bytes = 1024,
				    .block_count = 64,
				    .inode_bytes = 256,
				    .inode_count = UINT32_MAX,
				    .inodes_per_group = UINT32_MAX,
				    .group_bytes = 32,
				    .first_group_block = 2};
	struct ext_inode_data inode;

	(void)state;
	memory_put_le(disk->bytes + 2048 + 8, 5, 4);
	assert_int_equal(ext_inode_read(&fs, 1, &inode), STATUS_OK);
	assert_int_equal(ext_inode_read(&fs, 0, &inode), STATUS_CORRUPT);
	assert_string_equal(search.reason, "an inode number is beyond the filesystem");
}

#define WITH_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window), WITH_DISK(test_window_beyond),     WITH_DISK(test_map),
		WITH_DISK(test_path),          WITH_DISK(test_other_filesystems), WITH_DISK(test_inode_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
