/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacking of zlib streams (RFC 1950, RFC 1951), bounded by its buffers: no allocation, no history but the output.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define INFLATE_FAST_BITS   9
#define INFLATE_LENGTH_MAX  15 /* bits of a code word */
#define INFLATE_SYMBOLS_MAX 288

/* A canonical Huffman code. */
struct inflate_code {
	uint16_t fast[1 << INFLATE_FAST_BITS];   /* by the next bits: symbol << 4 | length; 0: a longer word, or none */
	uint16_t counts[INFLATE_LENGTH_MAX + 1]; /* words of each length */
	uint16_t symbols[INFLATE_SYMBOLS_MAX];   /* in the order of their words */
};

/* Working memory; its contents do not matter between calls. */
struct inflate {
	struct inflate_code literals; /* and lengths; before, those of the lengths of words */
	struct inflate_code distances;
	uint8_t lengths[INFLATE_SYMBOLS_MAX + 32];
};

/*
 * packed must be one zlib stream, no less and no more, that makes exactly out_bytes. STATUS_CORRUPT: it is not, or its
 * checksum is wrong; then the contents of out are undefined.
 */
nodiscard enum status inflate_zlib(struct inflate *work, const uint8_t *packed, size_t packed_bytes, uint8_t *out,
				   size_t out_bytes);
