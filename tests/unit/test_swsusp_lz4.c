/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LZ4 block format: blocks made by the library, blocks made by hand, and every way to break one.
 */
#include "image/lz4_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>

#include "tests/unit/noise.h"

#define SIZE 5000

/* Buffers of the exact size, so that the sanitizer sees a byte too many. */
static enum status unpack(const uint8_t *packed, uint32_t packed_bytes, uint8_t *out, uint32_t out_bytes)
{
	uint8_t *in = malloc(packed_bytes);
	uint8_t *exact = malloc(out_bytes);
	enum status status;

	assert_non_null(in);
	assert_non_null(exact);
	memcpy(in, packed, packed_bytes);
	memset(exact, 0, out_bytes);
	status = lz4_block_unpack(in, packed_bytes, exact, out_bytes);
	if (status == STATUS_OK)
		memcpy(out, exact, out_bytes);
	free(in);
	free(exact);
	return status;
}

static void blocks_of_the_library_are_unpacked(void **state)
{
	static uint8_t bytes[SIZE];
	static uint8_t packed[2 * SIZE];
	static uint8_t out[SIZE];

	(void)state;
	for (uint64_t seed = 0; seed < 600; seed++) {
		const uint32_t count = seed < 100 ? (uint32_t)seed + 1 : SIZE - (uint32_t)seed;
		uint32_t packed_bytes;

		noise_fill_copies(bytes, count, seed, seed % 3 == 0 ? 16 : 3000);
		packed_bytes =
			(uint32_t)LZ4_compress_default((const char *)bytes, (char *)packed, (int)count, sizeof(packed));
		assert_int_not_equal(packed_bytes, 0);
		assert_int_equal(unpack(packed, packed_bytes, out, count), STATUS_OK);
		assert_memory_equal(out, bytes, count);
		assert_int_equal(unpack(packed, packed_bytes, out, count + 1), STATUS_CORRUPT);
		assert_int_equal(unpack(packed, packed_bytes - 1, out, count), STATUS_CORRUPT);
		if (count > 1)
			assert_int_equal(unpack(packed, packed_bytes, out, count - 1), STATUS_CORRUPT);
	}
}

/* 16 literals, one match, 5 literals. Returns the size of the block; the match is at least 19 bytes long. */
static uint32_t block_make(uint8_t *block, uint32_t offset, uint32_t match_bytes)
{
	uint8_t *next = block;
	uint32_t rest = match_bytes - 4 - 15;

	*next++ = 0xff;
	*next++ = 16 - 15;
	for (uint8_t i = 0; i < 16; i++)
		*next++ = (uint8_t)(0x30 + i);
	*next++ = (uint8_t)offset;
	*next++ = (uint8_t)(offset >> 8);
	for (; rest >= 255; rest -= 255)
		*next++ = 255;
	*next++ = (uint8_t)rest;
	*next++ = 0x50;
	memcpy(next, "TAIL!", 5);
	return (uint32_t)(next + 5 - block);
}

/* Every short offset, each length, up to the very end. */
static void matches_may_overlap(void **state)
{
	uint8_t block[64];
	uint8_t out[2000];

	(void)state;
	for (uint32_t offset = 1; offset <= 16; offset++) {
		for (uint32_t match = 19; match < 600; match++) {
			const uint32_t packed_bytes = block_make(block, offset, match);

			assert_int_equal(unpack(block, packed_bytes, out, 16 + match + 5), STATUS_OK);
			for (uint32_t i = 0; i < match; i++)
				assert_int_equal(out[16 + i], 0x30 + 16 - offset + i % offset);
			assert_memory_equal(out + 16 + match, "TAIL!", 5);
		}
	}
}

static void broken_blocks_are_refused(void **state)
{
	uint8_t block[64];
	uint8_t out[2000];
	const uint32_t packed_bytes = block_make(block, 16, 100);
	static const uint8_t literals_only[] = {0x30, 'a', 'b', 'c'};
	static const uint8_t empty[] = {0};

	(void)state;
	assert_int_equal(unpack(block, packed_bytes, out, 121), STATUS_OK);
	for (uint32_t cut = 1; cut < packed_bytes; cut++)
		assert_int_equal(unpack(block, cut, out, 121), STATUS_CORRUPT);
	for (uint32_t size = 1; size < 200; size++)
		assert_int_equal(unpack(block, packed_bytes, out, size), size == 121 ? STATUS_OK : STATUS_CORRUPT);
	block_make(block, 17, 100);
	assert_int_equal(unpack(block, packed_bytes, out, 121), STATUS_CORRUPT);
	block_make(block, 0, 100);
	assert_int_equal(unpack(block, packed_bytes, out, 121), STATUS_CORRUPT);
	/* A match that leaves fewer than five literals. */
	block_make(block, 16, 101);
	block[packed_bytes - 6] = 0x40;
	assert_int_equal(unpack(block, packed_bytes - 1, out, 121), STATUS_CORRUPT);
	/* A block that ends with the length of a match. */
	block_make(block, 16, 4 + 15 + 7 * 255 + 3);
	assert_int_equal(unpack(block, 18 + 2 + 8, out, 16 + 4 + 15 + 7 * 255 + 3 + 5), STATUS_CORRUPT);
	/* Lengths that go on to the end of the block. */
	memset(block, 0xff, sizeof(block));
	assert_int_equal(unpack(block, sizeof(block), out, sizeof(out)), STATUS_CORRUPT);
	assert_int_equal(unpack(literals_only, sizeof(literals_only), out, 3), STATUS_OK);
	assert_memory_equal(out, "abc", 3);
	assert_int_equal(unpack(literals_only, sizeof(literals_only), out, 2), STATUS_CORRUPT);
	assert_int_equal(unpack(literals_only, sizeof(literals_only), out, 4), STATUS_CORRUPT);
	assert_int_equal(unpack(empty, sizeof(empty), out, 1), STATUS_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_the_library_are_unpacked),
		cmocka_unit_test(matches_may_overlap),
		cmocka_unit_test(broken_blocks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
