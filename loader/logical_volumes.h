/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logical volumes (LVM2): from physical volumes to block devices. disk/lvm.h and disk/lvm_group.h read the format; this
 * puts together what lies on several disks.
 */
#pragma once

#include "disk/lvm_group.h"
#include "drivers/linear.h"
#include "loader/volume.h"
#include "mm/arena.h"

/* Physical volumes that were met, of all groups. */
struct logical_volumes {
	struct volume physical[LVM_PVS_MAX];
	uint32_t physical_count;
	bool is_incomplete;  /* there may be logical volumes that were not visited */
	enum status failure; /* then: STATUS_OK, or of the first disk that can't be read, or no memory */
};

/* One logical volume, as a visitor sees it. */
struct logical_volume {
	const struct lvm_group *group;
	const struct lvm_volume *volume;
	struct linear_disk *linear; /* NULL: Thaw does not read it. Its anchor is its first sector */
};

/* Remembers a physical volume; too many are logged and left out. */
void logical_volumes_note(struct logical_volumes *volumes, const struct volume *volume);

/*
 * Puts the groups together and calls visit for each volume that is not a part of others. What can't be read is logged
 * by name. Ends early when visit returns STATUS_END; its other values do not matter. What the visitor sees is valid
 * until it returns. Takes up to 512 KiB from the arena; rewinding it is the caller's.
 */
void logical_volumes_visit(struct logical_volumes *volumes, struct arena *arena,
			   enum status (*visit)(void *context, const struct logical_volume *logical), void *context);
