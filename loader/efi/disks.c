/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disks are the firmware's, and so is their quiet: ExitBootServices (loader/efi/leave.c).
 */
#include "loader/disks.h"

#include "drivers/efi/block.h"
#include "drivers/efi/connect.h"
#include "drivers/efi/pages.h"

void disks_find(struct block_registry *registry, struct arena *arena)
{
	efi_block_find(registry, arena);
}

bool disks_find_more(void)
{
	return efi_connect_disks();
}

enum status disks_quiesce_others(struct block_registry *registry, struct block_device *keep)
{
	(void)registry;
	(void)keep;
	return STATUS_OK;
}

void disks_restore_bus_masters(void)
{
}

/* Nothing is in flight afterwards; if the firmware does not say so, no page is given back. */
void disks_quiesce_all(struct block_registry *registry)
{
	for (uint32_t i = 0; i < registry->count; i++)
		if (!efi_block_close(registry->devices[i]))
			efi_pages_abandon();
	registry->count = 0;
}
