/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of RAID arrays whose data begin where the member begins: their superblock is at the end, so that the first
 * pages look like an ordinary partition. An image on one of them belongs to the array, not to the member: marking it
 * used on one mirror would leave it to be resumed a second time from the other.
 */
#pragma once

#include "include/types.h"

#define RAID_PLACES 3

/*
 * The places, in bytes from the start of a device of device_bytes, whose pages raid_is_superblock must see; returns
 * how many. All are multiples of 512 and of the sector size when device_bytes is.
 */
uint32_t raid_superblock_places(uint64_t device_bytes, uint32_t sector_bytes, uint64_t places_out[RAID_PLACES]);

/* page: what lies at one of these places. md 0.90 and 1.0 (include/uapi/linux/raid/md_p.h), Intel's IMSM, SNIA's DDF.
 */
bool raid_is_superblock(const struct page *page);
