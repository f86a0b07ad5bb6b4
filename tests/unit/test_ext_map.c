/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the blocks of a file are: extents in the inode and in trees, and indirect blocks to the third level.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ext_image.h"
#include "tests/unit/find_file.h"

#define BLOCK     1024u
#define LAST      (EXT_IMAGE_BYTES / BLOCK - 1)
#define NUMBERS   (BLOCK / 4) /* in an indirect block */
#define IN_SINGLE 12u
#define IN_DOUBLE (IN_SINGLE + NUMBERS)
#define IN_TRIPLE (IN_DOUBLE + NUMBERS * NUMBERS)

static struct ext_image image;
static uint32_t file;

static void make(bool has_checksums, uint32_t flags)
{
	image = (struct ext_image){.has_checksums = has_checksums};
	ext_image_make(&image);
	file = ext_image_add_named(&image, EXT_IMAGE_ROOT, "f", EXT_IMAGE_FILE, 0, flags);
}

static int setup_extents(void **state)
{
	(void)state;
	make(false, EXT_IMAGE_FLAG_EXTENTS);
	return 0;
}

static int setup_checked(void **state)
{
	(void)state;
	make(true, EXT_IMAGE_FLAG_EXTENTS);
	return 0;
}

static int setup_indirect(void **state)
{
	(void)state;
	make(false, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ext_image_free(&image);
	return 0;
}

static void set_size(uint64_t bytes)
{
	memory_put_le(ext_image_inode(&image, file) + 4, bytes, 4);
	ext_image_seal(&image);
}

static void refuse(enum status status, const char *text)
{
	expect_find(image.disk, "/f", status, text);
}

/* --- extents --------------------------------------------------------------------------------------------------- */

static void test_root(void **state)
{
	uint8_t *root = ext_image_map(&image, file);

	(void)state;
	expect_found_file(image.disk, "/f", 0, 0);
	set_size(10 * BLOCK - 1);
	expect_found_file(image.disk, "/f", 10 * BLOCK - 1, 1); /* a hole */
	expect_piece(0, FILE_HOLE, 10 * BLOCK);
	ext_image_node(root, 60, 4, 0);
	ext_image_extent(root, 0, 1, 2, 100);
	ext_image_extent(root, 1, 3, 1, 102); /* goes on */
	ext_image_extent(root, 2, 4, 0x8002, 103);
	ext_image_extent(root, 3, 8, 20, 200); /* space behind the end */
	expect_found_file(image.disk, "/f", 10 * BLOCK - 1, 4);
	expect_piece(0, FILE_HOLE, BLOCK);
	expect_piece(1, 100 * BLOCK, 3 * BLOCK);
	expect_piece(2, FILE_HOLE, 4 * BLOCK); /* what is not written yet, and a hole */
	expect_piece(3, 200 * BLOCK, 2 * BLOCK);
	set_size(2 * BLOCK);
	expect_found_file(image.disk, "/f", 2 * BLOCK, 2);
	expect_piece(1, 100 * BLOCK, BLOCK);
	/* The longest that is written. */
	ext_image_node(root, 60, 1, 0);
	ext_image_extent(root, 0, 0, 0x8000, 100);
	refuse(STATUS_CORRUPT, "extent is beyond");
}

static void test_root_damage(void **state)
{
	uint8_t *root = ext_image_map(&image, file);
	static const char damaged[] = "a node of an extent tree is damaged";
	const struct {
		uint32_t at;
		uint32_t value;
		const char *text;
	} cases[] = {
		{0, 0xF30B, damaged},
		{2, 5, damaged},
		{4, 1, damaged},
		{4, 5, damaged},
		{6, 6, damaged},
		{6, 0xFFFF, damaged},
		{6, 1, "block number is beyond"},
		{12, 3, "out of order"},
		{16, 0, "out of order"},
		{24, 1, "out of order"},
		{20, LAST, "extent is beyond"},
		{20, LAST + 1, "extent is beyond"},
		{20, 0, "extent is beyond"},
		{18, 1, "extent is beyond"},
		{16, LAST, "extent is beyond"},
	};
	uint8_t before[60];

	(void)state;
	set_size(10 * BLOCK);
	ext_image_node(root, 60, 2, 0);
	ext_image_extent(root, 0, 0, 2, 0x100);
	ext_image_extent(root, 1, 2, 8, 0x200);
	memcpy(before, root, sizeof(before));
	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		memory_put_le(root + cases[i].at, cases[i].value, 2);
		refuse(STATUS_CORRUPT, cases[i].text);
		memcpy(root, before, sizeof(before));
	}
	expect_found_file(image.disk, "/f", 10 * BLOCK, 2);
}

/* Two leaves below one inner block: 2 × 84 extents of one block, each second one somewhere else. */
static void make_tree(uint32_t nodes[3])
{
	uint8_t *root = ext_image_map(&image, file);
	uint8_t *leaf;

	set_size((uint64_t)2 * 84 * BLOCK);
	for (uint32_t i = 0; i < 3; i++)
		nodes[i] = ext_image_take(&image, 1);
	ext_image_node(root, 60, 1, 2);
	ext_image_child(root, 0, 0, nodes[0]);
	ext_image_node(ext_image_block(&image, nodes[0]), BLOCK, 2, 1);
	for (uint32_t i = 0; i < 2; i++) {
		ext_image_child(ext_image_block(&image, nodes[0]), i, i * 84, nodes[1 + i]);
		leaf = ext_image_block(&image, nodes[1 + i]);
		ext_image_node(leaf, BLOCK, 84, 0);
		for (uint32_t j = 0; j < 84; j++)
			ext_image_extent(leaf, j, i * 84 + j, 1, 200 + i * 84 + j + (j & 1) * 300);
	}
	for (uint32_t i = 0; i < 3; i++)
		ext_image_seal_node(&image, file, nodes[i]);
	ext_image_seal(&image);
}

static void check_tree(void)
{
	expect_found_file(image.disk, "/f", (uint64_t)2 * 84 * BLOCK, 2 * 84);
	for (uint32_t i = 0; i < 2 * 84; i++)
		expect_piece(i, (uint64_t)(200 + i + (i & 1) * 300) * BLOCK, BLOCK);
}

static void test_tree(void **state)
{
	uint32_t nodes[3];
	uint8_t *inner;

	(void)state;
	make_tree(nodes);
	check_tree();
	assert_true(image.disk->reads < 40);
	inner = ext_image_block(&image, nodes[0]);
	ext_image_child(inner, 1, 84, nodes[1]); /* the same leaf again */
	refuse(STATUS_CORRUPT, "out of order");
	ext_image_child(inner, 1, 84, nodes[0]); /* itself */
	refuse(STATUS_CORRUPT, "a node of an extent tree is damaged");
	ext_image_child(inner, 1, 84, 0);
	refuse(STATUS_CORRUPT, "block number is beyond");
	ext_image_child(inner, 1, 84, LAST + 1);
	refuse(STATUS_CORRUPT, "block number is beyond");
	ext_image_child(inner, 1, 84, 1ull << 32 | nodes[2]);
	refuse(STATUS_CORRUPT, "block number is beyond");
	ext_image_child(inner, 1, 84, nodes[2]);
	memory_put_le(ext_image_block(&image, nodes[2]) + 4, 85, 2); /* more than there is room for */
	refuse(STATUS_CORRUPT, "a node of an extent tree is damaged");
	memory_put_le(ext_image_block(&image, nodes[2]) + 4, 84, 2);
	/* What is not needed for the file's size is not looked at. */
	ext_image_child(inner, 1, 84, 0);
	set_size(84 * BLOCK);
	expect_found_file(image.disk, "/f", 84 * BLOCK, 84);
	set_size((uint64_t)2 * 84 * BLOCK);
	refuse(STATUS_CORRUPT, "block number is beyond");
	/* Without its last leaf the rest is a hole. */
	memory_put_le(inner + 2, 1, 2);
	expect_found_file(image.disk, "/f", (uint64_t)2 * 84 * BLOCK, 84 + 1);
	expect_piece(84, FILE_HOLE, 84 * BLOCK);
}

static void test_tree_checksum(void **state)
{
	uint32_t nodes[3];

	(void)state;
	make_tree(nodes);
	check_tree();
	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t at = 0; at < BLOCK; at++) {
			uint8_t *byte = ext_image_block(&image, nodes[i]) + at;

			*byte ^= (uint8_t)(1 << at % 8);
			refuse(STATUS_CORRUPT, "extent tree");
			*byte ^= (uint8_t)(1 << at % 8);
		}
	}
	/* Room for fewer entries than there would be: its checksum follows them; none: it is beyond the block. */
	memory_put_le(ext_image_block(&image, nodes[0]) + 4, 2, 2);
	ext_image_seal_node(&image, file, nodes[0]);
	check_tree();
	ext_image_block(&image, nodes[0])[36] ^= 1;
	refuse(STATUS_CORRUPT, "the checksum of an extent tree's node is wrong");
}

/* Each node leads to one below, 84 times, and the last of them are empty: 84^5 of them. */
static void test_tree_too_large(void **state)
{
	uint8_t *root = ext_image_map(&image, file);

	(void)state;
	set_size(BLOCK);
	ext_image_node(root, 60, 1, 5);
	ext_image_child(root, 0, 0, 100);
	for (uint32_t depth = 5; depth-- > 0;) {
		uint8_t *node = ext_image_block(&image, 104 - depth);

		ext_image_node(node, BLOCK, depth > 0 ? 84 : 0, depth);
		for (uint32_t i = 0; i < 84; i++)
			ext_image_child(node, i, 0, 104 - depth + 1);
	}
	refuse(STATUS_CORRUPT, "does not end");
	assert_true(image.disk->reads < 70000);
}

static void test_too_many_pieces(void **state)
{
	uint8_t *root = ext_image_map(&image, file);
	uint32_t node = 0;

	(void)state;
	ext_image_node(root, 60, 1, 1);
	node = ext_image_take(&image, 1);
	ext_image_child(root, 0, 0, node);
	ext_image_node(ext_image_block(&image, node), BLOCK, 49, 0); /* with holes between them */
	for (uint32_t i = 0; i < 49; i++) {
		const uint32_t leaf = ext_image_take(&image, 1);

		ext_image_child(ext_image_block(&image, node), i, i * 168, leaf);
		ext_image_node(ext_image_block(&image, leaf), BLOCK, 84, 0);
		for (uint32_t j = 0; j < 84; j++)
			ext_image_extent(ext_image_block(&image, leaf), j, i * 168 + 2 * j, 1, 100 + j);
	}
	memory_put_le(ext_image_block(&image, node) + 6, 1, 2);
	memory_put_le(root + 6, 2, 2);
	set_size(FILE_EXTENTS_MAX * BLOCK);
	expect_found_file(image.disk, "/f", FILE_EXTENTS_MAX * BLOCK, FILE_EXTENTS_MAX);
	set_size((FILE_EXTENTS_MAX + 1) * BLOCK);
	refuse(STATUS_UNSUPPORTED, "too many pieces");
}

/* --- indirect blocks ------------------------------------------------------------------------------------------- */

static void put_number(uint32_t block, uint32_t index, uint32_t number)
{
	memory_put_le(ext_image_block(&image, block) + index * 4, number, 4);
}

static void put_root(uint32_t index, uint32_t number)
{
	memory_put_le(ext_image_map(&image, file) + index * 4, number, 4);
}

static void test_direct(void **state)
{
	(void)state;
	expect_found_file(image.disk, "/f", 0, 0);
	set_size(12 * BLOCK);
	expect_found_file(image.disk, "/f", 12 * BLOCK, 1);
	for (uint32_t i = 0; i < 12; i++)
		put_root(i, 100 + i);
	put_root(12, LAST + 1); /* not needed */
	expect_found_file(image.disk, "/f", 12 * BLOCK, 1);
	expect_piece(0, 100 * BLOCK, 12 * BLOCK);
	put_root(5, 0);
	put_root(11, LAST);
	expect_found_file(image.disk, "/f", 12 * BLOCK, 5 - 1);
	expect_piece(0, 100 * BLOCK, 5 * BLOCK);
	expect_piece(1, FILE_HOLE, BLOCK);
	expect_piece(2, 106 * BLOCK, 5 * BLOCK);
	expect_piece(3, LAST * BLOCK, BLOCK);
	put_root(11, LAST + 1);
	refuse(STATUS_CORRUPT, "block number is beyond");
	put_root(11, 0xFFFFFFFF);
	refuse(STATUS_CORRUPT, "block number is beyond");
	set_size(11 * BLOCK);
	expect_found_file(image.disk, "/f", 11 * BLOCK, 3);
}

/* Blocks 200 (single), 201 (double) to 202, 203 (triple) to 204 to 205. */
static void make_indirect(void)
{
	set_size((uint64_t)(IN_TRIPLE + 2 * NUMBERS * NUMBERS) * BLOCK);
	put_root(12, 200);
	put_number(200, 0, 300);
	put_number(200, NUMBERS - 1, 301);
	put_root(13, 201);
	put_number(201, 2, 202);
	put_number(202, 3, 302);
	put_number(202, 4, 303);
	put_root(14, 203);
	put_number(203, 1, 204);
	put_number(204, NUMBERS - 1, 205);
	put_number(205, NUMBERS - 1, 304);
}

static void test_indirect(void **state)
{
	uint64_t at = 0;
	const struct {
		uint32_t blocks; /* of the hole before it */
		uint32_t block;
		uint32_t count;
	} pieces[] = {
		{IN_SINGLE, 300, 1},
		{NUMBERS - 2, 301, 1},
		{2 * NUMBERS + 3, 302, 2},
		{IN_TRIPLE + 2 * NUMBERS * NUMBERS - 1 - (IN_DOUBLE + 2 * NUMBERS + 5), 304, 1},
	};

	(void)state;
	make_indirect();
	expect_found_file(image.disk, "/f", (uint64_t)(IN_TRIPLE + 2 * NUMBERS * NUMBERS) * BLOCK, 8);
	for (uint32_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		expect_piece(2 * i, FILE_HOLE, (uint64_t)pieces[i].blocks * BLOCK);
		expect_piece(2 * i + 1, (uint64_t)pieces[i].block * BLOCK, (uint64_t)pieces[i].count * BLOCK);
		at += (uint64_t)(pieces[i].blocks + pieces[i].count) * BLOCK;
	}
	assert_int_equal(at, found_map.bytes);
	assert_true(image.disk->reads < 30);
	/* A hole at the end of the file is not longer than the file. */
	set_size((uint64_t)(IN_TRIPLE + 7) * BLOCK);
	expect_found_file(image.disk, "/f", (uint64_t)(IN_TRIPLE + 7) * BLOCK, 7);
	expect_piece(6, FILE_HOLE, (uint64_t)(IN_TRIPLE + 7 - (IN_DOUBLE + 2 * NUMBERS + 5)) * BLOCK);
}

/* The last of each level and the first of the next, one behind the other on the disk. */
static void test_indirect_edges(void **state)
{
	(void)state;
	set_size((uint64_t)(IN_TRIPLE + 1) * BLOCK);
	put_root(12, 200);
	put_number(200, NUMBERS - 1, 300);
	put_root(13, 201);
	put_number(201, 0, 202);
	put_number(202, 0, 301);
	put_number(201, NUMBERS - 1, 203);
	put_number(203, NUMBERS - 1, 302);
	put_root(14, 204);
	put_number(204, 0, 205);
	put_number(205, 0, 206);
	put_number(206, 0, 303);
	expect_found_file(image.disk, "/f", (uint64_t)(IN_TRIPLE + 1) * BLOCK, 4);
	expect_piece(0, FILE_HOLE, (uint64_t)(IN_DOUBLE - 1) * BLOCK);
	expect_piece(1, 300 * BLOCK, 2 * BLOCK);
	expect_piece(2, FILE_HOLE, (uint64_t)(IN_TRIPLE - IN_DOUBLE - 2) * BLOCK);
	expect_piece(3, 302 * BLOCK, 2 * BLOCK);
}

static void test_indirect_damage(void **state)
{
	static const struct {
		uint32_t block, index, right;
	} numbers[] = {{200, NUMBERS - 1, 301}, {201, 2, 202},           {202, 4, 303},
		       {203, 1, 204},           {204, NUMBERS - 1, 205}, {205, NUMBERS - 1, 304}};

	(void)state;
	make_indirect();
	for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		put_number(numbers[i].block, numbers[i].index, LAST + 1);
		refuse(STATUS_CORRUPT, "block number is beyond");
		put_number(numbers[i].block, numbers[i].index, 0xFFFFFFFF);
		refuse(STATUS_CORRUPT, "block number is beyond");
		put_number(numbers[i].block, numbers[i].index, numbers[i].right);
	}
	for (uint32_t i = 12; i < 15; i++) {
		put_root(i, LAST + 1);
		refuse(STATUS_CORRUPT, "block number is beyond");
		put_root(i, 200 + (i == 12 ? 0 : i == 13 ? 1 : 3));
	}
	memory_disk_break(image.disk, 204 * BLOCK, 204 * BLOCK + 1, STATUS_IO_ERROR);
	refuse(STATUS_IO_ERROR, "can't be read");
	memory_disk_break(image.disk, 0, 0, STATUS_OK);
	expect_find(image.disk, "/f", STATUS_OK, "");
	/* A block that leads to itself is just a map. */
	put_number(205, NUMBERS - 1, 205);
	expect_find(image.disk, "/f", STATUS_OK, "");
	expect_piece(7, 205 * BLOCK, BLOCK);
}

#define EXTENTS(test)  cmocka_unit_test_setup_teardown(test, setup_extents, teardown)
#define CHECKED(test)  cmocka_unit_test_setup_teardown(test, setup_checked, teardown)
#define INDIRECT(test) cmocka_unit_test_setup_teardown(test, setup_indirect, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXTENTS(test_root),
		EXTENTS(test_root_damage),
		EXTENTS(test_tree),
		CHECKED(test_tree_checksum),
		EXTENTS(test_tree_too_large),
		EXTENTS(test_too_many_pieces),
		INDIRECT(test_direct),
		INDIRECT(test_indirect),
		INDIRECT(test_indirect_edges),
		INDIRECT(test_indirect_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
