/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which lines of mountinfo and swaps are of disks that can be written to.
 */
#include "tools/mounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char name[MOUNT_NAME_BYTES];

static void expect_mount(const char *line, const char *source)
{
	strcpy(name, "untouched");
	assert_int_equal(mount_writes_to_disk(line, name), source != NULL);
	assert_string_equal(name, source != NULL ? source : "untouched");
}

static void test_mounts(void **state)
{
	(void)state;
	expect_mount("22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro\n", "/dev/sda2");
	expect_mount("22 1 8:2 / / rw,relatime - ext4 /dev/root rw\n", "/dev/root");
	expect_mount("22 1 8:2 / / ro,relatime shared:1 - ext4 /dev/sda2 ro\n", NULL);
	/* Read only here, but not elsewhere. */
	expect_mount("40 22 8:2 /srv /mnt ro,relatime shared:1 master:2 - ext4 /dev/sda2 rw\n", "/dev/sda2");
	/* The other way round there is nothing to write. */
	expect_mount("40 22 8:2 / /mnt rw,relatime - ext4 /dev/sda2 ro,norecovery\n", NULL);
	expect_mount("41 22 0:35 /@ /home rw - btrfs /dev/sda3 rw,space_cache=v2,subvol=/@\n", "/dev/sda3");
	expect_mount("41 22 0:36 / /pool rw - zfs tank/data rw,xattr\n", "tank/data");
	expect_mount("23 22 0:21 / /proc rw,nosuid - proc proc rw\n", NULL);
	expect_mount("24 22 0:5 / /dev rw - devtmpfs udev rw,size=4k\n", NULL);
	expect_mount("25 22 0:25 / /run rw shared:5 - tmpfs tmpfs rw,mode=755\n", NULL);
	expect_mount("26 22 0:50 / /net rw - nfs4 server:/share rw,vers=4.2\n", NULL);
	expect_mount("27 22 253:1 / /a\\040-\\040b rw - xfs /dev/mapper/vg-a rw\n", "/dev/mapper/vg-a");
	expect_mount("", NULL);
	expect_mount("22 1 8:2 / / rw,relatime\n", NULL);
	expect_mount("x - ext4 /dev/sda2 rw\n", NULL);
	expect_mount("22 1 8:2 / / rw - ext4\n", NULL);
}

static void expect_swap(const char *line, const char *source)
{
	strcpy(name, "untouched");
	assert_int_equal(swap_writes_to_disk(line, name), source != NULL);
	assert_string_equal(name, source != NULL ? source : "untouched");
}

static void test_swaps(void **state)
{
	(void)state;
	expect_swap("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", NULL);
	expect_swap("/dev/sda3                               partition\t974844\t\t0\t\t-2\n", "/dev/sda3");
	expect_swap("/swapfile file\t974844\t\t0\t\t-2\n", "/swapfile");
	expect_swap("/dev/zram0 partition\t974844\t\t0\t\t100\n", NULL);
	expect_swap("\n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_swaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
