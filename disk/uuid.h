/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UUIDs as text: lower case, as Linux and libblkid print them.
 */
#pragma once

#include "include/types.h"

#define UUID_BYTES      16
#define UUID_TEXT_BYTES 37 /* with the NUL */

/* Bytes in the order of RFC 4122 (swap, ext4, XFS, Btrfs). */
void uuid_format(const uint8_t bytes[UUID_BYTES], char text_out[UUID_TEXT_BYTES]);

/* Bytes as in a GPT, the first three fields little endian (UEFI 2.10, appendix A). */
void guid_format(const uint8_t bytes[UUID_BYTES], char text_out[UUID_TEXT_BYTES]);

/* Equal but for the case of ASCII letters. An empty text equals nothing. */
bool uuid_text_equal(const char *a, const char *b);
