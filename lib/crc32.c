/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-32 of IEEE 802.3 (polynomial 0x04C11DB7, reflected), 64 bytes a step by multiplication without carry
 * (crc32_clmul.asm) where the CPU has it, else eight bytes a step by shifts alone: x^300 + x^155 + x^117 + x^89 + 1 is
 * a multiple of the polynomial, so a bit of the message may be taken out if the bits 145, 183, 211 and 300 places
 * behind it are inverted (the idea: S. Russell, "Chorba: A novel CRC32 implementation", 2024).
 */
#include "lib/crc32.h"

#include <cpuid.h>

#include "include/types.h"
#include "lib/crc32_internal.h"

#define POLYNOMIAL_REFLECTED 0xEDB88320u
#define WORD_BYTES           8
#define PENDING_WORDS        5 /* a word is carried into the second to the fifth behind it */
#define FOLD_ALIGNMENT       16
#define FOLD_BLOCK_BYTES     64

/* CPUID.1:ECX */
#define CPUID_FEATURES_LEAF 1
#define CPUID_ECX_PCLMULQDQ BIT(1)

typedef uint32_t crc32_way(uint32_t state, const void *bytes, size_t count);

static uint32_t table[256]; /* the CRC of each byte */
static bool table_made;
static crc32_way *chosen_way;

static void table_make(void)
{
	for (uint32_t byte = 0; byte < ARRAY_COUNT(table); byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL_REFLECTED : 0);
		table[byte] = crc;
	}
	table_made = true;
}

static uint32_t update_bytes(uint32_t state, const uint8_t *bytes, size_t count)
{
	if (!table_made)
		table_make();
	for (size_t i = 0; i < count; i++)
		state = state >> 8 ^ table[(state ^ bytes[i]) & 0xff];
	return state;
}

/* Eight bytes as they lie in memory; the machine is little endian and the compiler makes one load of it. */
static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

uint32_t crc32_update_shifts(uint32_t state, const void *bytes, size_t count)
{
	const uint8_t *next = bytes;
	uint64_t pending[PENDING_WORDS] = {state}; /* what the next words are to be inverted by */

	if (count < WORD_BYTES * PENDING_WORDS)
		return update_bytes(state, next, count);
	for (; count >= WORD_BYTES * (PENDING_WORDS + 1); next += WORD_BYTES, count -= WORD_BYTES) {
		const uint64_t word = load_u64(next) ^ pending[0];

		pending[0] = pending[1];
		pending[1] = pending[2] ^ word << 17 ^ word << 55;
		pending[2] = pending[3] ^ word >> 47 ^ word >> 9 ^ word << 19;
		pending[3] = pending[4] ^ word >> 45 ^ word << 44;
		pending[4] = word >> 20;
	}
	state = 0;
	for (size_t i = 0; i < PENDING_WORDS; i++, next += WORD_BYTES, count -= WORD_BYTES) {
		const uint64_t word = load_u64(next) ^ pending[i];

		state = update_bytes(state, (const uint8_t *)&word, WORD_BYTES);
	}
	return update_bytes(state, next, count);
}

uint32_t crc32_update_clmul(uint32_t state, const void *bytes, size_t count)
{
	const uint8_t *next = bytes;
	const size_t head = -(uintptr_t)next % FOLD_ALIGNMENT;
	uint8_t remainder[16];
	size_t folded;

	if (count < head + FOLD_BLOCK_BYTES)
		return crc32_update_shifts(state, bytes, count);
	state = crc32_update_shifts(state, next, head);
	next += head;
	count -= head;
	folded = count - count % FOLD_BLOCK_BYTES;
	crc32_clmul_fold(next, folded, state, remainder);
	state = crc32_update_shifts(0, remainder, sizeof(remainder));
	return crc32_update_shifts(state, next + folded, count - folded);
}

bool crc32_has_clmul(void)
{
	uint32_t eax = 0;
	uint32_t ebx = 0;
	uint32_t ecx = 0;
	uint32_t edx = 0;

	return __get_cpuid(CPUID_FEATURES_LEAF, &eax, &ebx, &ecx, &edx) != 0 && (ecx & CPUID_ECX_PCLMULQDQ) != 0;
}

uint32_t crc32_update(uint32_t state, const void *bytes, size_t count)
{
	if (chosen_way == NULL)
		chosen_way = crc32_has_clmul() ? crc32_update_clmul : crc32_update_shifts;
	return chosen_way(state, bytes, count);
}
