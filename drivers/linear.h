/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device made of extents of others, one after the other: what a linear logical volume is. It has no engine of
 * its own; reads go straight through to the device that holds them. It takes no writes in flight, only durable ones.
 */
#pragma once

#include "include/block.h"

#define LINEAR_EXTENTS_MAX  64
#define LINEAR_DEVICES_MAX  16
#define LINEAR_SEGMENTS_MAX 256 /* of one read */

/* Whole pages of a device, in its sectors. */
struct linear_extent {
	struct block_device *device;
	uint64_t start_lba;
	uint64_t sector_count;
};

/* A read that lies on several extents: its parts are read one after the other. */
struct linear_crossing {
	bool active;
	bool part_in_flight;
	uint32_t tag; /* the caller's */
	struct block_segment segments[LINEAR_SEGMENTS_MAX];
	uint32_t segment_count;
	uint64_t lba;        /* of the next part */
	uint64_t bytes_done; /* of the segments */
	uint64_t bytes;      /* of all segments */
	uint32_t part_bytes;
	enum status status;
};

/* About 12 KiB. */
struct linear_disk {
	struct block_device device;
	struct linear_extent extents[LINEAR_EXTENTS_MAX];
	uint32_t extent_count;
	struct block_device *devices[LINEAR_DEVICES_MAX]; /* each once */
	uint32_t device_count;
	struct block_device *anchor;
	struct linear_crossing crossing;
	struct block_segment part_segments[LINEAR_SEGMENTS_MAX];
};

/*
 * Makes disk->device. It must stay where it is, and while it is used nobody else may use the devices below. anchor_lba:
 * the sector whose device stands for all of them: its controller is the identity's, and rehearse_stop asks it alone;
 * write_sync works as long as it is not quiesced.
 * STATUS_UNSUPPORTED: too many extents or devices, sectors of different sizes, or parts of pages.
 */
nodiscard enum status linear_disk_init(struct linear_disk *disk, const char *name, const struct linear_extent *extents,
				       uint32_t count, uint64_t anchor_lba);

/* The same device at another place, with another anchor; no read of it is in flight. */
nodiscard enum status linear_disk_copy(struct linear_disk *disk, const struct linear_disk *from, uint64_t anchor_lba);
