/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of the firmware's boot services. A call that fails on an old map key may have run handlers that change the
 * map; nothing but another look at the map and another attempt is allowed then.
 */
#include "drivers/efi/leave.h"

#include "drivers/efi/firmware.h"
#include "drivers/efi/memory_map.h"

#define ATTEMPTS 4

enum status efi_exit_boot_services(void)
{
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		struct efi_memory_map map;

		if (efi_memory_map_get(&map) == STATUS_OK &&
		    firmware.boot->ExitBootServices(firmware.image, map.key) == EFI_SUCCESS)
			return STATUS_OK;
	}
	return STATUS_IO_ERROR;
}
