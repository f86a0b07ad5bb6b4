/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The progress of a restore.
 */
#include "loader/restore_progress.h"

#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/string.h"
#include "loader/console.h"
#include "loader/question.h"

#define PAGES_PER_MIB (MIB / PAGE_BYTES)
#define SECOND_US     1000000
#define SECOND_MS     1000
#define LOOK_US       125000 /* 8 times a second */
#define FIRST_DRAW_US 250000
#define SHORT_US      300000 /* a restore that is shorter has no bar */
#define DRAW_SHARE    50     /* of the time, at most one such part */
#define NUMBERS_BYTES 80
#define MINUTES_MAX   999

static struct {
	struct restore_watch watch;
	uint64_t start_us; /* questions do not count: they move it */
	uint64_t draw_us;
	uint64_t total;
	bool is_shown;
} progress;

/* "  1:05 left"; unknown as long as nothing is done. */
static void format_left(char *text, size_t bytes, uint64_t done, uint64_t total, uint64_t elapsed_us)
{
	const uint64_t elapsed_ms = elapsed_us / SECOND_MS;
	const uint64_t left_ms = done > 0 ? (total - done) * elapsed_ms / done : 0;
	const uint64_t left_s = div_round_up(left_ms, SECOND_MS);

	if (done == total)
		format_text(text, bytes, "done");
	else if (done == 0 || left_s / 60 > MINUTES_MAX)
		format_text(text, bytes, "--:-- left");
	else
		format_text(text, bytes, "%lu:%02lu left", left_s / 60, left_s % 60);
}

static size_t decimal_digits(uint64_t number)
{
	size_t digits = 1;

	for (; number >= 10; number /= 10)
		digits++;
	return digits;
}

/* As long whatever is done: a bar that is redrawn must not jump. */
static size_t format_numbers(char text_out[NUMBERS_BYTES], uint64_t done, uint64_t total, uint64_t elapsed_us)
{
	const uint64_t total_mib = div_round_up(total, PAGES_PER_MIB);
	const uint64_t done_mib = done == total ? total_mib : done / PAGES_PER_MIB;
	const uint64_t speed = done * SECOND_US / max_u64(elapsed_us, 1) / PAGES_PER_MIB;
	const char *padding = "       ";
	const size_t missing = min_u64(decimal_digits(total_mib) - decimal_digits(done_mib), strlen(padding));
	char left[16];

	format_left(left, sizeof(left), done, total, elapsed_us);
	return format_text(text_out, NUMBERS_BYTES, "] %s%lu of %lu MiB %6lu MiB/s %11s%s",
			   padding + strlen(padding) - missing, done_mib, total_mib, speed, left,
			   done == total ? "           " : "  Esc: stop");
}

size_t restore_progress_text(char text_out[RESTORE_PROGRESS_COLUMNS_MAX + 1], size_t columns, uint64_t done,
			     uint64_t total, uint64_t elapsed_us)
{
	char numbers[NUMBERS_BYTES] = "] waiting for the disk";
	size_t length = strlen(numbers);
	size_t bar, full;

	done = min_u64(done, total);
	columns = min_u64(columns, RESTORE_PROGRESS_COLUMNS_MAX);
	if (total > 0)
		length = format_numbers(numbers, done, total, elapsed_us);
	bar = columns > length + 1 ? columns - length - 1 : 0;
	full = total > 0 ? (size_t)(done * bar / total) : 0;
	if (bar == 0)
		return format_text(text_out, columns + 1, "%s", numbers + 2);
	text_out[0] = '[';
	memset(text_out + 1, '#', full);
	memset(text_out + 1 + full, ' ', bar - full);
	memcpy(text_out + 1 + bar, numbers, length + 1);
	return 1 + bar + length;
}

static void draw(uint64_t done, uint64_t total, uint64_t now_us)
{
	char text[RESTORE_PROGRESS_COLUMNS_MAX + 1];

	restore_progress_text(text, console_columns(), done, total, now_us - progress.start_us);
	console_draw_line(text);
	progress.is_shown = true;
	progress.draw_us = now_us + max_u64(LOOK_US, DRAW_SHARE * (timer_now_us() - now_us));
}

/* False: at this speed it is over before a bar is worth it. */
static bool takes_long(uint64_t done, uint64_t total, uint64_t elapsed_us)
{
	return progress.is_shown || done * SHORT_US < total * elapsed_us || total == 0;
}

static enum status look(struct restore_watch *watch, uint64_t done, uint64_t total, void (*idle)(void *context),
			void *context)
{
	const uint64_t now_us = timer_now_us();

	progress.total = total;
	watch->next_us = now_us + LOOK_US;
	if (now_us >= progress.draw_us && takes_long(done, total, now_us - progress.start_us))
		draw(done, total, now_us);
	else if (!progress.is_shown && now_us >= progress.draw_us)
		watch->next_us = min_u64(watch->next_us, progress.start_us + SHORT_US);
	if (!console_escape_pressed())
		return STATUS_OK;
	if (question_ask(idle, context) != ANSWER_GO_ON)
		return STATUS_USER;
	progress.start_us += timer_now_us() - now_us;
	progress.draw_us = 0;
	return STATUS_OK;
}

struct restore_watch *restore_progress_begin(void)
{
	const uint64_t now_us = timer_now_us();

	progress.watch = (struct restore_watch){now_us, look};
	progress.start_us = now_us;
	progress.draw_us = now_us + FIRST_DRAW_US;
	progress.total = 0;
	progress.is_shown = false;
	return &progress.watch;
}

void restore_progress_end(void)
{
	if (progress.is_shown)
		draw(progress.total, progress.total, timer_now_us());
}
