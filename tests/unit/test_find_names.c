/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for the image that resume= names: every kind of name, on two command lines, and what answers to it.
 */
#include "loader/find_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk/swap_area.h"
#include "find_disks.h"

static void test_uuid(void **state)
{
	(void)state;
	swap_put(at(0, 2, 0), 1, "one");
	image_put(at(0, 3, 0), 0x2a, "two");
	image_put(at(1, 3, 0), 3, "three");
	expect_found(UUID("2a"), 0, 3, 0);
	expect_found("resume=UUID=FF000000-0000-0000-0000-00000000002A", 0, 3, 0);
	expect_found(UUID("03"), 1, 3, 0);
	expect_found("resume=LABEL=two", 0, 3, 0);
	expect_found("resume=/dev/disk/by-label/three", 1, 3, 0);
	expect("resume=LABEL=TWO", STATUS_NOT_FOUND);
	image_put(at(0, 5, 0), 0x2b, "/dev/sda9"); /* a label, whatever it looks like */
	expect_found("resume=LABEL=/dev/sda9", 0, 5, 0);
	expect(UUID("04"), STATUS_NOT_FOUND);
	/* Plain swap of that name: known at once. */
	expect(UUID("01"), STATUS_NOT_FOUND);
	assert_int_equal(disks[0]->reads, 3 + 3 + 1); /* table; first partition and its Btrfs page, swap twice */
	assert_int_equal(disks[1]->reads, 0);
	expect("resume=LABEL=one", STATUS_NOT_FOUND);
	/* A foreign image is told of the device that is named. */
	memcpy(at(0, 3, 0) + 4086, "LINHIB0001", 10);
	expect(UUID("2a"), STATUS_UNSUPPORTED);
	memcpy(at(0, 3, 0) + 4076, "SWAPSPACE3S1SUSPEND\0", 20);
	expect(UUID("2a"), STATUS_CORRUPT);
}

static void test_same_name_twice(void **state)
{
	(void)state;
	image_put(at(0, 3, 0), 1, "swap");
	image_put(at(1, 3, 0), 1, "swap");
	expect(UUID("01"), STATUS_AMBIGUOUS);
	expect("resume=LABEL=swap", STATUS_AMBIGUOUS);
	/* A copy from before, or one that was resumed since: which one Linux would take is not known. */
	memcpy(at(1, 3, 0) + 4086, "SWAPSPACE2", 10);
	expect(UUID("01"), STATUS_AMBIGUOUS);
	assert_int_equal(disks[1]->reads, 3 + 2 + 2 + 2); /* nothing behind the second */
	image_put(at(1, 3, 0), 1, "swap");
	memcpy(at(0, 3, 0) + 4086, "SWAPSPACE2", 10);
	expect(UUID("01"), STATUS_NOT_FOUND);
	/* The same partition table on both disks. */
	image_put(at(0, 3, 0), 1, "swap");
	memcpy(disks[1]->bytes + 2 * 4096, disks[0]->bytes + 2 * 512, 16 * 3);
	memory_put_le(disks[1]->bytes + 2 * 4096 + 2 * 128 + 16, 0x03, 1);
	for (unsigned byte = 0; byte < 16; byte++)
		disks[1]->bytes[2 * 4096 + 2 * 128 + 16 + byte] = (uint8_t)(3 + byte);
	memory_disk_gpt_seal(disks[1], 1);
	expect("resume=PARTUUID=06050403-0807-0a09-0b0c-0d0e0f101112", STATUS_AMBIGUOUS);
	memory_disk_break(disks[1], 3 * PARTITION_BYTES, 3 * PARTITION_BYTES + 1, STATUS_IO_ERROR);
	expect("resume=PARTUUID=06050403-0807-0a09-0b0c-0d0e0f101112", STATUS_AMBIGUOUS);
}

static void test_swap_files(void **state)
{
	uint8_t *btrfs = at(0, 6, 16);

	(void)state;
	ext_put(at(0, 4, 0), 7, "root");
	image_put(at(0, 4, 33), 1, "");
	expect_found("resume=UUID=ee000000-0000-0000-0000-000000000007 resume_offset=33", 0, 4, 33);
	expect_found("resume=LABEL=root resume_offset=33", 0, 4, 33);
	expect("resume=UUID=ee000000-0000-0000-0000-000000000007", STATUS_NOT_FOUND);
	expect("resume=UUID=ee000000-0000-0000-0000-000000000007 resume_offset=34", STATUS_NOT_FOUND);
	expect("resume=UUID=ee000000-0000-0000-0000-000000000007 resume_offset=64", STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "beyond"));
	memcpy(at(0, 5, 0), "XFSB", 4);
	at(0, 5, 0)[32] = 0xcc;
	memcpy(at(0, 5, 0) + 108, "twelve bytes", 12);
	image_put(at(0, 5, 20), 1, "");
	expect_found("resume=UUID=cc000000-0000-0000-0000-000000000000 resume_offset=20", 0, 5, 20);
	expect_found("resume=LABEL=\"twelve bytes\" resume_offset=20", 0, 5, 20);
	memcpy(btrfs + 64, "_BHRfS_M", 8);
	btrfs[32] = 0xbb;
	memcpy(btrfs + 299, "pool", 4);
	image_put(at(0, 6, 21), 1, "");
	expect_found("resume=UUID=bb000000-0000-0000-0000-000000000000 resume_offset=21", 0, 6, 21);
	expect_found("resume=LABEL=pool resume_offset=21", 0, 6, 21);
}

static void test_containers(void **state)
{
	(void)state;
	memcpy(at(0, 4, 0), "LUKS\xba\xbe\0\2", 8);
	memcpy(at(0, 4, 0) + 24, "vault", 5);
	memcpy(at(0, 4, 0) + 168, "0123abcd-uuid", 13);
	expect(UUID("01"), STATUS_UNSUPPORTED);
	assert_non_null(strstr(log_text, "ahci0.0p4: LUKS"));
	expect("resume=LABEL=x", STATUS_UNSUPPORTED);
	expect("resume=PARTLABEL=x", STATUS_NOT_FOUND);
	log_text[0] = '\0';
	expect("", STATUS_NOT_FOUND);
	assert_string_equal(reason, "no image");
	assert_non_null(strstr(log_text, "ahci0.0p4: LUKS"));
	expect("resume=UUID=0123ABCD-uuid", STATUS_UNSUPPORTED); /* named itself */
	expect("resume=LABEL=vault", STATUS_UNSUPPORTED);
	image_put(at(1, 1, 0), 1, "");
	expect_found(UUID("01"), 1, 1, 0);
	memset(at(0, 4, 0), 0, PAGE_BYTES);
	for (uint32_t sector = 0; sector < 5; sector++) {
		memcpy(at(0, 4, 0) + sector * 512, "LABELONE", 8);
		memcpy(at(0, 4, 0) + sector * 512 + 24, "LVM2 001", 8);
		expect(UUID("02"), sector < 4 ? STATUS_UNSUPPORTED : STATUS_NOT_FOUND);
		memset(at(0, 4, 0), 0, PAGE_BYTES);
	}
}

static void test_partition_names(void **state)
{
	(void)state;
	image_put(at(0, 3, 0), 1, "");
	image_put(at(1, 5, 0), 1, "");
	expect_found("resume=PARTUUID=06050403-0807-0A09-0b0c-0d0e0f101112", 0, 3, 0);
	assert_int_equal(disks[0]->reads, 3 + 1 + 6); /* one partition, and the places of RAID superblocks */
	assert_int_equal(disks[1]->reads, 3);
	expect_found("resume=PARTUUID=06050403-0807-0A09-0b0c-0d0e0f101112 resume=PARTUUID="
		     "04030201-0605-0807-090a-0b0c0d0e0f10/PARTNROFF=2",
		     0, 3, 0);
	expect("resume=PARTUUID=04030201-0605-0807-090a-0b0c0d0e0f10/PARTNROFF=-1", STATUS_NOT_FOUND);
	expect_found("resume=PARTUUID=16151413-1817-1a19-1b1c-1d1e1f202122/PARTNROFF=2", 1, 5, 0);
	expect("resume=PARTLABEL=three", STATUS_AMBIGUOUS);
	expect("resume=PARTLABEL=two", STATUS_NOT_FOUND);
	expect("resume=PARTLABEL=THREE", STATUS_NOT_FOUND);
	registry.count = 1;
	expect_found("resume=PARTLABEL=three", 0, 3, 0);
	expect("resume=PARTLABEL=two", STATUS_NOT_FOUND);
	assert_int_equal(disks[0]->reads, 3 + 1);
}

static void test_nodes(void **state)
{
	(void)state;
	expect("resume=/dev/sda3", STATUS_NOT_FOUND);
	image_put(at(1, 3, 0), 1, "");
	expect_found("resume=/dev/sda3", 1, 3, 0);
	expect_found("resume=8:3", 1, 3, 0);
	expect_found("resume=/dev/nvme0n1p3", 1, 3, 0);
	expect_found("resume=/dev/disk/by-id/ata-X_Y-part3", 1, 3, 0);
	expect("resume=/dev/sda2", STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "number"));
	image_put(at(0, 2, 0), 1, "");
	expect("resume=/dev/sda2", STATUS_AMBIGUOUS);
}

struct node_case {
	const char *name;
	int number; /* -1: not told */
};

static void test_node_numbers(void **state)
{
	static const struct node_case cases[] = {
		{"/dev/sda3", 3},
		{"/dev/sdab12", 12},
		{"/dev/vda", 0},
		{"/dev/xvdb5", 5},
		{"/dev/nvme0n1p3", 3},
		{"/dev/nvme0n1", 0},
		{"/dev/mmcblk0p2", 2},
		{"/dev/mmcblk0", 0},
		{"/dev/nbd0p1", -1},
		{"8:3", -1},
		{"0803", -1},
		{"/dev/sda12345", -1},
		{"/dev/disk/by-path/pci-1-part4", 4},
		{"/dev/disk/by-id/ata-part", -1},
		{"/dev/disk/by-id/ata-7", -1},
		{"/dev/hda1", 1},
		{"/dev/disk/by-id/wwn-part12", 12},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint32_t number = 0xffff;
		const enum status status = find_node_number(cases[i].name, &number);

		assert_int_equal(status, cases[i].number < 0 ? STATUS_NOT_FOUND : STATUS_OK);
		assert_int_equal(number, cases[i].number < 0 ? 0xffff : cases[i].number);
	}
}

static void test_refused_options(void **state)
{
	static const char *const words[] = {"resume=none", "resume=", "resume_offset=x",
					    "resume=LABEL=a resume_offset=x"};

	(void)state;
	image_put(at(0, 3, 0), 1, "a");
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		expect(words[i], STATUS_UNSUPPORTED);
		assert_int_equal(disks[0]->reads + disks[1]->reads, 0);
	}
}

static void test_mapped_devices(void **state)
{
	(void)state;
	image_put(at(0, 3, 0), 1, "a");
	expect("resume=/dev/mapper/vg-swap", STATUS_UNSUPPORTED);
	expect("resume=/dev/dm-1", STATUS_UNSUPPORTED);
	expect("resume=/dev/md0", STATUS_UNSUPPORTED);
}

struct pair_case {
	const char *own, *kernel;
	enum status status;
	uint32_t disk, partition, page;
};

static void test_two_command_lines(void **state)
{
	static const struct pair_case cases[] = {
		{"", "resume=LABEL=a", STATUS_OK, 0, 3, 0},
		{"resume=LABEL=b", "resume=LABEL=a", STATUS_OK, 1, 4, 0},
		{"resume=LABEL=c", "resume=LABEL=a", STATUS_NOT_FOUND, 0, 0, 0},
		{"", "resume=LABEL=r resume_offset=9", STATUS_OK, 0, 5, 9},
		{"resume=LABEL=r", "resume=LABEL=a resume_offset=9", STATUS_NOT_FOUND, 0, 0, 0},
		{"resume_offset=9", "resume=LABEL=r", STATUS_OK, 0, 5, 9},
		{"resume_offset=9", "resume=LABEL=r resume_offset=1", STATUS_OK, 0, 5, 9},
		{"resume_offset=9", "resume=LABEL=r resume_offset=x", STATUS_OK, 0, 5, 9},
		{"", "resume_offset=9", STATUS_OK, 0, 5, 9},
		{"resume_offset=9", "", STATUS_OK, 0, 5, 9},
		{"resume_offset=x", "resume=LABEL=a", STATUS_UNSUPPORTED, 0, 0, 0},
		{"", "resume=LABEL=a resume_offset=x", STATUS_UNSUPPORTED, 0, 0, 0},
		{"", "resume=none", STATUS_UNSUPPORTED, 0, 0, 0},
		{"resume=none", "resume=LABEL=a", STATUS_UNSUPPORTED, 0, 0, 0},
		{"resume=LABEL=a", "resume=none resume_offset=x", STATUS_OK, 0, 3, 0},
		{"", "", STATUS_AMBIGUOUS, 0, 0, 0},
	};

	(void)state;
	image_put(at(0, 3, 0), 1, "a");
	image_put(at(1, 4, 0), 2, "b");
	ext_put(at(0, 5, 0), 3, "r");
	image_put(at(0, 5, 9), 4, "");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct pair_case *pair = &cases[i];
		const struct resume_spec *own = spec_of(pair->own);
		const struct resume_spec *kernel = spec_of(pair->kernel);

		assert_int_equal(find_image(&registry, own, kernel, &arena, &found, &reason), pair->status);
		if (pair->status == STATUS_OK) {
			assert_ptr_equal(found.device, &disks[pair->disk]->device);
			assert_int_equal(found.start_lba,
					 pair->partition * PARTITION_BYTES / disks[pair->disk]->sector_bytes);
			assert_int_equal(found.header_page, pair->page);
		}
	}
}

static void test_identities(void **state)
{
	static struct page page;
	struct identity identity;

	(void)state;
	swap_put(page.bytes, 1, "sixteen bytes lo");
	assert_true(swap_area_is_plain(&page));
	assert_true(swap_area_identify(&page, &identity));
	assert_string_equal(identity.label, "sixteen bytes lo");
	memset(page.bytes + 1036, 0, 16);
	assert_true(swap_area_identify(&page, &identity));
	assert_string_equal(identity.uuid, "");
	page.bytes[1024] = 0;
	assert_false(swap_area_identify(&page, &identity));
	memset(&page, 0, sizeof(page));
	assert_int_equal(filesystem_identify(&page, &identity), FILESYSTEM_UNKNOWN);
	/* Texts that fill their field; LUKS1 has no label. */
	memset(&page, 'x', sizeof(page));
	memcpy(page.bytes, "LUKS\xba\xbe\0\1", 8);
	assert_int_equal(filesystem_identify(&page, &identity), FILESYSTEM_LUKS);
	assert_int_equal(strlen(identity.uuid), 40);
	assert_string_equal(identity.label, "");
	page.bytes[7] = 2;
	assert_int_equal(filesystem_identify(&page, &identity), FILESYSTEM_LUKS);
	assert_int_equal(strlen(identity.label), 48);
	memcpy(page.bytes + 64, "_BHRfS_M", 8);
	assert_int_equal(filesystem_identify_btrfs(&page, &identity), FILESYSTEM_BTRFS);
	assert_int_equal(strlen(identity.label), 256);
	assert_string_equal(filesystem_kind_text(FILESYSTEM_LVM2), "LVM2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(test_uuid),
		WITH_DISKS(test_same_name_twice),
		WITH_DISKS(test_swap_files),
		WITH_DISKS(test_containers),
		WITH_DISKS(test_partition_names),
		WITH_DISKS(test_nodes),
		cmocka_unit_test(test_node_numbers),
		WITH_DISKS(test_refused_options),
		WITH_DISKS(test_mapped_devices),
		WITH_DISKS(test_two_command_lines),
		cmocka_unit_test(test_identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
