/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in RAM the pages of an image lie: counted in cells that grow with the memory, drawn as text or SVG 1.1. Pure
 * but for the stream.
 */
#pragma once

#include <stdio.h>

#include "include/types.h"

#define FRAME_MAP_CELLS 8192

struct frame_map {
	uint64_t pages_per_cell; /* a power of two */
	uint64_t end;            /* behind the last frame: PFN */
	uint64_t data_pages;
	uint64_t zero_pages;
	uint32_t data[FRAME_MAP_CELLS];
	uint32_t zero[FRAME_MAP_CELLS];
};

void frame_map_begin(struct frame_map *map);

/* Frames [pfn, pfn + count), below 2^40; each once. Others are left out. */
void frame_map_add(struct frame_map *map, uint64_t pfn, uint64_t count, bool is_zero);

/* Lines of at most columns characters, and a legend; block characters, or ASCII. Empty rows are left out. */
void frame_map_print(const struct frame_map *map, uint32_t columns, bool is_unicode, FILE *stream);

/* A picture of its own; title: printable ASCII. */
void frame_map_svg(const struct frame_map *map, const char *title, FILE *stream);

/* "64 KiB", "1.5 GiB": exact where it can be said with at most one decimal. */
void size_format(uint64_t bytes, char *text_out, size_t capacity);
