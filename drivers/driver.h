/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a disk driver offers to the loader: one structure, listed once in loader/disks.c.
 */
#pragma once

#include "drivers/pci.h"
#include "include/block.h"
#include "mm/arena.h"

/* What a driver is given. */
struct driver_environment {
	struct arena *arena; /* DMA memory and state; never given back */
	struct block_registry *registry;
	/*
	 * Makes [base, base + bytes) of device registers accessible, uncached, at their physical address.
	 * Errors: STATUS_NO_MEMORY, STATUS_INVALID (it overlaps RAM, or lies beyond the physical address width).
	 */
	enum status (*map_mmio)(struct paddr base, uint64_t bytes);
};

struct block_driver {
	const char *name; /* "ahci" */
	/* By class code or identity. */
	bool (*matches)(const struct pci_function *function);
	/*
	 * Brings the controller up (controller_index counts the controllers of this driver from 0) and adds its disks
	 * to the registry. Bounded in time. On an error the function is left with bus mastering off.
	 */
	enum status (*probe)(const struct driver_environment *environment, const struct pci_function *function,
			     uint32_t controller_index);
};
