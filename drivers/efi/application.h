/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another application on the volume that Thaw was loaded from (UEFI specification 2.10, 7.4).
 */
#pragma once

#include "drivers/efi/firmware.h"

/* Loads and runs it; the path is ASCII, with backslashes. What it returns, or why it does not start. */
EFI_STATUS efi_application_start(const char *path);
