/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacks raw LZ4 blocks ("LZ4 Block Format Description", 2022), as strict as liblz4. The library's only object is
 * 55 KiB and wants an allocator and a stack protector; the loader has room for neither.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/*
 * Unpacks packed_bytes into out, which they must fill exactly: STATUS_CORRUPT otherwise. Both sizes are above 0 and
 * below 16 MiB. Nothing outside out is written, nothing outside packed is read.
 */
nodiscard enum status lz4_block_unpack(const uint8_t *packed, uint32_t packed_bytes, uint8_t *out, uint32_t out_bytes);
