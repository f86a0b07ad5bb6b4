/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of the firmware's boot services (UEFI specification 2.10, 7.4.6).
 */
#pragma once

#include "include/status.h"

/*
 * ExitBootServices, with a fresh memory map for each of a few attempts. STATUS_OK: the machine is Thaw's alone.
 * STATUS_IO_ERROR: the firmware keeps it, though it may have stopped some of its drivers.
 */
nodiscard enum status efi_exit_boot_services(void);

/* Interrupts off: the segments that an image expects, instead of the firmware's. */
void efi_segments_load(void);
