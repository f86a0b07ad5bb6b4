/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map as Linux keeps it (Documentation/ABI/testing/sysfs-firmware-memmap), and the FACS.
 */
#include "tools/here.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span.h"
#include "tools/procfs.h"

#define MEMMAP         "/sys/firmware/memmap"
#define FACS           "/sys/firmware/acpi/tables/FACS"
#define FACS_BYTES_MAX 4096
#define FACS_SIGNATURE 8 /* of the hardware */

static bool entry_read(const struct tree *tree, const char *name, struct memory_range *range_out)
{
	char path[TREE_PATH_BYTES];
	char start[64];
	char last[64];
	char type[64];

	snprintf(path, sizeof(path), MEMMAP "/%s/start", name);
	if (!tree_read_line(tree, path, start, sizeof(start)))
		return false;
	snprintf(path, sizeof(path), MEMMAP "/%s/end", name);
	if (!tree_read_line(tree, path, last, sizeof(last)))
		return false;
	snprintf(path, sizeof(path), MEMMAP "/%s/type", name);
	return tree_read_line(tree, path, type, sizeof(type)) && procfs_memmap_entry(start, last, type, range_out);
}

static void signature_read(const struct tree *tree, struct here *here)
{
	size_t bytes;
	char *table = tree_read(tree, FACS, FACS_BYTES_MAX, &bytes);
	struct span span;

	if (table == NULL)
		return;
	span = span_of(table, bytes);
	if (bytes >= 4 && memcmp(table, "FACS", 4) == 0) {
		here->signature = span_u32(&span, FACS_SIGNATURE);
		here->has_signature = span_ok(&span);
	}
	free(table);
}

bool here_read(const struct tree *tree, struct here *here_out, const char **reason_out)
{
	static struct tree_name names[MEMORY_RANGES_MAX];
	static struct memory_range ranges[MEMORY_RANGES_MAX];
	const size_t count = tree_list(tree, MEMMAP, names, MEMORY_RANGES_MAX);
	const char *reason = "this system has no " MEMMAP;
	bool good = count > 0;

	memset(here_out, 0, sizeof(*here_out));
	for (size_t i = 0; good && i < count; i++) {
		reason = "an entry of " MEMMAP " can't be read";
		good = entry_read(tree, names[i].text, &ranges[i]);
	}
	if (good) {
		reason = MEMMAP " contradicts itself";
		good = memory_map_build(ranges, (uint32_t)count, &here_out->map) == STATUS_OK;
	}
	if (!good) {
		*reason_out = reason;
		return false;
	}
	here_out->checksum = memory_map_checksum(&here_out->map);
	signature_read(tree, here_out);
	return true;
}

static bool frame_is_ram(struct here *here, uint64_t pfn)
{
	const uint64_t start = pfn * PAGE_BYTES;

	/* Frames come in order: most lie in the range of the one before. */
	if (start >= here->last.start && start + PAGE_BYTES <= here->last.end)
		return here->last.type == MEMORY_RAM;
	for (uint32_t i = 0; i < here->map.count; i++) {
		if (start >= here->map.ranges[i].start && start < here->map.ranges[i].end)
			here->last = here->map.ranges[i];
	}
	return memory_map_covers(&here->map, start, start + PAGE_BYTES, MEMORY_RAM);
}

void here_note(struct here *here, uint64_t pfn, uint64_t count)
{
	for (; count > 0; count--, pfn++) {
		if (pfn < BIT64(52) && frame_is_ram(here, pfn)) {
			here->right_frames++;
			continue;
		}
		if (here->wrong_frames == 0)
			here->first_wrong = pfn;
		here->wrong_frames++;
	}
}
