/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), as ext4's metadata carries it. */
#pragma once

#include "include/types.h"

/* Continues state (~0 to begin with) over bytes; nothing is inverted at the end, as in ext4. */
uint32_t crc32c_update(uint32_t state, const void *bytes, size_t count);
