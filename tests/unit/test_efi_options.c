/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the UEFI loader is told: load options, a file of options, systemd's note, device paths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/efi/options.h"
#include "drivers/efi/device_path.h"
#include "loader/efi/location.h"

#define CAPACITY 64

static char text[CAPACITY];

/* A heap copy of exactly these bytes, so that a look behind them is seen. */
static enum status decode(const void *bytes, size_t count)
{
	void *copy = malloc(count ? count : 1);
	enum status status;

	memcpy(copy, bytes, count);
	memset(text, '#', sizeof(text));
	status = efi_options_decode(copy, count, text, sizeof(text));
	free(copy);
	return status;
}

static void test_text_with_and_without_end(void **state)
{
	static const CHAR16 line[] = L"resume=UUID=1 quiet";

	(void)state;
	assert_int_equal(decode(line, sizeof(line)), STATUS_OK);
	assert_string_equal(text, "resume=UUID=1 quiet");
	assert_int_equal(decode(line, sizeof(line) - 2), STATUS_OK);
	assert_string_equal(text, "resume=UUID=1 quiet");
	assert_int_equal(decode(L"a\0b", 6), STATUS_OK);
	assert_string_equal(text, "a");
	assert_int_equal(decode(L"a\tb\r\n", 10), STATUS_OK);
	assert_string_equal(text, "a b  ");
}

static void test_other_characters(void **state)
{
	static const CHAR16 line[] = {'L', 0xE4, 0x20AC, 0xD83D, 0xDE00};

	(void)state;
	assert_int_equal(decode(line, sizeof(line)), STATUS_OK);
	assert_string_equal(text, "L\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
}

static void test_no_options(void **state)
{
	(void)state;
	assert_int_equal(decode(L"", 0), STATUS_NOT_FOUND);
	assert_int_equal(decode(L"", 2), STATUS_NOT_FOUND);
	assert_int_equal(decode(L"   ", 8), STATUS_NOT_FOUND);
	assert_int_equal(efi_options_decode(NULL, 10, text, sizeof(text)), STATUS_NOT_FOUND);
}

static void test_binary_data_is_no_text(void **state)
{
	static const CHAR16 control[] = {'a', 1, 'b', 0};
	static const CHAR16 lone_low[] = {'a', 0xDC00, 0};
	static const CHAR16 lone_high[] = {'a', 0xD800};
	static const CHAR16 high_and_letter[] = {'a', 0xD800, 'b', 0};

	(void)state;
	assert_int_equal(decode("odd", 3), STATUS_NOT_FOUND);
	assert_int_equal(decode(control, sizeof(control)), STATUS_NOT_FOUND);
	assert_int_equal(decode(lone_low, sizeof(lone_low)), STATUS_NOT_FOUND);
	assert_int_equal(decode(lone_high, sizeof(lone_high)), STATUS_NOT_FOUND);
	assert_int_equal(decode(high_and_letter, sizeof(high_and_letter)), STATUS_NOT_FOUND);
}

/* Never half a word, and never behind the end. */
static void test_long_options_are_cut(void **state)
{
	CHAR16 line[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(line); i++)
		line[i] = i % 10 == 9 ? ' ' : 'x';
	assert_int_equal(decode(line, sizeof(line)), STATUS_OK);
	assert_int_equal(strlen(text), 60);
	for (size_t i = 0; i < ARRAY_COUNT(line); i++)
		line[i] = 'x';
	assert_int_equal(decode(line, 2 * (CAPACITY - 1)), STATUS_OK);
	assert_int_equal(strlen(text), CAPACITY - 1);
	assert_int_equal(decode(line, 2 * (size_t)CAPACITY), STATUS_OK);
	assert_string_equal(text, "");
	for (size_t i = 0; i < ARRAY_COUNT(line); i++)
		line[i] = 0x20AC;
	assert_int_equal(decode(line, sizeof(line)), STATUS_OK);
	assert_string_equal(text, "");
}

static void test_lines_of_a_file(void **state)
{
	char file[] = "# for this machine\nresume=UUID=1\r\n#quiet\n thaw.next=\\a#b\n\n";

	(void)state;
	efi_options_join_lines(file);
	assert_null(strchr(file, '\n'));
	assert_null(strstr(file, "quiet"));
	assert_null(strstr(file, "machine"));
	assert_non_null(strstr(file, " resume=UUID=1 "));
	assert_non_null(strstr(file, " thaw.next=\\a#b "));
}

/* --- systemd's note -------------------------------------------------------------------------------------------- */

static void assert_location(const char *json, const char *line)
{
	char out[EFI_LOCATION_LINE_BYTES] = "untouched";
	char *copy = strdup(json);

	assert_int_equal(efi_location_parse(copy, out), line ? STATUS_OK : STATUS_CORRUPT);
	assert_string_equal(out, line ? line : "untouched");
	free(copy);
}

static void test_location(void **state)
{
	(void)state;
	assert_location("{\"uuid\":\"2d516af0-244b-5c0b-9557-10deee1b5991\",\"offset\":4096,\"kernelVersion\":\"6.1\"}",
			"resume=UUID=2d516af0-244b-5c0b-9557-10deee1b5991 resume_offset=4096");
	assert_location(
		" { \"x\" : \"a\\\"}\" , \"offset\" : 18446744073709551615 , \"uuid\" : \"AB-1\" , \"n\":null } ",
		"resume=UUID=AB-1 resume_offset=18446744073709551615");
	assert_location("{\"uuid\":\"1\"}", "resume=UUID=1 resume_offset=0");
}

static void test_hostile_locations(void **state)
{
	static const char *const hostile[] = {
		"",
		"{",
		"{}",
		"{\"uuid\"",
		"{\"uuid\":",
		"{\"uuid\":\"",
		"{\"uuid\":\"1",
		"{\"uuid\":\"1\"",
		"{\"uuid\":\"1\",",
		"{\"uuid\":\"1\\",
		"{\"uuid\":\"\"}",
		"{\"uuid\":\"1 quiet\"}",
		"{\"uuid\":\"1\",\"offset\":-1}",
		"{\"uuid\":\"1\",\"offset\":1.5}",
		"{\"uuid\":\"1\",\"offset\":{}}",
		"{\"uuid\":\"1\",\"offset\":\"\"}",
		"{\"uuid\":\"1\",\"offset\":123456789012345678901}",
		"{\"offset\":1}",
		"[\"uuid\",\"1\"]",
		"{\"uuid\":\"1234567890123456789012345678901234567\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(hostile); i++)
		assert_location(hostile[i], NULL);
}

/* --- device paths ---------------------------------------------------------------------------------------------- */

static const uint8_t volume[] = {2, 1, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 4, 1, 6, 0, 9, 9, 0x7F, 0xFF, 4, 0};

static void test_a_file_on_a_volume(void **state)
{
	uint8_t path[128];
	CHAR16 file[16];
	size_t bytes = efi_device_path_bytes((const EFI_DEVICE_PATH *)volume);

	(void)state;
	assert_int_equal(bytes, 18);
	memcpy(path, volume, bytes);
	assert_int_equal(efi_device_path_append_file(path, bytes, sizeof(path), "\\a\\bc"), 18 + 4 + 12 + 4);
	assert_int_equal(efi_device_path_bytes((const EFI_DEVICE_PATH *)path), 18 + 4 + 12);
	assert_int_equal(efi_device_path_file((const EFI_DEVICE_PATH *)path, file, 16), 5);
	assert_memory_equal(file, L"\\a\\bc", 10);
	assert_int_equal(efi_device_path_file((const EFI_DEVICE_PATH *)path, file, 4), 0);
	assert_int_equal(efi_device_path_append_file(path, bytes, 18 + 4 + 12 + 3, "\\a\\bc"), 0);
}

/* GRUB gives directory and file in nodes of their own. */
static void test_a_file_in_two_nodes(void **state)
{
	uint8_t path[128] = {4, 4, 8, 0, '\\', 0, 'd', 0, 4, 4, 8, 0, 'f', 0, 0, 0, 0x7F, 0xFF, 4, 0};
	CHAR16 file[16];

	(void)state;
	assert_int_equal(efi_device_path_file((const EFI_DEVICE_PATH *)path, file, 16), 4);
	assert_memory_equal(file, L"\\d\\f", 8);
	assert_int_equal(efi_device_path_file(NULL, file, 16), 0);
}

static void test_hostile_paths(void **state)
{
	static uint8_t endless[2 * EFI_DEVICE_PATH_BYTES_MAX];
	const uint8_t short_node[] = {2, 1, 2, 0, 4, 0, 0x7F, 0xFF, 4, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(endless); i += 4)
		memcpy(endless + i, (uint8_t[]){2, 1, 4, 0}, 4);
	assert_int_equal(efi_device_path_bytes((const EFI_DEVICE_PATH *)endless), 0);
	assert_int_equal(efi_device_path_bytes((const EFI_DEVICE_PATH *)short_node), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_with_and_without_end),
		cmocka_unit_test(test_other_characters),
		cmocka_unit_test(test_no_options),
		cmocka_unit_test(test_binary_data_is_no_text),
		cmocka_unit_test(test_long_options_are_cut),
		cmocka_unit_test(test_lines_of_a_file),
		cmocka_unit_test(test_location),
		cmocka_unit_test(test_hostile_locations),
		cmocka_unit_test(test_a_file_on_a_volume),
		cmocka_unit_test(test_a_file_in_two_nodes),
		cmocka_unit_test(test_hostile_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
