/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical volumes of LVM2: the label, and where the metadata text is (lib/format_text/layout.h, lib/label/label.c,
 * lib/format_text/format-text.c of LVM2). docs/finding-the-image.md says what is understood.
 */
#pragma once

#include "disk/reader.h"

/* 32 characters and a NUL: without the hyphens that LVM2 prints. */
#define LVM_UUID_BYTES 33

/* pvcreate makes one or two. */
#define LVM_AREAS_MAX 2

/* Of one volume group; a text has about 300 bytes for each logical volume. */
#define LVM_TEXT_BYTES_MAX (256 * KIB)

/* A metadata area, in bytes from the start of the partition. */
struct lvm_area {
	uint64_t start;
	uint64_t bytes;
};

struct lvm_pv {
	char uuid[LVM_UUID_BYTES];
	uint32_t area_count; /* 0: the metadata is on other physical volumes */
	struct lvm_area areas[LVM_AREAS_MAX];
};

/*
 * Reads the label. STATUS_NOT_FOUND: no physical volume; STATUS_CORRUPT: a wrong checksum, or contradictions;
 * STATUS_UNSUPPORTED: more metadata areas; the reader's errors. *reason_out: static text, written with every error.
 */
nodiscard enum status lvm_pv_read(const struct disk_reader *reader, struct lvm_pv *pv_out, const char **reason_out);

/*
 * Reads the text of a metadata area into chars_out (LVM_TEXT_BYTES_MAX). STATUS_NOT_FOUND: the area is empty or not in
 * use; STATUS_CORRUPT, STATUS_UNSUPPORTED (too long), the reader's errors. *reason_out: as above.
 */
nodiscard enum status lvm_area_read(const struct disk_reader *reader, const struct lvm_area *area, char *chars_out,
				    size_t *bytes_out, const char **reason_out);
