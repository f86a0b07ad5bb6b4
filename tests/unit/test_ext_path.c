/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext2, ext3 and ext4: directories with and without an index, symbolic links, long names and paths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ext_fixture.h"

/* --- directories ----------------------------------------------------------------------------------------------- */

static uint8_t *boot_block(void)
{
	uint64_t block = 0;

	memcpy(&block, ext_image_map(&image, boot) + 20, 4);
	return ext_image_block(&image, (uint32_t)block);
}

static void test_directory_damage(void **state)
{
	uint8_t *entry = boot_block() + 24; /* behind "." and ".." */
	static const uint32_t lengths[] = {0, 4, 8, 12, 15, 1001, 1004, 65532};

	(void)state;
	assert_memory_equal(entry + 8, "kernel", 6);
	for (uint32_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		memory_put_le(entry + 4, lengths[i], 2);
		refuse("/boot/kernel", STATUS_CORRUPT, "a directory is damaged");
	}
	memory_put_le(entry + 4, 1000, 2);
	expect_kernel("/boot/kernel");
	entry[6] = 255; /* a name that goes on is another name, one that leaves its entry is damage */
	refuse("/boot/kernel", STATUS_NOT_FOUND, "no such file");
	memory_put_le(entry + 4, 260, 2);
	refuse("/boot/kernel", STATUS_CORRUPT, "a directory is damaged");
	entry[6] = 6;
	memory_put_le(entry + 4, 996, 2); /* four bytes are left, too few for an entry */
	refuse("/boot/other", STATUS_NOT_FOUND, "no such file");
}

static void test_directory_shape(void **state)
{
	uint8_t *map = ext_image_map(&image, boot);
	const uint32_t first = ext_image_take(&image, 3);

	(void)state;
	/* Three blocks, the second a hole; the name is in the third. */
	memcpy(ext_image_block(&image, first + 2), boot_block(), 1024);
	ext_image_clear_directory(&image, first);
	memory_put_le(ext_image_inode(&image, boot) + 4, 3 * 1024, 4);
	ext_image_node(map, 60, 2, 0);
	ext_image_extent(map, 0, 0, 1, first);
	ext_image_extent(map, 1, 2, 1, first + 2);
	expect_kernel("/boot/kernel");
	memory_put_le(ext_image_inode(&image, boot) + 4, 2 * 1024, 4);
	refuse("/boot/kernel", STATUS_NOT_FOUND, "no such file");
	memory_put_le(ext_image_inode(&image, boot) + 4, 64 * MIB + 1, 4);
	refuse("/boot/kernel", STATUS_UNSUPPORTED, "a directory is too large");
	memory_put_le(ext_image_inode(&image, boot) + 4, 64 * MIB, 4);
	expect_kernel("/boot/kernel");
}

static void flip(uint8_t *block, uint32_t at)
{
	block[at] ^= (uint8_t)(1u << at % 8);
}

static void test_directory_checksum(void **state)
{
	uint8_t *block = boot_block();

	(void)state;
	for (uint32_t at = 0; at < 1024; at++) {
		flip(block, at);
		refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
		flip(block, at);
	}
	expect_kernel("/boot/kernel");
	/* The right one, of another directory. */
	memory_put_le(ext_image_map(&image, EXT_IMAGE_ROOT) + 20, (uint64_t)(block - image.disk->bytes) / 1024, 4);
	ext_image_seal(&image);
	refuse("/kernel", STATUS_CORRUPT, "checksum of a directory");
}

/* /boot gets a root of an index before its block, or an inner block: in both there is no name but the dots. */
static void index_put(uint8_t *block, bool is_root, uint32_t count, uint32_t limit)
{
	const uint32_t at = is_root ? 32 : 8;

	memset(block, 0x5A, 1024);
	if (is_root) {
		memory_put_le(block, boot, 4);
		memory_put_le(block + 4, 0x0201000C, 4);
		memory_put_le(block + 8, '.', 4);
		memory_put_le(block + 12, EXT_IMAGE_ROOT, 4);
		memory_put_le(block + 16, 0x02020000 | (1024 - 12), 4);
		memory_put_le(block + 20, 0x2E2E, 4);
		memory_put_le(block + 24, 0x0000080100000000, 8);
	} else {
		memory_put_le(block, 0, 4);
		memory_put_le(block + 4, 1024, 4);
	}
	memory_put_le(block + at, limit, 2);
	memory_put_le(block + at + 2, count, 2);
}

static void index_seal(uint8_t *block, bool is_root)
{
	const uint32_t at = is_root ? 32 : 8;
	const uint32_t limit = block[at] | (uint32_t)block[at + 1] << 8;
	const uint32_t count = block[at + 2] | (uint32_t)block[at + 3] << 8;
	uint8_t *tail = block + at + 8 * limit;
	uint8_t number[4];
	uint32_t checksum = ext_image_crc(~0u, ext_image_super(&image) + 104, 16);

	memory_put_le(number, boot, 4);
	checksum = ext_image_crc(ext_image_crc(checksum, number, 4), ext_image_inode(&image, boot) + 100, 4);
	memory_put_le(tail + 4, 0, 4);
	checksum = ext_image_crc(checksum, block, at + 8 * count);
	memory_put_le(tail + 4, ext_image_crc(checksum, tail, 8), 4);
}

static uint8_t *index_make(bool is_root)
{
	const uint32_t index = ext_image_take(&image, 2);
	const uint32_t at = is_root ? 32 : 8;
	uint8_t *block = ext_image_block(&image, index);

	memcpy(ext_image_block(&image, index + 1), boot_block(), 1024);
	memory_put_le(ext_image_inode(&image, boot) + 4, 2 * 1024, 4);
	memory_put_le(ext_image_inode(&image, boot) + 32, EXT_IMAGE_FLAG_EXTENTS | EXT_IMAGE_FLAG_INDEX, 4);
	ext_image_extent(ext_image_map(&image, boot), 0, 0, 2, index);
	ext_image_seal(&image);
	index_put(block, is_root, 3, (1024 - at) / 8 - 1);
	index_seal(block, is_root);
	return block;
}

static void check_index(bool is_root)
{
	const uint32_t at = is_root ? 32 : 8;
	const uint32_t limit = (1024 - at) / 8 - 1;
	uint8_t *block = index_make(is_root);

	expect_kernel("/boot/kernel");
	for (uint32_t i = 0; i < 1024; i++) {
		flip(block, i);
		if (i < at + 3 * 8 || i >= at + 8 * limit)
			refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
		else
			expect_kernel("/boot/kernel"); /* entries that are not in use */
		flip(block, i);
	}
	index_put(block, is_root, limit + 1, limit);
	refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
	index_put(block, is_root, 3, limit + 1);
	refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
	index_put(block, is_root, 3, 0xFFFF);
	refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
	index_put(block, is_root, 0xFFFF, limit);
	refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
	index_put(block, is_root, 3, limit);
	block[is_root ? 17 : 0] ^= 1; /* not what an index begins with */
	index_seal(block, is_root);
	refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
	index_put(block, is_root, limit, limit);
	index_seal(block, is_root);
	expect_kernel("/boot/kernel");
	/* Only a directory with an index has such blocks. */
	memory_put_le(ext_image_inode(&image, boot) + 32, EXT_IMAGE_FLAG_EXTENTS, 4);
	ext_image_seal(&image);
	refuse("/boot/kernel", STATUS_CORRUPT, "checksum of a directory");
}

static void test_index_root(void **state)
{
	(void)state;
	check_index(true);
}

static void test_index_node(void **state)
{
	(void)state;
	check_index(false);
}

/* --- links ----------------------------------------------------------------------------------------------------- */

static void test_links(void **state)
{
	(void)state;
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "relative", "boot/kernel");
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "absolute", "/boot/kernel");
	ext_image_add_link(&image, boot, "near", "kernel");
	ext_image_add_link(&image, boot, "top", "/boot/kernel");
	ext_image_add_link(&image, boot, "up", "..");
	ext_image_add_link(&image, boot, "none", "nothing");
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "dir", "./boot/");
	expect_kernel("/relative");
	expect_kernel("/absolute");
	expect_kernel("/boot/near");
	expect_kernel("/boot/top");
	expect_kernel("/dir/near");
	expect_kernel("/boot/up/dir/up/absolute");
	refuse("/boot/none", STATUS_NOT_FOUND, "no such file");
	refuse("/relative/x", STATUS_NOT_FOUND, "is no directory");
	/* Eight links, and no more. */
	ext_image_add_link(&image, boot, "l0", "kernel");
	for (char i = '1'; i <= '8'; i++) {
		const char name[3] = {'l', i, '\0'};
		const char target[3] = {'l', (char)(i - 1), '\0'};

		ext_image_add_link(&image, boot, name, target);
	}
	expect_kernel("/boot/l7");
	refuse("/boot/l8", STATUS_UNSUPPORTED, "too many symbolic links");
}

static void test_link_loops(void **state)
{
	(void)state;
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "self", "self");
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "ping", "/pong");
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "pong", "ping");
	ext_image_add_link(&image, EXT_IMAGE_ROOT, "more", "more/more/more");
	refuse("/self", STATUS_UNSUPPORTED, "too many symbolic links");
	refuse("/ping", STATUS_UNSUPPORTED, "too many symbolic links");
	refuse("/more/x", STATUS_UNSUPPORTED, "too many symbolic links");
	assert_true(image.disk->reads < 100);
}

static void test_long_links(void **state)
{
	const uint32_t link =
		ext_image_add_named(&image, EXT_IMAGE_ROOT, "long", EXT_IMAGE_LINK, 400, EXT_IMAGE_FLAG_EXTENTS);
	const uint32_t block = ext_image_take(&image, 1);
	uint8_t *inode = ext_image_inode(&image, link);
	char path[FILE_PATH_BYTES + 1];

	(void)state;
	ext_image_node(ext_image_map(&image, link), 60, 1, 0);
	ext_image_extent(ext_image_map(&image, link), 0, 0, 1, block);
	memset(ext_image_block(&image, block), '/', 1024);
	memcpy(ext_image_block(&image, block) + 400 - 11, "boot/kernel", 11);
	expect_kernel("/long");
	memory_put_le(inode + 4, 1023, 4);
	memcpy(ext_image_block(&image, block) + 1023 - 11, "boot/kernel", 11);
	memcpy(ext_image_block(&image, block) + 400 - 11, "///////////", 11);
	expect_kernel("/long");
	refuse("/long/x", STATUS_UNSUPPORTED, "symbolic link is too long");
	memory_put_le(inode + 4, 1022, 4);
	refuse("/long/x", STATUS_UNSUPPORTED, "symbolic link is too long"); /* 1024 and its end */
	memcpy(ext_image_block(&image, block) + 1021 - 11, "boot/kernel", 11);
	memory_put_le(inode + 4, 1021, 4);
	refuse("/long/x", STATUS_NOT_FOUND, "is no directory");
	memcpy(ext_image_block(&image, block), "boot/kernel", 12); /* what is behind its end does not count */
	memory_put_le(inode + 4, 1023, 4);
	expect_kernel("/long");
	memory_put_le(inode + 4, 1024, 4);
	refuse("/long", STATUS_UNSUPPORTED, "symbolic link is too long");
	memory_put_le(inode + 4, 0, 4);
	refuse("/long", STATUS_UNSUPPORTED, "symbolic link is too long");
	memory_put_le(inode + 4, 1023, 4);
	ext_image_extent(ext_image_map(&image, link), 0, 0, 0x8001, block); /* not written */
	refuse("/long", STATUS_CORRUPT, "symbolic link is empty");
	/* The longest path, and one more character. */
	memset(path, '/', sizeof(path));
	memcpy(path + FILE_PATH_BYTES - 12, "boot/kernel", 12);
	expect_kernel(path);
	memset(path, '/', sizeof(path));
	memcpy(path + FILE_PATH_BYTES - 11, "boot/kernel", 12);
	refuse(path, STATUS_INVALID, "too long");
	refuse("boot/kernel", STATUS_INVALID, "not absolute");
	refuse("", STATUS_INVALID, "not absolute");
}

static void test_long_names(void **state)
{
	char name[258] = "/";
	const uint32_t block = ext_image_take(&image, 1);

	(void)state;
	memset(name + 1, 'n', 255);
	ext_image_clear_directory(&image, block);
	ext_image_extent(ext_image_map(&image, boot), 0, 0, 1, block);
	ext_image_extent(ext_image_map(&image, EXT_IMAGE_ROOT), 0, 0, 1, block);
	ext_image_add_entry(&image, boot, block, kernel, name + 1);
	expect_kernel(name);
	name[256] = 'n';
	refuse(name, STATUS_NOT_FOUND, "no such file");
	name[255] = '\0';
	refuse(name, STATUS_NOT_FOUND, "no such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_directory_damage), PLAIN(test_directory_shape), CHECKED(test_directory_checksum),
		CHECKED(test_index_root),     CHECKED(test_index_node),    PLAIN(test_links),
		PLAIN(test_link_loops),       PLAIN(test_long_links),      PLAIN(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
