/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device paths (UEFI specification 2.10, 10.3), read with a bound, since nothing tells how long one is.
 */
#pragma once

#include "drivers/efi/firmware.h"

#define EFI_DEVICE_PATH_BYTES_MAX 1024

/* Bytes of all nodes but the end. 0: there are none, they are too many, or one has an impossible length. */
size_t efi_device_path_bytes(const EFI_DEVICE_PATH *path);

/*
 * The file nodes' text, joined by backslashes. Returns its length in units, without a NUL, which is not written; 0:
 * there is none, or it is too long.
 */
size_t efi_device_path_file(const EFI_DEVICE_PATH *path, CHAR16 *text_out, size_t units);

/* Appends a file's node and the end to `bytes` of nodes; room: for these too. Returns the bytes in all, 0: no room. */
size_t efi_device_path_append_file(uint8_t *nodes, size_t bytes, size_t room, const char *file);
