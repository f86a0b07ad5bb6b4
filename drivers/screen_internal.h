/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the console (screen.c: what stands where) and the surface (screen_surface.c: how it gets there).
 */
#pragma once

#include "include/boot_info.h"
#include "include/status.h"

#define SCREEN_COLUMNS_MAX 512
#define SCREEN_ROWS_MAX    160

#define CELL_ATTRIBUTE 0x0700 /* VGA: light grey on black */
#define CELL_BLOCK     0xDB   /* of the VGA's character set, and of our font */
#define CELL_BLANK     (CELL_ATTRIBUTE | ' ')

/* A validated place to draw on. All of [address, address + bytes) may be written. */
struct screen_surface {
	enum boot_screen_kind kind;
	uint64_t address;
	uint64_t bytes;
	uint32_t pitch_bytes;
	uint32_t columns; /* characters */
	uint32_t rows;
	uint32_t height;      /* lines of pixels (RGB) or of characters (text) */
	uint32_t line_bytes;  /* of a line that are visible */
	uint32_t pixel_bytes; /* RGB: 2, 3 or 4 */
	uint32_t foreground;  /* RGB: a pixel's value; the background is 0 */
};

/* Trusts nothing of the screen. Errors: see screen_init. Touches no hardware. */
nodiscard enum status surface_decode(const struct boot_screen *screen, struct screen_surface *surface_out);

/* Makes an RGB surface black. */
void surface_clear(const struct screen_surface *surface);

/* Draws a cell (VGA: attribute, character) at a place below columns and rows. */
void surface_draw(const struct screen_surface *surface, uint32_t column, uint32_t row, uint16_t cell);

/* Text only: what the boot loader left. */
uint16_t surface_read_cell(const struct screen_surface *surface, uint32_t column, uint32_t row);

/* Text only: the row of the hardware cursor, which may lie outside (hidden). */
uint32_t surface_cursor_row(const struct screen_surface *surface);

/* Text only: moves the hardware cursor. */
void surface_move_cursor(const struct screen_surface *surface, uint32_t column, uint32_t row);
