/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a kexec jump put the session's pages that were in Thaw's place: the kernel's own list of them, by which it
 * brings them back (Linux 6.12: kernel/kexec_core.c, kimage_add_entry; relocate_kernel_64.S keeps its head in the page
 * of the jump-back entry). Pure: the caller reads the pages.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/* STATUS_NOT_FOUND: the image has no such frame. One of zeroes is a page of zeroes. */
typedef enum status kexec_frame_read(void *context, struct pfn frame, struct page *page_out);

struct kexec_places {
	struct pfn start, end; /* Thaw's place */
	struct pfn *sources;   /* the caller's, one for each frame of it: where the page is; 0: it held nothing */
	uint64_t count;        /* of those that are not 0 */
};

/*
 * start, end and sources are set. entry: physical address of the jump-back entry. What is found is complete and
 * consistent: no frame twice, no source in Thaw's place. STATUS_NOT_FOUND: no such list, or several.
 */
nodiscard enum status kexec_places_find(struct kexec_places *places, uint64_t entry, kexec_frame_read *read,
					void *context);
