/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-32 (polynomial 0x04C11DB7 reflected: IEEE 802.3, zlib, GPT, Linux crc32_le).
 * The state is passed raw: zlib's crc32(0, …) is ~crc32_update(~0u, …); Linux's crc32_le(seed, …) is
 * crc32_update(seed, …) with no inversion anywhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Uses carry-less multiplication where the CPU has it (CPUID.1:ECX.PCLMULQDQ), else shifts. No locking. */
uint32_t crc32_update(uint32_t state, const void *bytes, size_t count);

/* zlib's convention. */
static inline uint32_t crc32_zlib(const void *bytes, size_t count)
{
	return ~crc32_update(~(uint32_t)0, bytes, count);
}
