/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs raw LZ4 blocks ("LZ4 Block Format Description", 2022): each place takes the last one whose four bytes had the
 * same hash, and where nothing matches the search takes longer and longer steps.
 */
#include "image/lz4_compress.h"

#include "lib/span.h"
#include "lib/string.h"

#define LENGTH_BITS   4
#define LENGTH_MASK   0xf /* this length goes on in the bytes that follow */
#define LENGTH_MORE   0xff
#define OFFSET_MAX    0xffff
#define MATCH_LEAST   4
#define LAST_LITERALS 5           /* the fewest bytes behind the last match */
#define MATCH_MARGIN  12          /* the fewest bytes behind the start of the last match */
#define SEARCH_SHIFT  6           /* so many places in vain, as a power of two, make a step longer by one */
#define HASH_FACTOR   2654435761u /* 2^32 divided by the golden ratio */
#define HASH_SHIFT    20

_Static_assert((uint64_t)LZ4_COMPRESS_TABLE_ENTRIES << HASH_SHIFT == (uint64_t)1 << 32, "a hash is an index");

/* Where the block goes. */
struct output {
	uint8_t *next;
	uint8_t *end;
};

static inline uint32_t load_four(const uint8_t *bytes)
{
	uint32_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

/* A length beyond its four bits in the token. */
static void length_extend(struct output *out, uint32_t length)
{
	for (length -= LENGTH_MASK; length >= LENGTH_MORE; length -= LENGTH_MORE)
		*out->next++ = LENGTH_MORE;
	*out->next++ = (uint8_t)length;
}

/* A token with literals; match: length less MATCH_LEAST, follows by itself. False: no room for both. */
static bool literals_put(struct output *out, const uint8_t *literals, uint32_t count, uint32_t match)
{
	const uint64_t bytes =
		1 + (uint64_t)count + count / LENGTH_MORE + 1 + sizeof(uint16_t) + match / LENGTH_MORE + 1;

	if (bytes > (uint64_t)(out->end - out->next))
		return false;
	*out->next++ = (uint8_t)(min_u64(count, LENGTH_MASK) << LENGTH_BITS | min_u64(match, LENGTH_MASK));
	if (count >= LENGTH_MASK)
		length_extend(out, count);
	memcpy(out->next, literals, count);
	out->next += count;
	return true;
}

static void match_put(struct output *out, uint32_t offset, uint32_t match)
{
	*out->next++ = (uint8_t)offset;
	*out->next++ = (uint8_t)(offset >> 8);
	if (match >= LENGTH_MASK)
		length_extend(out, match);
}

/* How many bytes at a and b, b before end, are the same; end has LAST_LITERALS bytes behind it, of which 3 are read. */
static uint32_t same_bytes(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	const uint8_t *const start = b;

	while (end - b >= (ptrdiff_t)sizeof(uint64_t)) {
		const uint64_t difference = load_le64(a) ^ load_le64(b);

		if (difference != 0)
			return (uint32_t)(b - start) + (uint32_t)__builtin_ctzll(difference) / 8;
		a += sizeof(uint64_t);
		b += sizeof(uint64_t);
	}
	while (b < end && *a == *b) {
		a++;
		b++;
	}
	return (uint32_t)(b - start);
}

uint32_t lz4_compress(const uint8_t *raw, uint32_t bytes, uint8_t *out, uint32_t out_bytes, uint32_t *table)
{
	struct output output = {out, out + out_bytes};
	uint32_t taken = 0; /* bytes that have been put out */
	uint32_t i = 1;

	memset(table, 0, LZ4_COMPRESS_TABLE_ENTRIES * sizeof(*table));
	while (i + MATCH_MARGIN <= bytes) {
		const uint32_t four = load_four(raw + i);
		uint32_t *const entry = &table[four * HASH_FACTOR >> HASH_SHIFT];
		uint32_t from = *entry;
		uint32_t match;

		*entry = i;
		if (i - from > OFFSET_MAX || load_four(raw + from) != four) {
			i += 1 + ((i - taken) >> SEARCH_SHIFT);
			continue;
		}
		for (; i > taken && from > 0 && raw[i - 1] == raw[from - 1]; from--)
			i--;
		match = same_bytes(raw + from, raw + i, raw + bytes - LAST_LITERALS) - MATCH_LEAST;
		if (!literals_put(&output, raw + taken, i - taken, match))
			return 0;
		match_put(&output, i - from, match);
		i += match + MATCH_LEAST;
		taken = i;
	}
	if (!literals_put(&output, raw + taken, bytes - taken, 0))
		return 0;
	return (uint32_t)(output.next - out);
}
