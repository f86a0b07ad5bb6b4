/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two ways to compute a CRC-32, apart, for crc32.c and its test.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the CPU has PCLMULQDQ (Intel SDM volume 2, CPUID leaf 1). The loader enables SSE before any C code runs. */
bool crc32_has_clmul(void);

/* As crc32_update, each by its own way; the second only where crc32_has_clmul(). */
uint32_t crc32_update_shifts(uint32_t state, const void *bytes, size_t count);
uint32_t crc32_update_clmul(uint32_t state, const void *bytes, size_t count);

/* lib/crc32_clmul.asm */
void crc32_clmul_fold(const void *blocks, size_t bytes, uint32_t state, uint8_t remainder_out[16]);
