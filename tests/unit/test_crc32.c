/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ways of the CRC-32 against a bit-by-bit reference: lengths, misalignment, increments, known values.
 */
#include "lib/crc32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/crc32_internal.h"
#include "tests/unit/noise.h"

typedef uint32_t update_function(uint32_t state, const void *bytes, size_t count);

static uint32_t update_reference(uint32_t state, const void *bytes, size_t count)
{
	const uint8_t *next = bytes;

	for (size_t i = 0; i < count; i++) {
		state ^= next[i];
		for (int bit = 0; bit < 8; bit++)
			state = (state >> 1) ^ ((state & 1) ? 0xEDB88320u : 0);
	}
	return state;
}

static void check_way(update_function *update)
{
	uint8_t bytes[400];
	uint8_t *large = malloc(300001);

	assert_non_null(large);
	noise_fill(bytes, sizeof(bytes), 1);
	for (size_t start = 0; start < 20; start++) {
		for (size_t count = 0; count <= 300; count++) {
			const uint32_t expected = update_reference(0x12345678u, bytes + start, count);

			assert_int_equal(update(0x12345678u, bytes + start, count), expected);
		}
	}
	for (size_t count = 0; count <= 300; count++) {
		/* Of the exact size, so that the sanitizer sees a read beyond it. */
		uint8_t *exact = malloc(count + 1);

		assert_non_null(exact);
		noise_fill(exact + 1, count, count);
		assert_int_equal(update(0, exact + 1, count), update_reference(0, exact + 1, count));
		free(exact);
	}
	noise_fill(large, 300001, 2);
	for (size_t count = 299937; count <= 300000; count += 21)
		assert_int_equal(update(~0u, large + 1, count), update_reference(~0u, large + 1, count));
	free(large);
}

static void check_increments(update_function *update)
{
	uint8_t bytes[4096];
	uint32_t whole;

	noise_fill(bytes, sizeof(bytes), 3);
	whole = update_reference(0, bytes, sizeof(bytes));
	for (size_t cut = 0; cut <= sizeof(bytes); cut += 13) {
		const uint32_t state = update(0, bytes, cut);

		assert_int_equal(update(state, bytes + cut, sizeof(bytes) - cut), whole);
	}
}

static void shifts_match_reference(void **state)
{
	(void)state;
	check_way(crc32_update_shifts);
	check_increments(crc32_update_shifts);
}

static void clmul_matches_reference(void **state)
{
	(void)state;
	if (!crc32_has_clmul())
		skip();
	check_way(crc32_update_clmul);
	check_increments(crc32_update_clmul);
}

static void chosen_way_matches_reference(void **state)
{
	(void)state;
	check_way(crc32_update);
	check_increments(crc32_update);
}

/* The check value of the CRC catalogues, and Linux's convention without inversion. */
static void known_values(void **state)
{
	(void)state;
	assert_int_equal(crc32_zlib("123456789", 9), 0xCBF43926u);
	assert_int_equal(crc32_zlib("", 0), 0);
	assert_int_equal(crc32_update(0, "123456789", 9), 0x2DFD2D88u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shifts_match_reference),
		cmocka_unit_test(clmul_matches_reference),
		cmocka_unit_test(chosen_way_matches_reference),
		cmocka_unit_test(known_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
