/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for an image on logical volumes: their names, volumes that are not read, groups that are not whole.
 */
#include "loader/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "find_disks.h"
#include "lvm_disk.h"

#define START_SECTOR 64 /* the first extent of every physical volume; an extent is a page */
#define START_PAGE   8
#define EXTENTS      (PARTITION_PAGES - START_PAGE)
#define SWAP_PAGES   30
#define VISIBLE      "\"READ\", \"WRITE\", \"VISIBLE\""
#define THIN         "segment_count = 1\nsegment1 {\nstart_extent = 0\nextent_count = 8\ntype = \"thin\"\n}"
#define RUN(number, start, count, member, first)                                                                       \
	"segment" #number " { start_extent = " #start " extent_count = " #count                                        \
	" type = \"striped\" stripe_count = 1 stripes = [\"" member "\", " #first "] }\n"

static const struct lvm_disk_area area = {4096, 16 * KIB};
static const struct lvm_disk_area two_areas[2] = {{4096, 8 * KIB}, {12 * KIB, 8 * KIB}};
static struct lvm_disk_text text;

/* Both disks have 512-byte sectors; the second has no partition table. */
static int setup(void **state)
{
	find_disks_setup(state);
	memory_disk_free(disks[1]);
	disks[1] = memory_disk_new("ahci0.1", 512, (PARTITIONS + 2) * PARTITION_BYTES);
	registry.devices[1] = &disks[1]->device;
	return 0;
}

/* Partition 0: all of the disk. The text ends with its NUL, and behind the area's end. */
static void pv_put(uint32_t disk, uint32_t partition, char uuid)
{
	lvm_disk_label(at(disk, partition, 0), 1, uuid, &area, 1);
	lvm_disk_area(at(disk, partition, 0), area, 16 * KIB - 512, text.chars, text.bytes + 1);
}

static uint8_t *extent_at(uint32_t disk, uint32_t partition, uint32_t extent)
{
	return at(disk, partition, START_PAGE + extent);
}

/* Group my-vg: pv0 is partition 2 of the first disk, pv1 the second disk. */
static void group_begin(unsigned sequence, const char *flags)
{
	lvm_disk_begin(&text, "my-vg", 'g', sequence, VISIBLE);
	lvm_disk_member(&text, 'a', START_SECTOR, EXTENTS, "");
	lvm_disk_member(&text, 'b', START_SECTOR, 100, flags);
}

static void group_put(void)
{
	lvm_disk_end(&text);
	pv_put(0, 2, 'a');
	pv_put(1, 0, 'b');
}

/* Volume swap-1: 10 extents on the first disk, 20 on the second. */
static void swap_volume(void)
{
	lvm_disk_volume(&text, "swap-1", VISIBLE,
			"segment_count = 2\n" RUN(1, 0, 10, "pv0", 10) RUN(2, 10, 20, "pv1", 5));
}

static uint8_t *swap_page(uint32_t page)
{
	return page < 10 ? extent_at(0, 2, 10 + page) : extent_at(1, 0, 5 + page - 10);
}

/* The group with it, and an image of this UUID in it. */
static void swap_group_put(uint8_t uuid)
{
	group_begin(3, "");
	lvm_disk_linear(&text, "data", "pv0", 0, 10);
	swap_volume();
	group_put();
	image_put(swap_page(0), uuid, "swap");
}

static void expect_swap(const char *words, uint32_t header_page)
{
	static struct page page;

	expect(words, STATUS_OK);
	assert_string_equal(found.name, "my--vg-swap--1");
	assert_true(found.is_logical);
	assert_ptr_equal(found.device, &found.linear.device);
	assert_ptr_equal(found.linear.anchor, &disks[header_page < 10 ? 0 : 1]->device);
	assert_int_equal(found.start_lba, 0);
	assert_int_equal(found.device_pages, SWAP_PAGES);
	assert_int_equal(found.header_page, header_page);
	assert_memory_equal(&found.header_bytes, swap_page(header_page), PAGE_BYTES);
	for (uint32_t i = 0; i < SWAP_PAGES; i++) {
		assert_int_equal(block_read_sync(found.device, (struct lba){i * 8}, &page, PAGE_BYTES), STATUS_OK);
		assert_memory_equal(&page, swap_page(i), PAGE_BYTES);
	}
}

static void expect_logged(const char *line)
{
	assert_non_null(strstr(log_text, line));
	log_text[0] = '\0';
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static void test_names(void **state)
{
	(void)state;
	swap_group_put(0x2a);
	for (uint32_t i = 1; i < SWAP_PAGES; i++)
		memset(swap_page(i), (int)i, PAGE_BYTES);
	expect_swap("", 0);
	expect_logged("my--vg-swap--1: image");
	expect_swap("resume=/dev/mapper/my--vg-swap--1", 0);
	expect_swap("resume=/dev/my-vg/swap-1", 0);
	expect_swap(UUID("2a"), 0);
	expect_swap("resume=LABEL=swap", 0);
	expect_swap("resume=/dev/disk/by-uuid/ff000000-0000-0000-0000-00000000002a", 0);
	/* Names that only Linux knows may be of a logical volume, or may not. */
	expect_swap("resume=/dev/disk/by-id/dm-name-my--vg-swap--1", 0);
	expect_swap("resume=254:0", 0);
	expect("resume=/dev/sda", STATUS_NOT_FOUND);
	expect("resume=/dev/sda2", STATUS_NOT_FOUND);
	expect("resume=/dev/mapper/my-vg-swap-1", STATUS_UNSUPPORTED);
	expect("resume=/dev/mapper/my--vg-swap", STATUS_UNSUPPORTED);
	expect("resume=/dev/my--vg/swap--1", STATUS_UNSUPPORTED);
	expect("resume=/dev/dm-0", STATUS_UNSUPPORTED);
	expect(UUID("2b"), STATUS_NOT_FOUND); /* all was looked into */
	expect("resume=/dev/my-vg/swap-1", STATUS_OK);
	/* Table; partitions; RAID superblocks, label, metadata twice; the volume's first page. */
	assert_int_equal(disks[0]->reads, 3 + (2 * PARTITIONS - 1) + 6 + 2 + 2 * 3 + 1);
	expect("resume=PARTLABEL=nine", STATUS_NOT_FOUND);
	assert_int_equal(disks[1]->reads, 1); /* names of partitions are of no logical volume */
	/* Another image besides. */
	image_put(at(0, 5, 0), 1, "");
	expect("", STATUS_AMBIGUOUS);
	expect_swap("resume=/dev/my-vg/swap-1", 0);
	expect_found(UUID("01"), 0, 5, 0);
	assert_false(found.is_logical);
	image_put(at(0, 5, 0), 0x2a, "");
	expect(UUID("2a"), STATUS_AMBIGUOUS);
}

static void test_swap_file(void **state)
{
	(void)state;
	group_begin(3, "");
	swap_volume();
	group_put();
	ext_put(swap_page(0), 7, "root");
	for (uint32_t page = 9; page <= 29; page += page == 9 ? 1 : 19) {
		char words[128];

		image_put(swap_page(page), 1, "");
		snprintf(words, sizeof(words), "resume=UUID=ee000000-0000-0000-0000-000000000007 resume_offset=%u",
			 page);
		expect_swap(words, page);
		snprintf(words, sizeof(words), "resume=/dev/my-vg/swap-1 resume_offset=%u", page);
		expect_swap(words, page);
		snprintf(words, sizeof(words), "resume_offset=%u", page);
		expect_swap(words, page);
	}
	expect("resume=LABEL=root", STATUS_NOT_FOUND);
	expect("resume=/dev/my-vg/swap-1", STATUS_NOT_FOUND);
	expect("resume=/dev/my-vg/swap-1 resume_offset=30", STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "beyond"));
}

static void test_no_image(void **state)
{
	(void)state;
	swap_group_put(1);
	memset(swap_page(0), 0, PAGE_BYTES);
	swap_put(swap_page(0), 1, "");
	swap_put(extent_at(0, 2, 0), 2, "");
	expect("resume=/dev/my-vg/swap-1", STATUS_NOT_FOUND);
	expect(UUID("01"), STATUS_NOT_FOUND);
	expect("", STATUS_NOT_FOUND);
	memcpy(swap_page(0) + 4086, "ULSUSPEND\0", 10);
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
	assert_non_null(strstr(reason, "ULSUSPEND"));
	image_put(swap_page(0), 1, "");
	ext_put(swap_page(0), 1, "");
	expect("resume=/dev/my-vg/swap-1", STATUS_CORRUPT);
}

/* --- volumes that are not read ----------------------------------------------------------------------------------- */

static void test_other_types(void **state)
{
	(void)state;
	group_begin(3, "");
	lvm_disk_volume(&text, "thin", VISIBLE, THIN);
	lvm_disk_volume(&text, "part", "\"READ\"", "segment_count = 1\n" RUN(1, 0, 10, "pv0", 10));
	group_put();
	image_put(swap_page(0), 1, "swap"); /* in a hidden volume */
	expect("resume=/dev/mapper/my--vg-thin", STATUS_UNSUPPORTED);
	assert_string_equal(reason, "resume= names a logical volume that Thaw does not read");
	expect_logged(
		"my--vg-thin: LVM2, not looked into: it is a logical volume of a type that Thaw does not read: thin");
	expect("resume=/dev/my-vg/thin", STATUS_UNSUPPORTED);
	expect("resume=/dev/my-vg/part", STATUS_UNSUPPORTED);
	assert_null(strstr(log_text, "part:"));
	expect(UUID("01"), STATUS_UNSUPPORTED);
	assert_non_null(strstr(reason, "may be inside"));
	expect("", STATUS_NOT_FOUND);
	assert_string_equal(reason, "no image");
	expect("resume=LABEL=/dev/my-vg/thin", STATUS_UNSUPPORTED); /* a label, whatever it looks like */
	assert_non_null(strstr(reason, "may be inside"));
	image_put(at(0, 5, 0), 1, "");
	expect_found(UUID("01"), 0, 5, 0);
	expect_found("", 0, 5, 0);
	expect("resume=/dev/my-vg/thin", STATUS_UNSUPPORTED);
}

static void test_exported(void **state)
{
	(void)state;
	lvm_disk_begin(&text, "my-vg", 'g', 3, "\"EXPORTED\"");
	lvm_disk_member(&text, 'a', START_SECTOR, EXTENTS, "");
	lvm_disk_member(&text, 'b', START_SECTOR, 100, "");
	swap_volume();
	group_put();
	image_put(swap_page(0), 1, "swap");
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
	expect_logged("my--vg-swap--1: LVM2, not looked into: its volume group is exported\n");
	expect("", STATUS_NOT_FOUND);
}

static void test_missing(void **state)
{
	(void)state;
	group_begin(3, "");
	swap_volume();
	lvm_disk_linear(&text, "near", "pv0", 0, 10);
	group_put();
	image_put(swap_page(0), 1, "swap");
	image_put(extent_at(0, 2, 0), 2, "near");
	memset(at(1, 0, 0), 0, PAGE_BYTES);
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
	expect_logged("my--vg-swap--1: LVM2, not looked into: a physical volume of it is missing\n");
	expect(UUID("01"), STATUS_UNSUPPORTED);
	expect("", STATUS_OK);
	assert_string_equal(found.name, "my--vg-near");
	assert_int_equal(found.device_pages, 10);
	/* There, but not up to date. */
	group_begin(4, "\"MISSING\"");
	swap_volume();
	group_put();
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
	expect_logged("a physical volume of it is missing\n");
	pv_put(0, 2, 'b'); /* and pv0 is nowhere */
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
}

static void test_same_physical_volume_twice(void **state)
{
	(void)state;
	swap_group_put(1);
	memcpy(at(0, 4, 0), at(0, 2, 0), PARTITION_BYTES);
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
	expect_logged("my--vg-swap--1: LVM2, not looked into: a physical volume of it is there twice\n");
	expect("", STATUS_NOT_FOUND);
	expect(UUID("01"), STATUS_UNSUPPORTED);
	memset(at(0, 4, 0), 0, PAGE_BYTES);
	expect_swap("", 0);
}

/* --- groups ------------------------------------------------------------------------------------------------------ */

static void test_newest_text(void **state)
{
	(void)state;
	for (unsigned first = 3; first <= 9; first += 6) {
		/* Which physical volume has the older one does not matter. */
		group_begin(first, "");
		first > 5 ? swap_volume() : lvm_disk_linear(&text, "swap-1", "pv0", 40, 5);
		group_put();
		group_begin(5, "");
		first > 5 ? lvm_disk_linear(&text, "swap-1", "pv0", 40, 5) : swap_volume();
		lvm_disk_end(&text);
		pv_put(1, 0, 'b');
		image_put(swap_page(0), 1, "new");
		image_put(extent_at(0, 2, 40), 2, "old");
		expect_swap("", 0);
		expect_swap("resume=/dev/my-vg/swap-1", 0);
		expect(UUID("02"), STATUS_NOT_FOUND);
	}
	/* Two areas of one physical volume. */
	lvm_disk_label(at(0, 2, 0), 1, 'a', two_areas, 2);
	for (unsigned newest = 0; newest < 2; newest++) {
		for (unsigned i = 0; i < 2; i++) {
			group_begin(newest == i ? 12 : 11, "");
			newest == i ? swap_volume() : lvm_disk_linear(&text, "swap-1", "pv0", 40, 5);
			lvm_disk_end(&text);
			lvm_disk_area(at(0, 2, 0), two_areas[i], 512, text.chars, text.bytes);
		}
		expect_swap("", 0);
	}
	/* One of the two is damaged: the other counts, as for LVM2. But there may have been more. */
	at(0, 2, 0)[12 * KIB] ^= 1;
	expect("resume=/dev/my-vg/swap-1", STATUS_OK);
	assert_int_equal(found.device_pages, 5);
	expect_logged("ahci0.0p2: LVM2, not looked into: the checksum of its metadata area is wrong\n");
	expect(UUID("03"), STATUS_UNSUPPORTED);
}

static void test_two_groups(void **state)
{
	(void)state;
	swap_group_put(1);
	lvm_disk_begin(&text, "my-vg", 'h', 1, VISIBLE);
	lvm_disk_member(&text, 'c', START_SECTOR, EXTENTS, "");
	lvm_disk_linear(&text, "swap-1", "pv0", 0, 10);
	lvm_disk_end(&text);
	pv_put(0, 6, 'c');
	expect("resume=/dev/my-vg/swap-1", STATUS_AMBIGUOUS);
	expect_swap("", 0);
	image_put(extent_at(0, 6, 0), 2, "");
	expect("resume=/dev/mapper/my--vg-swap--1", STATUS_AMBIGUOUS);
	expect("", STATUS_AMBIGUOUS);
	expect_swap(UUID("01"), 0);
	expect(UUID("02"), STATUS_OK);
	assert_int_equal(found.device_pages, 10);
}

static void test_damage(void **state)
{
	static const struct {
		uint32_t at;
		const char *said;
	} damage[] = {
		{512 + 16, "the checksum of its label is wrong"},
		{4096, "the checksum of its metadata area is wrong"},
		{4096 + 16 * KIB - 512, "the checksum of its metadata is wrong"},
	};

	(void)state;
	lvm_disk_begin(&text, "my-vg", 'g', 1, VISIBLE);
	lvm_disk_member(&text, 'a', START_SECTOR, EXTENTS, "");
	lvm_disk_linear(&text, "swap-1", "pv0", 0, 10);
	lvm_disk_end(&text);
	pv_put(0, 2, 'a');
	image_put(extent_at(0, 2, 0), 1, "");
	for (size_t i = 0; i < ARRAY_COUNT(damage); i++) {
		char line[128];

		expect("", STATUS_OK);
		at(0, 2, 0)[damage[i].at] ^= 1;
		expect("", STATUS_NOT_FOUND);
		snprintf(line, sizeof(line), "ahci0.0p2: LVM2, not looked into: %s\n", damage[i].said);
		expect_logged(line);
		expect(UUID("01"), STATUS_UNSUPPORTED);
		expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
		at(0, 2, 0)[damage[i].at] ^= 1;
	}
	lvm_disk_area(at(0, 2, 0), area, 512, "my-vg {", 7);
	expect(UUID("01"), STATUS_UNSUPPORTED);
	expect_logged("ahci0.0p2: LVM2, not looked into: its metadata is no text of LVM2\n");
	/* A physical volume that is in no group: nothing can be in it. */
	lvm_disk_area(at(0, 2, 0), area, 0, "", 0);
	expect(UUID("01"), STATUS_NOT_FOUND);
	assert_null(strstr(log_text, "not looked into"));
}

static void test_raid_members(void **state)
{
	(void)state;
	swap_group_put(1);
	memcpy(disks[1]->bytes + (PARTITIONS + 2) * PARTITION_BYTES - 8192, "\xfc\x4e\x2b\xa9", 4);
	expect("", STATUS_NOT_FOUND);
	expect_logged("ahci0.1: LVM2, not looked into: it is a member of a RAID array, or can't be read\n");
	expect("resume=/dev/my-vg/swap-1", STATUS_UNSUPPORTED);
	/* An array made of logical volumes. */
	group_begin(5, "");
	lvm_disk_linear(&text, "array", "pv0", 0, 40);
	lvm_disk_linear(&text, "other", "pv0", 40, 10);
	lvm_disk_end(&text);
	pv_put(0, 2, 'a');
	image_put(extent_at(0, 2, 0), 1, "");
	expect("", STATUS_OK);
	memcpy(extent_at(0, 2, 38), "\xfc\x4e\x2b\xa9", 4);
	expect("", STATUS_UNSUPPORTED);
	assert_non_null(strstr(reason, "RAID"));
}

static void test_nested(void **state)
{
	uint8_t label[512];

	(void)state;
	swap_group_put(1);
	memcpy(label, at(0, 2, 0) + 512, 512);
	memset(swap_page(0), 0, PAGE_BYTES);
	memcpy(swap_page(0) + 512, label, 512);
	expect("", STATUS_NOT_FOUND);
	expect_logged("my--vg-swap--1: LVM2, not looked into\n");
	expect(UUID("01"), STATUS_UNSUPPORTED);
}

/* --- disks that can't be read ------------------------------------------------------------------------------------ */

static void test_read_errors(void **state)
{
	/* Of the second disk: end of the disk, label, area, text, the swap area's second part. */
	const uint64_t end = (PARTITIONS + 2) * PARTITION_BYTES;
	const uint64_t places[] = {end - 1, 4096, 4096 + 16 * KIB - 512, 4096 + 512};

	(void)state;
	swap_group_put(1);
	memset(at(0, 2, 0), 0, PAGE_BYTES); /* the only text is on the second disk */
	memcpy(at(1, 0, START_PAGE), swap_page(0), PAGE_BYTES);
	group_begin(3, "");
	lvm_disk_linear(&text, "swap-1", "pv1", 0, 10);
	lvm_disk_end(&text);
	pv_put(1, 0, 'b');
	expect("", STATUS_OK);
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		memory_disk_break(disks[1], places[i], places[i] + 1, i == 1 ? STATUS_TIMEOUT : STATUS_IO_ERROR);
		log_text[0] = '\0';
		expect("", i == 1 ? STATUS_TIMEOUT : STATUS_IO_ERROR);
		expect_logged("ahci0.1: LVM2, not looked into: ");
		expect("resume=/dev/my-vg/swap-1", i == 1 ? STATUS_TIMEOUT : STATUS_IO_ERROR);
		expect(UUID("01"), i == 1 ? STATUS_TIMEOUT : STATUS_IO_ERROR);
		image_put(at(0, 5, 0), 9, "");
		expect_found("", 0, 5, 0);
		expect_found(UUID("09"), 0, 5, 0);
		memset(at(0, 5, 0), 0, PAGE_BYTES);
	}
	/* The volume itself. */
	memory_disk_break(disks[1], START_PAGE * PAGE_BYTES, START_PAGE * PAGE_BYTES + 1, STATUS_IO_ERROR);
	expect("", STATUS_IO_ERROR);
	expect_logged("my--vg-swap--1: ");
	/* The bad one is told before a disk that can't be read. */
	memory_disk_break(disks[1], 4096, 4097, STATUS_IO_ERROR);
	image_put(at(0, 5, 0), 9, "");
	memcpy(at(0, 5, 0) + 4086, "ULSUSPEND\0", 10);
	expect("", STATUS_UNSUPPORTED);
}

/* However little memory there is, an image on a partition is found with what a search without LVM2 takes. */
static void test_no_memory(void **state)
{
	size_t bytes = 0;

	(void)state;
	swap_group_put(1);
	for (enum status status = STATUS_NO_MEMORY; status != STATUS_OK; bytes += 4096) {
		arena_init(&arena, arena_memory, bytes);
		status = find(UUID("01"));
		assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
		assert_int_equal(find(""), status);
		assert_true((status == STATUS_OK) == (*reason == '\0'));
		assert_int_equal(arena.used_bytes, 0);
	}
	assert_in_range(bytes, 256 * KIB, 160 * KIB + 512 * KIB);
	arena_init(&arena, arena_memory, 160 * KIB);
	log_text[0] = '\0';
	expect("", STATUS_NO_MEMORY);
	expect_logged("LVM2: not looked into: no memory\n");
	expect("resume=/dev/my-vg/swap-1", STATUS_NO_MEMORY);
	image_put(at(0, 5, 0), 9, "");
	expect_found("", 0, 5, 0);
}

#define WITH_LVM(test) cmocka_unit_test_setup_teardown(test, setup, find_disks_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LVM(test_names),
		WITH_LVM(test_swap_file),
		WITH_LVM(test_no_image),
		WITH_LVM(test_other_types),
		WITH_LVM(test_exported),
		WITH_LVM(test_missing),
		WITH_LVM(test_same_physical_volume_twice),
		WITH_LVM(test_newest_text),
		WITH_LVM(test_two_groups),
		WITH_LVM(test_damage),
		WITH_LVM(test_raid_members),
		WITH_LVM(test_nested),
		WITH_LVM(test_read_errors),
		WITH_LVM(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
