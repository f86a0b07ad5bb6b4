/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Multiboot2 boot information reader against structures built tag by tag.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "boot/multiboot2.h"
#include "lib/string.h"

#define BUILD_BYTES 16384

static _Alignas(8) uint8_t buffer[BUILD_BYTES];
static size_t used;
static struct boot_info info;

static void put(uint64_t value, size_t count)
{
	assert_true(used + count <= sizeof(buffer));
	for (size_t i = 0; i < count; i++)
		buffer[used++] = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
}

static void put_text(const char *text)
{
	memcpy(buffer + used, text, strlen(text) + 1);
	used += strlen(text) + 1;
}

static size_t tag_begin(uint32_t type)
{
	const size_t start = used;

	put(type, 4);
	put(0, 4);
	return start;
}

static void tag_end(size_t start)
{
	const uint32_t size = (uint32_t)(used - start);

	memcpy(buffer + start + 4, &size, 4);
	while (used % 8 != 0)
		put(0xEE, 1);
}

static void start_info(void)
{
	memset(buffer, 0xEE, sizeof(buffer));
	used = 0;
	put(0, 8);
}

static void put_memory_entry(uint64_t base, uint64_t length, uint32_t type)
{
	put(base, 8);
	put(length, 8);
	put(type, 4);
	put(0, 4);
}

static void put_memory_map(void)
{
	const size_t tag = tag_begin(6);

	put(24, 4);
	put(0, 4);
	put_memory_entry(0, 0x9FC00, 1);
	put_memory_entry(0x9FC00, 0x400, 2);
	put_memory_entry(0x100000, 0x1FE00000, 1);
	put_memory_entry(0xFFFC0000, 0x40000, 2);
	tag_end(tag);
}

static void put_module(uint32_t start, uint32_t end, const char *text)
{
	const size_t tag = tag_begin(3);

	put(start, 4);
	put(end, 4);
	put_text(text);
	tag_end(tag);
}

static void put_screen(uint64_t address, uint32_t pitch, uint32_t width, uint32_t height, uint8_t bits, uint8_t type)
{
	const size_t tag = tag_begin(8);

	put(address, 8);
	put(pitch, 4);
	put(width, 4);
	put(height, 4);
	put(bits, 1);
	put(type, 1);
	put(0, 2);
	if (type == 1) {
		const uint8_t fields[6] = {16, 8, 8, 8, 0, 8};

		for (size_t i = 0; i < sizeof(fields); i++)
			put(fields[i], 1);
	}
	tag_end(tag);
}

static void finish_info(void)
{
	uint32_t total;

	tag_end(tag_begin(0));
	total = (uint32_t)used;
	memcpy(buffer, &total, 4);
}

/* Parses a copy that is exactly as large as it says, so that the sanitizer sees every byte read too far. */
static enum status parse(void)
{
	uint8_t *copy = aligned_alloc(8, used);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, buffer, used);
	status = multiboot2_parse(copy, &info);
	free(copy);
	return status;
}

static void test_everything(void **state)
{
	size_t tag;

	(void)state;
	start_info();
	tag = tag_begin(1);
	put_text("resume=UUID=1 quiet");
	tag_end(tag);
	put_module(0x1000000, 0x1800123, "kernel root=/dev/sda1 ro");
	put_module(0x1801000, 0x3000000, "initrd");
	put_memory_map();
	tag = tag_begin(10);
	put(0x0102, 2);
	put(0, 18);
	tag_end(tag);
	tag = tag_begin(7);
	put(0x4118, 2);
	put(0, 774);
	tag_end(tag);
	put_screen(0xFD000000, 4096, 1024, 768, 32, 1);
	tag = tag_begin(14);
	for (uint8_t i = 0; i < 20; i++)
		put(i, 1);
	tag_end(tag);
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	assert_string_equal(info.command_line, "resume=UUID=1 quiet");
	assert_int_equal(info.module_count, 2);
	assert_int_equal(info.modules[0].start, 0x1000000);
	assert_int_equal(info.modules[0].end, 0x1800123);
	assert_string_equal(info.modules[0].command_line, "kernel root=/dev/sda1 ro");
	assert_string_equal(info.modules[1].command_line, "initrd");
	assert_int_equal(info.memory.count, 4);
	assert_int_equal(info.memory.ranges[2].start, 0x100000);
	assert_int_equal(info.memory.ranges[2].end, 0x1FF00000);
	assert_int_equal(info.memory.ranges[2].type, MEMORY_RAM);
	assert_int_equal(info.apm_version, 0x0102);
	assert_int_equal(info.vbe_mode, 0x4118);
	assert_int_equal(info.screen.kind, BOOT_SCREEN_RGB);
	assert_int_equal(info.screen.address, 0xFD000000);
	assert_int_equal(info.screen.pitch_bytes, 4096);
	assert_int_equal(info.screen.width, 1024);
	assert_int_equal(info.screen.height, 768);
	assert_int_equal(info.screen.bits_per_pixel, 32);
	assert_int_equal(info.screen.red_position, 16);
	assert_int_equal(info.screen.blue_size, 8);
	assert_int_equal(info.rsdp_bytes, 20);
	assert_int_equal(info.rsdp[19], 19);
	assert_int_equal(info.rsdp[20], 0);
}

static void put_rsdp(uint32_t type, uint8_t fill, size_t count)
{
	const size_t tag = tag_begin(type);

	for (size_t i = 0; i < count; i++)
		put(fill, 1);
	tag_end(tag);
}

static void test_new_rsdp_preferred_in_any_order(void **state)
{
	(void)state;
	for (int new_first = 0; new_first < 2; new_first++) {
		start_info();
		put_memory_map();
		if (new_first)
			put_rsdp(15, 2, 40);
		put_rsdp(14, 1, 20);
		if (!new_first)
			put_rsdp(15, 2, 40);
		finish_info();
		assert_int_equal(parse(), STATUS_OK);
		assert_int_equal(info.rsdp_bytes, 36);
		assert_int_equal(info.rsdp[0], 2);
	}
}

static void test_first_of_duplicates_wins(void **state)
{
	(void)state;
	start_info();
	for (int i = 0; i < 2; i++) {
		size_t tag = tag_begin(1);

		put_text(i == 0 ? "first" : "second");
		tag_end(tag);
		put_screen(0xB8000, 160, 80, i == 0 ? 25 : 50, 16, 2);
		put_rsdp(14, i == 0 ? 1 : 2, 20);
	}
	put_memory_map();
	size_t tag = tag_begin(6);
	put(24, 4);
	put(0, 4);
	put_memory_entry(0, 0x1000, 1);
	tag_end(tag);
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	assert_string_equal(info.command_line, "first");
	assert_int_equal(info.screen.kind, BOOT_SCREEN_TEXT);
	assert_int_equal(info.screen.height, 25);
	assert_int_equal(info.rsdp[0], 1);
	assert_int_equal(info.memory.count, 4);
}

static void test_bad_modules_left_out(void **state)
{
	(void)state;
	start_info();
	put_memory_map();
	put_module(0, 0x1000, "kernel in page 0");
	put_module(0x1000000, 0x1000000, "kernel empty");
	put_module(0x1000000, 0xFFFFFF, "kernel backwards");
	put_module(0x1000800, 0x1001000, "kernel unaligned");
	size_t tag = tag_begin(3);
	put(0x1000000, 4);
	tag_end(tag);
	put_module(0x2000000, 0x2000001, "initrd good");
	for (int i = 0; i < BOOT_MODULES_MAX + 3; i++)
		put_module(0x3000000, 0x3001000, "initrd more");
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	assert_int_equal(info.module_count, BOOT_MODULES_MAX);
	assert_string_equal(info.modules[0].command_line, "initrd good");
}

static void test_long_text_cut_at_a_word(void **state)
{
	char text[BOOT_COMMAND_LINE_BYTES + 40];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	text[1000] = ' ';
	start_info();
	put_memory_map();
	put_module(0x1000000, 0x1001000, text);
	text[1000] = 'y';
	text[BOOT_COMMAND_LINE_BYTES - 1] = '\0';
	put_module(0x1000000, 0x1001000, text);
	text[BOOT_COMMAND_LINE_BYTES - 1] = 'z';
	text[BOOT_COMMAND_LINE_BYTES] = '\0';
	text[500] = ' ';
	put_module(0x1000000, 0x1001000, text);
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	assert_int_equal(strlen(info.modules[0].command_line), 1000);
	assert_int_equal(strlen(info.modules[2].command_line), 500);
	assert_int_equal(strlen(info.modules[1].command_line), BOOT_COMMAND_LINE_BYTES - 1);
}

static void test_text_without_nul(void **state)
{
	(void)state;
	start_info();
	put_memory_map();
	size_t tag = tag_begin(1);
	put('a', 1);
	put('b', 1);
	tag_end(tag);
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	assert_string_equal(info.command_line, "ab");
}

static void test_memory_map_larger_entries(void **state)
{
	(void)state;
	start_info();
	size_t tag = tag_begin(6);
	put(32, 4);
	put(0, 4);
	put_memory_entry(0x100000, 0x100000, 1);
	put(~0ull, 8);
	put_memory_entry(0x400000, 0, 1);
	put(~0ull, 8);
	put_memory_entry(0x300000, 0x100000, 1);
	put(~0ull, 8);
	put_memory_entry(UINT64_MAX - 10, 100, 1);
	put(~0ull, 8);
	put_memory_entry(UINT64_MAX - 4095, 8192, 2);
	put(~0ull, 8);
	tag_end(tag);
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	assert_int_equal(info.memory.count, 3);
	assert_int_equal(info.memory.ranges[1].end, 0x400000);
	assert_int_equal(info.memory.ranges[2].type, MEMORY_RESERVED);
	assert_true(info.memory.ranges[2].end == UINT64_MAX);
}

static enum status parse_with_map(uint32_t entry_size, uint32_t version, uint32_t entries, uint32_t type)
{
	start_info();
	if (entries > 0) {
		size_t tag = tag_begin(6);

		put(entry_size, 4);
		put(version, 4);
		for (uint32_t i = 0; i < entries; i++)
			put_memory_entry(0x100000 + 0x10000ull * i, 0x1000, type);
		tag_end(tag);
	}
	finish_info();
	return parse();
}

static void test_memory_map_refusals(void **state)
{
	(void)state;
	assert_int_equal(parse_with_map(24, 0, 1, 1), STATUS_OK);
	assert_int_equal(parse_with_map(24, 0, 0, 1), STATUS_NOT_FOUND);
	assert_int_equal(parse_with_map(16, 0, 4, 1), STATUS_NOT_FOUND);
	assert_int_equal(parse_with_map(0, 0, 4, 1), STATUS_NOT_FOUND);
	assert_int_equal(parse_with_map(24, 1, 4, 1), STATUS_NOT_FOUND);
	assert_int_equal(parse_with_map(24, 0, 4, 2), STATUS_NOT_FOUND);
	assert_int_equal(parse_with_map(24, 0, MEMORY_RANGES_MAX, 1), STATUS_OK);
	assert_int_equal(info.memory.count, MEMORY_RANGES_MAX);
	assert_int_equal(parse_with_map(24, 0, MEMORY_RANGES_MAX + 1, 1), STATUS_NO_MEMORY);
}

static enum boot_screen_kind screen_kind(uint64_t address, uint32_t pitch, uint32_t width, uint8_t bits, uint8_t type)
{
	start_info();
	put_screen(address, pitch, width, 25, bits, type);
	put_memory_map();
	finish_info();
	assert_int_equal(parse(), STATUS_OK);
	return info.screen.kind;
}

static void test_screens(void **state)
{
	(void)state;
	assert_int_equal(screen_kind(0xB8000, 160, 80, 16, 2), BOOT_SCREEN_TEXT);
	assert_int_equal(screen_kind(0xBFF00, 160, 80, 16, 2), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0x200000, 160, 80, 16, 2), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xB8000, 158, 80, 16, 2), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xB8000, 160, 0, 16, 2), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xE0000000, 4096, 1024, 32, 1), BOOT_SCREEN_RGB);
	assert_int_equal(screen_kind(0xE0000000, 4096, 1024, 32, 0), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xE0000000, 4095, 1024, 32, 1), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xE0000000, 4096, 1024, 33, 1), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xE0000000, 4096, 1024, 8, 1), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xE0000000, 4096, 1024, 16, 1), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0x10000000, 4096, 1024, 32, 1), BOOT_SCREEN_NONE);
	assert_int_equal(screen_kind(0xFFFFFFFFFFFFF000, 4096, 1024, 32, 1), BOOT_SCREEN_NONE);
}

static void patch32(size_t offset, uint32_t value)
{
	memcpy(buffer + offset, &value, 4);
}

static void test_broken_structures(void **state)
{
	(void)state;
	assert_int_equal(multiboot2_parse(NULL, &info), STATUS_INVALID);
	assert_int_equal(multiboot2_parse(buffer + 4, &info), STATUS_INVALID);

	start_info();
	put_memory_map();
	finish_info();
	patch32(0, (uint32_t)used - 8);
	used -= 8;
	assert_int_equal(parse(), STATUS_CORRUPT); /* no end tag */

	start_info();
	put_memory_map();
	finish_info();
	patch32(12, 7);
	assert_int_equal(parse(), STATUS_CORRUPT);
	patch32(12, 0);
	assert_int_equal(parse(), STATUS_CORRUPT);
	patch32(12, 0xFFFFFFF9);
	assert_int_equal(parse(), STATUS_CORRUPT);
	patch32(0, 0xFFFFFFF8);
	assert_int_equal(parse(), STATUS_CORRUPT);
	patch32(0, 7);
	assert_int_equal(parse(), STATUS_CORRUPT);
}

static void test_reserved(void **state)
{
	struct memory_range ranges[MULTIBOOT2_RESERVED_MAX];
	const uint64_t start = (uint64_t)(uintptr_t)buffer;

	(void)state;
	start_info();
	put_memory_map();
	put_module(0x1000000, 0x1000001, "kernel");
	finish_info();
	assert_int_equal(multiboot2_parse(buffer, &info), STATUS_OK);
	assert_int_equal(multiboot2_reserved(buffer, &info, ranges), 2);
	assert_true(ranges[0].start <= start && ranges[0].end >= start + used);
	assert_true(ranges[0].start % PAGE_BYTES == 0 && ranges[0].end - ranges[0].start <= 2 * PAGE_BYTES);
	assert_int_equal(ranges[1].start, 0x1000000);
	assert_int_equal(ranges[1].end, 0x1001000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_new_rsdp_preferred_in_any_order),
		cmocka_unit_test(test_first_of_duplicates_wins),
		cmocka_unit_test(test_bad_modules_left_out),
		cmocka_unit_test(test_long_text_cut_at_a_word),
		cmocka_unit_test(test_text_without_nul),
		cmocka_unit_test(test_memory_map_larger_entries),
		cmocka_unit_test(test_memory_map_refusals),
		cmocka_unit_test(test_screens),
		cmocka_unit_test(test_broken_structures),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
