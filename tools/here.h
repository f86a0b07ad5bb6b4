/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This machine as an image would find it: is every frame of the image RAM in the firmware's memory map
 * (/sys/firmware/memmap), is the map the same, is the hardware's signature?
 */
#pragma once

#include "mm/memory_map.h"
#include "tools/tree.h"

struct here {
	struct memory_map map;
	uint32_t checksum; /* as Linux takes it */
	bool has_signature;
	uint32_t signature; /* ACPI 6.4, 5.2.10: the FACS's; root only */
	uint64_t right_frames;
	uint64_t wrong_frames;
	uint64_t first_wrong;
	struct memory_range last; /* where the last frame was found */
};

/* False, with *reason_out (static text): there is no map, or it contradicts itself. */
bool here_read(const struct tree *tree, struct here *here_out, const char **reason_out);

/* Counts frames [pfn, pfn + count). */
void here_note(struct here *here, uint64_t pfn, uint64_t count);
