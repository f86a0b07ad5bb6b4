/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines and formatted output.
 */
#include "lib/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "include/types.h"
#include "lib/format.h"

static char seen[1024];

static void sink(const char *line)
{
	strcat(seen, line);
	strcat(seen, "|");
}

static int forget(void **state)
{
	(void)state;
	log_set_sink(sink);
	log_set_sink(NULL);
	seen[0] = '\0';
	return 0;
}

static void test_early_lines_wait_for_a_sink(void **state)
{
	(void)state;
	log_line("first %d", 1);
	log_line("second");
	assert_string_equal(seen, "");
	log_set_sink(sink);
	assert_string_equal(seen, "first 1|second|");
	log_line("third");
	assert_string_equal(seen, "first 1|second|third|");
	log_set_sink(sink);
	assert_string_equal(seen, "first 1|second|third|");
}

static void test_too_many_early_lines_are_dropped(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		log_line("%d", i);
	log_set_sink(sink);
	assert_string_equal(seen, "0|1|2|3|4|5|6|7|");
}

static void test_formats_agree_with_the_c_library(void **state)
{
	char ours[100];
	char theirs[100];

	(void)state;
#define CHECK(...)                                                                                                     \
	do {                                                                                                           \
		const size_t length = format_text(ours, sizeof(ours), __VA_ARGS__);                                    \
		const int expected = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                    \
		assert_string_equal(ours, theirs);                                                                     \
		assert_int_equal(length, expected);                                                                    \
	} while (0)
	CHECK("plain %% text");
	CHECK("%d %d %u", 0, -2147483647 - 1, 4294967295u);
	CHECK("%lu %ld", ~0ul, -9223372036854775807L - 1);
	CHECK("[%5d] [%-5d] [%05u] [%8x] [%08X]", 42, 42, 42u, 0xBEEFu, 0xBEEFu);
	CHECK("[%s] [%10s] [%-10s] [%.3s] %c", "abcdef", "abc", "abc", "abcdef", 'x');
	CHECK("%016lx %zu", 0x123456789ABCDEFul, (size_t)77);
#undef CHECK
}

static void test_text_is_cut_at_the_buffers_end(void **state)
{
	char text[8] = "XXXXXXX";

	(void)state;
	assert_int_equal(format_text(text, 5, "%s", "abcdef"), 4);
	assert_string_equal(text, "abcd");
	assert_int_equal(text[5], 'X');
	assert_int_equal(format_text(text, 1, "%u", 5u), 0);
	assert_int_equal(text[0], 0);
	assert_int_equal(format_text(NULL, 0, "x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_early_lines_wait_for_a_sink, forget),
		cmocka_unit_test_setup(test_too_many_early_lines_are_dropped, forget),
		cmocka_unit_test(test_formats_agree_with_the_c_library),
		cmocka_unit_test(test_text_is_cut_at_the_buffers_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
