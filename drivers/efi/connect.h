/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that the firmware left alone: it connects drivers to what it boots from, and need not to the rest (UEFI
 * specification 2.10, 7.3.12).
 */
#pragma once

#include "include/types.h"

/*
 * Has the firmware connect its drivers to every PCI controller of disks and memory cards, which can take it seconds.
 * True: there are more devices with Block I/O than before.
 */
bool efi_connect_disks(void);
