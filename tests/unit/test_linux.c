/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Booting the normal kernel, the pure parts: the image's header, the places (against an oracle that carries the
 * copies out), the command line, boot_params.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/string.h"
#include "loader/linux_internal.h"

#define FILE_BYTES    16384
#define SETUP_SECTS   7
#define KERNEL_OFFSET ((SETUP_SECTS + 1) * 512)

static uint8_t file[FILE_BYTES];

static void set_header(size_t offset, uint64_t value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		file[offset + i] = (uint8_t)(value >> (8 * i));
}

/* A header as a 6.1 kernel has it, around a small kernel. */
static void make_file(void)
{
	memset(file, 0xA5, sizeof(file));
	memset(file, 0, KERNEL_OFFSET);
	set_header(0x1F1, SETUP_SECTS, 1);
	set_header(0x1FA, 0xFFFF, 2);
	set_header(0x1FE, 0xAA55, 2);
	set_header(0x200, 0x6AEB, 2);
	set_header(0x202, 0x53726448, 4);
	set_header(0x206, 0x020F, 2);
	set_header(0x211, 1, 1);
	set_header(0x214, 0x100000, 4);
	set_header(0x22C, 0x7FFFFFFF, 4);
	set_header(0x230, 0x200000, 4);
	set_header(0x234, 1, 1);
	set_header(0x235, 21, 1);
	set_header(0x236, 3, 2);
	set_header(0x238, 2047, 4);
	set_header(0x248, 0x300, 4);
	set_header(0x24C, FILE_BYTES - KERNEL_OFFSET - 0x300, 4);
	set_header(0x250, 0xDEAD, 8);
	set_header(0x258, 0x1000000, 8);
	set_header(0x260, 0x3F97800, 4);
}

/* Parses a copy of exactly this size, so that the sanitizer sees every byte read too far. */
static enum status parse_bytes(size_t size, struct linux_image *image)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, file, size);
	status = linux_image_parse(span_of(copy, size), size, image);
	free(copy);
	return status;
}

static enum status parse_with(size_t offset, uint64_t value, size_t count)
{
	struct linux_image image;

	make_file();
	set_header(offset, value, count);
	return parse_bytes(FILE_BYTES, &image);
}

static void test_image_good(void **state)
{
	struct linux_image image;

	(void)state;
	make_file();
	assert_int_equal(parse_bytes(FILE_BYTES, &image), STATUS_OK);
	assert_int_equal(image.header_end, 0x26C);
	assert_int_equal(image.kernel_offset, KERNEL_OFFSET);
	assert_int_equal(image.kernel_bytes, FILE_BYTES - KERNEL_OFFSET);
	assert_int_equal(image.init_bytes, 0x3F98000);
	assert_int_equal(image.preferred_address, 0x1000000);
	assert_int_equal(image.alignment, 0x200000);
	assert_true(image.relocatable);
	assert_true(image.initrd_anywhere);
	assert_int_equal(image.initrd_end_max, 0x80000000);
	assert_int_equal(image.command_line_max, 2047);
	set_header(0x1F1, 0, 1);
	set_header(0x24C, 16, 4);
	set_header(0x236, 1, 2);
	set_header(0x234, 0, 1);
	assert_int_equal(parse_bytes(FILE_BYTES, &image), STATUS_OK);
	assert_int_equal(image.kernel_offset, 5 * 512);
	assert_false(image.initrd_anywhere);
	assert_false(image.relocatable);
	set_header(0x260, 0x1000, 4);
	assert_int_equal(parse_bytes(FILE_BYTES, &image), STATUS_OK);
	assert_int_equal(image.kernel_bytes, 0x1000);
}

static void test_image_refused(void **state)
{
	struct linux_image image;

	(void)state;
	assert_int_equal(parse_with(0x1FE, 0xAA54, 2), STATUS_UNSUPPORTED);
	assert_int_equal(parse_with(0x202, 0x53726449, 4), STATUS_UNSUPPORTED);
	assert_int_equal(parse_with(0x206, 0x020B, 2), STATUS_UNSUPPORTED);
	assert_int_equal(parse_with(0x206, 0x020C, 2), STATUS_OK);
	assert_int_equal(parse_with(0x211, 0, 1), STATUS_UNSUPPORTED);
	assert_int_equal(parse_with(0x236, 2, 2), STATUS_UNSUPPORTED);
	assert_int_equal(parse_with(0x201, 0x61, 1), STATUS_CORRUPT); /* the header ends inside init_size */
	assert_int_equal(parse_with(0x201, 0x62, 1), STATUS_OK);
	assert_int_equal(parse_with(0x201, 0x8E, 1), STATUS_OK);
	assert_int_equal(parse_with(0x201, 0x8F, 1), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x24C, FILE_BYTES - KERNEL_OFFSET - 0x2FF, 4), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x248, 0xFFFFFFFF, 4), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x230, 0, 4), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x230, 0x300000, 4), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x230, 0x800, 4), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x230, 0x80000000, 4), STATUS_CORRUPT);
	assert_int_equal(parse_with(0x260, 0x2000, 4), STATUS_CORRUPT); /* smaller than the payload */
	assert_int_equal(parse_with(0x1F1, 0xFF, 1), STATUS_CORRUPT);
	make_file();
	set_header(0x248, 0, 8);
	set_header(0x260, 0, 4);
	assert_int_equal(parse_bytes(FILE_BYTES, &image), STATUS_CORRUPT);
	make_file();
	for (size_t size = 0; size < 0x264; size += 3)
		assert_int_equal(parse_bytes(size, &image), STATUS_UNSUPPORTED);
	for (size_t size = 0x26C; size < FILE_BYTES; size += 97)
		assert_int_equal(parse_bytes(size, &image), STATUS_CORRUPT);
	set_header(0x248, 0, 8);
	assert_int_equal(parse_bytes(KERNEL_OFFSET + 0x200, &image), STATUS_CORRUPT); /* no entry */
	assert_int_equal(parse_bytes(KERNEL_OFFSET + 0x201, &image), STATUS_OK);
}

/* --- the command line --- */

static const char *line_of(const char *original, const char *reason, uint32_t max)
{
	static char line[LINUX_COMMAND_LINE_BYTES];

	linux_command_line_build(original, reason, max, line);
	return line;
}

static void test_command_line(void **state)
{
	char many[2048];

	(void)state;
	assert_string_equal(line_of("root=/dev/sda1 ro", "no-image", 2047), "root=/dev/sda1 ro thaw.status=no-image");
	assert_string_equal(line_of("ro  ", "user", 2047), "ro thaw.status=user");
	assert_string_equal(line_of("", "user", 2047), "thaw.status=user");
	assert_string_equal(line_of("ro", "stale", 2047), "ro noresume thaw.status=stale");
	assert_string_equal(line_of("", "stale", 2047), "noresume thaw.status=stale");
	assert_string_equal(line_of("ro -- single", "stale", 2047), "ro noresume thaw.status=stale -- single");
	assert_string_equal(line_of("ro", "fresh", 2047), "ro noresume thaw.status=fresh");
	assert_string_equal(line_of("ro --", "user", 2047), "ro thaw.status=user --");
	assert_string_equal(line_of("-- x", "user", 2047), "thaw.status=user -- x");
	assert_string_equal(line_of("a=\"b -- c\" ---", "user", 2047), "a=\"b -- c\" --- thaw.status=user");
	assert_string_equal(line_of("ro", "user", 19), "ro thaw.status=user");
	assert_string_equal(line_of("ro", "user", 18), "ro");
	assert_string_equal(line_of("ro quiet", "stale", 17), "ro quiet noresume");
	assert_string_equal(line_of("ro quiet", "stale", 16), "ro noresume");
	assert_string_equal(line_of("ro -- x", "stale", 12), "ro noresume");
	assert_string_equal(line_of("root=/dev/sda1 ro", "user", 16), "root=/dev/sda1");
	assert_string_equal(line_of("root", "user", 0), "");
	memset(many, 'x', sizeof(many));
	many[2047] = '\0';
	assert_int_equal(strlen(line_of(many, "user", 0xFFFFFFFF)), 2047 + 17);
}

/* --- places --- */

#define SIM_BYTES (160 * MIB)

static uint8_t *memory; /* index: physical address */
static struct memory_map map;
static struct linux_request request;
static struct linux_places places;
static struct handoff_linux sealed;

static void make_map(uint64_t ram_end)
{
	const struct memory_range ranges[] = {
		{0, 0x9FC00, MEMORY_RAM},
		{0x9FC00, 0xA0000, MEMORY_RESERVED},
		{MIB, ram_end, MEMORY_RAM},
		{ram_end, ram_end + MIB, MEMORY_RESERVED},
	};

	assert_int_equal(memory_map_build(ranges, ARRAY_COUNT(ranges), &map), STATUS_OK);
}

static void make_request(uint64_t kernel_start, uint64_t ram_end)
{
	make_map(ram_end);
	make_file();
	memset(&request, 0, sizeof(request));
	assert_int_equal(linux_image_parse(span_of(file, sizeof(file)), sizeof(file), &request.image), STATUS_OK);
	request.memory = &map;
	request.kernel = (struct memory_range){kernel_start, kernel_start + FILE_BYTES, 0};
	request.reserved = (struct memory_range){MIB, 16 * MIB, 0};
	memset(&places, 0, sizeof(places));
	memset(&sealed, 0xFF, sizeof(sealed));
}

static void add_initrd(uint64_t start, uint64_t bytes)
{
	request.initrds[request.initrd_count++] = (struct memory_range){start, start + bytes, 0};
}

static void test_plan_no_initrd(void **state)
{
	(void)state;
	make_request(16 * MIB, 128 * MIB);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	assert_int_equal(places.initrd_bytes, 0);
	assert_int_equal(sealed.copy_count, 1);
	assert_int_equal(sealed.copies[0].source, 16 * MIB + KERNEL_OFFSET);
	assert_int_equal(sealed.copies[0].destination, 16 * MIB);
	assert_int_equal(sealed.copies[0].bytes, FILE_BYTES - KERNEL_OFFSET);
}

static void test_plan_initrd_stays(void **state)
{
	(void)state;
	make_request(16 * MIB, 128 * MIB);
	add_initrd(17 * MIB, 3 * MIB + 5);
	add_initrd(20 * MIB + 4096, 100);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.initrd_address, 17 * MIB);
	assert_int_equal(places.initrd_bytes, 3 * MIB + 4096 + 100);
	assert_int_equal(places.kernel_address, 22 * MIB);
	assert_int_equal(sealed.copy_count, 2);
	assert_int_equal(sealed.copies[0].source, 0);
	assert_int_equal(sealed.copies[0].destination, 20 * MIB + 5);
	assert_int_equal(sealed.copies[0].bytes, 4091);
}

static void test_plan_initrd_moves(void **state)
{
	(void)state;
	/* Too high for a kernel that can't take it there; joined at a multiple of 4. */
	make_request(16 * MIB, 3 * GIB);
	request.image.initrd_anywhere = false;
	add_initrd(2 * GIB, 6);
	add_initrd(2 * GIB + 4096, 7);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	assert_int_equal(places.initrd_address, 2 * GIB - 4096);
	assert_int_equal(places.initrd_bytes, 15);
	request.image.initrd_anywhere = true;
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.initrd_address, 2 * GIB);
	/* In the way of the only place for the kernel: it goes over the initrd's old place. */
	make_request(16 * MIB, 96 * MIB);
	add_initrd(40 * MIB, 4 * MIB);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	assert_int_equal(places.initrd_address, 92 * MIB);
	assert_int_equal(sealed.copy_count, 2);
	/* No room for both. */
	make_request(16 * MIB, 82 * MIB);
	add_initrd(40 * MIB, 4 * MIB);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_NO_MEMORY);
	make_request(16 * MIB, 64 * MIB);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_NO_MEMORY);
}

static void test_plan_obstacles(void **state)
{
	(void)state;
	/* The moved initrd keeps clear of the kernel's module, the kernel of what is reserved. */
	make_request(124 * MIB, 128 * MIB);
	request.kernel.end = 128 * MIB;
	add_initrd(8 * MIB, 4096);
	request.reserved.end = 8 * MIB;
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	assert_int_equal(places.initrd_address, 124 * MIB - 4096);
	make_request(124 * MIB, 128 * MIB);
	request.reserved.end = 18 * MIB + 1;
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 20 * MIB);
	/* An initrd over the kernel's module can't stay. */
	make_request(90 * MIB, 128 * MIB);
	add_initrd(90 * MIB, 4096);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.initrd_address, 128 * MIB - 4096);
	/* RAM that begins and ends inside a page. */
	make_request(90 * MIB, 128 * MIB);
	map.ranges[map.count - 1] = (struct memory_range){200 * MIB + 100, 200 * MIB + 4096 + 200, MEMORY_RAM};
	add_initrd(8 * MIB, 4096);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.initrd_address, 128 * MIB - 4096);
}

static void test_plan_fixed_kernel(void **state)
{
	(void)state;
	make_request(100 * MIB, 128 * MIB);
	request.image.relocatable = false;
	request.image.init_bytes = 8 * MIB;
	add_initrd(17 * MIB, 4096);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	assert_int_equal(places.initrd_address, 128 * MIB - 4096);
	make_request(100 * MIB, 128 * MIB);
	request.image.relocatable = false;
	add_initrd(80 * MIB, 4096);
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_OK);
	assert_int_equal(places.kernel_address, 16 * MIB);
	request.image.preferred_address = 15 * MIB;
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_UNSUPPORTED);
	request.image.preferred_address = 70 * MIB;
	assert_int_equal(linux_plan_make(&request, &places, &sealed), STATUS_NO_MEMORY);
}

static uint64_t random_below(uint64_t limit)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return limit > 0 ? state % limit : 0;
}

static void fill_random(uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at++)
		memory[at] = (uint8_t)(random_below(255) + 1);
}

/* Disjoint modules in random order and places, often adjacent as GRUB puts them. */
static void random_request(void)
{
	uint64_t at = 16 * MIB + random_below(3) * PAGE_BYTES;
	const uint32_t initrds = (uint32_t)random_below(4);
	const uint32_t kernel_turn = (uint32_t)random_below(initrds + 1);

	make_request(0, 18 * MIB + random_below(20) * MIB);
	request.image.init_bytes = (1 + random_below(1000)) * PAGE_BYTES + FILE_BYTES;
	request.image.alignment = (uint64_t)PAGE_BYTES << random_below(10);
	request.image.preferred_address = random_below(30) * MIB;
	for (uint32_t i = 0; i <= initrds; i++) {
		if (i == kernel_turn) {
			request.kernel = (struct memory_range){at, at + FILE_BYTES, 0};
			at += FILE_BYTES;
		} else {
			add_initrd(at, 1 + random_below(100000));
			at = align_up(request.initrds[request.initrd_count - 1].end, PAGE_BYTES);
		}
		if (random_below(3) == 0)
			at += random_below(1500) * PAGE_BYTES;
	}
	if (request.initrd_count > 1 && random_below(3) == 0) {
		const struct memory_range first = request.initrds[0];

		request.initrds[0] = request.initrds[1];
		request.initrds[1] = first;
	}
}

static bool inside(uint64_t start, uint64_t end, uint64_t outer, uint64_t outer_bytes)
{
	return start >= outer && end <= outer + outer_bytes;
}

static void carry_out_copies(void)
{
	for (uint64_t i = 0; i < sealed.copy_count; i++) {
		const struct handoff_linux_copy *copy = &sealed.copies[i];
		const uint64_t end = copy->destination + copy->bytes;

		assert_true(inside(copy->destination, end, places.initrd_address, places.initrd_bytes) ||
			    inside(copy->destination, end, places.kernel_address, request.image.init_bytes));
		if (copy->source == 0)
			memset(memory + copy->destination, 0, copy->bytes);
		else
			memmove(memory + copy->destination, memory + copy->source, copy->bytes);
	}
}

/* The initrds' bytes must lie in order, nothing but zeros between, each beginning at a multiple of 4. */
static void check_initrds(const uint8_t *const expected[])
{
	uint64_t at = places.initrd_address;

	for (uint32_t i = 0; i < request.initrd_count; i++) {
		const uint64_t bytes = request.initrds[i].end - request.initrds[i].start;

		while (memory[at] == 0 && at < places.initrd_address + places.initrd_bytes)
			at++;
		assert_int_equal(at % 4, 0);
		assert_memory_equal(memory + at, expected[i], bytes);
		at += bytes;
	}
	assert_int_equal(at, places.initrd_address + places.initrd_bytes);
}

static void check_places(void)
{
	const uint64_t kernel_end = places.kernel_address + request.image.init_bytes;
	const uint64_t initrd_end = places.initrd_address + places.initrd_bytes;

	assert_true(places.kernel_address >= 16 * MIB && places.kernel_address >= request.image.preferred_address);
	assert_int_equal(places.kernel_address % request.image.alignment, 0);
	assert_true(memory_map_covers(&map, places.kernel_address, kernel_end, MEMORY_RAM));
	if (request.initrd_count == 0)
		return;
	assert_true(places.initrd_address >= 16 * MIB && places.initrd_address % PAGE_BYTES == 0);
	assert_true(memory_map_covers(&map, places.initrd_address, initrd_end, MEMORY_RAM));
	assert_true(initrd_end <= places.kernel_address || kernel_end <= places.initrd_address);
}

static void test_plan_property(void **state)
{
	unsigned planned = 0;

	(void)state;
	memory = calloc(1, SIM_BYTES);
	assert_non_null(memory);
	for (unsigned round = 0; round < 1500; round++) {
		const uint8_t *expected[BOOT_MODULES_MAX] = {0};
		enum status status;

		random_request();
		status = linux_plan_make(&request, &places, &sealed);
		if (status != STATUS_OK) {
			assert_int_equal(status, STATUS_NO_MEMORY);
			continue;
		}
		planned++;
		check_places();
		memcpy(memory + request.kernel.start, file, FILE_BYTES);
		for (uint32_t i = 0; i < request.initrd_count; i++) {
			const struct memory_range *initrd = &request.initrds[i];
			uint8_t *copy = malloc(initrd->end - initrd->start);

			assert_non_null(copy);
			/* What is left of its last page holds anything. */
			fill_random(initrd->start, align_up(initrd->end, PAGE_BYTES));
			memcpy(copy, memory + initrd->start, initrd->end - initrd->start);
			expected[i] = copy;
		}
		carry_out_copies();
		assert_memory_equal(memory + places.kernel_address, file + KERNEL_OFFSET, FILE_BYTES - KERNEL_OFFSET);
		check_initrds(expected);
		for (uint32_t i = 0; i < request.initrd_count; i++)
			free((void *)(uintptr_t)expected[i]);
	}
	assert_true(planned > 500);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image_good),        cmocka_unit_test(test_image_refused),
		cmocka_unit_test(test_command_line),      cmocka_unit_test(test_plan_no_initrd),
		cmocka_unit_test(test_plan_initrd_stays), cmocka_unit_test(test_plan_initrd_moves),
		cmocka_unit_test(test_plan_fixed_kernel), cmocka_unit_test(test_plan_property),
		cmocka_unit_test(test_plan_obstacles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
