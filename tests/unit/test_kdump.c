/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of kdump-compressed dumps: each must unpack to just a page. Headers and descriptors: test_restore_dump.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzo/lzo1x.h>
#include <zlib.h>

#include "image/kdump.h"

enum { RAW = 0, ZLIB = 1, LZO = 2 };

static struct inflate work;
static uint8_t text[2 * PAGE_BYTES];

/* A page of so many bytes, packed, in memory of exactly the right size. */
static enum status unpack(uint32_t codec, size_t bytes, uint32_t cut)
{
	static uint8_t lzo_work[LZO1X_1_MEM_COMPRESS] __attribute__((aligned(16)));
	static uint8_t packed[4 * PAGE_BYTES];
	static struct page out;
	uLongf zlib_bytes = sizeof(packed);
	lzo_uint lzo_bytes = 0;
	struct kdump_page page = {.codec = codec, .bytes = (uint32_t)bytes};
	enum status status;
	uint8_t *stored;

	memcpy(packed, text, bytes);
	if (codec == ZLIB) {
		assert_int_equal(compress2(packed, &zlib_bytes, text, bytes, 6), Z_OK);
		page.bytes = (uint32_t)zlib_bytes;
	} else if (codec == LZO) {
		assert_int_equal(lzo1x_1_compress(text, bytes, packed, &lzo_bytes, lzo_work), LZO_E_OK);
		page.bytes = (uint32_t)lzo_bytes;
	}
	page.bytes -= cut;
	stored = malloc(page.bytes);
	memcpy(stored, packed, page.bytes);
	memset(&out, 0x5A, sizeof(out));
	status = kdump_page_unpack(&page, stored, &work, &out);
	if (status == STATUS_OK)
		assert_memory_equal(&out, text, PAGE_BYTES);
	free(stored);
	return status;
}

static void test_a_page_is_a_page(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i / 7 * 31);
	assert_int_equal(unpack(RAW, PAGE_BYTES, 0), STATUS_OK);
	for (uint32_t codec = ZLIB; codec <= LZO; codec++) {
		assert_int_equal(unpack(codec, PAGE_BYTES, 0), STATUS_OK);
		assert_int_equal(unpack(codec, PAGE_BYTES, 1), STATUS_CORRUPT);
		assert_int_equal(unpack(codec, PAGE_BYTES - 1, 0), STATUS_CORRUPT);
		assert_int_equal(unpack(codec, PAGE_BYTES + 1, 0), STATUS_CORRUPT);
		assert_int_equal(unpack(codec, 2 * PAGE_BYTES, 0), STATUS_CORRUPT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_page_is_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
