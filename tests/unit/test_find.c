/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for the image on disks in memory: where it is looked for, several images, damage, and how much is read.
 */
#include "loader/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "find_disks.h"

static void test_search(void **state)
{
	(void)state;
	expect("", STATUS_NOT_FOUND);
	assert_false(found.exists);
	assert_int_equal(disks[0]->reads, 3 + PARTITIONS); /* MBR, header, entries, one page each */
	swap_put(at(0, 2, 0), 1, "swap");
	expect("", STATUS_NOT_FOUND);
	for (uint32_t disk = 0; disk < 2; disk++) {
		image_put(at(disk, 3, 0), 2, "swap");
		expect_found("", disk, 3, 0);
		assert_int_equal(found.header.last_page, PARTITION_PAGES - 1);
		assert_non_null(strstr(log_text, disk == 0 ? "ahci0.0p3: image" : "ahci0.1p3: image"));
		memset(at(disk, 3, 0), 0, PAGE_BYTES);
	}
	image_put(at(0, 3, 0), 2, "");
	image_put(at(0, 4, 0), 3, "");
	expect("", STATUS_AMBIGUOUS);
	assert_true(found.exists);
	memset(at(0, 4, 0), 0, PAGE_BYTES);
	image_put(at(1, 4, 0), 3, "");
	expect("", STATUS_AMBIGUOUS);
}

static void test_search_offset(void **state)
{
	(void)state;
	image_put(at(1, 6, 17), 1, "");
	expect("", STATUS_NOT_FOUND);
	expect_found("resume_offset=17", 1, 6, 17);
	image_put(at(0, 6, 0), 1, "");
	expect_found("resume_offset=17", 1, 6, 17);
	expect("resume_offset=64", STATUS_NOT_FOUND);
	expect("resume_offset=18446744073709551615", STATUS_NOT_FOUND);
	expect("resume_offset=4503599627370496", STATUS_NOT_FOUND); /* 2^64 bytes */
}

static void test_search_bad_images(void **state)
{
	(void)state;
	swap_put(at(0, 2, 0), 1, "");
	memcpy(at(0, 2, 0) + 4086, "ULSUSPEND\0", 10);
	expect("", STATUS_UNSUPPORTED);
	assert_non_null(strstr(reason, "ULSUSPEND"));
	assert_true(found.exists);
	image_put(at(0, 3, 0), 2, "");
	expect_found("", 0, 3, 0);
	memory_put_le(at(0, 3, 0) + 4072, 0x80, 4);
	expect("", STATUS_UNSUPPORTED);
	assert_non_null(strstr(reason, "ULSUSPEND")); /* the first */
	memset(at(0, 2, 0), 0, PAGE_BYTES);
	memory_put_le(at(0, 3, 0) + 4072, 0, 4);
	memcpy(at(0, 3, 0) + 4076, "SWAPSPACE1", 10);
	expect("", STATUS_CORRUPT);
	/* Someone has made a filesystem here since, or an old one shines through. */
	image_put(at(0, 3, 0), 2, "");
	ext_put(at(0, 3, 0), 2, "");
	expect("", STATUS_CORRUPT);
	image_put(at(1, 3, 0), 2, "");
	expect_found("", 1, 3, 0);
	/* In a swap file it is just the file's page. */
	image_put(at(0, 5, 9), 2, "");
	ext_put(at(0, 5, 9), 2, "");
	expect_found("resume_offset=9", 0, 5, 9);
}

static void test_whole_disk(void **state)
{
	(void)state;
	memset(disks[1]->bytes, 0, disks[1]->sector_bytes * disks[1]->sector_count);
	image_put(disks[1]->bytes, 1, "");
	expect("", STATUS_OK);
	assert_int_equal(disks[1]->reads, 1 + 1 + 3); /* no table, the header, three places of RAID superblocks */
	assert_string_equal(found.name, "ahci0.1");
	assert_int_equal(found.start_lba, 0);
	assert_int_equal(found.device_pages, (PARTITIONS + 2) * PARTITION_PAGES);
	expect("resume=UUID=ff000000-0000-0000-0000-000000000001", STATUS_OK);
	expect("resume=/dev/sdb", STATUS_OK);
	expect("resume=/dev/sdb1", STATUS_NOT_FOUND);
}

static void test_logical_partition(void **state)
{
	(void)state;
	memset(disks[0]->bytes, 0, 1024);
	memory_disk_mbr_entry(disks[0], 0, 0, 0x05, 100, 4000);
	memory_disk_mbr_entry(disks[0], 100, 0, 0x82, 28, 1000);
	memory_put_le(disks[0]->bytes + 440, 0x12345678, 4);
	image_put(disks[0]->bytes + 128 * 512, 1, "");
	expect("", STATUS_OK);
	assert_string_equal(found.name, "ahci0.0p5");
	assert_int_equal(found.start_lba, 128);
	assert_int_equal(found.device_pages, 125);
	expect("resume=PARTUUID=12345678-05", STATUS_OK);
	expect("resume=PARTUUID=12345678-01/PARTNROFF=4", STATUS_NOT_FOUND); /* an extended partition is no device */
}

static void test_read_errors(void **state)
{
	(void)state;
	image_put(at(0, 3, 0), 1, "a");
	memory_disk_break(disks[1], 0, 4096, STATUS_IO_ERROR); /* its table */
	expect_found("", 0, 3, 0);
	expect_found(UUID("01"), 0, 3, 0);
	expect(UUID("02"), STATUS_IO_ERROR);
	expect("resume=PARTLABEL=nine", STATUS_IO_ERROR);
	memset(at(0, 3, 0), 0, PAGE_BYTES);
	expect("", STATUS_IO_ERROR);
	assert_false(found.exists);
	image_put(at(0, 3, 0), 1, "a");
	/* Bad images are told before disks that can't be read. */
	memcpy(at(0, 3, 0) + 4086, "ULSUSPEND\0", 10);
	expect("", STATUS_UNSUPPORTED);
	image_put(at(0, 3, 0), 1, "a");
	/* One bad partition. */
	memory_disk_break(disks[1], 0, 0, STATUS_OK);
	memory_disk_break(disks[0], 2 * PARTITION_BYTES, 2 * PARTITION_BYTES + 1, STATUS_IO_ERROR);
	expect_found("", 0, 3, 0);
	expect(UUID("02"), STATUS_IO_ERROR);
	expect("resume=PARTLABEL=two", STATUS_IO_ERROR);
	assert_int_equal(disks[1]->reads, 0); /* the named one: nothing else matters */
	expect("resume=PARTUUID=06050403-0807-0A09-0b0c-0d0e0f101112", STATUS_OK);
	memory_disk_break(disks[0], 3 * PARTITION_BYTES, 3 * PARTITION_BYTES + 1, STATUS_TIMEOUT);
	expect("resume=PARTUUID=06050403-0807-0A09-0b0c-0d0e0f101112", STATUS_TIMEOUT);
	/* The end of the device, where a RAID superblock would be. */
	memory_disk_break(disks[0], 4 * PARTITION_BYTES - 1, 4 * PARTITION_BYTES, STATUS_IO_ERROR);
	expect("", STATUS_IO_ERROR);
}

static void test_dead_disks(void **state)
{
	(void)state;
	image_put(at(1, 8, 0), 1, "a");
	memory_disk_break(disks[0], PARTITION_BYTES, UINT64_MAX, STATUS_TIMEOUT);
	expect_found("", 1, 8, 0);
	assert_int_equal(disks[0]->reads, 3 + 1); /* asked once */
	memory_disk_break(disks[0], PARTITION_BYTES, UINT64_MAX, STATUS_IO_ERROR);
	expect_found("", 1, 8, 0);
	assert_int_equal(disks[0]->reads, 3 + 4);
	memory_disk_break(disks[0], 0, UINT64_MAX, STATUS_TIMEOUT);
	expect_found("", 1, 8, 0);
	assert_int_equal(disks[0]->reads, 1);
	/* An EBR that can't be read: what comes behind it is not known. */
	memory_disk_break(disks[0], 100 * 512, 101 * 512, STATUS_IO_ERROR);
	memset(disks[0]->bytes, 0, 1024);
	memory_disk_mbr_entry(disks[0], 0, 0, 0x05, 100, 4000);
	expect_found("", 1, 8, 0);
	memset(at(1, 8, 0), 0, PAGE_BYTES);
	expect("", STATUS_IO_ERROR);
	memory_disk_break(disks[0], 100 * 512, 101 * 512, STATUS_TIMEOUT);
	expect("", STATUS_TIMEOUT);
	registry.count = 0;
	expect("", STATUS_NOT_FOUND);
	expect(UUID("01"), STATUS_NOT_FOUND);
}

/* Superblocks at the end of the partition and of its disk, where each format puts them. */
static void test_raid_members(void **state)
{
	const uint64_t disk_bytes = (PARTITIONS + 2) * PARTITION_BYTES;
	const uint64_t partition_end = 4 * PARTITION_BYTES;

	(void)state;
	image_put(at(0, 3, 0), 1, "a");
	for (int place = 0; place < 6; place++) {
		static const char *const signatures[] = {"\xfc\x4e\x2b\xa9", "\xfc\x4e\x2b\xa9",
							 "Intel Raid ISM Cfg Sig. ", "\xde\x11\xde\x11"};
		const uint64_t offsets[] = {partition_end - 8192, partition_end - 65536, disk_bytes - 8192,
					    disk_bytes - 65536,   disk_bytes - 1024,     disk_bytes - 512};
		const char *signature = signatures[place < 4 ? 0 : place - 2];
		uint8_t saved[24];

		memcpy(saved, disks[0]->bytes + offsets[place], sizeof(saved));
		memcpy(disks[0]->bytes + offsets[place], signature, strlen(signature));
		if (place == 5) /* over the backup GPT's header; the primary is good */
			assert_memory_equal(saved, "EFI PART", 8);
		expect("", STATUS_UNSUPPORTED);
		assert_non_null(strstr(reason, "RAID"));
		assert_true(found.exists);
		memcpy(disks[0]->bytes + offsets[place], saved, sizeof(saved));
		expect_found("", 0, 3, 0);
	}
}

static void test_tiny_partitions(void **state)
{
	struct gpt_entry entries[2] = {{100, 106, "seven sectors", 1}, {200, 207, "a page", 2}};

	(void)state;
	memory_disk_gpt(disks[0], entries, 2, 128);
	memcpy(disks[0]->bytes + 99 * 512 + 4086, "S1SUSPEND", 9);
	expect("", STATUS_NOT_FOUND);
	expect(UUID("01"), STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "no device"));
	expect("resume=PARTLABEL=\"seven sectors\"", STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "beyond"));
	image_put(disks[0]->bytes + 200 * 512, 1, "");
	expect("", STATUS_OK);
	assert_int_equal(found.device_pages, 1);
	expect(UUID("01"), STATUS_OK);
}

static void test_no_memory(void **state)
{
	(void)state;
	image_put(at(0, 3, 0), 1, "a");
	for (size_t bytes = 0; bytes < 128 * 1024; bytes += 4096) {
		arena_init(&arena, arena_memory, bytes);
		if (find("") == STATUS_OK)
			break;
		assert_int_equal(find(""), STATUS_NO_MEMORY);
		assert_string_not_equal(reason, "");
		assert_int_equal(arena.used_bytes, 0);
	}
	assert_true(arena.size_bytes > 0 && arena.size_bytes < 128 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(test_search),     WITH_DISKS(test_search_offset),     WITH_DISKS(test_search_bad_images),
		WITH_DISKS(test_whole_disk), WITH_DISKS(test_logical_partition), WITH_DISKS(test_read_errors),
		WITH_DISKS(test_dead_disks), WITH_DISKS(test_raid_members),      WITH_DISKS(test_tiny_partitions),
		WITH_DISKS(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
