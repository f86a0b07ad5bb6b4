/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs raw LZ4 blocks ("LZ4 Block Format Description", 2022), greedily: small and quick, not tight.
 */
#pragma once

#include "include/types.h"

#define LZ4_COMPRESS_TABLE_ENTRIES 4096

/*
 * Packs bytes (above 0, below 16 MiB) into at most out_bytes. table: LZ4_COMPRESS_TABLE_ENTRIES of work memory, of any
 * content. Returns the packed size, or 0 when it would not fit with four bytes to spare.
 */
uint32_t lz4_compress(const uint8_t *raw, uint32_t bytes, uint8_t *out, uint32_t out_bytes, uint32_t *table);
