/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAID superblocks at the end of a device: Linux md 0.90 and 1.0 (drivers/md/md.c, calc_dev_sboffset and super_1_load),
 * Intel Matrix Storage (mdadm, super-intel.c), SNIA DDF 2.0 (section 5.4, anchor header).
 */
#include "disk/raid.h"

#include "lib/span.h"
#include "lib/string.h"

#define MD_MAGIC 0xa92b4efcu

/* md 0.90: the last but one of the device's 64 KiB blocks; md 1.0: at least 8 KiB from the end, on 4 KiB. */
#define MD_0_90_ALIGNMENT (64 * KIB)
#define MD_1_0_DISTANCE   (8 * KIB)
#define MD_1_0_ALIGNMENT  (4 * KIB)

/* Both firmware formats: in the last 1024 bytes of a disk with 512-byte sectors. */
#define IMSM_SIGNATURE "Intel Raid ISM Cfg Sig. "
#define DDF_SIGNATURE  "\xde\x11\xde\x11"
#define IMSM_DISTANCE  1024
#define DDF_DISTANCE   512

uint32_t raid_superblock_places(uint64_t device_bytes, uint32_t sector_bytes, uint64_t places_out[RAID_PLACES])
{
	if (device_bytes < 2 * MD_0_90_ALIGNMENT)
		return 0;
	places_out[0] = align_down(device_bytes, MD_0_90_ALIGNMENT) - MD_0_90_ALIGNMENT;
	places_out[1] = align_down(device_bytes - MD_1_0_DISTANCE, MD_1_0_ALIGNMENT);
	places_out[2] = align_down(device_bytes, sector_bytes) - PAGE_BYTES;
	return RAID_PLACES;
}

bool raid_is_superblock(const struct page *page)
{
	struct span span = span_of(page->bytes, sizeof(page->bytes));

	return span_u32(&span, 0) == MD_MAGIC ||
	       memcmp(page->bytes + PAGE_BYTES - IMSM_DISTANCE, IMSM_SIGNATURE, strlen(IMSM_SIGNATURE)) == 0 ||
	       memcmp(page->bytes + PAGE_BYTES - DDF_DISTANCE, DDF_SIGNATURE, 4) == 0;
}
