/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is packed comes out the same through the library and through lz4_block, and never passes its bound.
 */
#include "image/lz4_compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>

#include "image/core_layout.h"
#include "image/lz4_block.h"
#include "tests/unit/noise.h"

#define SIZE (128 * 1024)

static uint32_t table[LZ4_COMPRESS_TABLE_ENTRIES];

/* Buffers of the exact size, so that the sanitizer sees a byte too many. Returns the packed size. */
static uint32_t check_round_trip(const uint8_t *bytes, uint32_t count, uint32_t bound)
{
	uint8_t *raw = malloc(count);
	uint8_t *packed = malloc(bound);
	uint8_t *out = malloc(count);
	uint32_t packed_bytes;

	assert_non_null(raw);
	assert_non_null(packed);
	assert_non_null(out);
	memcpy(raw, bytes, count);
	memset(table, 0xa5, sizeof(table));
	packed_bytes = lz4_compress(raw, count, packed, bound, table);
	assert_true(packed_bytes <= bound);
	if (packed_bytes != 0) {
		assert_int_equal(lz4_block_unpack(packed, packed_bytes, out, count), STATUS_OK);
		assert_memory_equal(out, bytes, count);
		memset(out, 0, count);
		assert_int_equal(LZ4_decompress_safe((char *)packed, (char *)out, (int)packed_bytes, (int)count),
				 count);
		assert_memory_equal(out, bytes, count);
	}
	free(raw);
	free(packed);
	free(out);
	return packed_bytes;
}

static void blocks_come_back(void **state)
{
	static uint8_t bytes[SIZE];

	(void)state;
	for (uint64_t seed = 0; seed < 400; seed++) {
		const uint32_t count = seed < 100 ? (uint32_t)seed + 1 : 100 + (uint32_t)(seed * seed % 5000);

		noise_fill_copies(bytes, count, seed, seed % 3 == 0 ? 16 : 3000);
		assert_int_not_equal(check_round_trip(bytes, count, 2 * count + 20), 0);
	}
	/* Beyond the reach of an offset, and at its very edge. */
	for (uint64_t seed = 0; seed < 12; seed++) {
		noise_fill_copies(bytes, SIZE, seed, 70000);
		assert_int_not_equal(check_round_trip(bytes, SIZE, 2 * SIZE), 0);
	}
	for (uint32_t distance = 65530; distance < 65542; distance++) {
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes + 100, "Where is it now?", 16);
		memcpy(bytes + 100 + distance, "Where is it now?", 16);
		check_round_trip(bytes, SIZE, SIZE);
	}
}

static void runs_of_any_length_come_back(void **state)
{
	static uint8_t bytes[3000];

	(void)state;
	for (uint32_t count = 1; count < sizeof(bytes); count += count < 600 ? 1 : 17) {
		memset(bytes, 'x', count);
		assert_int_not_equal(check_round_trip(bytes, count, count + 20), 0);
		bytes[count - 1] = 'y';
		bytes[count / 2] = 'z';
		assert_int_not_equal(check_round_trip(bytes, count, count + 20), 0);
	}
}

static void memory_is_packed_well(void **state)
{
	static uint8_t bytes[SIZE];
	static char library[SIZE];
	uint32_t own;
	uint32_t best;

	(void)state;
	assert_true(check_round_trip(bytes, SIZE, SIZE) < 600);
	/* Text-like data: at most a quarter above the library's own. */
	noise_fill_copies(bytes, SIZE, 1, 3000);
	own = check_round_trip(bytes, SIZE, SIZE);
	best = (uint32_t)LZ4_compress_default((const char *)bytes, library, SIZE, SIZE);
	assert_true(own < best + best / 4);
}

/* Every bound below what is needed, and a little above. */
static void too_little_room_is_reported(void **state)
{
	static uint8_t bytes[2000];
	const uint32_t lengths[] = {1, 14, 15, 16, 300, 2000, 2000};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		uint32_t whole;

		noise_fill_copies(bytes, lengths[i], i, 500);
		if (i == ARRAY_COUNT(lengths) - 1)
			memset(bytes, 'x', sizeof(bytes));
		whole = check_round_trip(bytes, lengths[i], 2 * lengths[i] + 20);
		for (uint32_t bound = 1; bound < whole + 20; bound++) {
			const uint32_t packed_bytes = check_round_trip(bytes, lengths[i], bound);

			if (bound < whole)
				assert_int_equal(packed_bytes, 0);
			if (bound >= whole + 4)
				assert_int_equal(packed_bytes, whole);
		}
	}
}

/* --- chunks ----------------------------------------------------------------------------------------------------------
 */

static struct page raw_pages[CORE_CHUNK_PAGES];
static struct page packed_pages[CORE_PACK_OUT_BYTES / sizeof(struct page)];
static struct page out_pages[CORE_CHUNK_PAGES];
static uint64_t work[CORE_PACK_WORK_BYTES / 8];

static uint32_t chunk_pack(enum core_codec codec, uint32_t pages)
{
	memset(packed_pages, 0xee, sizeof(packed_pages));
	return core_chunk_pack(codec, raw_pages->bytes, pages * PAGE_BYTES, packed_pages->bytes, work);
}

static void chunks_come_back(void **state)
{
	static const enum core_codec codecs[] = {CORE_LZO, CORE_LZ4};

	(void)state;
	/* Copies of one page, each with a few bytes changed. */
	for (uint32_t i = 0; i < CORE_CHUNK_PAGES; i++) {
		noise_fill_copies(raw_pages[i].bytes, PAGE_BYTES, 7, 3000);
		memset(raw_pages[i].bytes + i * 100, (int)i, 50);
	}
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		for (uint32_t pages = 8; pages <= CORE_CHUNK_PAGES; pages++) {
			const uint32_t bytes = chunk_pack(codecs[i], pages);

			assert_true(bytes <= (pages - 1) * PAGE_BYTES);
			for (uint64_t at = bytes; at % PAGE_BYTES != 0; at++)
				assert_int_equal(packed_pages->bytes[at], 0);
			assert_int_equal(core_chunk_unpack(codecs[i], packed_pages->bytes, bytes, out_pages->bytes,
							   pages * PAGE_BYTES),
					 STATUS_OK);
			assert_memory_equal(out_pages, raw_pages, pages * PAGE_BYTES);
			assert_int_equal(core_chunk_unpack(codecs[i], packed_pages->bytes, bytes - 1, out_pages->bytes,
							   pages * PAGE_BYTES),
					 STATUS_CORRUPT);
		}
	}
}

static void chunks_that_save_no_page_stay(void **state)
{
	static const enum core_codec codecs[] = {CORE_PLAIN, CORE_LZO, CORE_LZ4};
	uint64_t seed = 1;

	(void)state;
	memset(raw_pages, 0, sizeof(raw_pages));
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++)
		assert_int_equal(chunk_pack(codecs[i], 1), PAGE_BYTES);
	assert_int_equal(chunk_pack(CORE_PLAIN, 8), 8 * PAGE_BYTES);
	for (size_t i = 0; i < sizeof(raw_pages); i++)
		raw_pages->bytes[i] = (uint8_t)noise_next(&seed);
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++)
		assert_int_equal(chunk_pack(codecs[i], CORE_CHUNK_PAGES), sizeof(raw_pages));
	/* A little less, but not by a page. */
	memset(raw_pages, 0, 3500);
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++)
		assert_int_equal(chunk_pack(codecs[i], CORE_CHUNK_PAGES), sizeof(raw_pages));
	memset(raw_pages, 0, 5500);
	for (size_t i = 1; i < ARRAY_COUNT(codecs); i++)
		assert_in_range(chunk_pack(codecs[i], CORE_CHUNK_PAGES), 1, sizeof(raw_pages) - PAGE_BYTES);
}

static void chunks_stored_as_they_are_are_copied(void **state)
{
	(void)state;
	noise_fill_copies(raw_pages->bytes, sizeof(raw_pages), 9, 3000);
	assert_int_equal(core_chunk_unpack(CORE_PLAIN, raw_pages->bytes, 8192, out_pages->bytes, 8192), STATUS_OK);
	assert_memory_equal(out_pages, raw_pages, 8192);
	assert_int_equal(core_chunk_unpack(CORE_PLAIN, raw_pages->bytes, 4096, out_pages->bytes, 8192), STATUS_INVALID);
	assert_int_equal(core_chunk_unpack(CORE_LZ4, raw_pages->bytes, 8193, out_pages->bytes, 8192), STATUS_INVALID);
	assert_int_equal(core_chunk_unpack(CORE_LZ4, raw_pages->bytes, 0, out_pages->bytes, 8192), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_come_back),
		cmocka_unit_test(runs_of_any_length_come_back),
		cmocka_unit_test(memory_is_packed_well),
		cmocka_unit_test(too_little_room_is_reported),
		cmocka_unit_test(chunks_come_back),
		cmocka_unit_test(chunks_that_save_no_page_stay),
		cmocka_unit_test(chunks_stored_as_they_are_are_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
