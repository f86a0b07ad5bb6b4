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
	console_devices_write(text, size);
}

void console_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	console_devices_init(options, screen, arena);
	quiet = options->quiet;
	log_set_sink(show);
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

static bool key_pressed(void *context)
{
	bool is_key;

	(void)context;
	return console_devices_read_key(&is_key) && is_key;
}

void console_drop_keys(void)
{
	bool is_key;

	for (unsigned i = 0; i < STALE_BYTES_MAX && console_devices_read_key(&is_key); i++)
		continue;
}

void console_wait_key(uint64_t timeout_us)
{
	ignore_status(poll_until(key_pressed, NULL, timeout_us));
}

bool console_cancelled(void)
{
	return console_devices_cancelled();
}
