/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawing characters on VGA text memory or an RGB framebuffer (multiboot2 framebuffer tag, Multiboot2 Specification
 * 2.0, 3.6.12; IBM VGA CRT controller for the cursor). Video memory is written, never read back, except once to learn
 * what stands on a text screen.
 */
#include "drivers/screen_internal.h"

#include "drivers/font.h"
#include "drivers/io.h"
#include "lib/checked.h"

#define DIMENSION_MAX   16384
#define VGA_TEXT_START  0xA0000 /* the legacy window, wherever in it the text page is */
#define VGA_TEXT_END    0xC0000
#define TEXT_CELL_BYTES 2
#define BRIGHTNESS      0xD0 /* of the foreground, out of 0xFF */

#define VGA_CRTC_INDEX_MONO   0x3B4
#define VGA_CRTC_INDEX_COLOUR 0x3D4
#define VGA_CRTC_CURSOR_HIGH  0x0E
#define VGA_CRTC_CURSOR_LOW   0x0F
#define VGA_COLOUR_TEXT       0xB8000 /* a page below it is a monochrome adapter's */

/* Video memory of any alignment, as the compiler may not reorder or merge it. */
struct video_word {
	uint64_t value;
} __attribute__((packed, may_alias));

static bool field_is_valid(uint8_t position, uint8_t size, uint32_t pixel_bits)
{
	return size > 0 && size <= 16 && position < pixel_bits && size <= pixel_bits - position;
}

static uint32_t field_value(uint8_t position, uint8_t size)
{
	const uint32_t level = size >= 8 ? (uint32_t)BRIGHTNESS << (size - 8) : (uint32_t)BRIGHTNESS >> (8 - size);

	return level << position;
}

static enum status rgb_decode(const struct boot_screen *screen, struct screen_surface *surface)
{
	const uint32_t pixel_bytes = ((uint32_t)screen->bits_per_pixel + 7) / 8;
	const uint32_t pixel_bits = 8 * pixel_bytes;

	if (pixel_bytes < 2 || pixel_bytes > 4)
		return STATUS_UNSUPPORTED;
	if (!field_is_valid(screen->red_position, screen->red_size, pixel_bits) ||
	    !field_is_valid(screen->green_position, screen->green_size, pixel_bits) ||
	    !field_is_valid(screen->blue_position, screen->blue_size, pixel_bits))
		return STATUS_UNSUPPORTED;
	surface->pixel_bytes = pixel_bytes;
	surface->line_bytes = screen->width * pixel_bytes;
	surface->columns = screen->width / FONT_WIDTH;
	surface->rows = screen->height / FONT_HEIGHT;
	surface->foreground = field_value(screen->red_position, screen->red_size) |
			      field_value(screen->green_position, screen->green_size) |
			      field_value(screen->blue_position, screen->blue_size);
	return STATUS_OK;
}

enum status surface_decode(const struct boot_screen *screen, struct screen_surface *surface_out)
{
	struct screen_surface surface = {.kind = screen->kind, .address = screen->address};
	uint64_t end;

	if (screen->kind == BOOT_SCREEN_NONE)
		return STATUS_NOT_FOUND;
	if (screen->width > DIMENSION_MAX || screen->height > DIMENSION_MAX)
		return STATUS_UNSUPPORTED;
	surface.height = screen->height;
	surface.pitch_bytes = screen->pitch_bytes;
	if (screen->kind == BOOT_SCREEN_RGB) {
		TRY(rgb_decode(screen, &surface));
	} else {
		surface.line_bytes = screen->width * TEXT_CELL_BYTES;
		surface.columns = screen->width;
		surface.rows = screen->height;
	}
	if (surface.columns == 0 || surface.rows == 0 || surface.pitch_bytes < surface.line_bytes)
		return STATUS_UNSUPPORTED;
	surface.bytes = (uint64_t)surface.pitch_bytes * surface.height;
	if (surface.address == 0 || !checked_add_u64(surface.address, surface.bytes, &end))
		return STATUS_UNSUPPORTED;
	if (screen->kind == BOOT_SCREEN_TEXT && (surface.address < VGA_TEXT_START || end > VGA_TEXT_END))
		return STATUS_UNSUPPORTED;
	surface.columns = surface.columns > SCREEN_COLUMNS_MAX ? SCREEN_COLUMNS_MAX : surface.columns;
	surface.rows = surface.rows > SCREEN_ROWS_MAX ? SCREEN_ROWS_MAX : surface.rows;
	*surface_out = surface;
	return STATUS_OK;
}

static void video_write8(uint64_t address, uint8_t value)
{
	*(volatile uint8_t *)(uintptr_t)address = value;
}

static void video_write64(uint64_t address, uint64_t value)
{
	((volatile struct video_word *)(uintptr_t)address)->value = value;
}

void surface_clear(const struct screen_surface *surface)
{
	for (uint32_t y = 0; y < surface->height; y++) {
		const uint64_t line = surface->address + (uint64_t)y * surface->pitch_bytes;
		uint32_t x = 0;

		for (; x + sizeof(uint64_t) <= surface->line_bytes; x += sizeof(uint64_t))
			video_write64(line + x, 0);
		for (; x < surface->line_bytes; x++)
			video_write8(line + x, 0);
	}
}

/* One row of a glyph: FONT_WIDTH pixels are pixel_bytes words of 64 bits, because FONT_WIDTH is 8. */
static void draw_glyph_row(const struct screen_surface *surface, uint64_t address, uint8_t pixels)
{
	uint64_t words[4] = {0};

	_Static_assert(FONT_WIDTH == sizeof(uint64_t), "a row of a glyph is a whole number of words");
	for (uint32_t pixel = 0; pixel < FONT_WIDTH; pixel++) {
		if (!(pixels & (0x80U >> pixel)))
			continue;
		for (uint32_t byte = 0; byte < surface->pixel_bytes; byte++) {
			const uint32_t i = pixel * surface->pixel_bytes + byte;

			words[i / 8] |= (uint64_t)((surface->foreground >> (8 * byte)) & 0xFF) << (8 * (i % 8));
		}
	}
	for (uint32_t i = 0; i < surface->pixel_bytes; i++)
		video_write64(address + i * sizeof(uint64_t), words[i]);
}

static uint64_t text_cell_address(const struct screen_surface *surface, uint32_t column, uint32_t row)
{
	return surface->address + (uint64_t)row * surface->pitch_bytes + column * TEXT_CELL_BYTES;
}

void surface_draw(const struct screen_surface *surface, uint32_t column, uint32_t row, uint16_t cell)
{
	if (surface->kind == BOOT_SCREEN_TEXT) {
		const uint64_t address = text_cell_address(surface, column, row);

		video_write8(address, (uint8_t)cell);
		video_write8(address + 1, (uint8_t)(cell >> 8));
		return;
	}
	for (uint32_t y = 0; y < FONT_HEIGHT; y++)
		draw_glyph_row(surface,
			       surface->address + ((uint64_t)row * FONT_HEIGHT + y) * surface->pitch_bytes +
				       (uint64_t)column * FONT_WIDTH * surface->pixel_bytes,
			       font_row((char)(cell & 0xFF), y));
}

uint16_t surface_read_cell(const struct screen_surface *surface, uint32_t column, uint32_t row)
{
	const volatile uint8_t *cell = (const volatile uint8_t *)(uintptr_t)text_cell_address(surface, column, row);

	return (uint16_t)(cell[0] | cell[1] << 8);
}

static uint16_t crtc_index_port(const struct screen_surface *surface)
{
	return surface->address < VGA_COLOUR_TEXT ? VGA_CRTC_INDEX_MONO : VGA_CRTC_INDEX_COLOUR;
}

static uint8_t crtc_read(const struct screen_surface *surface, uint8_t index)
{
	const uint16_t port = crtc_index_port(surface);

	port_write8(port, index);
	return port_read8((uint16_t)(port + 1));
}

static void crtc_write(const struct screen_surface *surface, uint8_t index, uint32_t value)
{
	const uint16_t port = crtc_index_port(surface);

	port_write8(port, index);
	port_write8((uint16_t)(port + 1), (uint8_t)value);
}

uint32_t surface_cursor_row(const struct screen_surface *surface)
{
	const uint32_t position =
		(uint32_t)crtc_read(surface, VGA_CRTC_CURSOR_HIGH) << 8 | crtc_read(surface, VGA_CRTC_CURSOR_LOW);

	return position / (surface->pitch_bytes / TEXT_CELL_BYTES);
}

void surface_move_cursor(const struct screen_surface *surface, uint32_t column, uint32_t row)
{
	const uint32_t position = row * (surface->pitch_bytes / TEXT_CELL_BYTES) + column;

	crtc_write(surface, VGA_CRTC_CURSOR_HIGH, position >> 8);
	crtc_write(surface, VGA_CRTC_CURSOR_LOW, position);
}
