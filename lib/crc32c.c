/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32C by half bytes: metadata is little, and a table of 64 bytes is enough. */
#include "lib/crc32c.h"

#define POLYNOMIAL 0x82F63B78u /* reflected */

/* What four zero bits make of a half byte. */
static uint32_t half_byte(uint32_t value)
{
	for (unsigned bit = 0; bit < 4; bit++)
		value = value >> 1 ^ (value & 1 ? POLYNOMIAL : 0);
	return value;
}

uint32_t crc32c_update(uint32_t state, const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;
	uint32_t table[16];

	for (uint32_t i = 0; i < 16; i++)
		table[i] = half_byte(i);
	for (size_t i = 0; i < count; i++) {
		state ^= byte[i];
		state = state >> 4 ^ table[state & 15];
		state = state >> 4 ^ table[state & 15];
	}
	return state;
}
