/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of a terminal.
 */
#include "loader/serial_keys.h"

#include "drivers/serial.h"
#include "drivers/timer.h"
#include "loader/console_devices.h"

#define PAUSE_US 50000 /* so long a pause is no part of what one key sends, at 1200 baud and more */

/* What came is … */
static enum {
	NOTHING,
	ESCAPE,   /* Esc, or the beginning of a sequence */
	SEQUENCE, /* a sequence without its last character */
} state;

static uint64_t last_us; /* when it came */

static uint8_t key_of(uint8_t byte)
{
	if (byte == '\n')
		return KEY_ENTER;
	return byte == KEY_ENTER || (byte >= '0' && byte <= '9') ? byte : KEY_OTHER;
}

static uint8_t take(uint8_t byte)
{
	const bool ends_sequence = byte >= '@' && byte <= '~';

	if (state == ESCAPE && byte == KEY_ESCAPE)
		return KEY_ESCAPE;
	if (state == ESCAPE && (byte == '[' || byte == 'O')) {
		state = SEQUENCE;
		return 0;
	}
	if (state == SEQUENCE && !ends_sequence)
		return 0;
	if (state == NOTHING && byte != KEY_ESCAPE)
		return key_of(byte);
	state = state == NOTHING ? ESCAPE : NOTHING;
	return state == ESCAPE ? 0 : KEY_OTHER;
}

bool serial_keys_read(uint8_t *key_out)
{
	const bool was_long_ago = state != NOTHING && timer_now_us() - last_us >= PAUSE_US;
	uint8_t byte;

	*key_out = 0;
	if (serial_read(&byte)) {
		*key_out = take(byte);
		last_us = timer_now_us();
		return true;
	}
	if (!was_long_ago)
		return false;
	*key_out = state == ESCAPE ? KEY_ESCAPE : KEY_OTHER;
	state = NOTHING;
	return true;
}
