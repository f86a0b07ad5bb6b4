/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connecting controllers of disks (UEFI specification 2.10, 7.3.12 and 14.4; class codes: PCI Code and ID Assignment
 * Specification 1.11, 1.2 and 1.9).
 */
#include "drivers/efi/connect.h"

#include "drivers/efi/firmware.h"

#define PCI_SUBCLASS        0x0A /* and the base class behind it */
#define PCI_BASE_STORAGE    0x01
#define PCI_BASE_SYSTEM     0x08
#define PCI_SUB_CARD_READER 0x05

static const EFI_GUID block_io_guid = EFI_BLOCK_IO_PROTOCOL_GUID;
static const EFI_GUID pci_io_guid = EFI_PCI_IO_PROTOCOL_GUID;

/* What has the protocol; NULL: none. The caller frees it. */
static EFI_HANDLE *handles_with(const EFI_GUID *guid, UINTN *count_out)
{
	EFI_GUID copy = *guid;
	EFI_HANDLE *handles;

	*count_out = 0;
	if (firmware.boot->LocateHandleBuffer(ByProtocol, &copy, NULL, count_out, &handles) == EFI_SUCCESS)
		return handles;
	*count_out = 0;
	return NULL;
}

static UINTN count_with(const EFI_GUID *guid)
{
	UINTN count;
	EFI_HANDLE *handles = handles_with(guid, &count);

	if (handles)
		(void)firmware.boot->FreePool(handles);
	return count;
}

static bool has_disks(EFI_HANDLE handle)
{
	EFI_PCI_IO_PROTOCOL *pci = firmware_protocol(handle, &pci_io_guid);
	uint8_t class_code[2];

	if (!pci || pci->Pci.Read(pci, EfiPciIoWidthUint8, PCI_SUBCLASS, sizeof(class_code), class_code) != EFI_SUCCESS)
		return false;
	return class_code[1] == PCI_BASE_STORAGE ||
	       (class_code[1] == PCI_BASE_SYSTEM && class_code[0] == PCI_SUB_CARD_READER);
}

bool efi_connect_disks(void)
{
	const UINTN before = count_with(&block_io_guid);
	UINTN count;
	EFI_HANDLE *handles = handles_with(&pci_io_guid, &count);

	for (UINTN i = 0; i < count; i++)
		if (has_disks(handles[i]))
			(void)firmware.boot->ConnectController(handles[i], NULL, NULL, TRUE);
	if (handles)
		(void)firmware.boot->FreePool(handles);
	return count_with(&block_io_guid) > before;
}
