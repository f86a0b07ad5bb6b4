/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words, settings, command lines; /proc/swaps, mountinfo, the firmware's memory map. */
#include "tools/procfs.h"
#include "tools/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void quotes_and_backslashes_are_resolved(void **state)
{
	const char *text = "  a'b c'\"d\\\"\\e $x\"\\ f  g\\\n h; i";
	char word[64];

	(void)state;
	text = words_next(text, word, sizeof(word));
	assert_string_equal(word, "ab cd\"\\e $x f");
	text = words_next(text, word, sizeof(word));
	assert_string_equal(word, "g");
	text = words_next(text, word, sizeof(word));
	assert_string_equal(word, "h");
	assert_null(words_next(text, word, sizeof(word)));
	assert_null(words_next("\nnext line", word, sizeof(word)));
	assert_null(words_next("", word, sizeof(word)));
}

static void what_has_no_end_is_bounded(void **state)
{
	char word[4];

	(void)state;
	assert_string_equal(words_next("abcdefgh i", word, sizeof(word)), " i");
	assert_string_equal(word, "abc");
	assert_string_equal(words_next("'abc", word, sizeof(word)), "");
	assert_string_equal(words_next("\"a\\", word, sizeof(word)), "");
	assert_string_equal(words_next("a\\", word, sizeof(word)), "");
	assert_string_equal(word, "a\\");
}

static void the_last_option_of_a_command_line_counts(void **state)
{
	static const char line[] = "ro resume=UUID=1 xresume=3 resume=\"LABEL=a b\" noresume -- resume=2 quiet\n";
	char value[16];

	(void)state;
	assert_true(words_option(line, "resume=", value, sizeof(value)));
	assert_string_equal(value, "LABEL=a b");
	assert_false(words_option("ro resumed=1", "resume=", value, sizeof(value)));
	assert_true(words_has(line, "noresume"));
	assert_false(words_has(line, "quiet"));
	assert_false(words_has(line, "resume"));
}

static void settings_are_found_as_a_shell_would(void **state)
{
	static const char text[] = "#RESUME=no\nRESUME=a\n  export RESUME='b c' # d\nXRESUME=e\nE=\nF= f\nG=$RESUME\n";
	char value[16];

	(void)state;
	assert_int_equal(words_setting_find(text, "RESUME", value, sizeof(value)), WORDS_SET);
	assert_string_equal(value, "b c");
	assert_int_equal(words_setting_find(text, "E", value, sizeof(value)), WORDS_SET);
	assert_string_equal(value, "");
	assert_int_equal(words_setting_find(text, "F", value, sizeof(value)), WORDS_SET);
	assert_string_equal(value, "");
	assert_int_equal(words_setting_find(text, "G", value, sizeof(value)), WORDS_UNCLEAR);
	assert_int_equal(words_setting_find(text, "H", value, sizeof(value)), WORDS_NOT_SET);
	assert_int_equal(words_setting_find("", "H", value, sizeof(value)), WORDS_NOT_SET);
	assert_int_equal(words_setting_find("H=`x`", "H", value, sizeof(value)), WORDS_UNCLEAR);
}

static void replaced(const char *text, const char *expected)
{
	char *result = words_setting_replace(text, "A", "true");

	assert_string_equal(result, expected);
	free(result);
}

static void a_setting_is_replaced_in_its_place(void **state)
{
	(void)state;
	replaced("A=1\nB=2\nA=3\nC=4\n", "A=1\nB=2\nA=true\nC=4\n");
	replaced("# A\n#A=1\nB=2", "# A\nA=true\nB=2");
	replaced("#A=1\nA=2", "#A=1\nA=true\n");
	replaced("B=2", "B=2\nA=true\n");
	replaced("", "A=true\n");
}

static void octal_escapes_are_resolved(void **state)
{
	char text[] = "/a\\040b\\134c\\04\\000\\777";

	(void)state;
	words_unescape_octal(text);
	assert_string_equal(text, "/a b\\c\\04?\\777");
}

static void the_area_of_highest_priority_is_first(void **state)
{
	static const char text[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
				   "/dev/sda2                               partition\t2097148\t\t10\t\t-2\n"
				   "/swap\\040file                           file\t\t1024\t\t0\t\t5\n"
				   "/dev/dm-1                               partition\t99\t\t100\t\t7\n"
				   "/dev/zram0                              partition\t8\t\t0\t\tx\n";
	struct swap_line lines[4];

	(void)state;
	assert_int_equal(procfs_swaps(text, lines, 4), 2);
	assert_string_equal(lines[0].path, "/swap file");
	assert_true(lines[0].is_file);
	assert_int_equal(lines[0].bytes, MIB);
	assert_string_equal(lines[1].path, "/dev/sda2");
	assert_false(lines[1].is_file);
	assert_int_equal(lines[1].used_bytes, 10 * KIB);
	assert_int_equal(lines[1].priority, -2);
	assert_int_equal(procfs_swaps(text, lines, 1), 1);
	assert_int_equal(procfs_swaps("", lines, 4), 0);
	assert_int_equal(procfs_swaps("/x file 18446744073709551615 0 1\n", lines, 4), 0);
}

static void the_nearest_mount_holds_a_path(void **state)
{
	static const char text[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
				   "30 22 8:5 / /var rw shared:2 master:3 - xfs /dev/sda5 rw\n"
				   "31 22 0:40 /@ /with\\040blank rw - btrfs /dev/sdb1 rw\n"
				   "34 1 8:6 / / rw,relatime shared:1 - ext4 /dev/sda6 rw\n"
				   "32 22 x:y / /var/swap rw - ext4 /dev/sda7 rw\n"
				   "33 22 8:9 / /var/swap\n";
	struct mount_line mount;

	(void)state;
	/* The later of two at one place hides the other. */
	assert_true(procfs_mount_of(text, "/swapfile", &mount));
	assert_int_equal(mount.minor, 6);
	assert_string_equal(mount.filesystem, "ext4");
	assert_true(procfs_mount_of(text, "/var/swap/file", &mount));
	assert_int_equal(mount.minor, 5);
	assert_string_equal(mount.source, "/dev/sda5");
	assert_true(procfs_mount_of(text, "/variable", &mount));
	assert_int_equal(mount.minor, 6);
	assert_true(procfs_mount_of(text, "/with blank/file", &mount));
	assert_string_equal(mount.filesystem, "btrfs");
	assert_false(procfs_mount_of("", "/swapfile", &mount));
}

static void numbers_are_numbers(void **state)
{
	uint32_t major_number;
	uint32_t minor_number;
	uint64_t bytes;

	(void)state;
	assert_true(procfs_meminfo("MemTotal:  12 kB\nMemFree:   7 kB\n", "MemFree:", &bytes));
	assert_int_equal(bytes, 7 * KIB);
	assert_false(procfs_meminfo("MemTotal: 12 kB\n", "MemFree:", &bytes));
	assert_false(procfs_meminfo("MemFree: -1 kB\n", "MemFree:", &bytes));
	assert_true(procfs_device_number("8:3", &major_number, &minor_number));
	assert_int_equal(major_number, 8);
	assert_int_equal(minor_number, 3);
	assert_false(procfs_device_number("8:", &major_number, &minor_number));
	assert_false(procfs_device_number("8", &major_number, &minor_number));
	assert_false(procfs_device_number("8:4294967296", &major_number, &minor_number));
	assert_false(procfs_device_number("8:3 ", &major_number, &minor_number));
}

static void a_memory_map_entry_ends_behind_its_last_byte(void **state)
{
	struct memory_range range;

	(void)state;
	assert_true(procfs_memmap_entry("0x100000", "0xbfffffff", "System RAM", &range));
	assert_int_equal(range.start, 0x100000);
	assert_int_equal(range.end, 0xc0000000);
	assert_int_equal(range.type, MEMORY_RAM);
	assert_true(procfs_memmap_entry("0x0", "0x0", "ACPI Tables", &range));
	assert_int_equal(range.type, MEMORY_ACPI_RECLAIM);
	assert_true(procfs_memmap_entry("0x0", "0xfff", "something new", &range));
	assert_int_equal(range.type, MEMORY_RESERVED);
	assert_false(procfs_memmap_entry("0x1000", "0xfff", "System RAM", &range));
	assert_false(procfs_memmap_entry("0x0", "0xffffffffffffffff", "System RAM", &range));
	assert_false(procfs_memmap_entry("0x0", "0x10000000000000000", "System RAM", &range));
	assert_false(procfs_memmap_entry("", "0xfff", "System RAM", &range));
	assert_false(procfs_memmap_entry("-0x1", "0xfff", "System RAM", &range));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_and_backslashes_are_resolved),
		cmocka_unit_test(what_has_no_end_is_bounded),
		cmocka_unit_test(the_last_option_of_a_command_line_counts),
		cmocka_unit_test(settings_are_found_as_a_shell_would),
		cmocka_unit_test(a_setting_is_replaced_in_its_place),
		cmocka_unit_test(octal_escapes_are_resolved),
		cmocka_unit_test(the_area_of_highest_priority_is_first),
		cmocka_unit_test(the_nearest_mount_holds_a_path),
		cmocka_unit_test(numbers_are_numbers),
		cmocka_unit_test(a_memory_map_entry_ends_behind_its_last_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
