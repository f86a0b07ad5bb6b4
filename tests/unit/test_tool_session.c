/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `session-record` goes by besides files (tests/tool/test_session_record.py): mounts one by one, and where a page
 * of a partition lies on its disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_debian.h"
#include "tools/procfs.h"
#include "tools/session_compare.h"
#include "tools/session_place.h"

static struct fake_tree fake;

static int setup(void **state)
{
	(void)state;
	fake_debian_make(&fake);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_tree_remove(&fake);
	return 0;
}

static void test_mounts(void **state)
{
	static const struct {
		const char *place;
		const char *source;
		uint32_t minor;
		bool is_writable;
	} mounts[] = {
		{"/", "/dev/sda1", 1, true},   {"/mnt", "/dev/sda1", 1, true}, {"/a b", "/dev/sda2", 2, false},
		{"/c", "/dev/sda3", 3, false}, {"/d", "none", 4, true},
	};
	struct mount_entry entry;
	const char *rest = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
			   "nothing that is understood\n"
			   "23 22 8:1 /srv /mnt ro - ext4 /dev/sda1 rw\n"
			   "24 22 8:2 / /a\\040b rw - ext4 /dev/sda2 ro,norecovery\n"
			   "25 22 8:3 / /c rw - ext4 /dev/sda3 rwx\n"
			   "26 22 8:4 / /d rw - ext4 none rw";

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(mounts); i++) {
		rest = procfs_mount_next(rest, &entry);
		assert_non_null(rest);
		assert_string_equal(entry.place, mounts[i].place);
		assert_string_equal(entry.line.source, mounts[i].source);
		assert_int_equal(entry.line.minor, mounts[i].minor);
		assert_int_equal(entry.is_writable, mounts[i].is_writable);
	}
	assert_null(procfs_mount_next(rest, &entry));
	assert_null(procfs_mount_next("", &entry));
	assert_null(procfs_mount_next("26 22 8:4 / /d rw - ext4\n", &entry));
}

static void test_the_disk_of_a_partition(void **state)
{
	static const char sda[] = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda";
	char path[256];
	char below[SYSTEM_DEVICE_BYTES] = "untouched";
	uint64_t offset = 7;

	(void)state;
	assert_false(session_place_below(&fake.tree, "sda", 0, below, &offset));
	assert_false(session_place_below(&fake.tree, "sda2", 0, below, &offset));
	assert_false(session_place_below(&fake.tree, "dm-0", 0, below, &offset));
	assert_false(session_place_below(&fake.tree, "nowhere", 0, below, &offset));
	assert_string_equal(below, "untouched");
	snprintf(path, sizeof(path), "%s/sda2/partition", sda);
	fake_tree_put(&fake, path, "2\n");
	assert_false(session_place_below(&fake.tree, "sda2", 0, below, &offset));
	snprintf(path, sizeof(path), "%s/sda2/start", sda);
	fake_tree_put(&fake, path, "2048\n");
	assert_true(session_place_below(&fake.tree, "sda2", 0, below, &offset));
	assert_string_equal(below, "sda");
	assert_int_equal(offset, 2048 * 512);
	assert_true(session_place_below(&fake.tree, "sda2", 3 * PAGE_BYTES, below, &offset));
	assert_int_equal(offset, 2048 * 512 + 3 * PAGE_BYTES);
	fake_tree_put(&fake, path, "18014398509481983\n");
	assert_true(session_place_below(&fake.tree, "sda2", 0, below, &offset));
	assert_false(session_place_below(&fake.tree, "sda2", PAGE_BYTES, below, &offset));
	fake_tree_put(&fake, path, "18014398509481984\n");
	assert_false(session_place_below(&fake.tree, "sda2", 0, below, &offset));
}

/* The root filesystem's superblock as it was, or mounted once more. */
static void test_the_filesystems_of_this_machine(void **state)
{
	static struct page page;
	struct session_record record = {.count = 2};
	struct ext_state *root = &record.filesystems[0].state;

	(void)state;
	memset(&page, 0, sizeof(page));
	memcpy(page.bytes + 1024 + 56, "\x53\xef", 2);
	page.bytes[1024 + 52] = 7;
	page.bytes[1024 + 76] = 1;
	memcpy(page.bytes + 1024 + 104, "\x1d\x52\x65\x6f\x0d\xee\x53\x97\xa5\xa9\x68\xd7\xa2\xe3\x94\x9c", UUID_BYTES);
	assert_int_equal(ext_state_read(&page, root), STATUS_OK);
	record.filesystems[0].kind = SESSION_EXT;
	record.filesystems[0].is_checked = true;
	/* Not there; and a kind that is not compared. */
	assert_true(session_compare(&fake.tree, &record, NULL));
	fake_tree_put_bytes(&fake, "/dev/sda1", &page, sizeof(page));
	assert_true(session_compare(&fake.tree, &record, NULL));
	page.bytes[1024 + 52] = 8;
	fake_tree_put_bytes(&fake, "/dev/sda1", &page, sizeof(page));
	assert_false(session_compare(&fake.tree, &record, NULL));
	record.filesystems[0].is_checked = false;
	assert_true(session_compare(&fake.tree, &record, NULL));
}

static void test_nodes(void **state)
{
	char node[SESSION_NODE_BYTES];

	(void)state;
	session_node("sda2", node);
	assert_string_equal(node, "/dev/sda2");
	session_node("cciss!c0d0p1", node);
	assert_string_equal(node, "/dev/cciss/c0d0p1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test_setup_teardown(test_the_disk_of_a_partition, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_filesystems_of_this_machine, setup, teardown),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
