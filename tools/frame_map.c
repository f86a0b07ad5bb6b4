/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures of memory.
 */
#include "tools/frame_map.h"

#include <inttypes.h>
#include <string.h>

#define PFN_LIMIT     BIT64(40)
#define LABEL_COLUMNS 12
#define COLUMNS_MIN   8
#define ROWS_MAX      32
#define SVG_COLUMNS   64
#define SVG_CELL      12
#define SVG_LEFT      90
#define SVG_TOP       40
#define SVG_LEGEND    70
#define LEVELS        6
#define LEVEL_ZERO    1 /* nothing but zero pages */
#define LEVEL_SPARSE  2
#define LEVEL_FULL    5

/* What a place in a picture holds. */
struct amount {
	uint64_t data;
	uint64_t zero;
};

/* A picture's scale. */
struct raster {
	uint64_t pages_per_place; /* a power of two, not below the map's */
	uint32_t columns;
	uint32_t rows;
};

void frame_map_begin(struct frame_map *map)
{
	memset(map, 0, sizeof(*map));
	map->pages_per_cell = 1;
}

/* Cells of twice as many pages. */
static void cells_fold(struct frame_map *map)
{
	for (uint32_t i = 0; i < FRAME_MAP_CELLS / 2; i++) {
		map->data[i] = map->data[2 * i] + map->data[2 * i + 1];
		map->zero[i] = map->zero[2 * i] + map->zero[2 * i + 1];
	}
	memset(map->data + FRAME_MAP_CELLS / 2, 0, sizeof(map->data) / 2);
	memset(map->zero + FRAME_MAP_CELLS / 2, 0, sizeof(map->zero) / 2);
	map->pages_per_cell *= 2;
}

void frame_map_add(struct frame_map *map, uint64_t pfn, uint64_t count, bool is_zero)
{
	if (pfn >= PFN_LIMIT || count > PFN_LIMIT - pfn || count == 0)
		return;
	while (pfn + count > map->pages_per_cell * FRAME_MAP_CELLS)
		cells_fold(map);
	map->end = max_u64(map->end, pfn + count);
	*(is_zero ? &map->zero_pages : &map->data_pages) += count;
	while (count > 0) {
		const uint64_t cell = pfn / map->pages_per_cell;
		const uint64_t part = min_u64(count, (cell + 1) * map->pages_per_cell - pfn);

		(is_zero ? map->zero : map->data)[cell] += (uint32_t)part;
		pfn += part;
		count -= part;
	}
}

void size_format(uint64_t bytes, char *text_out, size_t capacity)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
	uint32_t unit = 0;
	uint64_t divisor = 1;

	while (unit + 1 < ARRAY_COUNT(units) && bytes / divisor >= 1024) {
		divisor *= 1024;
		unit++;
	}
	/* Tenths, rounded; without them where they are zero. */
	if (divisor > 1 && (bytes % divisor * 10 + divisor / 2) / divisor % 10 != 0)
		snprintf(text_out, capacity, "%" PRIu64 ".%" PRIu64 " %s", bytes / divisor,
			 (bytes % divisor * 10 + divisor / 2) / divisor, units[unit]);
	else
		snprintf(text_out, capacity, "%" PRIu64 " %s", bytes / divisor + (bytes % divisor * 20 >= divisor * 19),
			 units[unit]);
}

static struct raster raster_make(const struct frame_map *map, uint32_t columns)
{
	struct raster raster = {.pages_per_place = map->pages_per_cell, .columns = COLUMNS_MIN};

	/* A power of two, so that rows begin at round addresses. */
	while (raster.columns * 2 <= columns)
		raster.columns *= 2;
	while (raster.pages_per_place * raster.columns * ROWS_MAX < map->end)
		raster.pages_per_place *= 2;
	raster.rows = (uint32_t)div_round_up(map->end, raster.pages_per_place * raster.columns);
	return raster;
}

static struct amount amount_at(const struct frame_map *map, const struct raster *raster, uint32_t row, uint32_t column)
{
	const uint64_t cells = raster->pages_per_place / map->pages_per_cell;
	const uint64_t first = ((uint64_t)row * raster->columns + column) * cells;
	struct amount amount = {0, 0};

	for (uint64_t i = first; i < first + cells && i < FRAME_MAP_CELLS; i++) {
		amount.data += map->data[i];
		amount.zero += map->zero[i];
	}
	return amount;
}

/* 0: nothing there. */
static uint32_t level_of(const struct raster *raster, struct amount amount)
{
	if (amount.data == 0)
		return amount.zero != 0 ? LEVEL_ZERO : 0;
	return (uint32_t)(LEVEL_SPARSE + min_u64(div_round_up(amount.data * 4, raster->pages_per_place) - 1, 3));
}

_Static_assert(LEVEL_SPARSE + 3 == LEVEL_FULL && LEVEL_FULL + 1 == LEVELS, "quarters of a place");

static bool row_is_empty(const struct frame_map *map, const struct raster *raster, uint32_t row)
{
	for (uint32_t column = 0; column < raster->columns; column++) {
		if (level_of(raster, amount_at(map, raster, row, column)) != 0)
			return false;
	}
	return true;
}

static void row_print(const struct frame_map *map, const struct raster *raster, uint32_t row, const char *const *glyphs,
		      FILE *stream)
{
	char label[32];

	size_format(row * raster->columns * raster->pages_per_place * PAGE_BYTES, label, sizeof(label));
	fprintf(stream, "%*s ", LABEL_COLUMNS - 3, label);
	fputc('|', stream);
	for (uint32_t column = 0; column < raster->columns; column++)
		fputs(glyphs[level_of(raster, amount_at(map, raster, row, column))], stream);
	fputs("|\n", stream);
}

void frame_map_print(const struct frame_map *map, uint32_t columns, bool is_unicode, FILE *stream)
{
	static const char *const ascii[LEVELS] = {" ", "0", ".", ":", "+", "#"};
	static const char *const blocks[LEVELS] = {" ", "·", "░", "▒", "▓", "█"};
	const char *const *glyphs = is_unicode ? blocks : ascii;
	const uint32_t room = columns > LABEL_COLUMNS ? columns - LABEL_COLUMNS : 0;
	const struct raster raster = raster_make(map, room);
	char size[32];
	uint32_t empty = 0;

	for (uint32_t row = 0; row < raster.rows; row++) {
		if (row_is_empty(map, &raster, row)) {
			empty++;
			continue;
		}
		if (empty > 0)
			fprintf(stream, "%*s\n", LABEL_COLUMNS - 3, "...");
		empty = 0;
		row_print(map, &raster, row, glyphs, stream);
	}
	size_format(raster.pages_per_place * PAGE_BYTES, size, sizeof(size));
	fprintf(stream, "%*s one character: %s of RAM; pages with data fill\n", LABEL_COLUMNS - 3, "", size);
	fprintf(stream, "%*s %s up to 1/4, %s 1/2, %s 3/4, %s all of it; %s zero pages only\n", LABEL_COLUMNS - 3, "",
		glyphs[LEVEL_SPARSE], glyphs[LEVEL_SPARSE + 1], glyphs[LEVEL_SPARSE + 2], glyphs[LEVEL_FULL],
		glyphs[LEVEL_ZERO]);
}

static const char *const colours[LEVELS] = {"#f4f4f4", "#d9c46a", "#c6dbef", "#7fb2d9", "#3a82bf", "#0b4a86"};

/* Neighbours of one level are one rectangle. */
static void svg_row(const struct frame_map *map, const struct raster *raster, uint32_t row, uint32_t y, FILE *stream)
{
	uint32_t column = 0;

	while (column < raster->columns) {
		const uint32_t first = column;
		const uint32_t level = level_of(raster, amount_at(map, raster, row, column));

		while (column < raster->columns && level_of(raster, amount_at(map, raster, row, column)) == level)
			column++;
		if (level != 0)
			fprintf(stream,
				"<rect x=\"%" PRIu32 "\" y=\"%" PRIu32 "\" width=\"%" PRIu32
				"\" height=\"%d\" fill=\"%s\"/>\n",
				SVG_LEFT + first * SVG_CELL, y, (column - first) * SVG_CELL, SVG_CELL - 1,
				colours[level]);
	}
}

static void svg_legend(const struct raster *raster, uint32_t y, FILE *stream)
{
	static const char *const texts[LEVELS] = {NULL,        "zero only", "up to 1/4",
						  "up to 1/2", "up to 3/4", "up to all"};
	uint32_t x = SVG_LEFT;
	char size[32];

	for (uint32_t i = 1; i < LEVELS; i++) {
		fprintf(stream,
			"<rect x=\"%" PRIu32 "\" y=\"%" PRIu32 "\" width=\"%d\" height=\"%d\" fill=\"%s\"/>"
			"<text x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">%s</text>\n",
			x, y, SVG_CELL, SVG_CELL, colours[i], x + SVG_CELL + 5, y + SVG_CELL - 2, texts[i]);
		x += 110;
	}
	size_format(raster->pages_per_place * PAGE_BYTES, size, sizeof(size));
	fprintf(stream, "<text x=\"%d\" y=\"%" PRIu32 "\">one square: %s of RAM</text>\n", SVG_LEFT, y + 30, size);
}

/* The title's characters are the caller's; these have a meaning in XML. */
static void svg_text(const char *text, FILE *stream)
{
	for (; *text != '\0'; text++) {
		if (*text == '&')
			fputs("&amp;", stream);
		else if (*text == '<')
			fputs("&lt;", stream);
		else
			fputc(*text >= ' ' && *text <= '~' ? *text : '?', stream);
	}
}

static uint32_t svg_height(const struct frame_map *map, const struct raster *raster)
{
	uint32_t height = SVG_TOP + SVG_LEGEND;

	for (uint32_t row = 0; row < raster->rows; row++)
		height += row_is_empty(map, raster, row) ? 0 : SVG_CELL;
	return height;
}

void frame_map_svg(const struct frame_map *map, const char *title, FILE *stream)
{
	const struct raster raster = raster_make(map, SVG_COLUMNS);
	const uint32_t width = SVG_LEFT + SVG_COLUMNS * SVG_CELL + 20;
	const uint32_t height = svg_height(map, &raster);
	uint32_t y = SVG_TOP;

	fprintf(stream,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%" PRIu32 "\" height=\"%" PRIu32
		"\" font-family=\"sans-serif\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n<text x=\"%d\" y=\"24\" font-size=\"15\">",
		width, height, SVG_LEFT);
	svg_text(title, stream);
	fputs("</text>\n", stream);
	for (uint32_t row = 0; row < raster.rows; row++) {
		char label[32];

		if (row_is_empty(map, &raster, row))
			continue;
		size_format(row * raster.columns * raster.pages_per_place * PAGE_BYTES, label, sizeof(label));
		fprintf(stream, "<text x=\"%d\" y=\"%" PRIu32 "\" text-anchor=\"end\">%s</text>\n", SVG_LEFT - 8,
			y + SVG_CELL - 2, label);
		fprintf(stream, "<rect x=\"%d\" y=\"%" PRIu32 "\" width=\"%" PRIu32 "\" height=\"%d\" fill=\"%s\"/>\n",
			SVG_LEFT, y, raster.columns * SVG_CELL, SVG_CELL - 1, colours[0]);
		svg_row(map, &raster, row, y, stream);
		y += SVG_CELL;
	}
	svg_legend(&raster, y + 15, stream);
	fputs("</svg>\n", stream);
}
