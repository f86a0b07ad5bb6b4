/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's console (UEFI specification 2.10, 12.3 and 12.4), and the serial port where an option names it.
 */
#include "loader/console_devices.h"

#include "drivers/efi/firmware.h"
#include "drivers/serial.h"

#define KEYS_MAX    64
#define CHUNK_UNITS 128

static bool text_is_console;

void console_devices_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	(void)screen;
	(void)arena;
	if (options->console_serial)
		ignore_status(serial_init(options->serial_port, options->serial_baud));
	text_is_console = options->console_screen && firmware.system->ConOut;
}

static void text_write(const char *text, size_t bytes)
{
	CHAR16 wide[CHUNK_UNITS + 3];
	size_t count = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n')
			wide[count++] = '\r';
		wide[count++] = (CHAR16)(unsigned char)text[i];
		if (count >= CHUNK_UNITS || i + 1 == bytes) {
			wide[count] = 0;
			(void)firmware.system->ConOut->OutputString(firmware.system->ConOut, wide);
			count = 0;
		}
	}
}

void console_devices_write(const char *text, size_t bytes)
{
	serial_write(text, bytes);
	if (text_is_console)
		text_write(text, bytes);
}

/* False: no key. */
static bool read_stroke(EFI_INPUT_KEY *key_out)
{
	return firmware.system->ConIn &&
	       firmware.system->ConIn->ReadKeyStroke(firmware.system->ConIn, key_out) == EFI_SUCCESS;
}

bool console_devices_read_key(bool *is_key_out)
{
	EFI_INPUT_KEY key;
	uint8_t byte;

	*is_key_out = true;
	return serial_read(&byte) || read_stroke(&key);
}

bool console_devices_cancelled(void)
{
	EFI_INPUT_KEY key;
	bool cancelled = false;

	for (unsigned i = 0; i < KEYS_MAX && read_stroke(&key); i++)
		cancelled |= key.ScanCode == SCAN_ESC;
	return cancelled;
}
