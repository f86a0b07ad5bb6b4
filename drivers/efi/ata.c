/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATA commands through the firmware (UEFI specification 2.10, 13.12; ACS-3). EDK2's Block I/O for ATA disks answers
 * FlushBlocks without telling the disk (seen in OVMF 2022.11: the write was gone after a power cut).
 */
#include "drivers/efi/ata.h"

#include "drivers/efi/ata_protocol.h"

#define FLUSH_CACHE         0xE7
#define STATUS_ERROR        0x01 /* ERR */
#define STATUS_DEVICE_FAULT 0x20 /* DF */
#define DEVICE_OBSOLETE     0xE0 /* bits that old disks want to be 1 */
#define DEVICE_SECOND       0x10
#define TIMEOUT_100NS       300000000u
#define BLOCK_ALIGNMENT     64
#define NO_MULTIPLIER       UINT16_MAX

struct efi_ata efi_ata_find(EFI_HANDLE handle)
{
	static const EFI_GUID path_guid = DEVICE_PATH_PROTOCOL;
	static EFI_GUID guid = EFI_ATA_PROTOCOL_GUID;
	struct efi_ata ata = {0};
	EFI_DEVICE_PATH *path = firmware_protocol(handle, &path_guid);
	EFI_HANDLE controller;
	struct efi_ata_protocol *protocol;

	if (!path || firmware.boot->LocateDevicePath(&guid, &path, &controller) != EFI_SUCCESS)
		return ata;
	protocol = firmware_protocol(controller, &guid);
	if (!protocol || !protocol->mode || protocol->mode->io_alignment > BLOCK_ALIGNMENT ||
	    protocol->get_device(protocol, path, &ata.port, &ata.multiplier_port) != EFI_SUCCESS)
		return ata;
	ata.protocol = protocol;
	return ata;
}

enum status efi_ata_flush(const struct efi_ata *ata)
{
	static struct efi_ata_status answer __attribute__((aligned(BLOCK_ALIGNMENT)));
	static struct efi_ata_command command __attribute__((aligned(BLOCK_ALIGNMENT)));
	const bool is_second = ata->multiplier_port != NO_MULTIPLIER && (ata->multiplier_port & 1) != 0;
	struct efi_ata_packet packet = {
		.status = &answer,
		.command = &command,
		.timeout_100ns = TIMEOUT_100NS,
		.protocol = EFI_ATA_NON_DATA,
	};
	EFI_STATUS status;

	answer = (struct efi_ata_status){0};
	command = (struct efi_ata_command){
		.command = FLUSH_CACHE,
		.device = (uint8_t)(DEVICE_OBSOLETE | (is_second ? DEVICE_SECOND : 0)),
	};
	status = ata->protocol->pass_thru(ata->protocol, ata->port, ata->multiplier_port, &packet, NULL);
	if (status != EFI_SUCCESS)
		return status == EFI_TIMEOUT ? STATUS_TIMEOUT : STATUS_IO_ERROR;
	return answer.status & (STATUS_ERROR | STATUS_DEVICE_FAULT) ? STATUS_IO_ERROR : STATUS_OK;
}
