/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FAT32: the first sector, chains of clusters, short and long names, directories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fat_image.h"
#include "tests/unit/find_file.h"

#define LONG_NAME "vmlinuz-6.1.0-49-amd64 of a machine"
#define SHORT     "VMLINU~1   "

static struct fat_image image;
static uint8_t *next; /* free entry of the root */
static uint32_t kernel;

/* /kernel.img of 1300 bytes. */
static void make(uint32_t sector_bytes, uint32_t cluster_sectors)
{
	image = (struct fat_image){.sector_bytes = sector_bytes, .cluster_sectors = cluster_sectors};
	fat_image_make(&image);
	next = fat_image_cluster(&image, FAT_IMAGE_ROOT);
	kernel = fat_image_take(&image, 1300 / fat_image_cluster_bytes(&image) + 1);
	fat_image_entry(next, "KERNEL  IMG", 0x20, kernel, 1300);
	next += FAT_IMAGE_ENTRY_BYTES;
}

static int setup(void **state)
{
	(void)state;
	make(512, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fat_image_free(&image);
	return 0;
}

static void refuse(const char *path, enum status status, const char *text)
{
	expect_find(image.disk, path, status, text);
}

static void expect_kernel(const char *path)
{
	const uint32_t cluster_bytes = fat_image_cluster_bytes(&image);

	expect_found_file(image.disk, path, 1300, 1);
	expect_piece(0, fat_image_offset(&image, kernel), (1300 / cluster_bytes + 1) * cluster_bytes);
}

static uint8_t *add(const char name[12], uint8_t attributes, uint32_t cluster, uint32_t bytes)
{
	uint8_t *entry = fat_image_entry(next, name, attributes, cluster, bytes);

	next += FAT_IMAGE_ENTRY_BYTES;
	return entry;
}

/* --- the first sector ------------------------------------------------------------------------------------------ */

static void test_forms(void **state)
{
	static const uint32_t forms[][2] = {{512, 1}, {512, 2}, {512, 8}, {512, 64}, {1024, 1}, {2048, 2}, {4096, 1}};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(forms); i++) {
		make(forms[i][0], forms[i][1]);
		expect_kernel("/kernel.img");
		fat_image_free(&image);
	}
}

static void refuse_field(uint32_t at, uint64_t value, unsigned bytes, enum status status, const char *text)
{
	uint8_t before[512];

	memcpy(before, image.disk->bytes, sizeof(before));
	memory_put_le(image.disk->bytes + at, value, bytes);
	refuse("/kernel.img", status, text);
	memcpy(image.disk->bytes, before, sizeof(before));
	expect_kernel("/kernel.img");
}

static void test_first_sector(void **state)
{
	static const char wrong[] = "first sector contradicts itself";
	const uint32_t sectors = FAT_IMAGE_BYTES / 512;

	(void)state;
	refuse_field(11, 0, 2, STATUS_CORRUPT, wrong);
	refuse_field(11, 256, 2, STATUS_CORRUPT, wrong);
	refuse_field(11, 768, 2, STATUS_CORRUPT, wrong);
	refuse_field(11, 8192, 2, STATUS_CORRUPT, wrong);
	memory_put_le(image.disk->bytes + 32, FAT_IMAGE_BYTES / 8192, 4);
	memory_put_le(image.disk->bytes + 11, 8192, 2);
	refuse("/kernel.img", STATUS_CORRUPT, wrong);
	memory_put_le(image.disk->bytes + 11, 512, 2);
	memory_put_le(image.disk->bytes + 32, sectors, 4);
	refuse_field(13, 0, 1, STATUS_CORRUPT, wrong);
	refuse_field(13, 3, 1, STATUS_CORRUPT, wrong);
	refuse_field(14, 0, 2, STATUS_CORRUPT, wrong);
	refuse_field(14, sectors, 2, STATUS_CORRUPT, wrong);
	refuse_field(16, 0, 1, STATUS_CORRUPT, wrong);
	refuse_field(32, sectors + 1, 4, STATUS_CORRUPT, wrong);
	refuse_field(32, 0xFFFFFFFF, 4, STATUS_CORRUPT, wrong);
	refuse_field(32, 0, 4, STATUS_CORRUPT, wrong);
	refuse_field(36, sectors, 4, STATUS_CORRUPT, wrong);
	refuse_field(36, 0xFFFFFFFF, 4, STATUS_CORRUPT, wrong);
	refuse_field(44, 0, 4, STATUS_CORRUPT, "chain of clusters is damaged");
	refuse_field(44, 1, 4, STATUS_CORRUPT, "chain of clusters is damaged");
	refuse_field(44, image.cluster_count + 2, 4, STATUS_CORRUPT, "chain of clusters is damaged");
	refuse_field(36, 0, 4, STATUS_CORRUPT, "chain of clusters is damaged");
	refuse_field(17, 512, 2, STATUS_UNSUPPORTED, "FAT12 or FAT16");
	refuse_field(19, 512, 2, STATUS_UNSUPPORTED, "FAT12 or FAT16");
	refuse_field(22, 1, 2, STATUS_UNSUPPORTED, "FAT12 or FAT16");
	refuse_field(510, 0, 2, STATUS_UNSUPPORTED, "no filesystem that Thaw reads");
}

static void test_small_fat(void **state)
{
	uint8_t *boot = image.disk->bytes;

	(void)state;
	memset(boot + 82, 0, 8);
	refuse("/kernel.img", STATUS_UNSUPPORTED, "no filesystem that Thaw reads");
	memcpy(boot + 54, "FAT12   ", 8);
	refuse("/kernel.img", STATUS_UNSUPPORTED, "FAT12 or FAT16");
	memcpy(boot + 54, "FAT16   ", 8);
	refuse("/kernel.img", STATUS_UNSUPPORTED, "FAT12 or FAT16");
	boot[511] = 0;
	refuse("/kernel.img", STATUS_UNSUPPORTED, "no filesystem that Thaw reads");
}

/* --- chains ---------------------------------------------------------------------------------------------------- */

static void test_pieces(void **state)
{
	const uint32_t last = image.cluster_count + 1;

	(void)state;
	fat_image_link(&image, kernel, kernel + 1);
	fat_image_link(&image, kernel + 1, last);
	fat_image_link(&image, last, FAT_IMAGE_END);
	expect_found_file(image.disk, "/kernel.img", 1300, 2);
	expect_piece(0, fat_image_offset(&image, kernel), 1024);
	expect_piece(1, fat_image_offset(&image, last), 512);
	/* What is behind the file's size does not matter. */
	fat_image_link(&image, last, 0);
	expect_find(image.disk, "/kernel.img", STATUS_OK, "");
	fat_image_link(&image, kernel + 1, last + 1);
	refuse("/kernel.img", STATUS_CORRUPT, "chain of clusters is damaged");
	fat_image_link(&image, kernel + 1, FAT_IMAGE_END); /* too short */
	refuse("/kernel.img", STATUS_CORRUPT, "chain of clusters is damaged");
	fat_image_link(&image, kernel + 1, 0);
	refuse("/kernel.img", STATUS_CORRUPT, "chain of clusters is damaged");
	fat_image_link(&image, kernel + 1, 1);
	refuse("/kernel.img", STATUS_CORRUPT, "chain of clusters is damaged");
	fat_image_link(&image, kernel + 1, 0x0FFFFFF7); /* a bad cluster */
	refuse("/kernel.img", STATUS_CORRUPT, "chain of clusters is damaged");
	memory_disk_break(image.disk, FAT_IMAGE_RESERVED * 512, FAT_IMAGE_RESERVED * 512 + 1, STATUS_TIMEOUT);
	refuse("/kernel.img", STATUS_TIMEOUT, "can't be read");
}

static void test_table_end(void **state)
{
	const uint32_t entries = 512 / 4;

	(void)state;
	/* A table of one sector: its last entry is the last cluster, whatever room there is for data. */
	memory_put_le(image.disk->bytes + 36, 1, 4);
	memcpy(image.disk->bytes + (FAT_IMAGE_RESERVED + 2) * 512, fat_image_cluster(&image, FAT_IMAGE_ROOT), 512);
	fat_image_link(&image, kernel + 1, entries - 1);
	fat_image_link(&image, entries - 1, FAT_IMAGE_END);
	expect_find(image.disk, "/kernel.img", STATUS_OK, "");
	fat_image_link(&image, kernel + 1, entries);
	refuse("/kernel.img", STATUS_CORRUPT, "chain of clusters is damaged");
}

static void test_loops(void **state)
{
	uint8_t *entry = next - FAT_IMAGE_ENTRY_BYTES;
	const uint32_t directory = fat_image_take(&image, 2);

	(void)state;
	memory_put_le(entry + 28, 0xFFFFFFFF, 4);
	fat_image_link(&image, kernel, kernel);
	refuse("/kernel.img", STATUS_UNSUPPORTED, "too many pieces");
	fat_image_link(&image, kernel, kernel + 1);
	fat_image_link(&image, kernel + 1, kernel);
	refuse("/kernel.img", STATUS_UNSUPPORTED, "too many pieces");
	assert_true(image.disk->reads < 100);
	add("LOOP       ", FAT_IMAGE_DIRECTORY, directory, 0);
	fat_image_link(&image, directory + 1, directory);
	refuse("/loop/x", STATUS_CORRUPT, "a directory does not end");
	fat_image_link(&image, directory + 1, directory + 1);
	refuse("/loop/x", STATUS_CORRUPT, "a directory does not end");
	assert_true(image.disk->reads < 100);
	fat_image_link(&image, directory + 1, 0x0FFFFFF8);
	refuse("/loop/x", STATUS_NOT_FOUND, "no such file");
}

/* --- names ----------------------------------------------------------------------------------------------------- */

static void test_short_names(void **state)
{
	static const char *const right[] = {"/KERNEL.IMG", "/Kernel.img", "//kernel.iMG/"};
	static const char *const wrong[] = {"/kernel",       "/kernel.im", "/kernel.imgs", "/kernel  .img",
					    "/kernel.img..", "/kernelimg", "/kernel[img"};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(right); i++)
		expect_kernel(right[i]);
	for (uint32_t i = 0; i < ARRAY_COUNT(wrong); i++)
		refuse(wrong[i], STATUS_NOT_FOUND, "no such file");
	add("EIGHTLETTHR", 0x20, 0, 0);
	add("PLAIN      ", 0x20, 0, 0);
	add("A      B   ", 0x08, 0, 0); /* the volume's label */
	add("@[      `{ ", 0x20, 0, 0); /* beside the letters */
	expect_found_file(image.disk, "/eightlet.thr", 0, 0);
	expect_found_file(image.disk, "/plain", 0, 0);
	refuse("/plain.", STATUS_NOT_FOUND, "no such file");
	refuse("/a      b", STATUS_NOT_FOUND, "no such file");
	add("@          ", 0x20, 0, 0);
	add("[          ", 0x20, 0, 0);
	expect_found_file(image.disk, "/@[.`{", 0, 0);
	refuse("/`", STATUS_NOT_FOUND, "no such file");
	refuse("/{", STATUS_NOT_FOUND, "no such file");
	refuse("/", STATUS_NOT_FOUND, "no regular file");
	refuse("/kernel.img/x", STATUS_NOT_FOUND, "is no directory");
}

/* A long name and its short entry, the kernel's chain. Returns the first entry. */
static uint8_t *add_long(const char *text)
{
	uint8_t *first = next;

	next = fat_image_long_name(next, text, SHORT);
	add(SHORT, 0x20, kernel, 1300);
	return first;
}

static void test_long_names(void **state)
{
	char longest[257] = "/";
	uint8_t *start = next;

	(void)state;
	add_long(LONG_NAME);
	expect_kernel("/" LONG_NAME);
	expect_kernel("/VMLINUZ-6.1.0-49-AMD64 OF A MACHINE");
	expect_kernel("/vmlinu~1");
	refuse("/vmlinuz-6.1.0-49-amd64 of a machin", STATUS_NOT_FOUND, "no such file");
	refuse("/vmlinuz-6.1.0-49-amd64 of a machine2", STATUS_NOT_FOUND, "no such file");
	/* A slash in a name is no way into it. */
	memset(next = start, 0, 400);
	add_long("an entry/with a slash");
	refuse("/an entry/with a slash", STATUS_NOT_FOUND, "no such file");
	refuse("/an entry", STATUS_NOT_FOUND, "no such file");
	/* Names that fill their entries, with no end in them. */
	for (uint32_t length = 12; length <= 27; length++) {
		memset(next = start, 0, 400);
		memset(longest + 1, 'n', length);
		longest[1 + length] = '\0';
		add_long(longest + 1);
		expect_kernel(longest);
		longest[length] = '\0';
		refuse(longest, STATUS_NOT_FOUND, "no such file");
	}
}

static void test_longest_name(void **state)
{
	char longest[257] = "/";
	const uint32_t directory = fat_image_take(&image, 2);

	(void)state;
	memset(longest + 1, 'n', 255);
	add("DIR        ", FAT_IMAGE_DIRECTORY, directory, 0);
	next = fat_image_cluster(&image, directory);
	for (uint32_t i = 0; i < 5; i++)
		add("OTHER      ", 0x20, 0, 0);
	add_long(longest + 1); /* over the end of the first cluster */
	memory_put_le(image.disk->bytes + 44, directory, 4);
	expect_kernel(longest);
	longest[255] = '\0';
	refuse(longest, STATUS_NOT_FOUND, "no such file");
}

static void test_long_name_damage(void **state)
{
	uint8_t *first = add_long(LONG_NAME); /* of three parts, the third first */
	uint8_t before[128];
	const struct {
		uint32_t at;
		uint8_t value;
	} cases[] = {
		{0, 0x44},                                             /* four parts were announced */
		{0, 0x42},                                             /* two */
		{0, 0x40},                                             /* none */
		{0, 0x03},                                             /* no beginning */
		{0, 0x55},                                             /* more than there can be */
		{0, 0xE5},                                             /* deleted */
		{13, 0},                                               /* another checksum in one part */
		{32 + 13, 0},    {64 + 13, 0}, {32, 0x01},             /* out of order */
		{32, 0x03},      {64, 0x02},   {32, 0xE5}, {64, 0x41}, /* a new name begins */
		{64 + 2, 1},                                           /* not ASCII: U+0176 */
		{32 + 11, 0x20},                                       /* another short entry between them */
		{96 + 0, 'W'},                                         /* of another short entry */
		{96 + 10, 'X'},
	};

	(void)state;
	assert_int_equal(next - first, 128);
	memcpy(before, first, sizeof(before));
	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_not_equal(first[cases[i].at], cases[i].value);
		first[cases[i].at] = cases[i].value;
		refuse("/" LONG_NAME, STATUS_NOT_FOUND, "no such file");
		memcpy(first, before, sizeof(before));
	}
	for (uint32_t part = 0; part < 3; part++)
		first[part * 32 + 13]++;
	refuse("/" LONG_NAME, STATUS_NOT_FOUND, "no such file");
	expect_kernel("/vmlinu~1"); /* the short name is right */
	memcpy(first, before, sizeof(before));
	expect_kernel("/" LONG_NAME);
	first[96] = 0xE5;
	refuse("/" LONG_NAME, STATUS_NOT_FOUND, "no such file");
	refuse("/vmlinu~1", STATUS_NOT_FOUND, "no such file");
	first[96] = before[96];
	memcpy(first + 32, before + 64, 32); /* the parts in another order */
	memcpy(first + 64, before + 32, 32);
	refuse("/" LONG_NAME, STATUS_NOT_FOUND, "no such file");
	memcpy(first, before, sizeof(before));
	expect_kernel("/" LONG_NAME);
	first[96] = 0xE5;
	/* It is not for the entry after the next. */
	fat_image_entry(next, SHORT, 0x20, kernel, 1300);
	refuse("/" LONG_NAME, STATUS_NOT_FOUND, "no such file");
	expect_kernel("/vmlinu~1");
}

/* --- directories ----------------------------------------------------------------------------------------------- */

static void test_directories(void **state)
{
	const uint32_t directory = fat_image_take(&image, 3);
	uint8_t *entries = fat_image_cluster(&image, directory);

	(void)state;
	add("BOOT       ", FAT_IMAGE_DIRECTORY, 0xF0000000u | directory, 0);
	fat_image_entry(entries, ".          ", FAT_IMAGE_DIRECTORY, directory, 0);
	fat_image_entry(entries + 32, "..         ", FAT_IMAGE_DIRECTORY, 0, 0);
	for (uint32_t i = 2; i < 3 * 16; i++)
		fat_image_entry(entries + i * 32, i & 1 ? "OTHER      " : "\xE5THER      ", 0x20, 0, 0);
	fat_image_entry(entries + 47 * 32, "K          ", 0x20, kernel, 1300);
	expect_kernel("/boot/k");
	expect_kernel("/boot/../boot/./k");
	expect_kernel("/boot/../kernel.img");
	refuse("/boot", STATUS_NOT_FOUND, "no regular file");
	refuse("/boot/kernel.img", STATUS_NOT_FOUND, "no such file");
	refuse("/boot/\xE5THER", STATUS_NOT_FOUND, "no such file"); /* deleted */
	refuse("/boot/nothing", STATUS_NOT_FOUND, "no such file");  /* no empty entry at its end */
	entries[46 * 32] = 0;
	refuse("/boot/k", STATUS_NOT_FOUND, "no such file"); /* behind the end */
	entries[46 * 32] = 0xE5;
	/* In pieces, and a cluster that is not there. */
	fat_image_link(&image, directory, directory + 2);
	expect_kernel("/boot/k");
	refuse("/boot/x", STATUS_NOT_FOUND, "no such file");
	fat_image_link(&image, directory, image.cluster_count + 2);
	refuse("/boot/k", STATUS_CORRUPT, "chain of clusters is damaged");
	fat_image_link(&image, directory, FAT_IMAGE_END);
	refuse("/boot/k", STATUS_NOT_FOUND, "no such file");
	/* The upper half of a cluster's number counts, but for four bits. */
	memory_put_le(next - 32 + 20, 1, 2);
	refuse("/boot/k", STATUS_CORRUPT, "chain of clusters is damaged");
}

static void test_no_cluster(void **state)
{
	(void)state;
	add("EMPTY      ", 0x20, 0, 0);
	add("NOTHING    ", 0x20, 0, 1);
	add("ONE        ", 0x20, 1, 1);
	expect_found_file(image.disk, "/empty", 0, 0);
	refuse("/nothing", STATUS_CORRUPT, "chain of clusters is damaged");
	refuse("/one", STATUS_CORRUPT, "chain of clusters is damaged");
	memory_disk_break(image.disk, fat_image_offset(&image, FAT_IMAGE_ROOT),
			  fat_image_offset(&image, FAT_IMAGE_ROOT) + 1, STATUS_IO_ERROR);
	refuse("/kernel.img", STATUS_IO_ERROR, "can't be read");
}

#define WITH_IMAGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),      WITH_IMAGE(test_first_sector), WITH_IMAGE(test_small_fat),
		WITH_IMAGE(test_pieces),           WITH_IMAGE(test_table_end),    WITH_IMAGE(test_loops),
		WITH_IMAGE(test_short_names),      WITH_IMAGE(test_long_names),   WITH_IMAGE(test_longest_name),
		WITH_IMAGE(test_long_name_damage), WITH_IMAGE(test_directories),  WITH_IMAGE(test_no_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
