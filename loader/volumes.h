/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All volumes of the machine, one after the other.
 */
#pragma once

#include "loader/logical_volumes.h"
#include "loader/volume.h"
#include "mm/arena.h"

/* Who wants to see them. */
struct volume_visitor {
	void *context;
	/*
	 * partition: the volume's entry in *table; NULL: it is a logical volume, *logical. STATUS_END: no more of them.
	 * STATUS_IO_ERROR: it can't be read; a disk with several such volumes is left. STATUS_TIMEOUT: the disk is
	 * left at once.
	 */
	enum status (*visit)(void *context, const struct volume *volume, const struct partition_table *table,
			     const struct partition *partition, const struct logical_volume *logical);
	/* A disk, or a table's part, that can't be read. */
	void (*unreadable)(void *context, const char *name, enum status status);
};

struct volumes {
	const struct block_registry *registry;
	struct arena *arena;
	struct partition_table *table; /* of the disk that is looked at */
	struct page *scratch;
	bool is_quiet; /* the tables are logged already */
	struct logical_volumes logical;
};

/* Takes its memory, under 128 KiB, from the arena; rewinding it is the caller's. STATUS_NO_MEMORY. */
nodiscard enum status volumes_init(struct volumes *volumes, const struct block_registry *registry, struct arena *arena);

/*
 * Visits the partitions of all disks, or a disk itself that has none, and then the linear logical volumes on the
 * physical volumes that the visitor noted. May be called again.
 */
void volumes_visit(struct volumes *volumes, const struct volume_visitor *visitor);

/* For the visitor: this volume is a physical volume of LVM2. */
void volumes_note_physical(struct volumes *volumes, const struct volume *volume);
