/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Free RAM, taken from the firmware so that image pages can be read straight into it.
 */
#pragma once

#include "mm/placement.h"

/*
 * Takes all free RAM but a share for the firmware's drivers, and tells placement that everything else must stay as it
 * is until the jump: the firmware, its loaders, Thaw itself. Errors: STATUS_NO_MEMORY (too many ranges), those of
 * efi_memory_map_get.
 */
nodiscard enum status efi_open_memory(struct placement *placement);
