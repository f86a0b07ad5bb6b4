/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files on the volume that Thaw was loaded from (UEFI specification 2.10, 13.4 and 13.5).
 */
#pragma once

#include "drivers/efi/firmware.h"

/*
 * Reads the file `name` of the directory that Thaw's own file is in. STATUS_NOT_FOUND: no such file, or the firmware
 * can't read the volume; STATUS_NO_MEMORY: it is larger than capacity; STATUS_IO_ERROR.
 */
nodiscard enum status efi_file_read_beside(const CHAR16 *name, void *buffer, size_t capacity, size_t *bytes_out);
