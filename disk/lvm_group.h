/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volume groups of LVM2: what the metadata text says (lib/format_text/import_vsn1.c of LVM2).
 */
#pragma once

#include "disk/lvm.h"

#define LVM_PVS_MAX      32
#define LVM_VOLUMES_MAX  256
#define LVM_SEGMENTS_MAX 1024
#define LVM_NAME_BYTES   128 /* NAME_LEN of LVM2: with the NUL */
#define LVM_TYPE_BYTES   24
#define LVM_SECTOR_BYTES 512 /* of all numbers in the text, whatever the disk's are */

/* "vg-lv" with every hyphen of the two doubled, and a NUL. */
#define LVM_MAPPER_NAME_BYTES (4 * LVM_NAME_BYTES)

/* A physical volume of the group. */
struct lvm_member {
	char name[16]; /* "pv0": only in the text */
	char uuid[LVM_UUID_BYTES];
	uint64_t start_sector; /* of its first extent */
	uint64_t extent_count;
	bool is_missing; /* LVM2 knows that it is not up to date */
};

/* A run of extents on one physical volume. */
struct lvm_segment {
	uint32_t member;
	uint64_t first_extent;
	uint64_t extent_count;
};

struct lvm_volume {
	char name[LVM_NAME_BYTES];
	bool is_visible; /* not a part of others */
	/* Empty: linear. Otherwise the kind of its first segment that is not: "thin", "raid1", "striped" over several …
	 */
	char type[LVM_TYPE_BYTES];
	uint32_t first_segment; /* of a linear one; in order, without gaps */
	uint32_t segment_count;
};

/* About 90 KiB: from the arena, not on the stack. */
struct lvm_group {
	char name[LVM_NAME_BYTES];
	char uuid[LVM_UUID_BYTES];
	uint64_t sequence; /* seqno: the newest text of a group counts */
	uint64_t extent_sectors;
	bool is_exported;
	uint32_t member_count;
	uint32_t volume_count;
	uint32_t segment_count;
	struct lvm_member members[LVM_PVS_MAX];
	struct lvm_volume volumes[LVM_VOLUMES_MAX];
	struct lvm_segment segments[LVM_SEGMENTS_MAX];
};

/*
 * STATUS_CORRUPT: no such text, or it contradicts itself; STATUS_UNSUPPORTED: more of something than there is room for.
 * *reason_out: static text, written with every error; *group is then of no meaning.
 */
nodiscard enum status lvm_group_parse(const char *chars, size_t bytes, struct lvm_group *group,
				      const char **reason_out);

/* The volume's name below /dev/mapper. */
void lvm_mapper_name(const struct lvm_group *group, const struct lvm_volume *volume,
		     char name_out[LVM_MAPPER_NAME_BYTES]);

/* Whether the path is /dev/mapper/vg-lv or /dev/vg/lv of this volume. */
bool lvm_names_volume(const char *path, const struct lvm_group *group, const struct lvm_volume *volume);
