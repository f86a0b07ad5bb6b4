/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's own consoles: serial port and screen for text, serial port and keyboard controller for keys.
 */
#include "loader/console_devices.h"

#include "drivers/io.h"
#include "drivers/screen.h"
#include "drivers/serial.h"
#include "lib/string.h"
#include "loader/memory.h"
#include "loader/serial_keys.h"

#define KEYBOARD_DATA        0x60
#define KEYBOARD_STATUS      0x64
#define KEYBOARD_OUTPUT_FULL 0x01
#define KEYBOARD_FROM_MOUSE  0x20
#define KEYBOARD_ABSENT      0xFF

/* Scan code set 1. */
#define SCAN_ESCAPE   0x01
#define SCAN_ONE      0x02 /* and so on to nine */
#define SCAN_NINE     0x0A
#define SCAN_ENTER    0x1C
#define SCAN_KEYPAD   0x47 /* its 7 */
#define SCAN_RELEASED 0x80
#define SCAN_EXTENDED 0xE0

static bool screen_is_console;

void console_devices_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	const bool default_serial = !options->console_serial && options->console_screen;

	if (options->console_serial)
		ignore_status(serial_init(options->serial_port, options->serial_baud));
	else if (default_serial)
		ignore_status(serial_init(0, options->serial_baud));
	if (options->console_screen)
		screen_is_console = screen_init(screen, arena, memory_map_mmio) == STATUS_OK;
}

void console_devices_write(const char *text, size_t bytes)
{
	serial_write(text, bytes);
	if (screen_is_console)
		screen_write(text, bytes);
}

void console_devices_write_bar(const char *text, size_t bytes)
{
	char blocks[CONSOLE_COLUMNS_MAX + 1];

	serial_write(text, bytes);
	if (!screen_is_console || bytes > sizeof(blocks))
		return;
	for (size_t i = 0; i < bytes; i++)
		blocks[i] = text[i] == '#' ? SCREEN_BLOCK : text[i];
	screen_write(blocks, bytes);
}

uint32_t console_devices_columns(void)
{
	return screen_is_console ? (uint32_t)min_u64(screen_columns(), CONSOLE_COLUMNS_MAX) : CONSOLE_COLUMNS_MAX;
}

/* Digits of the keypad, row by row; without NumLock they send what only looks like cursor keys. */
static uint8_t keypad_key(uint8_t code)
{
	static const uint8_t keys[] = {'7', '8', '9', KEY_OTHER, '4', '5', '6', KEY_OTHER, '1', '2', '3'};

	return code >= SCAN_KEYPAD && code < SCAN_KEYPAD + sizeof(keys) ? keys[code - SCAN_KEYPAD] : KEY_OTHER;
}

static uint8_t key_of(uint8_t code, bool is_extended)
{
	if (code & SCAN_RELEASED)
		return 0;
	if (code == SCAN_ENTER)
		return KEY_ENTER;
	if (is_extended)
		return KEY_OTHER;
	if (code == SCAN_ESCAPE)
		return KEY_ESCAPE;
	return code >= SCAN_ONE && code <= SCAN_NINE ? (uint8_t)('1' + code - SCAN_ONE) : keypad_key(code);
}

/* True when a byte came from keyboard or mouse. */
static bool keyboard_read(uint8_t *key_out)
{
	static bool is_extended;
	const uint8_t status = port_read8(KEYBOARD_STATUS);
	uint8_t byte;

	*key_out = 0;
	if (status == KEYBOARD_ABSENT || !(status & KEYBOARD_OUTPUT_FULL))
		return false;
	byte = port_read8(KEYBOARD_DATA);
	if (status & KEYBOARD_FROM_MOUSE)
		return true;
	*key_out = key_of(byte, is_extended);
	is_extended = byte == SCAN_EXTENDED;
	return true;
}

bool console_devices_read_key(uint8_t *key_out)
{
	return serial_keys_read(key_out) || keyboard_read(key_out);
}
