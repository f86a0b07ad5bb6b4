/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LZ4 block format ("LZ4 Block Format Description", 2022): sequences of a token, literals and a match; the last
 * one ends behind its literals.
 */
#include "image/lz4_block.h"

#include "lib/string.h"

#define LENGTH_BITS   4
#define LENGTH_MASK   0xf /* this length goes on in the bytes that follow */
#define LENGTH_MORE   0xff
#define OFFSET_BYTES  2
#define MATCH_LEAST   4
#define STRIDE        8  /* bytes copied at once, so up to 7 bytes too many */
#define LAST_LITERALS 5  /* the fewest bytes behind the last match */
#define MATCH_MARGIN  12 /* the fewest bytes behind the start of the last match */
/* The least that follows the literals of a sequence that is not the last: an offset, a token, the last literals. */
#define INPUT_MARGIN  (OFFSET_BYTES + 1 + LAST_LITERALS)

_Static_assert(INPUT_MARGIN >= STRIDE && MATCH_MARGIN >= STRIDE, "literals may be copied in whole strides");

static inline void stride_copy(uint8_t *out, const uint8_t *in)
{
	uint64_t bytes;

	__builtin_memcpy(&bytes, in, STRIDE);
	__builtin_memcpy(out, &bytes, STRIDE);
}

/* Adds the bytes of a long length. False: the input ends within. Can't overflow: 16 MiB of 255 at most. */
static bool length_extend(const uint8_t **in, const uint8_t *in_end, uint64_t *length)
{
	uint8_t more;

	do {
		if (*in == in_end)
			return false;
		more = *(*in)++;
		*length += more;
	} while (more == LENGTH_MORE);
	return true;
}

/* Copies length bytes from offset bytes before out, which may overlap; they end before out_end. */
static void match_copy(uint8_t *out, uint64_t offset, uint64_t length, const uint8_t *out_end)
{
	/* The least multiple of a short offset that strides can use. */
	static const uint8_t repeats[STRIDE] = {0, 8, 8, 9, 8, 10, 12, 14};
	uint8_t *const end = out + length;

	if (offset < STRIDE) {
		const uint8_t *const head_end = length < STRIDE ? end : out + STRIDE;

		for (; out < head_end; out++)
			*out = *(out - offset);
		offset = repeats[offset];
	}
	if (out_end - end >= STRIDE - 1) {
		for (; out < end; out += STRIDE)
			stride_copy(out, out - offset);
	} else {
		for (; out < end; out++)
			*out = *(out - offset);
	}
}

static void literals_copy(uint8_t *out, const uint8_t *in, uint64_t length)
{
	for (const uint8_t *const end = in + length; in < end; in += STRIDE, out += STRIDE)
		stride_copy(out, in);
}

enum status lz4_block_unpack(const uint8_t *packed, uint32_t packed_bytes, uint8_t *out, uint32_t out_bytes)
{
	const uint8_t *in = packed;
	const uint8_t *const in_end = packed + packed_bytes;
	uint8_t *next = out;
	uint8_t *const out_end = out + out_bytes;

	while (in < in_end) {
		const uint8_t token = *in++;
		uint64_t literals = token >> LENGTH_BITS;
		uint64_t match = token & LENGTH_MASK;
		uint64_t offset;

		if (literals == LENGTH_MASK && !length_extend(&in, in_end, &literals))
			return STATUS_CORRUPT;
		if (literals + INPUT_MARGIN > (uint64_t)(in_end - in) ||
		    literals + MATCH_MARGIN > (uint64_t)(out_end - next)) {
			if (literals != (uint64_t)(in_end - in) || literals != (uint64_t)(out_end - next))
				return STATUS_CORRUPT;
			memcpy(next, in, literals);
			return STATUS_OK;
		}
		literals_copy(next, in, literals);
		in += literals;
		next += literals;
		offset = (uint64_t)in[0] | (uint64_t)in[1] << 8;
		in += OFFSET_BYTES;
		if (match == LENGTH_MASK && !length_extend(&in, in_end, &match))
			return STATUS_CORRUPT;
		match += MATCH_LEAST;
		if (offset == 0 || offset > (uint64_t)(next - out) ||
		    match + LAST_LITERALS > (uint64_t)(out_end - next))
			return STATUS_CORRUPT;
		match_copy(next, offset, match, out_end);
		next += match;
	}
	return STATUS_CORRUPT;
}
