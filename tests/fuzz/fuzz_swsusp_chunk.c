/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacks one chunk: a byte for the codec, a byte for the pages, the packed bytes. Nothing behind the pages changes. */
#include "image/swsusp.h"
#include "lib/string.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[(SWSUSP_CHUNK_PAGES + 1) * PAGE_BYTES], guard[PAGE_BYTES];
	uint32_t out_bytes;

	if (size < 2)
		return 0;
	out_bytes = (data[1] % SWSUSP_CHUNK_PAGES + 1) * PAGE_BYTES;
	memset(out + out_bytes, 0, PAGE_BYTES);
	(void)!swsusp_chunk_unpack(data[0] % 2 ? SWSUSP_LZ4 : SWSUSP_LZO, data + 2, (uint32_t)size - 2, out, out_bytes);
	if (memcmp(out + out_bytes, guard, PAGE_BYTES) != 0)
		__builtin_trap(); /* the libraries are not instrumented */
	return 0;
}
