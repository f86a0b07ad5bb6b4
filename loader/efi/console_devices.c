/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's console (UEFI specification 2.10, 12.3 and 12.4), and the serial port where an option names it.
 */
#include "loader/console_devices.h"

#include "drivers/efi/firmware.h"
#include "drivers/efi/serial.h"
#include "drivers/serial.h"
#include "loader/serial_keys.h"

#define CHUNK_UNITS 128
#define FULL_BLOCK  0x2588 /* every firmware's console has it (12.4, table of box drawing characters) */

static bool text_is_console;

void console_devices_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	(void)screen;
	(void)arena;
	if (options->console_serial)
		ignore_status(efi_serial_init(options->serial_port, options->serial_baud));
	text_is_console = options->console_screen && firmware.system->ConOut;
}

static void text_write(const char *text, size_t bytes, CHAR16 block)
{
	CHAR16 wide[CHUNK_UNITS + 3];
	size_t count = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n')
			wide[count++] = '\r';
		wide[count++] = text[i] == '#' ? block : (CHAR16)(unsigned char)text[i];
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
		text_write(text, bytes, '#');
}

void console_devices_write_bar(const char *text, size_t bytes)
{
	serial_write(text, bytes);
	if (text_is_console)
		text_write(text, bytes, FULL_BLOCK);
}

uint32_t console_devices_columns(void)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *output = firmware.system->ConOut;
	UINTN columns, rows;

	if (!text_is_console || !output->Mode || output->Mode->Mode < 0 ||
	    output->QueryMode(output, (UINTN)output->Mode->Mode, &columns, &rows) != EFI_SUCCESS)
		return CONSOLE_COLUMNS_MAX;
	return (uint32_t)min_u64(columns, CONSOLE_COLUMNS_MAX);
}

/* False: no key. */
static bool read_stroke(EFI_INPUT_KEY *key_out)
{
	return firmware.system->ConIn &&
	       firmware.system->ConIn->ReadKeyStroke(firmware.system->ConIn, key_out) == EFI_SUCCESS;
}

bool console_devices_read_key(uint8_t *key_out)
{
	EFI_INPUT_KEY key;

	if (serial_keys_read(key_out))
		return true;
	if (!read_stroke(&key))
		return false;
	*key_out = KEY_OTHER;
	if (key.ScanCode == SCAN_ESC)
		*key_out = KEY_ESCAPE;
	else if (key.UnicodeChar == '\r' || (key.UnicodeChar >= '0' && key.UnicodeChar <= '9'))
		*key_out = (uint8_t)key.UnicodeChar;
	return true;
}
