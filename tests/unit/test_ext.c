/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext2, ext3 and ext4: superblock, groups and inodes, with and without checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ext_fixture.h"

/* A field of the superblock becomes another, is refused, and is set back. */
static void refuse_field(uint32_t at, uint64_t value, unsigned bytes, enum status status, const char *text)
{
	uint8_t *super = ext_image_super(&image);
	uint8_t before[1024];

	memcpy(before, super, sizeof(before));
	memory_put_le(super + at, value, bytes);
	ext_image_seal(&image);
	refuse("/boot/kernel", status, text);
	memcpy(super, before, sizeof(before));
	ext_image_seal(&image);
}

/* --- the superblock -------------------------------------------------------------------------------------------- */

static void test_forms(void **state)
{
	static const uint32_t blocks[] = {1024, 2048, 4096};

	(void)state;
	for (uint32_t form = 0; form < 12; form++) {
		ext_fixture_make(blocks[form % 3], form / 3 % 2 ? 128 : 256, form >= 6);
		expect_kernel("/boot/kernel");
		expect_kernel("//boot///kernel");
		expect_kernel("/boot/.././boot/kernel");
		/* The last inode of the first group, and the first of the second. */
		while (image.next_inode < EXT_IMAGE_GROUP_INODES)
			ext_image_add(&image, EXT_IMAGE_FILE, 0, 0);
		ext_image_add_named(&image, boot, "last", EXT_IMAGE_FILE, 5, EXT_IMAGE_FLAG_EXTENTS);
		expect_found_file(image.disk, "/boot/last", 5, 1);
		ext_image_add_named(&image, boot, "second", EXT_IMAGE_FILE, 0, EXT_IMAGE_FLAG_EXTENTS);
		expect_found_file(image.disk, "/boot/second", 0, 0);
		ext_image_free(&image);
	}
}

static void test_features(void **state)
{
	static const struct {
		uint32_t incompat;
		const char *text;
	} refused[] = {
		{0x1, "compression"},     {0x8, "the journal of"},    {0x10, "meta_bg"},
		{0x1000, "dirdata"},      {0x40000, "does not know"}, {0x80000000, "does not know"},
		{0x800, "does not know"},
	};
	static const uint32_t read[] = {0x2, 0x4, 0x40, 0x100, 0x200, 0x400, 0x4000, 0x8000, 0x10000, 0x20000};
	uint8_t *super = ext_image_super(&image);

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(refused); i++)
		refuse_field(96, 0x242 | refused[i].incompat, 4, STATUS_UNSUPPORTED, refused[i].text);
	for (uint32_t i = 0; i < ARRAY_COUNT(read); i++) {
		memory_put_le(super + 96, read[i], 4);
		expect_kernel("/boot/kernel");
	}
	refuse_field(76, 0, 4, STATUS_UNSUPPORTED, "revision 0");
}

static void test_sizes(void **state)
{
	static const char wrong[] = "superblock contradicts itself";

	(void)state;
	refuse_field(24, 3, 4, STATUS_UNSUPPORTED, "blocks larger than 4096");
	refuse_field(24, 0xFFFFFFFF, 4, STATUS_UNSUPPORTED, "blocks larger than 4096");
	refuse_field(88, 64, 2, STATUS_CORRUPT, wrong);
	refuse_field(88, 2048, 2, STATUS_CORRUPT, wrong);
	refuse_field(88, 192, 2, STATUS_CORRUPT, wrong);
	refuse_field(88, 0, 2, STATUS_CORRUPT, wrong);
	refuse_field(40, 0, 4, STATUS_CORRUPT, wrong);
	refuse_field(4, EXT_IMAGE_BYTES / 1024 + 1, 4, STATUS_CORRUPT, "larger than its partition");
	refuse_field(4, kernel_block + 1, 4, STATUS_CORRUPT, "beyond the filesystem");
	refuse_field(4, 0, 4, STATUS_CORRUPT, "beyond the filesystem");
	refuse_field(0, kernel - 1, 4, STATUS_CORRUPT, "inode number is beyond");
	refuse_field(0, 0, 4, STATUS_CORRUPT, "inode number is beyond");
	refuse_field(20, 0xFFFFFFFF, 4, STATUS_CORRUPT, "points beyond its partition");
	/* Without 64bit there are no upper halves, and a descriptor has 32 bytes whatever stands there. */
	memory_put_le(ext_image_super(&image) + 336, 1, 4);
	memory_put_le(ext_image_super(&image) + 254, 64, 2);
	expect_kernel("/boot/kernel");
}

static void test_sizes_64bit(void **state)
{
	static const char wrong[] = "superblock contradicts itself";

	(void)state;
	refuse_field(336, 1, 4, STATUS_CORRUPT, "larger than its partition");
	refuse_field(336, 0xFFFFFFFF, 4, STATUS_CORRUPT, "larger than its partition");
	refuse_field(254, 32, 2, STATUS_CORRUPT, wrong);
	refuse_field(254, 0, 2, STATUS_CORRUPT, wrong);
	refuse_field(254, 96, 2, STATUS_CORRUPT, wrong);
	refuse_field(254, 2048, 2, STATUS_CORRUPT, wrong);
}

static void test_checksums(void **state)
{
	uint8_t *places[] = {ext_image_super(&image) + 300,         ext_image_super(&image) + 1021,
			     ext_image_group(&image, 0) + 3,        ext_image_group(&image, 0) + 31,
			     ext_image_group(&image, 0) + 63,       ext_image_inode(&image, boot) + 13,
			     ext_image_inode(&image, kernel) + 124, ext_image_inode(&image, kernel) + 131,
			     ext_image_inode(&image, kernel) + 101, ext_image_inode(&image, kernel) + 255};
	static const char *const texts[] = {"superblock is wrong",
					    "superblock is wrong",
					    "a group",
					    "a group",
					    "a group",
					    "inode",
					    "inode",
					    "inode",
					    "inode",
					    "inode"};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(places); i++) {
		*places[i] ^= 0x10;
		refuse("/boot/kernel", STATUS_CORRUPT, texts[i]);
		*places[i] ^= 0x10;
		expect_kernel("/boot/kernel");
	}
	/* A seed of its own, and an inode whose upper half of the checksum is in its attributes' place. */
	memory_put_le(ext_image_super(&image) + 96, 0x22C2, 4);
	memory_put_le(ext_image_super(&image) + 624, ext_image_crc(~0u, ext_image_super(&image) + 104, 16), 4);
	ext_image_super(&image)[105] ^= 1; /* not what the seed was made of */
	memory_put_le(ext_image_super(&image) + 1020, ext_image_crc(~0u, ext_image_super(&image), 1020), 4);
	expect_kernel("/boot/kernel");
	ext_image_super(&image)[105] ^= 1;
	memory_put_le(ext_image_inode(&image, kernel) + 128, 0, 2);
	ext_image_seal(&image);
	expect_kernel("/boot/kernel");
	ext_image_inode(&image, kernel)[131] ^= 1;
	refuse("/boot/kernel", STATUS_CORRUPT, "inode");
}

/* --- groups and inodes ----------------------------------------------------------------------------------------- */

static void test_inode_tables(void **state)
{
	uint8_t *group = ext_image_group(&image, 0);
	static const uint32_t tables[] = {0, EXT_IMAGE_BYTES / 1024, 0xFFFFFFFF};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(tables); i++) {
		memory_put_le(group + 8, tables[i], 4);
		refuse("/boot/kernel", STATUS_CORRUPT, "inode table is beyond");
	}
	/* The last block: the table's other blocks, which are not read, would be beyond. */
	memory_put_le(group + 8, EXT_IMAGE_BYTES / 1024 - 1, 4);
	refuse("/boot/kernel", STATUS_NOT_FOUND, "no directory");
}

static void test_inode_table_upper_half(void **state)
{
	uint8_t *group = ext_image_group(&image, 0);
	uint8_t number[4] = {0};
	uint32_t checksum;

	(void)state;
	memory_put_le(group + 40, 1, 4);
	memory_put_le(group + 30, 0, 2);
	checksum = ext_image_crc(~0u, ext_image_super(&image) + 104, 16);
	checksum = ext_image_crc(ext_image_crc(checksum, number, 4), group, 64);
	memory_put_le(group + 30, checksum, 2);
	refuse("/boot/kernel", STATUS_CORRUPT, "inode table is beyond");
}

static void test_inode_numbers(void **state)
{
	const uint32_t block = ext_image_take(&image, 1);

	(void)state;
	ext_image_clear_directory(&image, block);
	ext_image_extent(ext_image_map(&image, boot), 0, 0, 1, block);
	ext_image_seal(&image);
	ext_image_add_entry(&image, boot, block, EXT_IMAGE_GROUPS * EXT_IMAGE_GROUP_INODES + 1, "beyond");
	ext_image_add_entry(&image, boot, block, 0xFFFFFFFF, "last");
	ext_image_add_entry(&image, boot, block, kernel, "kernel");
	refuse("/boot/beyond", STATUS_CORRUPT, "inode number is beyond");
	refuse("/boot/last", STATUS_CORRUPT, "inode number is beyond");
	expect_kernel("/boot/kernel");
	/* Inode 0: the entry is not in use. */
	memset(ext_image_block(&image, block), 0, 4);
	ext_image_seal_directory(&image, boot, block);
	refuse("/boot/beyond", STATUS_NOT_FOUND, "no such file");
	expect_kernel("/boot/kernel");
	/* So is one of the same name. */
	memcpy(ext_image_block(&image, block) + 8, "kernel", 6);
	ext_image_seal_directory(&image, boot, block);
	expect_kernel("/boot/kernel");
}

static void test_kinds(void **state)
{
	const uint32_t other = ext_image_add_named(&image, boot, "device", 0x6000, 1500, EXT_IMAGE_FLAG_EXTENTS);

	(void)state;
	(void)other;
	refuse("/", STATUS_NOT_FOUND, "no regular file");
	refuse("/boot", STATUS_NOT_FOUND, "no regular file");
	refuse("/boot/device", STATUS_NOT_FOUND, "no regular file");
	refuse("/boot/device/x", STATUS_NOT_FOUND, "is no directory");
	refuse("/boot/kernel/x", STATUS_NOT_FOUND, "is no directory");
	refuse("/boot/kerne", STATUS_NOT_FOUND, "no such file");
	refuse("/boot/kernel2", STATUS_NOT_FOUND, "no such file");
	refuse("/boot/KERNEL", STATUS_NOT_FOUND, "no such file");
	refuse("/kernel", STATUS_NOT_FOUND, "no such file");
	memory_put_le(ext_image_inode(&image, kernel) + 32, EXT_IMAGE_FLAG_EXTENTS | 0x800, 4);
	refuse("/boot/kernel", STATUS_UNSUPPORTED, "encrypted");
	memory_put_le(ext_image_inode(&image, kernel) + 32, EXT_IMAGE_FLAG_EXTENTS | 0x10000000, 4);
	refuse("/boot/kernel", STATUS_UNSUPPORTED, "stored in its inode");
	memory_put_le(ext_image_inode(&image, kernel) + 32, EXT_IMAGE_FLAG_EXTENTS, 4);
	memory_put_le(ext_image_inode(&image, kernel) + 108, 1, 4);
	memory_put_le(ext_image_inode(&image, kernel) + 4, 1, 4);
	refuse("/boot/kernel", STATUS_UNSUPPORTED, "larger than 4 GiB");
	memory_put_le(ext_image_inode(&image, kernel) + 4, 0, 4);
	expect_find(image.disk, "/boot/kernel", STATUS_OK, "");
	assert_int_equal(found_map.bytes, 4 * GIB);
	expect_piece(1, FILE_HOLE, 4 * GIB - 2048);
}

static void test_unreadable(void **state)
{
	const uint64_t inode = (uint64_t)(ext_image_inode(&image, kernel) - image.disk->bytes);

	(void)state;
	memory_disk_break(image.disk, inode, inode + 1, STATUS_IO_ERROR);
	refuse("/boot/kernel", STATUS_IO_ERROR, "can't be read");
	memory_disk_break(image.disk, inode, inode + 1, STATUS_TIMEOUT);
	refuse("/boot/kernel", STATUS_TIMEOUT, "can't be read");
	memory_disk_break(image.disk, 0, 1, STATUS_IO_ERROR);
	refuse("/boot/kernel", STATUS_IO_ERROR, "can't be read");
	/* The file itself is not read. */
	kernel_block = 800;
	ext_image_extent(ext_image_map(&image, kernel), 0, 0, 2, kernel_block);
	memory_disk_break(image.disk, 800 * 1024, EXT_IMAGE_BYTES, STATUS_IO_ERROR);
	expect_kernel("/boot/kernel");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		PLAIN(test_features),
		PLAIN(test_sizes),
		CHECKED(test_sizes_64bit),
		CHECKED(test_checksums),
		PLAIN(test_inode_tables),
		CHECKED(test_inode_table_upper_half),
		CHECKED(test_inode_numbers),
		PLAIN(test_kinds),
		PLAIN(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
