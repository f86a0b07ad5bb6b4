/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A page in a zlib stream: the verdict and the page are zlib's. */
#include "image/inflate.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct inflate work;
	static struct page expected;
	uLongf made = PAGE_BYTES;
	uLong used = size;
	uint8_t *out = malloc(PAGE_BYTES);
	const bool good = uncompress2(expected.bytes, &made, data, &used) == Z_OK && made == PAGE_BYTES && used == size;
	if ((inflate_zlib(&work, data, size, out, PAGE_BYTES) == STATUS_OK) != good ||
	    (good && memcmp(out, &expected, PAGE_BYTES) != 0))
		__builtin_trap();
	free(out);
	return 0;
}
