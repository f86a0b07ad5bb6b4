/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The normal kernel from disks in memory: a whole disk with ext4, and one with a copy of it and a FAT in partitions.
 */
#include "loader/kernel_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "loader/linux_internal.h"
#include "tests/unit/ext_image.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/fat_image.h"

#define EXT_UUID      "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"
#define OTHER_UUID    "00a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"
#define FAT_UUID      "1234-ABCD"
#define PART_SECTORS  2048u
#define KERNEL_BYTES  (20 * KIB)
#define KERNEL_OFFSET 4096u
#define INITRD_BYTES  5000u
#define SECOND_BYTES  3000u
#define RAM_END       (24 * MIB)

static struct page arena_pages[512];
static struct arena arena;
static struct boot_info boot;
static struct options options;
static struct ext_image ext;
static struct fat_image fat;
static struct memory_disk *parts;
static struct block_registry registry;
static struct linux_files files;
static const char *reason;
static uint8_t kernel[KERNEL_BYTES], initrd[INITRD_BYTES], second[SECOND_BYTES];

static void make_kernel(void)
{
	for (uint32_t i = 0; i < KERNEL_BYTES; i++)
		kernel[i] = (uint8_t)rand();
	memset(kernel + 12 * KIB, 0, 2 * KIB); /* a hole in the file */
	kernel[0x1F1] = KERNEL_OFFSET / 512 - 1;
	memory_put_le(kernel + 0x1FE, 0xAA55, 2);
	memory_put_le(kernel + 0x200, 0x6AEB, 2);
	memory_put_le(kernel + 0x202, 0x53726448, 4);
	memory_put_le(kernel + 0x206, 0x020F, 2);
	kernel[0x211] = 1;
	memory_put_le(kernel + 0x22C, 0x7FFFFFFF, 4);
	memory_put_le(kernel + 0x230, 0x200000, 4);
	kernel[0x234] = 1;
	memory_put_le(kernel + 0x236, 3, 2);
	memory_put_le(kernel + 0x238, 2047, 4);
	memory_put_le(kernel + 0x248, 0, 8); /* the payload */
	memory_put_le(kernel + 0x258, 16 * MIB, 8);
	memory_put_le(kernel + 0x260, MIB, 4);
}

static void put_file(uint32_t directory, const char *name, const uint8_t *bytes, uint32_t count)
{
	const uint32_t number =
		ext_image_add_named(&ext, directory, name, EXT_IMAGE_FILE, count, EXT_IMAGE_FLAG_EXTENTS);
	const uint32_t blocks = (count + 1023) / 1024;
	/* Not beside a directory, around which more is read than it has. */
	const uint32_t first = ext_image_take(&ext, blocks + 8) + 8;

	memcpy(ext_image_block(&ext, first), bytes, count);
	ext_image_node(ext_image_map(&ext, number), 60, 1, 0);
	ext_image_extent(ext_image_map(&ext, number), 0, 0, blocks, first);
	if (bytes == kernel) {
		memset(ext_image_block(&ext, first + 12), 0xAA, 2048);
		ext_image_node(ext_image_map(&ext, number), 60, 2, 0);
		ext_image_extent(ext_image_map(&ext, number), 0, 0, 12, first);
		ext_image_extent(ext_image_map(&ext, number), 1, 14, blocks - 14, first + 14);
	}
	ext_image_seal(&ext);
}

static void make_parts(void)
{
	const struct gpt_entry entries[] = {{PART_SECTORS, 2 * PART_SECTORS - 1, "ext", 1},
					    {2 * PART_SECTORS, 3 * PART_SECTORS - 1, "fat", 2}};
	uint32_t cluster;

	fat = (struct fat_image){.sector_bytes = 0};
	fat_image_make(&fat);
	memory_put_le(fat.disk->bytes + 67, 0x1234ABCD, 4);
	cluster = fat_image_take(&fat, INITRD_BYTES / 512 + 1);
	fat_image_entry(fat_image_cluster(&fat, FAT_IMAGE_ROOT), "INITRD  IMG", 0x20, cluster, INITRD_BYTES);
	memcpy(fat_image_cluster(&fat, cluster), initrd, INITRD_BYTES);
	parts = memory_disk_new("parts", 512, (uint64_t)4 * PART_SECTORS * 512);
	memory_disk_gpt(parts, entries, 2, 128);
	memcpy(memory_disk_sector(parts, PART_SECTORS), ext.disk->bytes, EXT_IMAGE_BYTES);
	memcpy(memory_disk_sector(parts, 2 * PART_SECTORS), fat.disk->bytes, FAT_IMAGE_BYTES);
}

static void want(struct file_spec *spec, const char *uuid, const char *path)
{
	memcpy(spec->uuid, uuid, strlen(uuid) + 1);
	memcpy(spec->path, path, strlen(path) + 1);
}

static void make_map(uint64_t end)
{
	const struct memory_range ranges[] = {{0, 0x9FC00, MEMORY_RAM}, {MIB, end, MEMORY_RAM}};

	assert_int_equal(memory_map_build(ranges, 2, &boot.memory), STATUS_OK);
}

static int setup(void **state)
{
	uint32_t directory;

	(void)state;
	srand(1);
	make_kernel();
	for (uint32_t i = 0; i < INITRD_BYTES; i++)
		initrd[i] = (uint8_t)rand();
	for (uint32_t i = 0; i < SECOND_BYTES; i++)
		second[i] = (uint8_t)rand();
	ext = (struct ext_image){.has_checksums = true};
	ext_image_make(&ext);
	directory = ext_image_add_directory(&ext, EXT_IMAGE_ROOT, "boot");
	put_file(directory, "vmlinuz", kernel, KERNEL_BYTES);
	put_file(directory, "second", second, SECOND_BYTES);
	ext_image_add_link(&ext, EXT_IMAGE_ROOT, "vmlinuz", "boot/vmlinuz");
	make_parts();
	registry = (struct block_registry){.devices = {&ext.disk->device, &parts->device}, .count = 2};
	memset(&boot, 0, sizeof(boot));
	make_map(RAM_END);
	memcpy(boot.command_line, "thaw -- root=x", 15);
	memset(&options, 0, sizeof(options));
	want(&options.kernel, EXT_UUID, "/vmlinuz");
	want(&options.initrds[0], FAT_UUID, "/initrd.img");
	want(&options.initrds[1], EXT_UUID, "/boot/second");
	options.initrd_count = 2;
	memset(paddr_to_virt((struct paddr){16 * MIB}), 0xEE, RAM_END - 16 * MIB);
	fake_log_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_disk_free(parts);
	fat_image_free(&fat);
	ext_image_free(&ext);
	return 0;
}

static int map_memory(void **state)
{
	void *wanted = paddr_to_virt((struct paddr){16 * MIB});

	(void)state;
	return mmap(wanted, RAM_END - 16 * MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == wanted
		       ? 0
		       : -1;
}

static enum status read_files(void)
{
	arena_init(&arena, arena_pages, sizeof(arena_pages));
	reason = NULL;
	return kernel_files_read(&registry, &options, &boot, &arena, &files, &reason);
}

static void refuse(enum status status, const char *text)
{
	struct linux_files before;

	memset(&files, 0xA5, sizeof(files));
	before = files;
	assert_int_equal(read_files(), status);
	assert_non_null(reason);
	if (!strstr(reason, text))
		assert_string_equal(reason, text);
	assert_memory_equal(&files, &before, sizeof(files));
}

static const uint8_t *memory_at(uint64_t address)
{
	assert_true(address >= 16 * MIB && address < RAM_END);
	return paddr_to_virt((struct paddr){address});
}

static void expect_files(void)
{
	uint64_t at;

	assert_int_equal(read_files(), STATUS_OK);
	assert_string_equal(reason, "");
	assert_string_equal(files.command_line, "root=x");
	assert_int_equal(files.kernel_head.size, LINUX_HEAD_BYTES);
	assert_memory_equal(files.kernel_head.bytes, kernel, LINUX_HEAD_BYTES);
	assert_int_equal(files.kernel.end - files.kernel.start, KERNEL_BYTES);
	at = files.kernel.start + KERNEL_OFFSET;
	assert_int_equal(at % (2 * MIB), 0);
	assert_memory_equal(memory_at(at), kernel + KERNEL_OFFSET, KERNEL_BYTES - KERNEL_OFFSET);
	assert_int_equal(memory_at(at)[KERNEL_BYTES - KERNEL_OFFSET], 0xEE);
	assert_int_equal(files.initrd_count, options.initrd_count);
	assert_int_equal(files.initrds[0].start % PAGE_BYTES, 0);
	assert_int_equal(files.initrds[0].end - files.initrds[0].start, INITRD_BYTES);
	assert_memory_equal(memory_at(files.initrds[0].start), initrd, INITRD_BYTES);
	assert_int_equal(files.initrds[1].start, align_up(files.initrds[0].end, PAGE_BYTES));
	assert_int_equal(files.initrds[1].end - files.initrds[1].start, SECOND_BYTES);
	assert_memory_equal(memory_at(files.initrds[1].start), second, SECOND_BYTES);
}

static void test_read(void **state)
{
	static struct linux_request request;
	static struct handoff_linux sealed;
	struct linux_places places;

	(void)state;
	expect_files();
	assert_int_equal(files.kernel.start + KERNEL_OFFSET, 16 * MIB);
	assert_int_equal(files.initrds[1].end, RAM_END - PAGE_BYTES + SECOND_BYTES);
	assert_true(fake_log_has("kernel: /vmlinuz, 20 KiB"));
	/* What is read stays where it is: only the rest of a page between the initrds is to be cleared. */
	linux_request_init(&request, &boot.memory, &files, &arena);
	assert_int_equal(linux_image_parse(files.kernel_head, KERNEL_BYTES, &request.image), STATUS_OK);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	assert_int_equal(places.initrd_address, files.initrds[0].start);
	assert_int_equal(sealed.copy_count, 1);
	assert_int_equal(sealed.copies[0].source, 0);
}

static void test_only_a_kernel(void **state)
{
	(void)state;
	options.initrd_count = 0;
	parts->reads = 0;
	assert_int_equal(read_files(), STATUS_OK);
	assert_int_equal(files.initrd_count, 0);
	assert_memory_equal(memory_at(16 * MIB), kernel + KERNEL_OFFSET, KERNEL_BYTES - KERNEL_OFFSET);
	assert_int_equal(parts->reads, 0); /* what is found is not looked for any more */
	want(&options.kernel, "A0A1a2a3-A4A5-A6A7-A8A9-AAABACADAEAF", "/boot/vmlinuz");
	assert_int_equal(read_files(), STATUS_OK);
}

static void test_modules_stay(void **state)
{
	struct boot_module *modules = boot.modules;

	(void)state;
	memcpy(modules[0].command_line, "kernel root=y", 14);
	modules[0].start = 16 * MIB;
	modules[0].end = 16 * MIB + 100;
	memcpy(modules[1].command_line, "initrd", 7);
	modules[1].start = RAM_END - PAGE_BYTES;
	modules[1].end = RAM_END - 1;
	boot.module_count = 2;
	expect_files();
	assert_int_equal(files.kernel.start + KERNEL_OFFSET, 18 * MIB);
	assert_int_equal(files.initrds[1].end, RAM_END - 2 * PAGE_BYTES + SECOND_BYTES);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(memory_at(16 * MIB)[i], 0xEE);
	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		assert_int_equal(memory_at(RAM_END - PAGE_BYTES)[i], 0xEE);
}

static void test_not_found(void **state)
{
	(void)state;
	want(&options.initrds[0], "1234-ABCE", "/initrd.img");
	refuse(STATUS_NOT_FOUND, "no filesystem that Thaw can see has the UUID");
	want(&options.initrds[0], "", "/initrd.img");
	refuse(STATUS_NOT_FOUND, "no filesystem that Thaw can see has the UUID");
	want(&options.initrds[0], "1234-ABC", "/initrd.img");
	refuse(STATUS_NOT_FOUND, "no filesystem that Thaw can see has the UUID");
	want(&options.initrds[0], FAT_UUID, "/initrd2.img");
	refuse(STATUS_NOT_FOUND, "there is no such file");
	assert_true(fake_log_has("/initrd2.img: there is no such file"));
	want(&options.initrds[0], FAT_UUID, "/initrd.img");
	want(&options.kernel, EXT_UUID, "/boot");
	refuse(STATUS_NOT_FOUND, "no regular file");
	/* The first reason is what is said. */
	want(&options.initrds[0], FAT_UUID, "/initrd2.img");
	refuse(STATUS_NOT_FOUND, "no regular file");
	registry.count = 0;
	refuse(STATUS_NOT_FOUND, "no filesystem that Thaw can see has the UUID");
}

static uint64_t find_bytes(const struct memory_disk *disk, const uint8_t *bytes)
{
	for (uint64_t at = 0; at < disk->sector_count * 512; at += 512)
		if (memcmp(disk->bytes + at, bytes, 512) == 0)
			return at;
	fail();
	return 0;
}

/* Two filesystems are copies of each other: the first counts, and a file that it does not have is not found. */
static void test_first_counts(void **state)
{
	uint8_t *copy = memory_disk_sector(parts, PART_SECTORS);

	(void)state;
	memset(copy + find_bytes(ext.disk, kernel + KERNEL_OFFSET), 0x11, KIB);
	expect_files();
	registry.devices[0] = &parts->device;
	registry.devices[1] = &ext.disk->device;
	options.initrd_count = 0;
	assert_int_equal(read_files(), STATUS_OK);
	assert_int_equal(memory_at(16 * MIB)[KIB - 1], 0x11);
	copy[1024 + 104] = 0; /* another UUID, which its checksum does not allow */
	assert_int_equal(read_files(), STATUS_OK);
	assert_memory_equal(memory_at(16 * MIB), kernel + KERNEL_OFFSET, KIB);
	want(&options.kernel, OTHER_UUID, "/vmlinuz");
	refuse(STATUS_CORRUPT, "checksum of the ext4 superblock");
}

static void test_damage(void **state)
{
	(void)state;
	ext_image_inode(&ext, EXT_IMAGE_ROOT)[4] ^= 1;
	refuse(STATUS_CORRUPT, "checksum of an inode");
	ext_image_inode(&ext, EXT_IMAGE_ROOT)[4] ^= 1;
	memory_put_le(ext_image_super(&ext) + 96, 0x2D2, 4);
	ext_image_seal(&ext);
	refuse(STATUS_UNSUPPORTED, "meta_bg");
	want(&options.initrds[0], FAT_UUID, "/none"); /* the first error counts */
	refuse(STATUS_UNSUPPORTED, "meta_bg");
}

static void test_errors(void **state)
{
	static const enum status errors[] = {STATUS_IO_ERROR, STATUS_TIMEOUT};
	const uint64_t head = find_bytes(ext.disk, kernel);
	const uint64_t body = find_bytes(ext.disk, kernel + 16 * KIB);
	const uint64_t ramdisk = find_bytes(parts, initrd);

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		memory_disk_break(ext.disk, head + 100, head + 101, errors[i]);
		refuse(errors[i], "the kernel can't be read");
		memory_disk_break(ext.disk, body, body + 1, errors[i]);
		refuse(errors[i], "the kernel can't be read");
		memory_disk_break(ext.disk, 0, 0, STATUS_OK);
		memory_disk_break(parts, ramdisk + 4096, ramdisk + 4097, errors[i]);
		refuse(errors[i], "the initrd can't be read");
		memory_disk_break(parts, 0, 0, STATUS_OK);
	}
	memory_disk_break(ext.disk, 4 * KIB, 64 * KIB, STATUS_IO_ERROR); /* inodes and directories */
	refuse(STATUS_IO_ERROR, "the filesystem can't be read");
	/* A partition that can't be read: the next is looked at all the same. */
	memory_disk_break(ext.disk, 0, 0, STATUS_OK);
	memory_disk_break(parts, (uint64_t)PART_SECTORS * 512, (uint64_t)PART_SECTORS * 512 + 1, STATUS_IO_ERROR);
	expect_files();
	assert_true(fake_log_has("partsp1: "));
	memory_disk_break(parts, 0, 0, STATUS_OK);
	/* A disk that can't be read at all: the copy on another is found. */
	memory_disk_break(ext.disk, 0, EXT_IMAGE_BYTES, STATUS_TIMEOUT);
	expect_files();
	assert_true(fake_log_has("ext: "));
}

static void test_no_kernel(void **state)
{
	const uint64_t head = find_bytes(ext.disk, kernel);

	(void)state;
	ext.disk->bytes[head + 0x202] ^= 1;
	refuse(STATUS_UNSUPPORTED, "names no kernel that can be started");
	ext.disk->bytes[head + 0x202] ^= 1;
	memory_put_le(ext.disk->bytes + head + 0x24C, KERNEL_BYTES, 4); /* longer than the file */
	refuse(STATUS_CORRUPT, "names no kernel that can be started");
	memory_put_le(ext.disk->bytes + head + 0x24C, 0, 4);
	want(&options.kernel, EXT_UUID, "/boot/second"); /* less than a page */
	refuse(STATUS_UNSUPPORTED, "names no kernel that can be started");
	want(&options.kernel, FAT_UUID, "/initrd.img");
	refuse(STATUS_UNSUPPORTED, "names no kernel that can be started");
	want(&options.kernel, "", "");
	refuse(STATUS_NOT_FOUND, "no filesystem that Thaw can see has the UUID");
}

static void test_no_memory(void **state)
{
	static const size_t sizes[] = {0, 100, 4 * KIB, 64 * KIB, 256 * KIB};

	(void)state;
	make_map(16 * MIB + MIB / 2);
	refuse(STATUS_NO_MEMORY, "no memory for kernel and initrd");
	make_map(17 * MIB + PAGE_BYTES); /* room for the kernel, not for three pages of initrd */
	refuse(STATUS_NO_MEMORY, "no memory for kernel and initrd");
	make_map(17 * MIB + 3 * PAGE_BYTES);
	expect_files();
	for (uint32_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		arena_init(&arena, arena_pages, sizes[i]);
		assert_int_equal(kernel_files_read(&registry, &options, &boot, &arena, &files, &reason),
				 STATUS_NO_MEMORY);
		assert_string_equal(reason, "no memory");
	}
}

#define WITH_DISKS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(test_read),      WITH_DISKS(test_only_a_kernel), WITH_DISKS(test_modules_stay),
		WITH_DISKS(test_not_found), WITH_DISKS(test_first_counts),  WITH_DISKS(test_damage),
		WITH_DISKS(test_errors),    WITH_DISKS(test_no_kernel),     WITH_DISKS(test_no_memory),
	};

	return cmocka_run_group_tests(tests, map_memory, NULL);
}
