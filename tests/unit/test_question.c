/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people see and answer: the question's states, the failure screen, text broken into lines. In the place of the
 * console is somebody who presses keys at times of the fake clock.
 */
#include "loader/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "loader/console.h"
#include "loader/console_devices.h"
#include "loader/dialog.h"
#include "loader/failure.h"
#include "loader/reasons.h"
#include "tests/unit/fake_hw.h"

#define SECOND_US 1000000ull

static const char *keys; /* one each second; '.': none; 'n': Enter, 'e': Esc, 'x': something else */
static uint64_t start_us;
static size_t columns;
static char shown[8192];
static char drawn[128];
static uint32_t drawings, idles;

uint32_t console_columns(void)
{
	return (uint32_t)columns;
}

void console_draw_line(const char *text)
{
	snprintf(drawn, sizeof(drawn), "%s", text);
	drawings++;
}

void console_write_line(const char *text)
{
	assert_true(strlen(text) <= columns);
	assert_true(strlen(shown) + strlen(text) + 2 < sizeof(shown));
	strcat(shown, text);
	strcat(shown, "\n");
}

void console_drop_keys(void)
{
}

uint8_t console_read_key(void)
{
	uint8_t key;

	if (*keys == '\0' || fake_hw_now_us() < start_us + SECOND_US)
		return 0;
	start_us += SECOND_US;
	key = (uint8_t)*keys++;
	switch (key) {
	case '.':
		return 0;
	case 'n':
		return KEY_ENTER;
	case 'e':
		return KEY_ESCAPE;
	case 'x':
		return KEY_OTHER;
	default:
		return key;
	}
}

bool console_escape_pressed(void)
{
	return false;
}

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	keys = "";
	start_us = fake_hw_now_us();
	columns = 79;
	shown[0] = drawn[0] = '\0';
	drawings = idles = 0;
	return 0;
}

static void count_idle(void *context)
{
	(void)context;
	idles++;
}

static void test_answers(void **state)
{
	static const struct {
		const char *keys;
		enum answer answer;
		unsigned seconds;
	} cases[] = {
		{"1", ANSWER_GO_ON, 1},      {"n", ANSWER_GO_ON, 1},    {"..2", ANSWER_LINUX, 3},
		{"ee5x02", ANSWER_LINUX, 6},                           /* what is no choice is none */
		{"9", ANSWER_GO_ON, 61},                               /* nor is what only the second question knows */
		{"39", ANSWER_FRESH, 2},     {"339", ANSWER_FRESH, 3}, /* a 3 that is held down discards nothing */
		{"3333", ANSWER_GO_ON, 64},  {"311", ANSWER_GO_ON, 3},  {"3n2", ANSWER_LINUX, 3},
		{"3e39", ANSWER_FRESH, 4},   {"3x9", ANSWER_GO_ON, 63}, {"3", ANSWER_GO_ON, 61},
		{"", ANSWER_GO_ON, 60},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint64_t us;

		setup(state);
		keys = cases[i].keys;
		us = start_us;
		assert_int_equal(question_ask(count_idle, NULL), cases[i].answer);
		us = fake_hw_now_us() - us;
		assert_in_range(us, cases[i].seconds * SECOND_US - SECOND_US / 2,
				cases[i].seconds * SECOND_US + SECOND_US / 2);
		assert_int_equal(question_answer(), cases[i].answer);
		assert_true(idles > 10);
	}
}

static void test_warning_comes_before_discarding(void **state)
{
	const char *warning;

	(void)state;
	keys = "39";
	question_ask(NULL, NULL);
	warning = strstr(shown, "Discard the session?");
	assert_non_null(warning);
	assert_non_null(strstr(warning, "corrupt them"));
	assert_null(strstr(warning, "What now?"));
	setup(state);
	keys = "3x1";
	question_ask(NULL, NULL);
	warning = strstr(shown, "Discard the session?");
	assert_non_null(warning);
	assert_non_null(strstr(warning, "What now?"));
}

static void test_seconds_are_counted_down(void **state)
{
	(void)state;
	question_ask(NULL, NULL);
	assert_in_range(drawings, 60, 61);
	assert_non_null(strstr(drawn, " 0 s."));
}

static void test_text_is_broken_at_blanks(void **state)
{
	(void)state;
	columns = 12;
	dialog_say("  a", 4, "one two three  four fiveandsixandseven 8");
	assert_string_equal(shown, "  a one two\n    three\n    four\n    fiveands\n    ixandsev\n    en 8\n");
	setup(NULL);
	dialog_say("", 2, "");
	assert_string_equal(shown, "  \n");
}

static void test_every_failure_fits_a_screen(void **state)
{
	static const char *const reasons[] = {"ambiguous", "unsupported", "mismatch",  "corrupt",
					      "stale",     "io-error",    "no-memory", "fault"};
	static const char detail[] = "the device that resume= names is a container (LUKS, LVM2), not a swap area";

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
		uint32_t lines = 0;

		setup(state);
		failure_show(reasons[i], detail, 0);
		for (const char *at = shown; *at; at++)
			lines += *at == '\n';
		assert_in_range(lines, 8, 17);
		assert_non_null(strstr(shown, "NOT RESUMED"));
		assert_non_null(strstr(shown, "\n  Session   It "));
		assert_non_null(strstr(shown, "\n  To do     "));
		assert_null(strstr(shown, "..\n"));
		assert_int_equal(drawings, 0);
	}
}

static void test_no_screen_where_nothing_failed(void **state)
{
	static const char *const reasons[] = {"no-image", "noresume", "user", "fresh", "skipped", "resumed", "other"};

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
		setup(state);
		failure_show(reasons[i], "", 10);
		assert_string_equal(shown, "");
		assert_int_equal(drawings, 0);
	}
}

static void test_failure_waits(void **state)
{
	const uint64_t first_us = start_us;

	(void)state;
	failure_show("corrupt", "the checksum is wrong", 10);
	assert_in_range(fake_hw_now_us() - first_us, 10 * SECOND_US, 11 * SECOND_US);
	assert_in_range(drawings, 10, 11);
	assert_non_null(strstr(shown, "\n  Detail    The checksum is wrong.\n"));
}

static void test_any_key_ends_the_wait(void **state)
{
	const uint64_t first_us = start_us;

	(void)state;
	keys = ".x";
	failure_show("corrupt", "", 600);
	assert_in_range(fake_hw_now_us() - first_us, 2 * SECOND_US, 3 * SECOND_US);
}

static void test_no_wait_is_none(void **state)
{
	const uint64_t first_us = start_us;

	(void)state;
	failure_show("corrupt", "", 0);
	assert_true(fake_hw_now_us() - first_us < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers, setup),
		cmocka_unit_test_setup(test_warning_comes_before_discarding, setup),
		cmocka_unit_test_setup(test_seconds_are_counted_down, setup),
		cmocka_unit_test_setup(test_text_is_broken_at_blanks, setup),
		cmocka_unit_test_setup(test_every_failure_fits_a_screen, setup),
		cmocka_unit_test_setup(test_no_screen_where_nothing_failed, setup),
		cmocka_unit_test_setup(test_failure_waits, setup),
		cmocka_unit_test_setup(test_any_key_ends_the_wait, setup),
		cmocka_unit_test_setup(test_no_wait_is_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
