/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes kexec-jump images in memory for tests, of a small machine whose frames are drawn as a text: 'D' data, 'Z' zero,
 * '.' no memory, from frame 0 on.
 */
#pragma once

#include "image/core_layout.h"

#define CORE_IMAGE_ENTRY 0x345 /* in the first frame with data */

struct core_image {
	const char *map;
	struct core_layout layout;
	uint8_t *header;
	uint64_t header_bytes;
	struct core built;   /* as core_header_build left it */
	struct page *stored; /* the chunks, as they go to disk */
	uint64_t stored_pages;
	struct core_anchor anchor; /* VALID and sealed; one extent from partition page 1 on */
};

/* The frames of a text, which is the context. */
bool core_image_next_run(void *context, struct pfn from, struct core_run *run_out);

/* What is in a frame with data; every third can't be packed. */
void core_image_fill(struct page *page, uint64_t pfn);

void core_image_make(struct core_image *image, const char *map, enum core_codec codec, const char *vmcoreinfo);
void core_image_free(struct core_image *image);

/* Header and chunks as the anchor describes them, after a change to the header: its checksum and the anchor's. */
void core_image_seal(struct core_image *image);
