/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filesystem of the tests of ext, see ext_fixture.h.
 */
#include "tests/unit/ext_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct ext_image image;
uint32_t boot; /* the directory /boot */
uint32_t kernel;
uint32_t kernel_block;

/* /boot/kernel, 1500 bytes in two blocks. */
void ext_fixture_make(uint32_t block_bytes, uint32_t inode_bytes, bool has_checksums)
{
	image = (struct ext_image){
		.block_bytes = block_bytes, .inode_bytes = inode_bytes, .has_checksums = has_checksums};
	ext_image_make(&image);
	boot = ext_image_add_directory(&image, EXT_IMAGE_ROOT, "boot");
	kernel = ext_image_add_named(&image, boot, "kernel", EXT_IMAGE_FILE, 1500, EXT_IMAGE_FLAG_EXTENTS);
	kernel_block = ext_image_take(&image, 2);
	ext_image_node(ext_image_map(&image, kernel), 60, 1, 0);
	ext_image_extent(ext_image_map(&image, kernel), 0, 0, 2, kernel_block);
	ext_image_seal(&image);
}

int ext_fixture_plain(void **state)
{
	(void)state;
	ext_fixture_make(1024, 256, false);
	return 0;
}

int ext_fixture_checked(void **state)
{
	(void)state;
	ext_fixture_make(1024, 256, true);
	return 0;
}

int ext_fixture_teardown(void **state)
{
	(void)state;
	ext_image_free(&image);
	return 0;
}

void refuse(const char *path, enum status status, const char *text)
{
	expect_find(image.disk, path, status, text);
}

void expect_kernel(const char *path)
{
	expect_found_file(image.disk, path, 1500, 1);
	expect_piece(0, (uint64_t)kernel_block * image.block_bytes, align_up(1500, image.block_bytes));
}
