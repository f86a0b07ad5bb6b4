/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes: whatever can hold a swap area or a filesystem. A partition, a whole disk without partitions, or a logical
 * volume.
 */
#pragma once

#include "disk/filesystem.h"
#include "disk/partitions.h"
#include "disk/reader.h"
#include "include/block.h"

#define VOLUME_NAME_BYTES (BLOCK_NAME_BYTES + 8)

struct volume {
	struct block_device *disk;
	uint32_t number;       /* of the partition; 0: all of the disk */
	uint64_t start_lba;    /* sectors of the disk */
	uint64_t sector_count; /* likewise */
};

/* What begins a volume. */
struct volume_content {
	enum filesystem_kind kind; /* FILESYSTEM_UNKNOWN also for swap */
	struct identity identity;  /* of the filesystem, or of the swap area, whether it holds an image or not */
};

/* "ahci0.1p5": the disk's name, 'p' and the partition number; all of a disk: its name. */
void volume_name(const struct volume *volume, char name_out[VOLUME_NAME_BYTES]);

/* Whole pages of the volume; what is behind the last one belongs to no swap area. */
uint64_t volume_pages(const struct volume *volume);

/* Reads one page. STATUS_NOT_FOUND: beyond the volume. STATUS_IO_ERROR, STATUS_TIMEOUT. */
nodiscard enum status volume_read(const struct volume *volume, uint64_t page, struct page *page_out);

/* A reader for disk/: relative to the volume's start. volume is kept. */
struct disk_reader volume_reader(const struct volume *volume, struct page *scratch);

/*
 * Reads what it takes to tell UUID and label: one page, two when it holds nothing that is known. STATUS_IO_ERROR,
 * STATUS_TIMEOUT. *page is scratch.
 */
nodiscard enum status volume_identify(const struct volume *volume, struct page *page,
				      struct volume_content *content_out);

/* STATUS_OK when neither the volume nor its disk is a member of a RAID array; STATUS_UNSUPPORTED when one is. */
nodiscard enum status volume_check_raid(const struct volume *volume, struct page *scratch);
