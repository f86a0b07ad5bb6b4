/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UEFI front end: makes exceptions safe, reads what the firmware has, and lets the loader decide.
 */
#include "boot/efi/exceptions.h"
#include "boot/efi/options.h"
#include "drivers/efi/firmware.h"
#include "drivers/efi/memory_map.h"
#include "drivers/efi/pages.h"
#include "drivers/efi/variables.h"
#include "lib/string.h"
#include "loader/main.h"

#define RSDP_V1_BYTES 20

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static const EFI_GUID acpi_1_guid = ACPI_TABLE_GUID;
static const EFI_GUID acpi_2_guid = ACPI_20_TABLE_GUID;

static void copy_rsdp(struct boot_info *info, const void *rsdp, uint32_t bytes)
{
	if (info->rsdp_bytes >= bytes)
		return;
	memcpy(info->rsdp, rsdp, bytes);
	info->rsdp_bytes = bytes;
}

/* The newer table, if there are both (ACPI specification 6.5, 5.2.5.2). */
static void find_rsdp(struct boot_info *info)
{
	const EFI_SYSTEM_TABLE *system = firmware.system;

	for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];

		if (firmware_guid_equal(&table->VendorGuid, &acpi_2_guid))
			copy_rsdp(info, table->VendorTable, BOOT_RSDP_BYTES);
		else if (firmware_guid_equal(&table->VendorGuid, &acpi_1_guid))
			copy_rsdp(info, table->VendorTable, RSDP_V1_BYTES);
	}
}

static enum status read_machine(struct boot_info *info)
{
	struct efi_memory_map map;

	TRY(efi_memory_map_init());
	TRY(efi_memory_map_get(&map));
	TRY(efi_memory_map_convert(&map, EFI_MEMORY_GRUB, &info->memory));
	info->other_memory_checksum = memory_map_checksum(&info->memory);
	TRY(efi_memory_map_convert(&map, EFI_MEMORY_STUB, &info->memory));
	find_rsdp(info);
	efi_options_read(info->command_line, sizeof(info->command_line));
	return STATUS_OK;
}

/* From gnu-efi's start code. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static struct boot_info info;

	if (firmware_init(image, system) != STATUS_OK)
		return EFI_SUCCESS;
	efi_exceptions_init();
	/* The firmware's own watchdog would reset a long resume. */
	(void)firmware.boot->SetWatchdogTimer(0, 0, 0, NULL);
	if (read_machine(&info) == STATUS_OK)
		loader_main(&info, STATUS_OK);
	/* Whoever started Thaw goes on. */
	efi_variables_set_status("status=unsupported\n");
	firmware_restore_cpu();
	efi_pages_free_all();
	return EFI_SUCCESS;
}
