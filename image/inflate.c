/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zlib streams: RFC 1950 (the wrapping) and RFC 1951 (deflate). As strict as zlib 1.2.13 about incomplete codes.
 */
#include "image/inflate.h"

#include "lib/string.h"

#define ZLIB_METHOD_MASK   0x0Fu
#define ZLIB_DEFLATE       8u
#define ZLIB_WINDOW_MAX    7u
#define ZLIB_DICTIONARY    BIT(5)
#define ZLIB_CHECK_MODULUS 31u
#define ADLER_MODULUS      65521u
#define ADLER_RUN          5552u /* so many bytes do not overflow 32 bits */

#define LITERALS_FIXED   288
#define LITERALS_MAX     286
#define DISTANCES_FIXED  32
#define DISTANCES_MAX    30
#define LENGTH_CODES     19
#define SYMBOL_END       256u
#define SYMBOL_LENGTH    257u
#define SYMBOL_LENGTH258 285u
#define NO_SYMBOL        0xFFFFu

enum block_type { BLOCK_STORED, BLOCK_FIXED, BLOCK_DYNAMIC };

struct stream {
	const uint8_t *in;
	size_t in_bytes, in_at;
	uint64_t bits; /* the next ones, lowest first */
	unsigned bit_count;
	bool failed; /* more bits were taken than there are */
	uint8_t *out;
	size_t out_bytes, out_at;
};

/* At least 56 bits, as far as there are any. */
static void refill(struct stream *stream)
{
	for (; stream->bit_count <= 56 && stream->in_at < stream->in_bytes; stream->bit_count += 8)
		stream->bits |= (uint64_t)stream->in[stream->in_at++] << stream->bit_count;
}

static void drop(struct stream *stream, unsigned count)
{
	if (count > stream->bit_count) {
		stream->failed = true;
		count = stream->bit_count;
	}
	stream->bits >>= count;
	stream->bit_count -= count;
}

/* count at most 16. */
static unsigned take(struct stream *stream, unsigned count)
{
	unsigned value;

	refill(stream);
	value = (unsigned)stream->bits & ((1u << count) - 1);
	drop(stream, count);
	return value;
}

/* --- codes ------------------------------------------------------------------------------------------------------- */

static unsigned reversed(unsigned word, unsigned length)
{
	unsigned result = 0;

	for (; length > 0; length--, word >>= 1)
		result = result << 1 | (word & 1);
	return result;
}

static void fill_fast(struct inflate_code *code)
{
	unsigned word = 0;
	unsigned index = 0;

	for (unsigned length = 1; length <= INFLATE_FAST_BITS; length++, word <<= 1)
		for (unsigned i = 0; i < code->counts[length]; i++, word++, index++)
			for (unsigned at = reversed(word, length); at < ARRAY_COUNT(code->fast); at += 1u << length)
				code->fast[at] = (uint16_t)((unsigned)code->symbols[index] << 4 | length);
}

/* False: no prefix code; incomplete ones are none, but for a single word of one bit where that is allowed. */
static bool code_build(struct inflate_code *code, const uint8_t *lengths, unsigned count, bool single_allowed)
{
	uint16_t at[INFLATE_LENGTH_MAX + 1] = {0};
	unsigned left = 1;
	unsigned longest = 0;

	memset(code, 0, sizeof(*code));
	for (unsigned i = 0; i < count; i++)
		code->counts[lengths[i]]++;
	code->counts[0] = 0;
	for (unsigned length = 1; length <= INFLATE_LENGTH_MAX; length++) {
		left <<= 1;
		if (code->counts[length] > left)
			return false;
		left -= code->counts[length];
		at[length] = (uint16_t)(at[length - 1] + code->counts[length - 1]);
		if (code->counts[length] > 0)
			longest = length;
	}
	if (left > 0 && longest > 0 && !(longest == 1 && single_allowed))
		return false;
	for (unsigned i = 0; i < count; i++)
		if (lengths[i] > 0)
			code->symbols[at[lengths[i]]++] = (uint16_t)i;
	fill_fast(code);
	return true;
}

/* NO_SYMBOL: the bits are no word. */
static unsigned decode(struct stream *stream, const struct inflate_code *code)
{
	unsigned entry, word = 0, first = 0, index = 0;

	refill(stream);
	entry = code->fast[stream->bits & (ARRAY_COUNT(code->fast) - 1)];
	if (entry != 0) {
		drop(stream, entry & 0xF);
		return entry >> 4;
	}
	for (unsigned length = 1; length <= INFLATE_LENGTH_MAX; length++) {
		word |= (unsigned)(stream->bits >> (length - 1)) & 1;
		if (word < first + code->counts[length]) {
			drop(stream, length);
			return code->symbols[index + word - first];
		}
		index += code->counts[length];
		first = (first + code->counts[length]) << 1;
		word <<= 1;
	}
	return NO_SYMBOL;
}

/* --- blocks ------------------------------------------------------------------------------------------------------ */

/* Whole bytes from here on. */
static void align(struct stream *stream)
{
	stream->in_at -= stream->bit_count / 8;
	stream->bits = 0;
	stream->bit_count = 0;
}

static bool copy_stored(struct stream *stream)
{
	unsigned length, inverted;

	align(stream);
	length = take(stream, 16);
	inverted = take(stream, 16);
	align(stream);
	if (stream->failed || (length ^ inverted) != 0xFFFFu || length > stream->in_bytes - stream->in_at ||
	    length > stream->out_bytes - stream->out_at)
		return false;
	memcpy(stream->out + stream->out_at, stream->in + stream->in_at, length);
	stream->in_at += length;
	stream->out_at += length;
	return true;
}

/* Length (RFC 1951, 3.2.5) of a symbol from SYMBOL_LENGTH to SYMBOL_LENGTH258. */
static unsigned take_length(struct stream *stream, unsigned symbol)
{
	const unsigned index = symbol - SYMBOL_LENGTH;

	if (symbol == SYMBOL_LENGTH258)
		return 258;
	if (index < 8)
		return 3 + index;
	return 3 + ((4 + (index & 3)) << (index / 4 - 1)) + take(stream, index / 4 - 1);
}

static unsigned take_distance(struct stream *stream, unsigned symbol)
{
	if (symbol < 4)
		return 1 + symbol;
	return 1 + ((2 + (symbol & 1)) << (symbol / 2 - 1)) + take(stream, symbol / 2 - 1);
}

/* What the symbol says of earlier output. */
static bool copy_match(struct stream *stream, const struct inflate *work, unsigned symbol)
{
	unsigned length, distance;

	if (symbol > SYMBOL_LENGTH258)
		return false;
	length = take_length(stream, symbol);
	symbol = decode(stream, &work->distances);
	if (symbol >= DISTANCES_MAX)
		return false;
	distance = take_distance(stream, symbol);
	if (stream->failed || distance > stream->out_at || length > stream->out_bytes - stream->out_at)
		return false;
	for (; length > 0; length--, stream->out_at++)
		stream->out[stream->out_at] = stream->out[stream->out_at - distance];
	return true;
}

static bool unpack_block(struct stream *stream, const struct inflate *work)
{
	while (!stream->failed) {
		const unsigned symbol = decode(stream, &work->literals);

		if (symbol == SYMBOL_END)
			return !stream->failed;
		if (symbol > SYMBOL_END) {
			if (!copy_match(stream, work, symbol))
				return false;
			continue;
		}
		if (stream->out_at == stream->out_bytes)
			return false;
		stream->out[stream->out_at++] = (uint8_t)symbol;
	}
	return false;
}

static bool make_fixed(struct inflate *work)
{
	memset(work->lengths, 8, 144);
	memset(work->lengths + 144, 9, 256 - 144);
	memset(work->lengths + 256, 7, 280 - 256);
	memset(work->lengths + 280, 8, LITERALS_FIXED - 280);
	memset(work->lengths + LITERALS_FIXED, 5, DISTANCES_FIXED);
	return code_build(&work->literals, work->lengths, LITERALS_FIXED, true) &&
	       code_build(&work->distances, work->lengths + LITERALS_FIXED, DISTANCES_FIXED, true);
}

/* The lengths of `count` words, packed with the code in work->literals (3.2.7). */
static bool take_lengths(struct stream *stream, struct inflate *work, unsigned count)
{
	unsigned at = 0;

	while (at < count) {
		const unsigned symbol = decode(stream, &work->literals);
		uint8_t value = 0;
		unsigned repeat = 1;

		if (symbol < 16)
			value = (uint8_t)symbol;
		else if (symbol == 16 && at > 0) {
			value = work->lengths[at - 1];
			repeat = 3 + take(stream, 2);
		} else if (symbol == 17)
			repeat = 3 + take(stream, 3);
		else if (symbol == 18)
			repeat = 11 + take(stream, 7);
		else
			return false;
		if (stream->failed || repeat > count - at)
			return false;
		memset(work->lengths + at, value, repeat);
		at += repeat;
	}
	return true;
}

static bool make_dynamic(struct stream *stream, struct inflate *work)
{
	static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	const unsigned literals = 257 + take(stream, 5);
	const unsigned distances = 1 + take(stream, 5);
	const unsigned codes = 4 + take(stream, 4);

	if (literals > LITERALS_MAX || distances > DISTANCES_MAX)
		return false;
	memset(work->lengths, 0, LENGTH_CODES);
	for (unsigned i = 0; i < codes; i++)
		work->lengths[order[i]] = (uint8_t)take(stream, 3);
	return code_build(&work->literals, work->lengths, LENGTH_CODES, false) &&
	       take_lengths(stream, work, literals + distances) &&
	       code_build(&work->literals, work->lengths, literals, true) &&
	       code_build(&work->distances, work->lengths + literals, distances, true);
}

static bool unpack_blocks(struct stream *stream, struct inflate *work)
{
	bool is_last = false;
	bool good = true;

	while (good && !is_last) {
		is_last = take(stream, 1);
		switch (take(stream, 2)) {
		case BLOCK_STORED:
			good = copy_stored(stream);
			break;
		case BLOCK_FIXED:
			good = make_fixed(work) && unpack_block(stream, work);
			break;
		case BLOCK_DYNAMIC:
			good = make_dynamic(stream, work) && unpack_block(stream, work);
			break;
		default:
			good = false;
		}
	}
	return good && !stream->failed;
}

/* --- the wrapping ------------------------------------------------------------------------------------------------ */

static uint32_t adler32(const uint8_t *bytes, size_t count)
{
	uint32_t low = 1;
	uint32_t high = 0;

	while (count > 0) {
		size_t run = min_u64(count, ADLER_RUN);

		for (count -= run; run > 0; run--) {
			low += *bytes++;
			high += low;
		}
		low %= ADLER_MODULUS;
		high %= ADLER_MODULUS;
	}
	return high << 16 | low;
}

enum status inflate_zlib(struct inflate *work, const uint8_t *packed, size_t packed_bytes, uint8_t *out,
			 size_t out_bytes)
{
	struct stream stream = {.in = packed, .in_bytes = packed_bytes, .out = out, .out_bytes = out_bytes};
	const unsigned method = take(&stream, 8);
	const unsigned flags = take(&stream, 8);
	uint32_t checksum = 0;

	if ((method & ZLIB_METHOD_MASK) != ZLIB_DEFLATE || method >> 4 > ZLIB_WINDOW_MAX || (flags & ZLIB_DICTIONARY) ||
	    (method << 8 | flags) % ZLIB_CHECK_MODULUS != 0 || !unpack_blocks(&stream, work))
		return STATUS_CORRUPT;
	align(&stream);
	for (unsigned i = 0; i < sizeof(checksum); i++)
		checksum = checksum << 8 | take(&stream, 8);
	align(&stream);
	if (stream.failed || stream.in_at != packed_bytes || stream.out_at != out_bytes ||
	    checksum != adler32(out, out_bytes))
		return STATUS_CORRUPT;
	return STATUS_OK;
}
