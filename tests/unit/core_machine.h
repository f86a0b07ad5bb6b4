/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of real memory at low addresses (where a physical address is a pointer) with a session in it, and a disk to
 * save it to and restore it from. Its RAM: from 64 KiB to an odd end below 640 KiB; 16-20 MiB (from 1 to 16 MiB there
 * is but the arena); behind a hole, with an odd start and an odd end; above 1 GiB.
 */
#pragma once

#include "loader/restore.h"
#include "loader/save_internal.h"
#include "tests/unit/fake_watch.h"
#include "tests/unit/late_disk.h"

#define CORE_ARENA_BASE  0x200000u
#define CORE_ARENA_BYTES (14 * MIB)
#define CORE_RAM_PAGES   (143 + 1024 + 495 + 512)
#define CORE_ENTRY       0x1005800u
#define CORE_REENTRY     0x123450u
#define CORE_DISK_PAGES  4096
#define CORE_START_PAGE  24 /* of the partition */

enum core_fill {
	CORE_FILL_MIXED,   /* a third zeroes, a third that packs, a third that does not */
	CORE_FILL_FULL,    /* nothing of it packs */
	CORE_FILL_NOTHING, /* zeroes, but for the entry's page */
};

struct core_machine {
	struct save_parameters parameters;
	struct handoff_session session;
	struct late_disk disk;
	struct page *disk_pages;
	struct block_registry registry;
	struct arena arena;
	struct save save;
	struct memory_range ranges[8];
	uint32_t range_count;
	/* Of the restore. */
	struct boot_info boot;
	struct found_image found;
	struct restore_result result;
	struct sealed_plan plan;
	const char *reason;
	bool relaxed;
	struct fake_watch *watch; /* or NULL */
	uint64_t arena_bytes;
};

extern struct core_machine core_machine;

int core_machine_set_up(void **state);
int core_machine_tear_down(void **state);

/* A new session and a new disk, whose anchor says SAVING. */
void core_machine_make(enum core_codec codec, enum core_fill fill, uint32_t sector_bytes);

/* The number of frames, in order; and each one's number. */
struct page *core_machine_page(uint32_t index);

/* The target: pages in `extents` pieces, not in order; 0 pages: all the disk has. */
void core_machine_set_target(uint64_t pages, uint32_t extents);

/* The anchor on the disk. */
struct core_anchor *core_machine_anchor(void);

/* As save_session: finds the target, looks at memory, writes the core. Checks that memory has not changed. */
enum status core_machine_save(void);

/* … and marks the anchor. */
void core_machine_save_valid(void);

/* Where a page of the stored core lies on the disk. */
struct page *core_machine_stored(uint64_t stored_page);

/* Rubbish in all memory, then the restore. Checks what holds whatever the result. */
enum status core_machine_restore(void);

/* After STATUS_OK: copies as planned; then all memory is the session's. */
void core_machine_check_memory(void);
