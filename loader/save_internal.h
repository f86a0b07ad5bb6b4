/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a save, shared by policy (save.c), the look at memory (save_memory.c) and the writing (save_write.c).
 */
#pragma once

#include "image/core.h"
#include "loader/save.h"
#include "loader/write_queue.h"
#include "mm/arena.h"
#include "mm/frame_set.h"
#include "mm/memory_map.h"

struct save {
	const struct save_parameters *parameters;
	const struct handoff_session *session;
	struct memory_map map;
	struct arena *arena;
	uint64_t room_bytes; /* of the arena, behind the drivers: a restore will have as much */
	const char *reason;  /* static text of the last error */

	/* The target: save_target.c */
	struct block_device *device;
	uint64_t start_lba; /* of the partition */
	uint64_t anchor_lba;
	struct core_anchor *anchor; /* one page, as it stands on the disk */

	/* The session's memory: save_memory.c */
	struct frame_set data; /* frames with anything but zeroes */
	uint64_t ram_pages;    /* all frames of the image */

	/* The core: save_write.c */
	struct core_acpi acpi;
	struct write_queue queue;
	uint64_t stored_bytes;
};

/* Returns status, with a reason in plain words. */
nodiscard static inline enum status save_refuse(struct save *save, enum status status, const char *reason)
{
	save->reason = reason;
	return status;
}

/* Finds the disk that has the anchor, which must say SAVING, and reads it. */
nodiscard enum status save_target_find(struct save *save, const struct block_registry *registry);

/* Writes the anchor's first sector with this state, durably, and reads it back. */
nodiscard enum status save_target_mark(struct save *save, enum core_anchor_state state);

/* Looks at every frame of RAM outside Thaw's own place. */
nodiscard enum status save_memory_scan(struct save *save);

/* The first frame >= from that belongs to the image; save->data.limit when there is none. */
struct pfn save_memory_next(const struct save *save, struct pfn from);

/* thaw.benchmark: writes memory behind 16 MiB to the target, one page after the other, and says how long it took. */
void save_benchmark(struct save *save);

/* Writes the whole core, durably; the anchor is not touched. */
nodiscard enum status save_core_write(struct save *save);
