/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines to every console.
 */
#include "loader/console.h"

#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/console_devices.h"

#define STALE_BYTES_MAX 64

static bool ready;
static bool quiet;
static bool line_is_open; /* a line is shown that is redrawn in place */
static size_t open_length;

/* Whatever comes next begins a line: scripts rely on it. */
static void close_line(void)
{
	if (line_is_open)
		console_devices_write("\n", 1);
	line_is_open = false;
	open_length = 0;
}

/* The lines that scripts and people rely on, shown even when the rest is not. */
static bool is_decision(const char *line)
{
	static const char *const starts[] = {"boot:", "resume:", "refused:", "jump"};

	for (size_t i = 0; i < ARRAY_COUNT(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static void show(const char *line)
{
	char text[LOG_LINE_BYTES + 16];
	const size_t size = format_text(text, sizeof(text), "thaw: %s\n", line);

	if (quiet && !is_decision(line))
		return;
	close_line();
	console_devices_write(text, size);
}

void console_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	console_devices_init(options, screen, arena);
	quiet = options->quiet;
	log_set_sink(show);
	/* What GRUB's menu left. */
	console_drop_keys();
	ready = true;
}

void console_speak_up(void)
{
	quiet = false;
}

bool console_is_ready(void)
{
	return ready;
}

uint32_t console_columns(void)
{
	/* Not the last one, behind which some consoles go on to the next line. */
	return console_devices_columns() - 1;
}

void console_draw_line(const char *text)
{
	char line[CONSOLE_COLUMNS_MAX + 1];
	const size_t columns = console_columns();
	const size_t length = min_u64(strlen(text), columns);
	const size_t shown = min_u64(max_u64(length, open_length), columns);

	if (!ready)
		return;
	line[0] = '\r';
	for (size_t i = 0; i < shown; i++)
		line[1 + i] = i < length ? text[i] : ' ';
	console_devices_write_bar(line, shown + 1);
	line_is_open = true;
	open_length = length;
}

void console_write_line(const char *text)
{
	close_line();
	console_devices_write(text, strlen(text));
	console_devices_write("\n", 1);
}

uint8_t console_read_key(void)
{
	uint8_t key = 0;

	for (unsigned i = 0; ready && i < STALE_BYTES_MAX && console_devices_read_key(&key) && key == 0; i++)
		continue;
	return key;
}

static bool key_pressed(void *context)
{
	(void)context;
	return console_read_key() != 0;
}

void console_drop_keys(void)
{
	uint8_t key;

	for (unsigned i = 0; i < STALE_BYTES_MAX && console_devices_read_key(&key); i++)
		continue;
}

void console_wait_key(uint64_t timeout_us)
{
	ignore_status(poll_until(key_pressed, NULL, timeout_us));
}

bool console_escape_pressed(void)
{
	bool pressed = false;
	uint8_t key;

	for (unsigned i = 0; ready && i < STALE_BYTES_MAX && console_devices_read_key(&key); i++)
		pressed |= key == KEY_ESCAPE;
	return pressed;
}
