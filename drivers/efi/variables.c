/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables for Linux and systemd (systemd.io/BOOT_LOADER_INTERFACE; systemd 255, hibernate-util.c).
 */
#include "drivers/efi/variables.h"

#include "drivers/efi/firmware.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"

#define VOLATILE_ATTRIBUTES (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define LOCATION_BYTES_MAX  2048
#define NUMBER_CHARACTERS   24

static EFI_GUID thaw_guid = {0x6b1f4a52, 0x9c0d, 0x4e7b, {0x8f, 0x35, 0x2d, 0x7c, 0x1a, 0x90, 0xe6, 0xc4}};
static EFI_GUID loader_guid = {0x4a67b082, 0x0a4c, 0x41cf, {0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f}};
static EFI_GUID location_guid = {0x8cf2644b, 0x4b0b, 0x428f, {0x93, 0x87, 0x6d, 0x87, 0x60, 0x50, 0xdc, 0x67}};

static CHAR16 location_name[] = L"HibernateLocation";

static void set(CHAR16 *name, EFI_GUID *guid, void *data, size_t bytes)
{
	if (firmware.runtime->SetVariable(name, guid, VOLATILE_ATTRIBUTES, bytes, data) != EFI_SUCCESS)
		log_line("a firmware variable can't be set");
}

void efi_variables_set_status(const char *text)
{
	static CHAR16 name[] = L"ThawStatus";
	char copy[128];
	const size_t bytes = format_text(copy, sizeof(copy), "%s", text);

	set(name, &thaw_guid, copy, bytes);
}

/* As systemd writes them: decimal text of 16-bit characters with a NUL. */
static void set_time(CHAR16 *name, uint64_t us)
{
	char digits[NUMBER_CHARACTERS];
	CHAR16 wide[NUMBER_CHARACTERS];
	const size_t count = format_text(digits, sizeof(digits), "%lu", us);

	for (size_t i = 0; i <= count; i++)
		wide[i] = (CHAR16)digits[i];
	set(name, &loader_guid, wide, (count + 1) * sizeof(CHAR16));
}

void efi_variables_set_times(uint64_t begin_us, uint64_t end_us)
{
	static CHAR16 begin_name[] = L"LoaderTimeInitUSec";
	static CHAR16 end_name[] = L"LoaderTimeExecUSec";

	set_time(begin_name, begin_us);
	set_time(end_name, end_us);
}

enum status efi_variables_read_location(char *text_out, size_t capacity)
{
	static CHAR16 wide[LOCATION_BYTES_MAX / sizeof(CHAR16)];
	UINTN bytes = sizeof(wide);
	size_t count;

	if (firmware.runtime->GetVariable(location_name, &location_guid, NULL, &bytes, wide) != EFI_SUCCESS ||
	    bytes > sizeof(wide))
		return STATUS_NOT_FOUND;
	for (count = 0; count < bytes / sizeof(CHAR16) && wide[count]; count++) {
		if (count + 1 >= capacity)
			return STATUS_NOT_FOUND;
		text_out[count] = wide[count] < 0x7F ? (char)wide[count] : '?';
	}
	if (count >= capacity)
		return STATUS_NOT_FOUND;
	text_out[count] = '\0';
	return STATUS_OK;
}

void efi_variables_delete_location(void)
{
	(void)firmware.runtime->SetVariable(location_name, &location_guid, 0, 0, NULL);
}
