/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EFI_ATA_PASS_THRU_PROTOCOL (UEFI specification 2.10, 13.12), which gnu-efi does not have.
 */
#pragma once

#include <efi.h>

#include "include/types.h"

#define EFI_ATA_PROTOCOL_GUID                                                                                          \
	{                                                                                                              \
		0x1d3de7f0, 0x0807, 0x424f,                                                                            \
		{                                                                                                      \
			0xaa, 0x69, 0x11, 0xa5, 0x4e, 0x19, 0xa4, 0x6f                                                 \
		}                                                                                                      \
	}

#define EFI_ATA_NON_DATA 0x02 /* of efi_ata_packet.protocol */

struct efi_ata_command {
	uint8_t reserved_1[2];
	uint8_t command, features, lba_low, lba_mid, lba_high, device;
	uint8_t lba_low_exp, lba_mid_exp, lba_high_exp, features_exp, count, count_exp;
	uint8_t reserved_2[6];
};

struct efi_ata_status {
	uint8_t reserved_1[2];
	uint8_t status, error, lba_low, lba_mid, lba_high, device;
	uint8_t lba_low_exp, lba_mid_exp, lba_high_exp, reserved_2, count, count_exp;
	uint8_t reserved_3[6];
};

struct efi_ata_packet {
	struct efi_ata_status *status;
	struct efi_ata_command *command;
	uint64_t timeout_100ns;
	void *in, *out;
	uint32_t in_bytes, out_bytes;
	uint8_t protocol;
	uint8_t length;
};

struct efi_ata_mode {
	uint32_t attributes;
	uint32_t io_alignment; /* of efi_ata_packet.status */
};

struct efi_ata_protocol;

typedef EFI_STATUS(EFIAPI efi_ata_pass_thru)(struct efi_ata_protocol *this, uint16_t port, uint16_t multiplier_port,
					     struct efi_ata_packet *packet, EFI_EVENT event);
typedef EFI_STATUS(EFIAPI efi_ata_get_device)(struct efi_ata_protocol *this, EFI_DEVICE_PATH *path, uint16_t *port_out,
					      uint16_t *multiplier_port_out);

struct efi_ata_protocol {
	const struct efi_ata_mode *mode;
	efi_ata_pass_thru *pass_thru;
	void *get_next_port, *get_next_device, *build_device_path;
	efi_ata_get_device *get_device;
	void *reset_port, *reset_device;
};

_Static_assert(sizeof(struct efi_ata_command) == 20, "UEFI 2.10, 13.12");
_Static_assert(sizeof(struct efi_ata_status) == 20, "UEFI 2.10, 13.12");
