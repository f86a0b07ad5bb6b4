/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory for unit tests: as a disk reader and as a block device, with partition tables written from the
 * specifications by code that shares nothing with the code under test but CRC-32.
 */
#pragma once

#include "disk/reader.h"
#include "include/block.h"

struct memory_disk {
	uint8_t *bytes;
	uint32_t sector_bytes;
	uint64_t sector_count;
	uint32_t reads, writes, flushes;
	uint64_t bad_start, bad_end; /* bytes; a read or write that touches them fails */
	enum status bad_status;
	enum status flush_status; /* what flush_sync returns */
	struct page scratch;
	struct block_device device;
	struct block_completion completion;
	bool completed;
};

/* bytes: a multiple of sector_bytes. The disk is zeroed, on the heap, and freed by memory_disk_free. */
struct memory_disk *memory_disk_new(const char *name, uint32_t sector_bytes, uint64_t bytes);
void memory_disk_free(struct memory_disk *disk);

struct disk_reader memory_disk_reader(struct memory_disk *disk);

/* Reads and writes of [start, end) in bytes fail from now on; none when start == end. */
void memory_disk_break(struct memory_disk *disk, uint64_t start, uint64_t end, enum status status);

uint8_t *memory_disk_sector(struct memory_disk *disk, uint64_t lba);

void memory_put_le(void *at, uint64_t value, unsigned bytes);

/* Writes entry slot (0-3) of the MBR or EBR at lba and signs the sector. */
void memory_disk_mbr_entry(struct memory_disk *disk, uint64_t lba, unsigned slot, uint8_t type, uint32_t start,
			   uint32_t count);

struct gpt_entry {
	uint64_t first_lba, last_lba;
	const char *name; /* ASCII */
	uint8_t unique;   /* the GUID's bytes are unique, unique + 1, … */
};

/* A protective MBR and both GPTs (entry_bytes each, at LBA 2 and before the last sector). */
void memory_disk_gpt(struct memory_disk *disk, const struct gpt_entry *entries, uint32_t count, uint32_t entry_bytes);

/* After a change: new CRCs for the header at lba and for its array. */
void memory_disk_gpt_seal(struct memory_disk *disk, uint64_t lba);
