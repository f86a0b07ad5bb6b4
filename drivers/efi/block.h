/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks through the firmware: Block I/O and, where it is offered, Block I/O 2 (UEFI specification 2.10, 13.9
 * and 13.10).
 */
#pragma once

#include "include/block.h"
#include "mm/arena.h"

/*
 * Adds every whole disk with a medium of 512 or 4096-byte blocks, in the order of the firmware's handles. One that
 * can't be used is logged and left out.
 */
void efi_block_find(struct block_registry *registry, struct arena *arena);

/*
 * Waits, bounded, for what is in flight on a disk of efi_block_find, and gives its events back; it is not used
 * afterwards. False: the firmware did not finish, and may still write to memory.
 */
bool efi_block_close(struct block_device *device);
