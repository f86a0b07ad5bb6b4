/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical volumes and metadata texts of LVM2 for tests, written from the format's description: offsets are written out
 * on purpose, and nothing but CRC-32 is shared with the code under test.
 */
#pragma once

#include "include/types.h"

/* In bytes from the start of the partition. */
struct lvm_disk_area {
	uint64_t start;
	uint64_t bytes;
};

#define LVM_DISK_TEXT_BYTES (256 * KIB)

/* Writes a label to one of the first sectors (of 512 bytes). The UUID is 32 times this character. */
void lvm_disk_label(uint8_t *partition, uint32_t sector, char uuid, const struct lvm_disk_area *areas, uint32_t count);

/* After a change to the label: a new CRC. */
void lvm_disk_label_seal(uint8_t *partition, uint32_t sector);

/* Writes a metadata area with a text that begins at `offset` in it and goes on behind the header at the area's end. */
void lvm_disk_area(uint8_t *partition, struct lvm_disk_area area, uint64_t offset, const char *text, size_t bytes);

/* After a change to the area's header: a new CRC. */
void lvm_disk_area_seal(uint8_t *partition, struct lvm_disk_area area);

/* A metadata text that grows: its group, its physical volumes, its logical volumes. */
struct lvm_disk_text {
	char chars[LVM_DISK_TEXT_BYTES];
	size_t bytes; /* without the NUL */
	uint32_t member_count;
	bool in_volumes;
};

__attribute__((format(printf, 2, 3))) void lvm_disk_print(struct lvm_disk_text *text, const char *format, ...);

/* Group `name` with extents of 8 sectors. status: "\"READ\", …" */
void lvm_disk_begin(struct lvm_disk_text *text, const char *name, char uuid, unsigned sequence, const char *status);

/* pv0, pv1, … flags: "", or "\"MISSING\"" */
void lvm_disk_member(struct lvm_disk_text *text, char uuid, unsigned start_sector, unsigned extents, const char *flags);

/* segments: what stands between the braces of the volume, "segment_count" too. status: as above. */
void lvm_disk_volume(struct lvm_disk_text *text, const char *name, const char *status, const char *segments);

/* A visible volume of one linear segment. */
void lvm_disk_linear(struct lvm_disk_text *text, const char *name, const char *member, unsigned first_extent,
		     unsigned extents);

void lvm_disk_end(struct lvm_disk_text *text);
