/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines to every console.
 */
#include "loader/console.h"

#include "drivers/io.h"
#include "drivers/screen.h"
#include "drivers/serial.h"
#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/memory.h"

#define KEYBOARD_DATA        0x60
#define KEYBOARD_STATUS      0x64
#define KEYBOARD_OUTPUT_FULL 0x01
#define KEYBOARD_FROM_MOUSE  0x20
#define KEYBOARD_ABSENT      0xFF
#define KEY_RELEASED         0x80 /* scan code set 1 */
#define STALE_BYTES_MAX      64

static bool screen_is_console;
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
	serial_write(text, size);
	if (screen_is_console)
		screen_write(text, size);
}

void console_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	const bool default_serial = !options->console_serial && options->console_screen;

	if (options->console_serial)
		ignore_status(serial_init(options->serial_port, options->serial_baud));
	else if (default_serial)
		ignore_status(serial_init(0, options->serial_baud));
	if (options->console_screen)
		screen_is_console = screen_init(screen, arena, memory_map_mmio) == STATUS_OK;
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

/* True when a byte came from keyboard or mouse; is_key_out: a key went down. */
static bool keyboard_read(bool *is_key_out)
{
	const uint8_t status = port_read8(KEYBOARD_STATUS);
	uint8_t byte;

	*is_key_out = false;
	if (status == KEYBOARD_ABSENT || !(status & KEYBOARD_OUTPUT_FULL))
		return false;
	byte = port_read8(KEYBOARD_DATA);
	*is_key_out = !(status & KEYBOARD_FROM_MOUSE) && !(byte & KEY_RELEASED);
	return true;
}

static bool key_pressed(void *context)
{
	uint8_t byte;
	bool is_key;

	(void)context;
	return serial_read(&byte) || (keyboard_read(&is_key) && is_key);
}

void console_drop_keys(void)
{
	uint8_t byte;
	bool is_key;

	for (unsigned i = 0; i < STALE_BYTES_MAX && (serial_read(&byte) || keyboard_read(&is_key)); i++)
		continue;
}

void console_wait_key(uint64_t timeout_us)
{
	ignore_status(poll_until(key_pressed, NULL, timeout_us));
}
