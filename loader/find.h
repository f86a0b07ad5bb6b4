/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the image: every volume is looked at, or the one that resume= names. docs/finding-the-image.md
 * has the rules as tables.
 */
#pragma once

#include "drivers/linear.h"
#include "image/swsusp.h"
#include "loader/options.h"
#include "loader/volume.h"
#include "mm/arena.h"

enum image_kind {
	IMAGE_SWSUSP, /* of a hibernation */
	IMAGE_CORE,   /* of a kexec jump: header_bytes is its anchor */
	IMAGE_DUMP,   /* of one, by another program: header_bytes is its first page; only where it is named */
};

/* An image that was found: where it is, and its header as read. */
struct found_image {
	bool exists; /* always written: there is an image, also if find_image fails */
	struct block_device *device;
	char name[VOLUME_NAME_BYTES]; /* "ahci0.1p5": the disk's name, 'p' and the partition number; or "vg-lv" */
	uint64_t start_lba;           /* of the resume device, in sectors of the device */
	uint64_t device_pages;        /* pages of the resume device */
	uint64_t header_page;         /* page of the resume device that is the header: resume_offset, or 0 */
	enum image_kind kind;
	struct swsusp_header header; /* of a hibernation */
	struct page header_bytes;    /* the header page as it stood on disk */
	bool is_logical;             /* device is &linear.device, whose anchor is the header's sector */
	struct linear_disk linear;
};

/*
 * Follows design.md, invariant 8: own names the device, else kernel (the normal kernel's own resume=) does, else the
 * only image on all disks. resume_offset= is taken from own, else from the command line that names the device; without
 * a name it applies to every partition. A RESUME_NODE name is accepted when exactly one image exists, and its
 * partition number is not another one than the name's. A disk that can't be read is logged and passed over, but when
 * nothing else is found it is the reason.
 *
 * STATUS_OK: *found_out. Errors, with *reason_out (static text, always written):
 * STATUS_NOT_FOUND    no image, on the device that is named or anywhere;
 * STATUS_AMBIGUOUS    several images and no name, or several devices of the same name;
 * STATUS_UNSUPPORTED  from the header; resume= was not understood; it names a mapped device that is no linear logical
 *                     volume, or a UUID or label that is nowhere while there are containers that Thaw does not read;
 *                     a member of a RAID array;
 * STATUS_CORRUPT      from the header; a filesystem's superblock in the same page;
 * STATUS_IO_ERROR     the device, or a disk that might hold it, can't be read; STATUS_TIMEOUT: nor does it answer;
 * STATUS_NO_MEMORY.
 * The arena is used for scratch (under 160 KiB, and 512 KiB more with LVM2) and rewound.
 */
nodiscard enum status find_image(const struct block_registry *registry, const struct resume_spec *own,
				 const struct resume_spec *kernel, struct arena *arena, struct found_image *found_out,
				 const char **reason_out);

/*
 * True for the reason that find_image gave when nothing has the name of resume=: it may be on a disk that was not
 * brought up.
 */
bool find_names_nothing(const char *reason);
