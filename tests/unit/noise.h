/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pseudo-random numbers and bytes for tests: the same in every run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NOISE_BITS 31 /* of a number */

/* The next number of the seed's row (Knuth's MMIX generator, its upper bits). */
uint64_t noise_next(uint64_t *seed);

/* The upper eight of those. */
uint8_t noise_byte(uint64_t *seed);

/* Bytes that no compressor makes smaller. */
void noise_fill(uint8_t *bytes, size_t count, uint64_t seed);

/* Literals and copies from any distance up to reach, as data that a compressor finds matches in. */
void noise_fill_copies(uint8_t *bytes, size_t count, uint64_t seed, uint64_t reach);
