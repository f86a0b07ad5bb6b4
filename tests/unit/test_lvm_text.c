/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LVM2's configuration text.
 */
#include "disk/lvm_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the text says, in short: "name{", "}", "name=a|b;", and at last "." or "!" (STATUS_CORRUPT). */
static const char *outline(const char *source, size_t count)
{
	static char out[512];
	struct lvm_text at;
	struct lvm_item item;
	struct lvm_word word;
	size_t used = 0;
	enum status status;
	char *copy = malloc(count + (count == 0)); /* without a NUL behind it */

	memcpy(copy, source, count);
	at = lvm_text_of(copy, count);
	while ((status = lvm_text_next(&at, &item)) == STATUS_OK) {
		assert_true((item.kind == LVM_ITEM_END) == (item.name.length == 0));
		used += (size_t)sprintf(out + used, "%.*s%s", (int)item.name.length,
					item.name.length ? item.name.chars : "",
					item.kind == LVM_ITEM_SECTION ? "{"
					: item.kind == LVM_ITEM_END   ? "}"
								      : "=");
		if (item.kind != LVM_ITEM_VALUE)
			continue;
		while ((status = lvm_value_next(&item.values, &word)) == STATUS_OK)
			used += (size_t)sprintf(out + used, "%.*s|", (int)word.length, word.chars);
		assert_int_equal(status, STATUS_END);
		used += (size_t)sprintf(out + used, ";");
	}
	assert_true(status == STATUS_END || status == STATUS_CORRUPT);
	sprintf(out + used, status == STATUS_END ? "." : "!");
	free(copy);
	return out;
}

struct text_case {
	const char *source, *outline;
};

static const struct text_case text_cases[] = {
	{"", "."},
	{" \t\r\n", "."},
	{"# nothing", "."},
	{"#\n#\n a = 1 # b = 2\nc=3", "a=1|;c=3|;."},
	{"a{b{}c=1}d=2", "a{b{}c=1|;}d=2|;."},
	{"a.b+c-d_e@f/0 { }", "a.b+c-d_e@f/0{}."},
	{"a = \"x # y { ] \"", "a=x # y { ] |;."},
	{"a = \"\" b = \"\"", "a=|;b=|;."},
	{"a = \"say \\\"x\\\" \\\\\" b=1", "a=say \\\"x\\\" \\\\|;b=1|;."},
	{"a = []", "a=;."},
	{"a = [ # none\n ]", "a=;."},
	{"a = [\"x\", 1 ,\n# c\n\"y]\",]b=-3.5", "a=x|1|y]|;b=-3.5|;."},
	{"a = 1 } b", "a=1|;!"},
	{"a", "!"},
	{"a b = 1", "!"},
	{"a =", "!"},
	{"a = }", "!"},
	{"a = {", "!"},
	{"a = \"x", "!"},
	{"a = \"", "!"},
	{"a = \"x\\\"", "!"},
	{"a = \"x\\", "!"},
	{"a = [1", "!"},
	{"a = [1,", "!"},
	{"a = [", "!"},
	{"a = [,]", "!"},
	{"a = [1 2]", "!"},
	{"a = [1,,2]", "!"},
	{"a = [[1]]", "!"},
	{"a = [\"x]", "!"},
	{"a {", "a{!"},
	{"a { b { }", "a{b{}!"},
	{"}", "!"},
	{"a { } }", "a{}!"},
	{"{", "!"},
	{"= 1", "!"},
	{"\"a\" = 1", "!"},
	{"a = 'x'", "!"},
	{"a = 1 %", "a=1|;!"},
	{"a = \xc3\xa4", "!"},
	{"a = \"\xc3\xa4\"", "a=\xc3\xa4|;."},
	{"1{2{3{4{5{6{7{8{}}}}}}}}", "1{2{3{4{5{6{7{8{}}}}}}}}."},
	{"1{2{3{4{5{6{7{8{9{}}}}}}}}}", "1{2{3{4{5{6{7{8{!"},
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(text_cases); i++)
		assert_string_equal(outline(text_cases[i].source, strlen(text_cases[i].source)), text_cases[i].outline);
	assert_string_equal(outline("a = 1\0}", 7), "a=1|;.");
	assert_string_equal(outline("a = \"1\0\"", 8), "!");
}

static struct lvm_word word_of(const char *source)
{
	return (struct lvm_word){source, strlen(source)};
}

static void test_words(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  "1.0",
					  "0x10",
					  "1 ",
					  "/",
					  ":",
					  "18446744073709551616",
					  "18446744073709551620",
					  "99999999999999999999"};
	char copy[4];
	uint64_t number = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(lvm_word_number(word_of(bad[i]), &number), STATUS_CORRUPT);
	assert_int_equal(number, 7);
	assert_int_equal(lvm_word_number(word_of("18446744073709551615"), &number), STATUS_OK);
	assert_true(number == UINT64_MAX);
	assert_int_equal(lvm_word_number(word_of("0090"), &number), STATUS_OK);
	assert_int_equal(number, 90);
	assert_int_equal(lvm_word_number((struct lvm_word){"123", 2}, &number), STATUS_OK);
	assert_int_equal(number, 12);
	memset(copy, 'z', sizeof(copy));
	assert_int_equal(lvm_word_copy(word_of(""), copy, sizeof(copy)), STATUS_CORRUPT);
	assert_int_equal(lvm_word_copy(word_of("four"), copy, sizeof(copy)), STATUS_CORRUPT);
	assert_memory_equal(copy, "zzzz", 4);
	assert_int_equal(lvm_word_copy(word_of("abc"), copy, sizeof(copy)), STATUS_OK);
	assert_string_equal(copy, "abc");
	assert_true(lvm_word_equal(word_of("abc"), "abc"));
	assert_false(lvm_word_equal(word_of("abc"), "ab"));
	assert_false(lvm_word_equal(word_of("ab"), "abc"));
	assert_false(lvm_word_equal(word_of("abd"), "abc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
