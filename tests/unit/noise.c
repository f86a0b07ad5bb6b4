/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers for tests. */
#include "tests/unit/noise.h"

#include <stdbool.h>

uint64_t noise_next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> (64 - NOISE_BITS);
}

uint8_t noise_byte(uint64_t *seed)
{
	return (uint8_t)(noise_next(seed) >> (NOISE_BITS - 8));
}

void noise_fill(uint8_t *bytes, size_t count, uint64_t seed)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = noise_byte(&seed);
}

void noise_fill_copies(uint8_t *bytes, size_t count, uint64_t seed, uint64_t reach)
{
	size_t i = 0;

	while (i < count) {
		uint64_t length = 1 + noise_next(&seed) % 40;
		const uint64_t distance = 1 + noise_next(&seed) % reach;
		const bool copy = noise_next(&seed) % 2 == 0 && distance <= i;

		if (noise_next(&seed) % 16 == 0)
			length += 700;
		for (; length > 0 && i < count; length--, i++)
			bytes[i] = copy ? bytes[i - distance] : (uint8_t)noise_next(&seed);
	}
}
