/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the session had in Thaw's place, for an exported core: in the image it is elsewhere, and a debugger that follows
 * the session's page tables would miss it.
 */
#pragma once

#include "tools/thaw_core.h"

/* A plain core that is being written. */
struct core_out {
	const struct core_file *file;
	int descriptor;
	uint64_t header_bytes; /* room for its header part: that of the image and one program header, whole pages */
	uint64_t data_end;     /* the image's data lies in [header_bytes, data_end) */
};

/* Sets header_bytes and data_end for out->file. */
void region_places_set(struct core_out *out);

/*
 * Writes it at data_end, once all data is there. *first_out, *pages_out: the frames, 0 pages where the kernel's list of
 * them is not found (said). False: said.
 */
bool region_write(const struct core_out *out, const char *path, struct pfn *first_out, uint64_t *pages_out);

/* The header part with these frames in it (0 pages: none); chunk table and note say that all is plain. To be freed. */
uint8_t *region_header_make(const struct core_out *out, struct pfn first, uint64_t pages);
