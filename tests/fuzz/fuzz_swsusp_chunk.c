/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacking of one chunk: a byte for the codec, a byte for the pages, the packed bytes; neither side may be left. */
#include "image/swsusp.h"
#include "lib/string.h"
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t out_bytes = size < 2 ? 0 : (data[1] % SWSUSP_CHUNK_PAGES + 1) * PAGE_BYTES;
	uint8_t *packed = malloc(size < 2 ? 1 : size - 2);
	uint8_t *out = malloc(out_bytes);

	if (size >= 2)
		(void)!swsusp_chunk_unpack(data[0] % 2 ? SWSUSP_LZ4 : SWSUSP_LZO, memcpy(packed, data + 2, size - 2),
					   (uint32_t)size - 2, out, out_bytes);
	free(packed);
	free(out);
	return 0;
}
