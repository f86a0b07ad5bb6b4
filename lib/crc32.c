/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-32 of IEEE 802.3 (polynomial 0x04C11DB7, reflected): eight bytes a step through eight tables, or, where the CPU
 * multiplies without carry, 64 bytes a step through crc32_clmul.asm. The tables are made at first use: 8 KiB that the
 * loader's file need not carry.
 */
#include "lib/crc32.h"

#include <cpuid.h>

#include "include/types.h"
#include "lib/crc32_internal.h"

#define POLYNOMIAL_REFLECTED 0xEDB88320u
#define SLICES               8
#define FOLD_ALIGNMENT       16
#define FOLD_BLOCK_BYTES     64

/* CPUID.1:ECX */
#define CPUID_FEATURES_LEAF 1
#define CPUID_ECX_PCLMULQDQ BIT(1)

typedef uint32_t crc32_way(uint32_t state, const void *bytes, size_t count);

/* tables[s][b]: the CRC of byte b followed by s zero bytes. */
static uint32_t tables[SLICES][256];
static bool tables_made;
static crc32_way *chosen_way;

static void tables_make(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL_REFLECTED : 0);
		tables[0][byte] = crc;
	}
	for (size_t slice = 1; slice < SLICES; slice++) {
		for (size_t byte = 0; byte < 256; byte++) {
			const uint32_t shorter = tables[slice - 1][byte];

			tables[slice][byte] = shorter >> 8 ^ tables[0][shorter & 0xff];
		}
	}
	tables_made = true;
}

/* Eight bytes as they lie in memory; the machine is little endian and the compiler makes one load of it. */
static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

uint32_t crc32_update_tables(uint32_t state, const void *bytes, size_t count)
{
	const uint8_t *next = bytes;

	if (!tables_made)
		tables_make();
	for (; count >= SLICES; next += SLICES, count -= SLICES) {
		const uint64_t word = load_u64(next) ^ state;

		state = tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
			tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
			tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
	}
	for (; count > 0; next++, count--)
		state = state >> 8 ^ tables[0][(state ^ *next) & 0xff];
	return state;
}

uint32_t crc32_update_clmul(uint32_t state, const void *bytes, size_t count)
{
	const uint8_t *next = bytes;
	const size_t head = -(uintptr_t)next % FOLD_ALIGNMENT;
	uint8_t remainder[16];
	size_t folded;

	if (count < head + FOLD_BLOCK_BYTES)
		return crc32_update_tables(state, bytes, count);
	state = crc32_update_tables(state, next, head);
	next += head;
	count -= head;
	folded = count - count % FOLD_BLOCK_BYTES;
	crc32_clmul_fold(next, folded, state, remainder);
	state = crc32_update_tables(0, remainder, sizeof(remainder));
	return crc32_update_tables(state, next + folded, count - folded);
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
		chosen_way = crc32_has_clmul() ? crc32_update_clmul : crc32_update_tables;
	return chosen_way(state, bytes, count);
}
