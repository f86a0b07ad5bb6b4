/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Own LZ4 against the library: two bytes of size, then the block. What is accepted must come out the same. */
#include "image/lz4_block.h"
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t bytes = size < 3 ? 1 : (uint32_t)(data[0] | data[1] << 8) + 1;
	uint8_t *own = malloc(bytes), *library = malloc(bytes);
	if (size >= 3 && lz4_block_unpack(data + 2, (uint32_t)size - 2, own, bytes) == STATUS_OK)
		if (LZ4_decompress_safe((const char *)data + 2, (char *)library, (int)size - 2, (int)bytes) !=
			    (int)bytes ||
		    memcmp(own, library, bytes) != 0)
			__builtin_trap();
	free(own);
	free(library);
	return 0;
}
