/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device in memory with programmable faults, for everything above the drivers.
 */
#pragma once

#include "include/block.h"

#define FAKE_DISK_DEPTH 8

struct fake_disk {
	struct block_device device;
	uint8_t *bytes; /* the disk, sector_count x sector_bytes */
	/* Faults; 0 or NULL: none. */
	uint64_t bad_lba_first, bad_lba_end;     /* reads that touch [first, end) fail */
	enum status write_status;                /* what write_sync returns */
	uint64_t bad_write_first, bad_write_end; /* submitted writes that touch [first, end) fail */
	enum status flush_status;                /* what flush_sync returns */
	bool write_lost;                         /* write_sync stores nothing */
	bool write_torn;                         /* write_sync stores the first half */
	bool reads_fail_after_write;
	/* What happened. */
	uint32_t reads, writes, flushed_writes, quiesced; /* writes: by write_sync */
	uint32_t submitted_writes, flushes;
	uint32_t unflushed_writes; /* of the submitted ones, since the last flush */
	uint64_t largest_read_bytes;
	uint64_t watched_lba;
	uint32_t watched_reads; /* that began there */
	/* Requests in flight: completed by poll, the newest first, at most two a call. */
	struct {
		uint32_t tag;
		enum status status;
	} done[FAKE_DISK_DEPTH];
	uint32_t done_count;
};

/* bytes: sector_count x sector_bytes, kept by the caller. queue_depth is FAKE_DISK_DEPTH. */
void fake_disk_init(struct fake_disk *disk, void *bytes, uint64_t sector_count, uint32_t sector_bytes);
