/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ATA disk behind the firmware's Block I/O: what Block I/O does not do for it (UEFI specification 2.10, 13.12, EFI
 * ATA Pass Thru Protocol).
 */
#pragma once

#include "drivers/efi/firmware.h"

struct efi_ata_protocol;

struct efi_ata {
	struct efi_ata_protocol *protocol; /* NULL: no ATA disk, or the firmware does not pass commands through */
	uint16_t port;
	uint16_t multiplier_port; /* UINT16_MAX: no port multiplier */
};

/* Of the handle that has the disk's Block I/O. */
struct efi_ata efi_ata_find(EFI_HANDLE handle);

/*
 * FLUSH CACHE (ACS-3, 7.12), waited for, 30 s at most; the disk is one of efi_ata_find with a protocol.
 * STATUS_IO_ERROR, STATUS_TIMEOUT.
 */
nodiscard enum status efi_ata_flush(const struct efi_ata *ata);
