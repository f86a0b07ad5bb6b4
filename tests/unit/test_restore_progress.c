/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bar: its text for every size and time, when it is drawn, and what Esc does to it. */
#include "loader/restore_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "loader/console.h"
#include "loader/question.h"
#include "tests/unit/fake_hw.h"

#define PAGES_PER_MIB 256
#define SECOND_US     1000000

static char drawn[128];
static uint32_t drawings;
static uint64_t draw_us;
static bool is_escape;
static enum answer answer;
static uint64_t question_us;
static uint32_t questions;
static struct restore_watch *watch;

uint32_t console_columns(void)
{
	return 79;
}

void console_draw_line(const char *text)
{
	snprintf(drawn, sizeof(drawn), "%s", text);
	drawings++;
	fake_hw_advance_us(draw_us);
}

bool console_escape_pressed(void)
{
	const bool pressed = is_escape;

	is_escape = false;
	return pressed;
}

enum answer question_ask(void (*idle)(void *context), void *context)
{
	questions++;
	if (idle)
		idle(context);
	fake_hw_advance_us(question_us);
	return answer;
}

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	drawn[0] = '\0';
	drawings = questions = 0;
	draw_us = question_us = 0;
	is_escape = false;
	answer = ANSWER_GO_ON;
	return 0;
}

static void expect(const char *text, uint64_t done, uint64_t total, uint64_t elapsed_us)
{
	char line[RESTORE_PROGRESS_COLUMNS_MAX + 1];

	const size_t length = restore_progress_text(line, 79, done, total, elapsed_us);

	assert_string_equal(line, text);
	assert_int_equal(length, strlen(text));
}

static void test_text(void **state)
{
	(void)state;
	expect("[#############             ]  50 of 100 MiB     25 MiB/s   0:02 left  Esc: stop", 50 * PAGES_PER_MIB,
	       100 * PAGES_PER_MIB, 2 * SECOND_US);
}

static void test_every_size_and_time(void **state)
{
	static const uint64_t times[] = {0, 1, 999, 1000, 123456, SECOND_US, 3600ull * SECOND_US, 1ull << 45};
	char line[RESTORE_PROGRESS_COLUMNS_MAX + 1];

	(void)state;
	for (unsigned bits = 0; bits <= 30; bits++) {
		for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
			const uint64_t total = (1ull << bits) + bits % 3;
			const uint64_t done[] = {0, 1, total / 2, total - 1, total, total + 5};

			for (size_t k = 0; k < ARRAY_COUNT(done); k++) {
				for (size_t columns = 0; columns <= 90; columns++) {
					const size_t length =
						restore_progress_text(line, columns, done[k], total, times[i]);

					assert_int_equal(length, strlen(line));
					assert_true(length <= columns);
				}
			}
		}
	}
}

static void test_texts_of_one_restore_are_equally_long(void **state)
{
	char line[RESTORE_PROGRESS_COLUMNS_MAX + 1];

	(void)state;
	for (uint64_t done = 0; done <= 4000 * PAGES_PER_MIB; done += 17) {
		const size_t length = restore_progress_text(line, 79, done, 4000 * PAGES_PER_MIB, (done + 1) * 100);

		assert_int_equal(length, 79);
		assert_int_equal(strchr(line, ']') - line, 25);
	}
}

static void test_bar_and_words(void **state)
{
	char line[RESTORE_PROGRESS_COLUMNS_MAX + 1];

	(void)state;
	restore_progress_text(line, 79, 0, 1024, 0);
	assert_null(strchr(line, '#'));
	assert_non_null(strstr(line, "0 of 4 MiB"));
	assert_non_null(strstr(line, "--:-- left"));
	restore_progress_text(line, 79, 1024, 1024, 2 * SECOND_US);
	assert_non_null(strstr(line, "#] 4 of 4 MiB      2 MiB/s        done"));
	assert_null(strstr(line, "left"));
	/* The last MiB is not full; and nothing rounds to the end before it is there. */
	restore_progress_text(line, 79, 1000, 1001, SECOND_US);
	assert_non_null(strstr(line, "3 of 4 MiB"));
	assert_non_null(strstr(line, " 0:01 left"));
	restore_progress_text(line, 79, 1, 1000000, 30 * SECOND_US);
	assert_non_null(strstr(line, "--:-- left"));
	restore_progress_text(line, 79, 500, 1000, 4000ull * SECOND_US);
	assert_non_null(strstr(line, " 66:40 left"));
	restore_progress_text(line, 79, 0, 0, 0);
	assert_non_null(strstr(line, "] waiting for the disk"));
	restore_progress_text(line, 20, 512, 1024, SECOND_US);
	assert_string_equal(line, "2 of 4 MiB      2 Mi");
}

/* A restore of so many milliseconds, with a look at every one of them; returns when the first bar was drawn, or 0. */
static uint64_t restore(uint64_t milliseconds)
{
	const uint64_t start_us = fake_hw_now_us();
	uint64_t first_us = 0;

	watch = restore_progress_begin();
	for (uint64_t done = 0; done < milliseconds; done++) {
		const uint32_t before = drawings;

		fake_hw_advance_us(start_us + done * 1000 - fake_hw_now_us());
		if (restore_watch_is_due(watch))
			assert_int_equal(watch->look(watch, done, milliseconds, NULL, NULL), STATUS_OK);
		if (!before && drawings && !first_us)
			first_us = fake_hw_now_us() - start_us;
		if (fake_hw_now_us() > start_us + done * 1000 + 1000)
			done = (fake_hw_now_us() - start_us) / 1000;
	}
	restore_progress_end();
	return first_us;
}

static void test_short_restore_has_no_bar(void **state)
{
	(void)state;
	assert_int_equal(restore(299), 0);
	assert_int_equal(drawings, 0);
}

static void test_bar_is_there_in_time(void **state)
{
	(void)state;
	assert_in_range(restore(330), 250000, 301000);
	drawings = 0;
	assert_in_range(restore(5000), 250000, 301000);
	assert_in_range(drawings, 30, 41);
	assert_non_null(strstr(drawn, "done"));
}

/* The first third of a second goes by without a page: that is a long restore, too. */
static void test_slow_start(void **state)
{
	(void)state;
	watch = restore_progress_begin();
	while (drawings == 0 && fake_hw_now_us() < 10 * SECOND_US)
		if (restore_watch_is_due(watch))
			assert_int_equal(watch->look(watch, 0, 0, NULL, NULL), STATUS_OK);
	assert_in_range(fake_hw_now_us(), SECOND_US + 250000, SECOND_US + 301000);
}

static void test_slow_console_is_drawn_rarely(void **state)
{
	(void)state;
	draw_us = 80000; /* 9600 baud */
	restore(20000);
	assert_in_range(drawings, 3, 7);
}

static bool is_idle_called;

static void note_idle(void *context)
{
	assert_ptr_equal(context, &is_idle_called);
	is_idle_called = true;
}

static void test_escape_asks(void **state)
{
	static const enum answer answers[] = {ANSWER_GO_ON, ANSWER_LINUX, ANSWER_FRESH};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
		is_idle_called = false;
		answer = answers[i];
		watch = restore_progress_begin();
		assert_true(restore_watch_is_due(watch));
		is_escape = true;
		assert_int_equal(watch->look(watch, 1, 2, note_idle, &is_idle_called),
				 answers[i] == ANSWER_GO_ON ? STATUS_OK : STATUS_USER);
		assert_true(is_idle_called);
		assert_int_equal(questions, i + 1);
	}
}

/* A minute's thought is no time of the restore. */
static void test_question_does_not_count(void **state)
{
	const char *numbers;

	(void)state;
	watch = restore_progress_begin();
	fake_hw_advance_us(SECOND_US);
	is_escape = true;
	question_us = 60ull * SECOND_US;
	assert_int_equal(watch->look(watch, 50 * PAGES_PER_MIB, 100 * PAGES_PER_MIB, NULL, NULL), STATUS_OK);
	fake_hw_advance_us(SECOND_US);
	assert_int_equal(watch->look(watch, 80 * PAGES_PER_MIB, 100 * PAGES_PER_MIB, NULL, NULL), STATUS_OK);
	numbers = strchr(drawn, ']');
	assert_non_null(numbers);
	assert_true(strstr(numbers, " 40 MiB/s") || strstr(numbers, " 39 MiB/s"));
	assert_non_null(strstr(numbers, " 0:01 left"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_text, setup),
		cmocka_unit_test_setup(test_every_size_and_time, setup),
		cmocka_unit_test_setup(test_texts_of_one_restore_are_equally_long, setup),
		cmocka_unit_test_setup(test_bar_and_words, setup),
		cmocka_unit_test_setup(test_short_restore_has_no_bar, setup),
		cmocka_unit_test_setup(test_bar_is_there_in_time, setup),
		cmocka_unit_test_setup(test_slow_start, setup),
		cmocka_unit_test_setup(test_slow_console_is_drawn_rarely, setup),
		cmocka_unit_test_setup(test_escape_asks, setup),
		cmocka_unit_test_setup(test_question_does_not_count, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
