/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two bytes of room, then what is packed. What fits must come out the same, and everything fits where there is room. */
#include "image/lz4_block.h"
#include "image/lz4_compress.h"
#include <stdlib.h>
#include <string.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint32_t table[LZ4_COMPRESS_TABLE_ENTRIES];
	const uint32_t bytes = size < 3 ? 0 : (uint32_t)size - 2,
		       room = size < 3 ? 1 : (uint32_t)(data[0] | data[1] << 8) + 1;
	uint8_t *packed = malloc(room), *out = malloc(bytes + 1);
	const uint32_t packed_bytes = bytes == 0 ? 0 : lz4_compress(data + 2, bytes, packed, room, table);
	if (packed_bytes > room || (bytes != 0 && packed_bytes == 0 && room > bytes + bytes / 255 + 8) ||
	    (packed_bytes != 0 &&
	     (lz4_block_unpack(packed, packed_bytes, out, bytes) != STATUS_OK || memcmp(out, data + 2, bytes) != 0)))
		__builtin_trap();
	free(packed);
	free(out);
	return 0;
}
