/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacking zlib streams: what zlib packs, in every kind of block, and what zlib refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "image/inflate.h"

#define STREAM_MAX 8192

enum content { ZEROES, RANDOM, TEXT, SPARSE, LONG_WORDS, CONTENTS };

static struct inflate work;
static struct page page; /* what is to come out */
static uint8_t packed[STREAM_MAX];

static uint32_t next_random(void)
{
	static uint32_t state = 1;

	state = state * 1664525u + 1013904223u;
	return state >> 8;
}

static void fill(enum content content)
{
	uint8_t *bytes = page.bytes;

	memset(&page, 0, sizeof(page));
	for (size_t i = 0; i < sizeof(page); i++) {
		const uint32_t random = next_random();

		if (content == RANDOM)
			bytes[i] = (uint8_t)random;
		else if (content == TEXT)
			bytes[i] = (uint8_t)("etaoin shrdlu"[random % 13]);
		else if (content == SPARSE)
			bytes[i] = random % 50 == 0 ? (uint8_t)(random >> 8) : 0;
		else if (content == LONG_WORDS) /* each value half as often as the one before: long code words */
			bytes[i] = (uint8_t)(__builtin_ctz((unsigned)(i + 1) | 1u << 14) * 7);
	}
}

static size_t pack(int level, int strategy, int window_bits)
{
	z_stream stream = {
		.next_in = page.bytes, .avail_in = sizeof(page), .next_out = packed, .avail_out = STREAM_MAX};

	assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, strategy), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&stream), Z_OK);
	return stream.total_out;
}

/* From memory of exactly the right size, so that a byte too many is found. */
static enum status unpack(const uint8_t *bytes, size_t count, size_t out_bytes)
{
	uint8_t *in = malloc(count), *out = malloc(out_bytes);
	enum status status;

	memcpy(in, bytes, count);
	memset(out, 0xA5, out_bytes);
	status = inflate_zlib(&work, in, count, out, out_bytes);
	if (status == STATUS_OK)
		assert_memory_equal(out, page.bytes, out_bytes);
	free(in);
	free(out);
	return status;
}

static void test_every_kind_of_stream_is_unpacked(void **state)
{
	static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};

	(void)state;
	for (enum content content = ZEROES; content < CONTENTS; content++)
		for (int level = 0; level <= 9; level++)
			for (size_t i = 0; i < ARRAY_COUNT(strategies); i++)
				for (int window_bits = 9; window_bits <= 15; window_bits += 3) {
					fill(content);
					assert_int_equal(
						unpack(packed, pack(level, strategies[i], window_bits), PAGE_BYTES),
						STATUS_OK);
				}
}

static void test_a_stream_must_make_exactly_the_page(void **state)
{
	(void)state;
	for (enum content content = ZEROES; content < CONTENTS; content++) {
		size_t bytes;

		fill(content);
		bytes = pack(6, Z_DEFAULT_STRATEGY, 15);
		assert_int_equal(unpack(packed, bytes, PAGE_BYTES - 1), STATUS_CORRUPT);
		assert_int_equal(unpack(packed, bytes, PAGE_BYTES + 1), STATUS_CORRUPT);
		assert_int_equal(unpack(packed, bytes + 1, PAGE_BYTES), STATUS_CORRUPT);
		for (size_t cut = 0; cut < bytes; cut++)
			assert_int_equal(unpack(packed, cut, PAGE_BYTES), STATUS_CORRUPT);
	}
}

/* With zlib's own verdict: what its checksum does not see may pass, as the same page. */
static void test_every_flipped_bit_is_found(void **state)
{
	(void)state;
	for (enum content content = ZEROES; content < CONTENTS; content++) {
		size_t bytes;

		fill(content);
		bytes = pack(9, Z_DEFAULT_STRATEGY, 15);
		for (size_t bit = 0; bit < bytes * 8; bit++) {
			uLongf made = PAGE_BYTES;
			uLong used = bytes;
			bool good;

			packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			good = uncompress2(page.bytes, &made, packed, &used) == Z_OK && made == PAGE_BYTES &&
			       used == bytes;
			assert_int_equal(unpack(packed, bytes, PAGE_BYTES), good ? STATUS_OK : STATUS_CORRUPT);
			packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

/* Streams written by hand, each refused for one reason; the first is good. */
static void test_bad_streams_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t count;
	} bad[] = {
		{{0x78, 0x01, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x62}, 12},
		{{0x79, 0x00, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x62}, 12}, /* method */
		{{0x88, 0x1C, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x62}, 12}, /* window */
		{{0x78, 0x20, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x62}, 12}, /* dictionary */
		{{0x78, 0x02, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x62}, 12}, /* check */
		{{0x78, 0x01, 0x01, 0x01, 0x00, 0xFE, 0xFE, 'a', 0x00, 0x62, 0x00, 0x62}, 12}, /* inverted length */
		{{0x78, 0x01, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x63}, 12}, /* checksum */
		{{0x78, 0x01, 0x07, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x00, 0x62, 0x00, 0x62}, 12}, /* block type 3 */
		{{0x78, 0x01, 0x01, 0x02, 0x00, 0xFD, 0xFF, 'a', 'a', 0x01, 0x26, 0x00}, 12},  /* two bytes */
		{{0x78, 0x01, 0x03, 0x02, 0x00, 0x00, 0x00, 0x00}, 8}, /* match before any byte */
	};

	(void)state;
	page.bytes[0] = 'a';
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(unpack(bad[i].bytes, bad[i].count, 1), i == 0 ? STATUS_OK : STATUS_CORRUPT);
}

/* A code with one word for distances, which zlib allows: the other word is none. */
static void test_a_word_that_is_none_is_refused(void **state)
{
	uint8_t stream[] = {0x78, 0x01, 0x0D, 0xC0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x80,
			    0x20, 0xD6, 0xFC, 0x25, 0x3E, 0x0B, 0x03, 0xCE, 0x01, 0x85};

	(void)state;
	memset(page.bytes, 'a', 4);
	assert_int_equal(unpack(stream, sizeof(stream), 4), STATUS_OK);
	stream[15] ^= 0x04;
	assert_int_equal(unpack(stream, sizeof(stream), 4), STATUS_CORRUPT);
}

/* 286 words for literals and lengths, though 288 have a meaning in the fixed code. */
static void test_too_many_words_are_refused(void **state)
{
	static const uint8_t counts[] = {0xED, 0xF5, 0xFD}, zeroes[] = {0x4E, 0x52, 0x56};
	uint8_t stream[] = {0x78, 0x01, 0xED, 0xC0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x00,
			    0x90, 0x56, 0xFF, 0x13, 0x4E, 0x04, 0x00, 0x62, 0x00, 0x62};

	(void)state;
	page.bytes[0] = 'a';
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		stream[2] = counts[i];
		stream[14] = zeroes[i];
		assert_int_equal(unpack(stream, sizeof(stream), 1), i == 0 ? STATUS_OK : STATUS_CORRUPT);
	}
}

/* The checksum is right for what was in the buffer before. */
static void test_a_short_page_is_refused(void **state)
{
	static const uint8_t stream[] = {0x78, 0x01, 0x01, 0x01, 0x00, 0xFE, 0xFF, 'a', 0x01, 0x69, 0x01, 0x07};

	(void)state;
	assert_int_equal(unpack(stream, sizeof(stream), 2), STATUS_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_stream_is_unpacked),
		cmocka_unit_test(test_a_stream_must_make_exactly_the_page),
		cmocka_unit_test(test_every_flipped_bit_is_found),
		cmocka_unit_test(test_bad_streams_are_refused),
		cmocka_unit_test(test_a_word_that_is_none_is_refused),
		cmocka_unit_test(test_too_many_words_are_refused),
		cmocka_unit_test(test_a_short_page_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
