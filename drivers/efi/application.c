/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another application: its device path is that of Thaw's volume and a file's node behind it.
 */
#include "drivers/efi/application.h"

#include "drivers/efi/device_path.h"
#include "lib/string.h"

#define FILE_BYTES_MAX 1024

static const EFI_GUID device_path_guid = DEVICE_PATH_PROTOCOL;

EFI_STATUS efi_application_start(const char *path)
{
	static uint8_t whole[EFI_DEVICE_PATH_BYTES_MAX + FILE_BYTES_MAX] __attribute__((aligned(8)));
	const EFI_DEVICE_PATH *volume = firmware_protocol(firmware.loaded->DeviceHandle, &device_path_guid);
	const size_t bytes = volume ? efi_device_path_bytes(volume) : 0;
	EFI_HANDLE image;
	EFI_STATUS status;

	if (bytes == 0)
		return EFI_NOT_FOUND;
	memcpy(whole, volume, bytes);
	if (efi_device_path_append_file(whole, bytes, sizeof(whole), path) == 0)
		return EFI_INVALID_PARAMETER;
	status = firmware.boot->LoadImage(FALSE, firmware.image, (EFI_DEVICE_PATH *)whole, NULL, 0, &image);
	/* Secure Boot refuses some only after they were loaded. */
	if (status == EFI_SECURITY_VIOLATION)
		(void)firmware.boot->UnloadImage(image);
	if (status != EFI_SUCCESS)
		return status;
	return firmware.boot->StartImage(image, NULL, NULL);
}
