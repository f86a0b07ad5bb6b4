/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's own consoles: serial port and screen for text, serial port and keyboard controller for keys.
 */
#include "loader/console_devices.h"

#include "drivers/io.h"
#include "drivers/screen.h"
#include "drivers/serial.h"
#include "loader/memory.h"

#define KEYBOARD_DATA        0x60
#define KEYBOARD_STATUS      0x64
#define KEYBOARD_OUTPUT_FULL 0x01
#define KEYBOARD_FROM_MOUSE  0x20
#define KEYBOARD_ABSENT      0xFF
#define KEY_RELEASED         0x80 /* scan code set 1 */

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

bool console_devices_read_key(bool *is_key_out)
{
	uint8_t byte;

	*is_key_out = true;
	return serial_read(&byte) || keyboard_read(is_key_out);
}

/* What GRUB's menu left in the keyboard can't be told from a key for Thaw. */
bool console_devices_cancelled(void)
{
	return false;
}
