/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds a map from hostile firmware entries (17 bytes each) and asks all questions of it; RAM from 0 to its end must
 * be as large as that. */
#include "mm/memory_map.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory_range entries[600];
	static struct memory_map map;
	uint32_t count = 0;

	for (; size >= 17 && count < 600; data += 17, size -= 17, count++) {
		memcpy(&entries[count].start, data, 8);
		memcpy(&entries[count].end, data + 8, 8);
		entries[count].type = data[16];
	}
	if (memory_map_build(entries, count, &map) == STATUS_OK &&
	    memory_map_covers(&map, 0, memory_map_ram_end(&map), MEMORY_RAM) &&
	    memory_map_ram_bytes(&map) != memory_map_ram_end(&map))
		__builtin_trap();
	return memory_map_checksum(&map) == 0 ? -1 : 0;
}
