/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen console on real memory: every pixel outside the surface is a redzone of the sanitizer, or is compared.
 */
#include "drivers/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/font.h"
#include "tests/unit/fake_hw.h"

#define VGA_TEXT    0xB8000
#define VGA_BYTES   0x8000
#define GARBAGE     0x5A
#define CRTC_COLOUR 0x3D4

static uint8_t arena_memory[512 * 1024];
static struct arena arena;
static uint8_t crtc_index;
static uint8_t crtc[256];
static uint64_t mapped_base, mapped_bytes;
static enum status map_status;
static uint8_t *frame; /* the framebuffer of the test that runs */

static enum status map_note(struct paddr base, uint64_t bytes)
{
	mapped_base = base.value;
	mapped_bytes = bytes;
	return map_status;
}

static uint64_t crtc_read(void *context, uint32_t offset, unsigned width)
{
	(void)context;
	assert_int_equal(width, 1);
	return offset == 0 ? crtc_index : crtc[crtc_index];
}

static void crtc_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	(void)context;
	assert_int_equal(width, 1);
	if (offset == 0)
		crtc_index = (uint8_t)value;
	else
		crtc[crtc_index] = (uint8_t)value;
}

static const struct fake_hw_ops crtc_ops = {crtc_read, crtc_write};

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	fake_hw_add_ports(CRTC_COLOUR, 2, &crtc_ops, NULL);
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	memset(crtc, 0, sizeof(crtc));
	map_status = STATUS_OK;
	mapped_bytes = 0;
	frame = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(frame);
	return 0;
}

static void write_text(const char *text)
{
	screen_write(text, strlen(text));
}

/* --- RGB ------------------------------------------------------------------------------------------------------- */

static struct boot_screen rgb_screen(uint32_t width, uint32_t height, uint32_t pitch, uint8_t bits)
{
	struct boot_screen screen = {.kind = BOOT_SCREEN_RGB, .width = width, .height = height, .bits_per_pixel = bits};
	const uint8_t size = bits <= 16 ? 5 : 8;
	const uint8_t green = bits == 16 ? 6 : size;

	screen.pitch_bytes = pitch;
	screen.blue_size = size;
	screen.green_position = size;
	screen.green_size = green;
	screen.red_position = (uint8_t)(size + green);
	screen.red_size = size;
	frame = malloc((size_t)pitch * height);
	assert_non_null(frame);
	memset(frame, GARBAGE, (size_t)pitch * height);
	screen.address = (uint64_t)(uintptr_t)frame;
	return screen;
}

static uint32_t pixel(const struct boot_screen *screen, uint32_t x, uint32_t y)
{
	const uint32_t bytes = ((uint32_t)screen->bits_per_pixel + 7) / 8;
	uint32_t value = 0;

	memcpy(&value, frame + (size_t)y * screen->pitch_bytes + (size_t)x * bytes, bytes);
	return value;
}

static void assert_glyph(const struct boot_screen *screen, uint32_t column, uint32_t row, char character,
			 uint32_t colour)
{
	for (uint32_t y = 0; y < FONT_HEIGHT; y++)
		for (uint32_t x = 0; x < FONT_WIDTH; x++) {
			const uint32_t expected = (font_row(character, y) & (0x80 >> x)) != 0 ? colour : 0;
			const uint32_t got = pixel(screen, column * FONT_WIDTH + x, row * FONT_HEIGHT + y);

			if (got != expected)
				fail_msg("'%c' at %u,%u: pixel %u,%u is %#x, not %#x", character, column, row, x, y,
					 got, expected);
		}
}

/* Outside the visible part of each line nothing changes, inside all is black but for the glyphs. */
static void check_depth(uint8_t bits, uint32_t bytes, uint32_t colour)
{
	const uint32_t width = 83, height = 37;
	const uint32_t pitch = width * bytes + 5;
	struct boot_screen screen = rgb_screen(width, height, pitch, bits);

	arena_init(&arena, arena_memory, sizeof(arena_memory));
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	assert_int_equal(mapped_base, screen.address);
	assert_int_equal(mapped_bytes, (uint64_t)pitch * height);
	assert_int_equal(frame[0], GARBAGE); /* `quiet` leaves the screen as it is */
	assert_int_equal(screen_columns(), 10);
	write_text("Ag~\n");
	write_text("0123456789");
	assert_glyph(&screen, 0, 0, 'A', colour);
	assert_glyph(&screen, 1, 0, 'g', colour);
	assert_glyph(&screen, 2, 0, '~', colour);
	assert_glyph(&screen, 3, 0, ' ', colour);
	assert_glyph(&screen, 9, 1, '9', colour);
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = width * bytes; x < pitch; x++)
			assert_int_equal(frame[y * pitch + x], GARBAGE);
		for (uint32_t x = 80; x < width; x++)
			assert_int_equal(pixel(&screen, x, y), 0);
	}
	free(frame);
	frame = NULL;
}

static void test_every_depth(void **state)
{
	(void)state;
	check_depth(15, 2, 0x1A << 10 | 0x1A << 5 | 0x1A);
	check_depth(16, 2, 0x1A << 11 | 0x34 << 5 | 0x1A);
	check_depth(24, 3, 0xD0D0D0);
	check_depth(32, 4, 0xD0D0D0);
}

static void test_deep_colour(void **state)
{
	struct boot_screen screen = rgb_screen(64, 16, 64 * 4, 30);

	(void)state;
	screen.red_size = screen.green_size = screen.blue_size = 10;
	screen.red_position = 20;
	screen.green_position = 10;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("D");
	assert_glyph(&screen, 0, 0, 'D', 0x340 << 20 | 0x340 << 10 | 0x340);
}

static void test_rgb_scrolls(void **state)
{
	struct boot_screen screen = rgb_screen(64, 48, 64 * 4, 32);

	(void)state;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("one\ntwo\nthree\nfour");
	assert_glyph(&screen, 0, 0, 't', 0xD0D0D0);
	assert_glyph(&screen, 1, 0, 'w', 0xD0D0D0);
	assert_glyph(&screen, 3, 0, ' ', 0xD0D0D0);
	assert_glyph(&screen, 4, 1, 'e', 0xD0D0D0);
	assert_glyph(&screen, 0, 2, 'f', 0xD0D0D0);
	assert_glyph(&screen, 4, 2, ' ', 0xD0D0D0);
}

static void test_line_is_redrawn_in_place(void **state)
{
	struct boot_screen screen = rgb_screen(64, 48, 64 * 4, 32);

	(void)state;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("a\n12345678\r87654321\rX"); /* exactly as wide as the screen */
	assert_glyph(&screen, 0, 0, 'a', 0xD0D0D0);
	assert_glyph(&screen, 0, 1, 'X', 0xD0D0D0);
	assert_glyph(&screen, 1, 1, '7', 0xD0D0D0);
	assert_glyph(&screen, 7, 1, '1', 0xD0D0D0);
	assert_glyph(&screen, 0, 2, ' ', 0xD0D0D0);
	write_text("\r123456789");
	assert_glyph(&screen, 0, 2, '9', 0xD0D0D0);
}

static void test_only_changed_cells_are_drawn(void **state)
{
	struct boot_screen screen = rgb_screen(64, 48, 64 * 4, 32);

	(void)state;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("ab\nab\nab");
	memset(frame, GARBAGE, (size_t)64 * 4 * 48);
	write_text("\nab"); /* the picture scrolls into itself but for the last line */
	for (size_t i = 0; i < (size_t)64 * 4 * 32; i++)
		assert_int_equal(frame[i], GARBAGE);
	assert_glyph(&screen, 1, 2, 'b', 0xD0D0D0);
}

static void test_odd_characters(void **state)
{
	struct boot_screen screen = rgb_screen(160, 32, 160 * 4, 32);

	(void)state;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("a\tb\x01\xff\x7f\x02");
	assert_glyph(&screen, 8, 0, 'b', 0xD0D0D0);
	assert_glyph(&screen, 9, 0, '?', 0xD0D0D0);
	assert_glyph(&screen, 10, 0, '?', 0xD0D0D0);
	assert_glyph(&screen, 11, 0, '?', 0xD0D0D0);
	assert_glyph(&screen, 12, 0, (char)FONT_BLOCK, 0xD0D0D0);
	write_text("\t12\tx"); /* 16, 17, 18; the tab ends at the line's end, x wraps */
	assert_glyph(&screen, 17, 0, '2', 0xD0D0D0);
	assert_glyph(&screen, 0, 1, 'x', 0xD0D0D0);
}

static void test_smallest_and_too_small(void **state)
{
	struct boot_screen screen = rgb_screen(8, 16, 32, 32);

	(void)state;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("abc\nd\n\n\te");
	assert_glyph(&screen, 0, 0, 'e', 0xD0D0D0);
	screen.width = 7;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_UNSUPPORTED);
	screen.width = 8;
	screen.height = 15;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_UNSUPPORTED);
	write_text("no screen, no harm");
	assert_int_equal(screen_columns(), 0);
}

static void assert_refused(struct boot_screen screen)
{
	mapped_bytes = 0;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_UNSUPPORTED);
	assert_int_equal(mapped_bytes, 0);
	write_text("x");
}

static void test_hostile_tags(void **state)
{
	const struct boot_screen good = rgb_screen(64, 48, 64 * 4, 32);
	struct boot_screen bad;

#define REFUSE(field, value)                                                                                           \
	do {                                                                                                           \
		bad = good;                                                                                            \
		bad.field = value;                                                                                     \
		assert_refused(bad);                                                                                   \
	} while (0)
	(void)state;
	REFUSE(pitch_bytes, 64 * 4 - 1);
	REFUSE(pitch_bytes, 0);
	REFUSE(bits_per_pixel, 0);
	REFUSE(bits_per_pixel, 8);
	REFUSE(bits_per_pixel, 33);
	REFUSE(bits_per_pixel, 255);
	REFUSE(width, 0);
	REFUSE(height, 0);
	REFUSE(width, 0x40000001); /* x 4 would wrap to 4 */
	REFUSE(height, UINT32_MAX);
	REFUSE(address, 0);
	REFUSE(address, UINT64_MAX - 100);
	REFUSE(red_position, 25);
	REFUSE(red_position, 255);
	REFUSE(red_size, 0);
	REFUSE(green_size, 255);
	REFUSE(blue_size, 17);
	REFUSE(blue_position, 32);
	bad = good;
	bad.bits_per_pixel = 24;
	bad.pitch_bytes = 64 * 3;
	bad.red_position = 17;
	assert_refused(bad);
	bad = good;
	bad.red_size = bad.green_size = bad.blue_size = 2;
	bad.red_position = bad.green_position = bad.blue_position = 0;
	bad.bits_per_pixel = 8;
	assert_refused(bad);
	bad.pitch_bytes = 64 * 5;
	bad.bits_per_pixel = 40;
	assert_refused(bad);
	bad = good;
	bad.kind = BOOT_SCREEN_NONE;
	assert_int_equal(screen_init(&bad, &arena, map_note), STATUS_NOT_FOUND);
#undef REFUSE
}

/* A huge one is clamped to what the grid may cost; a full arena and a refused mapping end without a screen. */
static void test_limits(void **state)
{
	struct boot_screen screen = rgb_screen(6000, 2800, 6000 * 4, 32);
	static uint8_t small[64];
	struct arena full;

	(void)state;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	assert_int_equal(screen_columns(), 512);
	for (int i = 0; i < 200; i++)
		write_text("line\n");
	assert_glyph(&screen, 0, 158, 'l', 0xD0D0D0);
	for (uint32_t row = 159; row < 2800 / FONT_HEIGHT; row++)
		assert_glyph(&screen, 0, row, ' ', 0xD0D0D0);
	assert_int_equal(pixel(&screen, 5999, 2799), 0);
	arena_init(&full, small, sizeof(small));
	assert_int_equal(screen_init(&screen, &full, map_note), STATUS_NO_MEMORY);
	assert_int_equal(screen_columns(), 0);
	map_status = STATUS_INVALID;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_INVALID);
	write_text("x");
}

/* --- VGA text -------------------------------------------------------------------------------------------------- */

static uint16_t *text_memory(void)
{
	void *memory = mmap((void *)VGA_TEXT, VGA_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (memory != (void *)VGA_TEXT)
		memory = (void *)VGA_TEXT; /* mapped by an earlier test */
	memset(memory, 0, VGA_BYTES);
	return memory;
}

static void put_row(uint16_t *cells, uint32_t row, const char *text)
{
	for (uint32_t i = 0; text[i] != '\0'; i++)
		cells[row * 80 + i] = (uint16_t)(0x1F00 | (uint8_t)text[i]);
}

static void assert_row(const uint16_t *cells, uint32_t row, const char *text, uint8_t attribute)
{
	for (uint32_t i = 0; text[i] != '\0'; i++)
		assert_int_equal(cells[row * 80 + i], attribute << 8 | (uint8_t)text[i]);
}

static struct boot_screen text_screen(void)
{
	return (struct boot_screen){
		.kind = BOOT_SCREEN_TEXT, .address = VGA_TEXT, .pitch_bytes = 160, .width = 80, .height = 25};
}

static uint32_t cursor(void)
{
	return (uint32_t)crtc[0x0E] << 8 | crtc[0x0F];
}

static void test_text_goes_on_below_the_cursor(void **state)
{
	const struct boot_screen screen = text_screen();
	uint16_t *cells = text_memory();

	(void)state;
	put_row(cells, 0, "GRUB");
	put_row(cells, 3, "left this");
	crtc[0x0F] = 3 * 80 + 9;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("thaw\n1\x02");
	assert_row(cells, 0, "GRUB", 0x1F);
	assert_row(cells, 3, "left this", 0x1F);
	assert_row(cells, 4, "thaw", 0x07);
	assert_row(cells, 5, "1\xdb", 0x07);
	assert_int_equal(cursor(), 5 * 80 + 2);
	for (uint32_t i = 25 * 80; i < VGA_BYTES / 2; i++)
		assert_int_equal(cells[i], 0);
}

static void test_text_starts_on_an_empty_row(void **state)
{
	const struct boot_screen screen = text_screen();
	uint16_t *cells = text_memory();

	(void)state;
	put_row(cells, 6, "    ");
	crtc[0x0E] = (6 * 80 + 4) >> 8;
	crtc[0x0F] = (6 * 80 + 4) & 0xFF;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("a\x7f\x80");
	assert_row(cells, 6, "a??", 0x07);
}

static void test_text_scrolls_what_was_there(void **state)
{
	const struct boot_screen screen = text_screen();
	uint16_t *cells = text_memory();

	(void)state;
	put_row(cells, 1, "old");
	put_row(cells, 24, "last");
	crtc[0x0E] = 0xFF; /* hidden outside */
	crtc[0x0F] = 0xFF;
	assert_int_equal(screen_init(&screen, &arena, map_note), STATUS_OK);
	write_text("new");
	assert_row(cells, 0, "old", 0x1F);
	assert_row(cells, 23, "last", 0x1F);
	assert_row(cells, 24, "new ", 0x07);
	assert_int_equal(cursor(), 24 * 80 + 3);
}

static void test_text_outside_the_legacy_window(void **state)
{
	struct boot_screen screen = text_screen();

	(void)state;
	screen.address = 0x9FFFE;
	assert_refused(screen);
	screen.address = 0xC0000 - 160 * 25 + 2;
	assert_refused(screen);
	screen.address = 0x100000;
	assert_refused(screen);
	screen = text_screen();
	screen.pitch_bytes = 158;
	assert_refused(screen);
	screen = text_screen();
	screen.width = 0;
	screen.pitch_bytes = 0;
	assert_refused(screen);
}

/* --- the font -------------------------------------------------------------------------------------------------- */

static void test_font_is_complete(void **state)
{
	uint8_t glyphs[256][FONT_HEIGHT];

	(void)state;
	for (int c = 0; c < 256; c++) {
		uint8_t seen = 0;

		for (uint32_t y = 0; y < FONT_HEIGHT; y++) {
			glyphs[c][y] = font_row((char)c, y);
			seen |= glyphs[c][y];
		}
		if (c == FONT_BLOCK)
			continue;
		assert_int_equal(seen & 1, 0); /* neighbours don't touch */
		assert_true(seen != 0 || c == ' ');
		assert_int_equal(glyphs[c][0] | glyphs[c][FONT_HEIGHT - 1], 0);
	}
	for (int c = ' '; c <= '~'; c++)
		for (int other = c + 1; other <= '~'; other++)
			assert_memory_not_equal(glyphs[c], glyphs[other], FONT_HEIGHT);
	assert_int_equal(font_row('A', 200), 0);
	/* Blocks make a bar without gaps, which does not touch the lines above and below. */
	for (uint32_t y = 0; y < FONT_HEIGHT; y++)
		assert_int_equal(glyphs[FONT_BLOCK][y], y >= 2 && y < 13 ? 0xFF : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deep_colour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rgb_scrolls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_is_redrawn_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_changed_cells_are_drawn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_smallest_and_too_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_goes_on_below_the_cursor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_starts_on_an_empty_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_scrolls_what_was_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_outside_the_legacy_window, setup, teardown),
		cmocka_unit_test(test_font_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
