/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two bytes for each write: offset, length. What is found is where the last write of that byte put it. */
#include "image/flattened.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flattened_write writes[64];
	struct flattened index = {.writes = writes, .capacity = 64};
	uint8_t record[FLATTENED_RECORD_BYTES] = {0}, end[FLATTENED_RECORD_BYTES];
	uint64_t expected[512] = {0}, place, run;
	__builtin_memset(end, 0xFF, sizeof(end));
	for (size_t i = 0; i + 1 < size && i < 128; i += 2) {
		record[7] = data[i], record[15] = data[i + 1];
		for (unsigned k = 0; k < data[i + 1]; k++)
			expected[data[i] + k] = index.next + FLATTENED_RECORD_BYTES + k;
		if (flattened_add(&index, record, UINT64_MAX) != STATUS_OK)
			__builtin_trap();
	}
	for (uint64_t at = flattened_add(&index, end, UINT64_MAX) == STATUS_END ? 0 : 512; at < 512; at++)
		if (flattened_find(&index, at, &place, &run) ? place != expected[at] || run == 0 : expected[at] != 0)
			__builtin_trap();
	return 0;
}
