/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's services.
 */
#include "drivers/efi/firmware.h"

#include "lib/string.h"

struct firmware firmware;

enum status firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static const EFI_GUID loaded_image = LOADED_IMAGE_PROTOCOL;

	firmware.image = image;
	firmware.system = system;
	firmware.boot = system->BootServices;
	firmware.runtime = system->RuntimeServices;
	if (!firmware.boot || !firmware.runtime)
		return STATUS_UNSUPPORTED;
	firmware.loaded = firmware_protocol(image, &loaded_image);
	firmware_save_cpu();
	return firmware.loaded ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status firmware_status(EFI_STATUS status)
{
	switch (status) {
	case EFI_SUCCESS:
		return STATUS_OK;
	case EFI_OUT_OF_RESOURCES:
		return STATUS_NO_MEMORY;
	case EFI_NOT_FOUND:
		return STATUS_NOT_FOUND;
	case EFI_UNSUPPORTED:
		return STATUS_UNSUPPORTED;
	case EFI_INVALID_PARAMETER:
		return STATUS_INVALID;
	case EFI_TIMEOUT:
		return STATUS_TIMEOUT;
	default:
		return STATUS_IO_ERROR;
	}
}

void *firmware_protocol(EFI_HANDLE handle, const EFI_GUID *guid)
{
	EFI_GUID copy = *guid;
	void *interface = NULL;

	if (firmware.boot->HandleProtocol(handle, &copy, &interface) != EFI_SUCCESS)
		return NULL;
	return interface;
}

bool firmware_guid_equal(const EFI_GUID *a, const EFI_GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
