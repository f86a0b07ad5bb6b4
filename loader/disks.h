/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All disks of the machine, and the quiet that the hand-over needs.
 */
#pragma once

#include "include/block.h"
#include "mm/arena.h"

/* Brings up every disk controller that a driver knows. A controller that fails is logged and left out. */
void disks_find(struct block_registry *registry, struct arena *arena);

/*
 * Has those brought up that nobody brought up yet, which can take seconds. True: there are more disks now than
 * disks_find found; it has to be called anew.
 */
bool disks_find_more(void);

/*
 * Before the mark: stops every disk controller but the one of `keep`, and clears bus mastering of every other PCI
 * function but bridges and displays (a display only reads its picture, which must still show an error).
 * Then rehearses the stop of keep's engine. STATUS_TIMEOUT: it does not stop; STATUS_IO_ERROR: a function goes on
 * mastering the bus; STATUS_NO_MEMORY: there are too many of them.
 */
nodiscard enum status disks_quiesce_others(struct block_registry *registry, struct block_device *keep);

/* Undoes what disks_quiesce_others did to bus mastering of other functions than disk controllers. */
void disks_restore_bus_masters(void);

/* Stops every disk controller for good, one whose discovery an exception cut short too; can't fail. */
void disks_quiesce_all(struct block_registry *registry);
