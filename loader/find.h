/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the image: every disk and partition is looked at, or the one that resume= names.
 */
#pragma once

#include "image/swsusp.h"
#include "include/block.h"
#include "loader/options.h"
#include "mm/arena.h"

/* An image that was found: where it is, and its header as read. */
struct found_image {
	struct block_device *device;
	char name[32];          /* "ahci0.1p5": the disk's name, 'p' and the partition number */
	uint64_t start_lba;     /* of the resume device (partition), in device sectors */
	uint64_t device_pages;  /* pages of the resume device */
	uint64_t header_page;   /* device page of the header: resume_offset, or 0 */
	struct swsusp_header header;
	struct page header_bytes; /* the header page as it stood on disk */
};

/*
 * Follows design.md, invariant 8: own names the device, else kernel (the normal kernel's own resume=) does, else the
 * only image on all disks. A disk that can't be read is logged and passed over unless it is the only one that matters.
 * resume_offset without a device name applies to every partition. A RESUME_NODE or RESUME_MAPPER name is accepted when
 * exactly one image exists.
 *
 * STATUS_OK: *found_out. Errors, with *reason_out (static text, always written): STATUS_NOT_FOUND,
 * STATUS_AMBIGUOUS, STATUS_UNSUPPORTED and STATUS_CORRUPT (from the header), STATUS_IO_ERROR, STATUS_NO_MEMORY.
 * The arena is used for scratch and rewound.
 */
nodiscard enum status find_image(const struct block_registry *registry, const struct resume_spec *own,
                                 const struct resume_spec *kernel, struct arena *arena,
                                 struct found_image *found_out, const char **reason_out);
