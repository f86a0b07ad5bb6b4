/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: every form of resume=, quoting, bad values (reported, and never guessed), consoles, "--".
 */
#include "loader/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct options options;
static char unknown_words[2048]; /* each in [] */

static void unknown_add(void *context, const char *word)
{
	const size_t used = strlen(unknown_words);

	assert_ptr_equal(context, &options);
	snprintf(unknown_words + used, sizeof(unknown_words) - used, "[%s]", word);
}

static const struct resume_spec *parse(const char *text)
{
	memset(&options, 0xa5, sizeof(options));
	unknown_words[0] = '\0';
	options_parse(text, &options, unknown_add, &options);
	return &options.resume;
}

struct resume_case {
	const char *text;
	enum resume_kind kind;
	const char *value;
};

static void test_resume_forms(void **state)
{
	static const struct resume_case cases[] = {
		{"resume=UUID=0f3c-AB", RESUME_UUID, "0f3c-AB"},
		{"resume=LABEL=swap", RESUME_LABEL, "swap"},
		{"resume=PARTUUID=12345678-05", RESUME_PARTUUID, "12345678-05"},
		{"resume=PARTLABEL=Linux", RESUME_PARTLABEL, "Linux"},
		{"resume=/dev/disk/by-uuid/0f3c", RESUME_UUID, "0f3c"},
		{"resume=/dev/disk/by-label/my\\x20s\\xc3\\xa4\\x", RESUME_LABEL, "my s\xc3\xa4\\x"},
		{"resume=/dev/disk/by-partuuid/1-05", RESUME_PARTUUID, "1-05"},
		{"resume=/dev/disk/by-partlabel/a", RESUME_PARTLABEL, "a"},
		{"resume=/dev/disk/by-id/ata-X-part3", RESUME_NODE, "/dev/disk/by-id/ata-X-part3"},
		{"resume=/dev/mapper/vg-lv", RESUME_MAPPER, "/dev/mapper/vg-lv"},
		{"resume=/dev/vg/lv", RESUME_MAPPER, "/dev/vg/lv"},
		{"resume=/dev/dm-0", RESUME_MAPPER, "/dev/dm-0"},
		{"resume=/dev/md127", RESUME_MAPPER, "/dev/md127"},
		{"resume=/dev/sda3", RESUME_NODE, "/dev/sda3"},
		{"resume=/dev/nvme0n1p3", RESUME_NODE, "/dev/nvme0n1p3"},
		{"resume=/dev/block/8:3", RESUME_NODE, "/dev/block/8:3"},
		{"resume=8:3", RESUME_NODE, "8:3"},
		{"resume=0803", RESUME_NODE, "0803"},
		{"resume=LABEL=a\\x20b", RESUME_LABEL, "a\\x20b"},
		{"", RESUME_ANY, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct resume_spec *spec = parse(cases[i].text);

		assert_int_equal(spec->kind, cases[i].kind);
		assert_string_equal(spec->text, cases[i].value);
		assert_false(spec->device_refused || spec->offset_refused || spec->has_offset || options.noresume);
		assert_int_equal(spec->partition_offset, 0);
		assert_string_equal(unknown_words, "");
	}
}

static void test_partition_offset(void **state)
{
	const struct resume_spec *spec = parse("resume=PARTUUID=12345678-01/PARTNROFF=4");

	(void)state;
	assert_int_equal(spec->kind, RESUME_PARTUUID);
	assert_string_equal(spec->text, "12345678-01");
	assert_int_equal(spec->partition_offset, 4);
	assert_int_equal(parse("resume=PARTUUID=a/PARTNROFF=-1")->partition_offset, -1);
	assert_int_equal(parse("resume=PARTUUID=a/PARTNROFF=-1 resume=PARTUUID=a")->partition_offset, 0);
}

static void test_quotes(void **state)
{
	(void)state;
	assert_string_equal(parse("resume=UUID=\"12 34\"")->text, "12 34");
	assert_string_equal(parse("resume=\"LABEL=a b\" quiet")->text, "a b");
	assert_true(options.quiet);
	assert_string_equal(parse("\"resume=LABEL=a  b\" quiet")->text, "a  b");
	assert_true(options.quiet);
	assert_string_equal(parse("resume=LABEL=\"a b quiet")->text, "a b quiet"); /* never closed */
	assert_false(options.quiet);
	assert_string_equal(parse("\t quiet\nresume=LABEL=x\r")->text, "x");
	assert_true(options.quiet);
	assert_string_equal(unknown_words, "");
}

/* Nothing is left of an earlier valid word, and nothing is guessed. */
static void test_bad_devices(void **state)
{
	static const char *const values[] = {
		"",
		"none",
		"sda3",
		"UUID=",
		"LABEL=\"\"",
		"/dev/",
		"/dev//x",
		"/dev/vg/",
		"8:",
		":3",
		"8:3x",
		"123456789",
		"PARTUUID=a/b",
		"PARTUUID=/PARTNROFF=1",
		"PARTUUID=a/PARTNROFF=",
		"PARTUUID=a/PARTNROFF=1x",
		"PARTUUID=a/PARTNROFF=65536",
		"/dev/disk/by-label/a\\x00b",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		snprintf(text, sizeof(text), "resume=LABEL=good resume=%s", values[i]);
		assert_true(parse(text)->device_refused);
		assert_int_equal(options.resume.kind, RESUME_ANY);
		assert_string_equal(options.resume.text, "");
		assert_string_not_equal(unknown_words, "");
		snprintf(text, sizeof(text), "resume=%s resume=LABEL=good", values[i]);
		assert_false(parse(text)->device_refused);
		assert_string_equal(options.resume.text, "good");
	}
}

static void test_long_words(void **state)
{
	char text[1024];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "resume=LABEL=", 13);
	text[13 + OPTION_TEXT_BYTES - 1] = '\0';
	assert_false(parse(text)->device_refused);
	assert_int_equal(strlen(options.resume.text), OPTION_TEXT_BYTES - 1);
	text[13 + OPTION_TEXT_BYTES - 1] = 'x';
	text[13 + OPTION_TEXT_BYTES] = '\0';
	assert_true(parse(text)->device_refused);
	text[13 + OPTION_TEXT_BYTES] = 'x';
	memcpy(text + sizeof(text) - 7, " quiet", 7);
	assert_true(parse(text)->device_refused);
	assert_true(options.quiet);
	/* Too long even where the part that was kept would be a valid name. */
	memset(text, '0', 1000);
	memcpy(text, "resume=LABEL=", 13);
	memset(text + 13, '"', 200);
	assert_true(parse(text)->device_refused);
	memset(text, '0', 1000);
	memcpy(text, "resume_offset=", 14);
	assert_true(parse(text)->offset_refused);
}

static void test_offset(void **state)
{
	static const char *const bad[] = {
		"", "x", "12x", "0x10", "-1", "18446744073709551616", "1 2", "99999999999999999999"};
	const struct resume_spec *spec = parse("resume_offset=38912 resume=/dev/sda2");
	char text[128];

	(void)state;
	assert_true(spec->has_offset && !spec->offset_refused);
	assert_int_equal(spec->offset_pages, 38912);
	assert_int_equal(parse("resume-offset=18446744073709551615")->offset_pages, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(text, sizeof(text), "resume_offset=5 resume_offset=\"%s\"", bad[i]);
		assert_true(parse(text)->offset_refused);
		assert_false(options.resume.has_offset);
		assert_int_equal(options.resume.offset_pages, 0);
		assert_string_not_equal(unknown_words, "");
		snprintf(text, sizeof(text), "resume_offset=\"%s\" resume_offset=5", bad[i]);
		assert_false(parse(text)->offset_refused);
		assert_int_equal(options.resume.offset_pages, 5);
	}
}

static void test_noresume(void **state)
{
	static const char *const yes[] = {"noresume", "nohibernate", "hibernate=no", "noresume resume=LABEL=x",
					  "hibernate=noresume quiet"};
	static const char *const no[] = {"", "noresumes", "noresume=1", "hibernate=nocompress", "-- noresume"};
	struct resume_spec spec;
	bool noresume;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(yes); i++) {
		parse(yes[i]);
		assert_true(options.noresume);
		options_parse_kernel(yes[i], &spec, &noresume);
		assert_true(noresume);
	}
	for (size_t i = 0; i < ARRAY_COUNT(no); i++) {
		parse(no[i]);
		assert_false(options.noresume);
		noresume = true;
		options_parse_kernel(no[i], &spec, &noresume);
		assert_false(noresume);
	}
}

static void test_consoles(void **state)
{
	static const char *const bad[] = {
		"console=ttyS0,0", "console=ttyS0,115201",   "console=ttyS4",           "console=ttyS",
		"console=hvc0",    "console=ttyS0,115200e7", "console=ttyS0,115200n8x", "console=tty0x",
		"console=",        "console=ttyS0x",         "console=ttyS0,"};

	(void)state;
	parse("");
	assert_true(options.console_screen && !options.console_serial);
	parse("console=ttyS1,57600n8r");
	assert_true(!options.console_screen && options.console_serial);
	assert_int_equal(options.serial_port, 1);
	assert_int_equal(options.serial_baud, 57600);
	parse("console=tty0 console=ttyS0");
	assert_true(options.console_screen && options.console_serial);
	assert_int_equal(options.serial_port, 0);
	assert_int_equal(options.serial_baud, 115200);
	parse("console=ttyS0,9600 console=ttyS2,115200n8");
	assert_int_equal(options.serial_port, 2);
	assert_int_equal(options.serial_baud, 115200);
	parse("console=tty");
	assert_true(options.console_screen && !options.console_serial);
	assert_string_equal(unknown_words, "");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		parse(bad[i]);
		assert_true(options.console_screen && !options.console_serial);
		assert_string_not_equal(unknown_words, "");
	}
}

static void test_others(void **state)
{
	(void)state;
	parse("quiet thaw.memmap=relaxed");
	assert_true(options.quiet && options.memory_map_relaxed);
	assert_string_equal(unknown_words, "");
	parse("thaw.memmap=relaxed thaw.memmap=strict");
	assert_false(options.memory_map_relaxed || options.quiet);
	parse("root=/dev/sda1 ro thaw.memmap=no quiets resume --quiet");
	assert_string_equal(unknown_words, "[root=/dev/sda1][ro][thaw.memmap=no][quiets][resume][--quiet]");
	assert_false(options.memory_map_relaxed || options.quiet);
}

static void test_wait(void **state)
{
	static const char *const bad[] = {"thaw.wait=",   "thaw.wait=-1",  "thaw.wait=601",
					  "thaw.wait=5s", "thaw.wait=0x5", "thaw.wait=99999999999999999999"};

	(void)state;
	parse("");
	assert_int_equal(options.wait_s, 10);
	parse("thaw.wait=0");
	assert_int_equal(options.wait_s, 0);
	parse("thaw.wait=1 thaw.waits=3 thaw.wait=600");
	assert_int_equal(options.wait_s, 600);
	assert_string_equal(unknown_words, "[thaw.waits=3]");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		parse(bad[i]);
		assert_int_equal(options.wait_s, 10);
		assert_string_not_equal(unknown_words, "");
	}
}

static void test_the_entry_of_a_dump(void **state)
{
	static const char *const bad[] = {"",
					  "0x",
					  "0x0",
					  "123",
					  "0x12g",
					  "0x12,6",
					  "0x12,",
					  "0x12,45",
					  "0x12, 5",
					  "x12",
					  "0x10000000000000",
					  "0x1000000000000000001",
					  "0xFFFFFFFFFFFFFFFF0000000000001"};
	char words[64];

	(void)state;
	parse("thaw.entry=0x10aF0f8");
	assert_int_equal(options.resume.dump_entry, 0x10AF0F8);
	assert_int_equal(options.resume.dump_levels, 4);
	parse("thaw.entry=0xFFFFFFFFFFFFF,5");
	assert_int_equal(options.resume.dump_entry, 0xFFFFFFFFFFFFF);
	assert_int_equal(options.resume.dump_levels, 5);
	parse("thaw.entry=0x1,5 thaw.entry=0x2,4");
	assert_int_equal(options.resume.dump_entry, 2);
	assert_int_equal(options.resume.dump_levels, 4);
	assert_string_equal(unknown_words, "");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(words, sizeof(words), "thaw.entry=0x1000 \"thaw.entry=%s\"", bad[i]);
		parse(words);
		assert_int_equal(options.resume.dump_entry, 0);
		assert_true(strstr(unknown_words, "[thaw.entry=") == unknown_words);
	}
	parse("quiet");
	assert_int_equal(options.resume.dump_entry, 0);
}

static void test_kernel_command_line(void **state)
{
	struct resume_spec spec;
	bool noresume;
	const char *own = "quiet --   root=UUID=1 resume=UUID=2 -- single";
	const char *line = options_kernel_command_line(own);

	(void)state;
	parse(own);
	assert_string_equal(line, "root=UUID=1 resume=UUID=2 -- single");
	assert_int_equal(options.resume.kind, RESUME_ANY);
	assert_string_equal(unknown_words, "");
	options_parse_kernel(line, &spec, &noresume);
	assert_int_equal(spec.kind, RESUME_UUID);
	assert_string_equal(spec.text, "2");
	assert_false(noresume);
	assert_string_equal(options_kernel_command_line("quiet --"), "");
	assert_string_equal(options_kernel_command_line("quiet \"a -- b\" --c"), "");
	options_parse_kernel("ro resume=none resume_offset=x console=ttyS0", &spec, &noresume);
	assert_true(spec.device_refused && spec.offset_refused);
	options_parse_kernel("resume=LABEL=a -- resume=LABEL=b noresume", &spec, &noresume);
	assert_string_equal(spec.text, "a");
	assert_false(noresume);
}

static void test_kernel_files(void **state)
{
	(void)state;
	parse("quiet");
	assert_false(options_name_kernel(&options));
	parse("thaw.kernel=UUID=ab-12:/boot/vmlinuz thaw.initrd=UUID=1:/a \"thaw.initrd=UUID=2:/b c\"");
	assert_string_equal(unknown_words, "");
	assert_true(options_name_kernel(&options));
	assert_string_equal(options.kernel.uuid, "ab-12");
	assert_string_equal(options.kernel.path, "/boot/vmlinuz");
	assert_int_equal(options.initrd_count, 2);
	assert_string_equal(options.initrds[0].uuid, "1");
	assert_string_equal(options.initrds[1].path, "/b c");
	assert_false(options.file_refused);
	parse("thaw.kernel=/boot/vmlinuz");
	assert_true(options_name_kernel(&options) && options.file_refused);
	parse("thaw.initrd=UUID=1:relative");
	assert_true(options_name_kernel(&options) && options.file_refused);
	parse("thaw.kernel=UUID=:/a");
	assert_true(options.file_refused);
	parse("thaw.kernel=UUID=12345678901234567890123456789012345678901:/a");
	assert_true(options.file_refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume_forms),
		cmocka_unit_test(test_partition_offset),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_bad_devices),
		cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_noresume),
		cmocka_unit_test(test_consoles),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_the_entry_of_a_dump),
		cmocka_unit_test(test_kernel_command_line),
		cmocka_unit_test(test_kernel_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
