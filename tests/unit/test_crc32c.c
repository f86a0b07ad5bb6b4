/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-32C: the examples of RFC 3720 (appendix B.4), and a bit-by-bit reference.
 */
#include "lib/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ext_image.h"

static void test_known(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(~crc32c_update(UINT32_MAX, "123456789", 9), 0xE3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(~crc32c_update(UINT32_MAX, bytes, sizeof(bytes)), 0x8A9136AA);
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(~crc32c_update(UINT32_MAX, bytes, sizeof(bytes)), 0x62A8AB43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(~crc32c_update(UINT32_MAX, bytes, sizeof(bytes)), 0x46DD794E);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(~crc32c_update(UINT32_MAX, bytes, sizeof(bytes)), 0x113FDB5C);
}

static void test_every_byte(void **state)
{
	(void)state;
	for (uint32_t value = 0; value < 256; value++) {
		const uint8_t byte = (uint8_t)value;

		assert_int_equal(crc32c_update(0, &byte, 1), ext_image_crc(0, &byte, 1));
		assert_int_equal(crc32c_update(0x12345678, &byte, 1), ext_image_crc(0x12345678, &byte, 1));
	}
}

/* In parts as in one piece; nothing of nothing. */
static void test_parts(void **state)
{
	static const char text[] = "Several calls continue one checksum.";
	const uint32_t whole = crc32c_update(7, text, sizeof(text));

	(void)state;
	for (size_t cut = 0; cut <= sizeof(text); cut++)
		assert_int_equal(crc32c_update(crc32c_update(7, text, cut), text + cut, sizeof(text) - cut), whole);
	assert_int_equal(crc32c_update(7, text, 0), 7);
	assert_int_equal(whole, ext_image_crc(7, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
