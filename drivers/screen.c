/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text console: a grid of cells in ordinary memory, and only cells that change are drawn. Scrolling compares the
 * grid's rows, so slow video memory is not read, and is written only where the picture differs.
 */
#include "drivers/screen.h"

#include "drivers/screen_internal.h"

#define TAB_COLUMNS 8

static struct {
	struct screen_surface surface;
	uint16_t *cells; /* rows x columns; NULL: no screen */
	uint32_t column; /* up to columns: the next character wraps first */
	uint32_t row;
	bool cleared;
} console;

static void cell_set(uint32_t column, uint32_t row, uint16_t cell)
{
	uint16_t *place = &console.cells[row * console.surface.columns + column];

	if (*place == cell)
		return;
	*place = cell;
	surface_draw(&console.surface, column, row, cell);
}

static void scroll(void)
{
	const uint32_t columns = console.surface.columns;
	const uint32_t last = console.surface.rows - 1;

	for (uint32_t row = 0; row < last; row++)
		for (uint32_t column = 0; column < columns; column++)
			cell_set(column, row, console.cells[(row + 1) * columns + column]);
	for (uint32_t column = 0; column < columns; column++)
		cell_set(column, last, CELL_BLANK);
}

static void new_line(void)
{
	console.column = 0;
	if (console.row + 1 < console.surface.rows)
		console.row++;
	else
		scroll();
}

static void put_character(char character)
{
	const uint8_t shown = character == SCREEN_BLOCK              ? CELL_BLOCK
			      : character >= ' ' && character <= '~' ? (uint8_t)character
								     : '?';

	if (console.column == console.surface.columns)
		new_line();
	cell_set(console.column, console.row, (uint16_t)(CELL_ATTRIBUTE | shown));
	console.column++;
}

static void put(char character)
{
	if (character == '\n') {
		new_line();
	} else if (character == '\r') {
		console.column = 0;
	} else if (character == '\t') {
		do
			put_character(' ');
		while (console.column % TAB_COLUMNS != 0 && console.column < console.surface.columns);
	} else {
		put_character(character);
	}
}

static bool row_is_empty(uint32_t row)
{
	for (uint32_t column = 0; column < console.surface.columns; column++) {
		const uint8_t character = (uint8_t)console.cells[row * console.surface.columns + column];

		if (character != ' ' && character != 0)
			return false;
	}
	return true;
}

/* Learns what stands on a text screen; the console goes on below it. */
static void text_adopt(void)
{
	const uint32_t columns = console.surface.columns;
	const uint32_t cursor_row = surface_cursor_row(&console.surface);

	for (uint32_t row = 0; row < console.surface.rows; row++)
		for (uint32_t column = 0; column < columns; column++)
			console.cells[row * columns + column] = surface_read_cell(&console.surface, column, row);
	console.row = cursor_row < console.surface.rows ? cursor_row : console.surface.rows - 1;
	if (!row_is_empty(console.row))
		new_line();
}

static void first_write(void)
{
	console.cleared = true;
	if (console.surface.kind == BOOT_SCREEN_TEXT)
		text_adopt();
	else
		surface_clear(&console.surface);
}

enum status screen_init(const struct boot_screen *screen, struct arena *arena, screen_map *map)
{
	struct screen_surface surface;
	uint32_t count;
	void *cells;

	console.cells = NULL;
	TRY(surface_decode(screen, &surface));
	TRY(map((struct paddr){surface.address}, surface.bytes));
	count = surface.columns * surface.rows;
	TRY(arena_alloc(arena, count * sizeof(*console.cells), sizeof(*console.cells), &cells));
	console.surface = surface;
	console.cells = cells;
	console.column = 0;
	console.row = 0;
	console.cleared = false;
	for (uint32_t i = 0; i < count; i++)
		console.cells[i] = CELL_BLANK;
	return STATUS_OK;
}

void screen_write(const char *text, size_t size)
{
	if (console.cells == NULL || size == 0)
		return;
	if (!console.cleared)
		first_write();
	for (size_t i = 0; i < size; i++)
		put(text[i]);
	if (console.surface.kind == BOOT_SCREEN_TEXT)
		surface_move_cursor(&console.surface, console.column, console.row);
}

uint32_t screen_columns(void)
{
	return console.cells != NULL ? console.surface.columns : 0;
}
