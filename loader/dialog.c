/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text and questions for people.
 */
#include "loader/dialog.h"

#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/string.h"
#include "loader/console.h"
#include "loader/console_devices.h"

#define SECOND_US 1000000

/* So much of the text as fits into a line, up to a blank; a word that is longer than a line is cut. */
static size_t piece_length(const char *text, size_t columns)
{
	size_t length = columns;

	if (strlen(text) <= columns)
		return strlen(text);
	while (length > 0 && text[length] != ' ')
		length--;
	while (length > 0 && text[length - 1] == ' ')
		length--;
	return length > 0 ? length : columns;
}

void dialog_say(const char *label, size_t column, const char *text)
{
	const size_t columns = max_u64(console_columns(), column + 1);
	char line[CONSOLE_COLUMNS_MAX + 1];

	do {
		const size_t length = min_u64(piece_length(text, columns - column), CONSOLE_COLUMNS_MAX - column);

		memset(line, ' ', column);
		memcpy(line, label, min_u64(strlen(label), column));
		memcpy(line + column, text, length);
		line[column + length] = '\0';
		console_write_line(line);
		text += length;
		while (*text == ' ')
			text++;
		label = "";
	} while (*text);
}

void dialog_rule(void)
{
	char line[CONSOLE_COLUMNS_MAX + 1];
	const size_t columns = console_columns();

	memset(line, '-', columns);
	line[columns] = '\0';
	console_write_line(line);
}

struct countdown {
	const struct dialog_wait *wait;
	uint64_t end_us;
	uint64_t shown_s;
	uint8_t key;
};

static bool is_over(void *context)
{
	struct countdown *countdown = context;
	const struct dialog_wait *wait = countdown->wait;
	const uint64_t now_us = timer_now_us();
	const uint64_t left_s = now_us < countdown->end_us ? div_round_up(countdown->end_us - now_us, SECOND_US) : 0;
	char line[CONSOLE_COLUMNS_MAX + 1];

	if (wait->idle)
		wait->idle(wait->context);
	if (left_s != countdown->shown_s) {
		format_text(line, sizeof(line), "  %s %lu s%s", wait->before, left_s, wait->after);
		console_draw_line(line);
		countdown->shown_s = left_s;
	}
	countdown->key = console_read_key();
	return countdown->key != 0;
}

uint8_t dialog_wait(const struct dialog_wait *wait)
{
	const uint64_t us = wait->seconds * SECOND_US;
	struct countdown countdown = {.wait = wait, .end_us = timer_now_us() + us, .shown_s = UINT64_MAX};

	ignore_status(poll_until(is_over, &countdown, us));
	return countdown.key;
}
