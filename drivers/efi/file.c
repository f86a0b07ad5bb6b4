/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files beside Thaw's own.
 */
#include "drivers/efi/file.h"

#include "drivers/efi/device_path.h"

#define PATH_UNITS 256

static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;

/* The directory of Thaw's own file and a name in it; false when it is too long or not known. */
static bool make_path(const CHAR16 *name, CHAR16 path_out[PATH_UNITS])
{
	size_t length = efi_device_path_file(firmware.loaded->FilePath, path_out, PATH_UNITS);

	while (length > 0 && path_out[length - 1] != '\\')
		length--;
	if (length == 0)
		path_out[length++] = '\\';
	do {
		if (length == PATH_UNITS)
			return false;
		path_out[length++] = *name;
	} while (*name++);
	return true;
}

static enum status read_all(EFI_FILE_PROTOCOL *file, void *buffer, size_t capacity, size_t *bytes_out)
{
	UINTN bytes = capacity;
	UINTN more = 1;
	uint8_t byte;

	if (file->Read(file, &bytes, buffer) != EFI_SUCCESS)
		return STATUS_IO_ERROR;
	*bytes_out = bytes;
	if (bytes < capacity)
		return STATUS_OK;
	return file->Read(file, &more, &byte) == EFI_SUCCESS && more == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status efi_file_read_beside(const CHAR16 *name, void *buffer, size_t capacity, size_t *bytes_out)
{
	EFI_FILE_IO_INTERFACE *volume = firmware_protocol(firmware.loaded->DeviceHandle, &file_system_guid);
	CHAR16 path[PATH_UNITS];
	EFI_FILE_PROTOCOL *root;
	EFI_FILE_PROTOCOL *file;
	enum status status = STATUS_NOT_FOUND;

	if (!volume || !make_path(name, path) || volume->OpenVolume(volume, &root) != EFI_SUCCESS)
		return STATUS_NOT_FOUND;
	if (root->Open(root, &file, path, EFI_FILE_MODE_READ, 0) == EFI_SUCCESS) {
		status = read_all(file, buffer, capacity, bytes_out);
		(void)file->Close(file);
	}
	(void)root->Close(root);
	return status;
}
