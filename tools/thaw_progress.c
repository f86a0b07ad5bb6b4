/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bars and signals.
 */
#include "tools/thaw_progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/thaw_say.h"

#define BAR_WIDTH      40
#define TEXT_BYTES     256
#define MEGABYTE       1000000
#define TERMINAL_MS    200
#define LINE_MS        5000
#define SPEED_MS       300 /* before that, it says little */
#define NUMBERS_COLUMN 36  /* of percent, speed and time */

static volatile sig_atomic_t interrupt_signal;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct progress progress_begin(void)
{
	return (struct progress){
		.is_terminal = isatty(STDERR_FILENO) == 1,
		.columns = terminal_columns(STDERR_FILENO),
		.start_ms = now_ms(),
		.shown_percent = UINT64_MAX,
	};
}

struct progress progress_begin_reading(const char *label, bool quiet)
{
	struct progress progress = progress_begin();

	progress.label = label;
	progress.is_quiet = quiet;
	return progress;
}

static void speed_format(char *text_out, size_t capacity, uint64_t done, uint64_t total, uint64_t bytes,
			 uint64_t elapsed_ms)
{
	const uint64_t seconds =
		done > 0 ? (uint64_t)((double)elapsed_ms * (double)(total - done) / (double)done / 1000) : 0;
	const uint64_t speed = bytes / (elapsed_ms > 0 ? elapsed_ms : 1) * 1000 / MEGABYTE;

	*text_out = '\0';
	if (bytes == 0 || elapsed_ms < SPEED_MS)
		return;
	if (seconds < 120)
		snprintf(text_out, capacity, ", %" PRIu64 " MB/s, %" PRIu64 " s left", speed, seconds);
	else
		snprintf(text_out, capacity, ", %" PRIu64 " MB/s, %" PRIu64 " min left", speed, (seconds + 30) / 60);
}

void progress_format(char *text_out, size_t capacity, uint32_t columns, uint64_t done, uint64_t total, uint64_t bytes,
		     uint64_t elapsed_ms)
{
	static const char full[BAR_WIDTH + 1] = "########################################";
	const uint32_t room = columns > NUMBERS_COLUMN ? columns - NUMBERS_COLUMN : 0;
	const int bar = (int)min_u64(room, BAR_WIDTH);
	char speed[64];
	double part;

	done = total > 0 ? min_u64(done, total) : 0;
	part = total > 0 ? (double)done / (double)total : 1;
	speed_format(speed, sizeof(speed), done, total, bytes, elapsed_ms);
	snprintf(text_out, capacity, "[%.*s%*s] %3d %%%s", (int)(part * bar), full, bar - (int)(part * bar), "",
		 (int)(part * 100), speed);
}

/* Without the bar. */
static void line_say(struct progress *progress, uint64_t done, uint64_t total, uint64_t now)
{
	char text[TEXT_BYTES];
	const char *numbers;

	progress_format(text, sizeof(text), 0, done, total, progress->bytes, now - progress->start_ms);
	numbers = strchr(text, ']');
	fprintf(stderr, "thaw: %s:%s\n", progress->label, numbers != NULL ? numbers + 1 : "");
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total)
{
	const uint64_t percent = total > 0 ? (uint64_t)((double)done / (double)total * 100) : 100;
	const uint64_t now = now_ms();
	char text[TEXT_BYTES];

	if (progress->is_quiet)
		return;
	if (!progress->is_terminal) {
		if (progress->label == NULL ||
		    now < (progress->said_ms != 0 ? progress->said_ms : progress->start_ms) + LINE_MS)
			return;
		progress->said_ms = now;
		line_say(progress, done, total, now);
		return;
	}
	if (percent == progress->shown_percent && (progress->label == NULL || now < progress->said_ms + TERMINAL_MS))
		return;
	progress->shown_percent = percent;
	progress->said_ms = now;
	progress_format(text, sizeof(text), progress->columns, done, total,
			progress->label != NULL ? progress->bytes : 0, now - progress->start_ms);
	fprintf(stderr, "\r%-*s", (int)progress->columns - 1, text);
}

void progress_clear(const struct progress *progress)
{
	if (progress->is_terminal && progress->shown_percent != UINT64_MAX)
		fprintf(stderr, "\r%*s\r", (int)progress->columns - 1, "");
}

static void signal_note(int number)
{
	interrupt_signal = number;
}

void interrupt_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = signal_note};

	/* No SA_RESTART: a read that waits ends. A second signal ends the program at once. */
	action.sa_flags = (int)SA_RESETHAND;
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		struct sigaction old;

		/* What was to be ignored (nohup) stays so. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

bool interrupt_is_wanted(void)
{
	return interrupt_signal != 0;
}

void interrupt_obey(void)
{
	const int number = interrupt_signal;

	if (number == 0)
		return;
	say_refusal("interrupted; nothing was changed");
	fflush(stdout);
	signal(number, SIG_DFL);
	raise(number);
}
