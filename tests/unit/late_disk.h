/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory that moves data only when a request is completed, in any order, and that fails the test when it is
 * used against include/block.h: memory that is reused too early, or a flush that is missing, shows on the medium.
 */
#pragma once

#include "include/block.h"

#define LATE_DISK_DEPTH    64
#define LATE_DISK_SEGMENTS 512

struct late_request {
	bool is_write;
	uint32_t tag;
	uint32_t count;
	uint64_t lba, sectors;
	uint32_t number; /* of all reads or writes, from 1 */
	struct block_segment segments[LATE_DISK_SEGMENTS];
};

struct late_disk {
	struct block_device device;
	uint8_t *bytes; /* what a read sees; the caller's */
	uint32_t seed;  /* of the order of completions */
	/* Faults; 0: none. */
	uint64_t bad_first, bad_end;     /* sectors: reads and submitted writes that touch them fail */
	uint32_t bad_write;              /* this submitted write fails, counted from 1 */
	uint32_t bad_flush;              /* this flush fails */
	uint32_t gone_after;             /* from this submitted write on the device takes no more */
	uint32_t bad_sync, bad_sync_end; /* write_sync calls [bad_sync, bad_sync_end) fail … */
	bool bad_sync_stores;            /* … but store what they were given */
	uint32_t lost_sync;              /* this write_sync says STATUS_OK and stores nothing */
	void (*on_sync)(struct late_disk *disk, uint64_t lba, const void *data);
	/* What happened. */
	uint32_t reads, writes, flushes, syncs, quiesced;
	uint32_t unflushed; /* submitted writes since the last flush that succeeded */
	uint32_t largest_pages, most_in_flight;
	struct late_request requests[LATE_DISK_DEPTH];
	uint32_t in_flight;
	uint32_t polls;
};

/* bytes: sector_count x sector_bytes. The identity may be changed by the test; queue_depth at most LATE_DISK_DEPTH. */
void late_disk_init(struct late_disk *disk, void *bytes, uint64_t sector_count, uint32_t sector_bytes);
