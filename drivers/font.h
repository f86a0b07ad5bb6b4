/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The built-in font: printable ASCII, 8 x 16 pixels, drawn for Thaw.
 */
#pragma once

#include "include/types.h"

#define FONT_WIDTH  8
#define FONT_HEIGHT 16
#define FONT_BLOCK  0xDB /* a full block, but for a line above and below */

/*
 * The pixels of row (0 at the top, below FONT_HEIGHT) of a character, bit 7 leftmost. A character that the font does
 * not have looks like '?'.
 */
uint8_t font_row(char character, uint32_t row);
