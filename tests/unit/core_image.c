/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crc32.h"
#include "tests/unit/noise.h"

#define INCOMPRESSIBLE_EVERY 3

bool core_image_next_run(void *context, struct pfn from, struct core_run *run_out)
{
	const char *map = context;
	const uint64_t frames = strlen(map);
	uint64_t first = from.value;
	uint64_t end;

	while (first < frames && map[first] == '.')
		first++;
	if (first >= frames)
		return false;
	for (end = first; map[end] == map[first];)
		end++;
	*run_out = (struct core_run){{first}, end - first, map[first] == 'Z'};
	return true;
}

void core_image_fill(struct page *page, uint64_t pfn)
{
	uint64_t seed = pfn;

	for (size_t i = 0; i < sizeof(page->bytes); i++) {
		const uint8_t noise = noise_byte(&seed);

		page->bytes[i] = pfn % INCOMPRESSIBLE_EVERY == 0 ? noise : (uint8_t)(i / 64 * pfn);
	}
}

static struct core_note note_make(const char *map, enum core_codec codec)
{
	struct core_note note = {
		.codec = codec,
		.levels = 4,
		.memory_count = 2,
		.entry = (uint64_t)(strchr(map, 'D') - map) * PAGE_BYTES + CORE_IMAGE_ENTRY,
		.region_start = 16 * MIB,
		.region_end = 31 * MIB,
		.acpi = {.pm1a_event = 0x600, .pm1_event_bytes = 4, .gpe0 = 0x620, .gpe0_bytes = 16},
		.memory = {{0, 0x9fc00, 1, 0}, {0x100000, 0x7f00000, 1, 0}},
	};

	return note;
}

/* The next chunk's pages, one behind the other. */
static uint32_t chunk_collect(const struct core *core, struct core_data_cursor *cursor, struct page *raw)
{
	struct core_data_run run;
	uint32_t pages = 0;

	while (pages < CORE_CHUNK_PAGES && core_data_next(core, cursor, CORE_CHUNK_PAGES - pages, &run))
		for (uint64_t i = 0; i < run.pages; i++)
			core_image_fill(&raw[pages++], run.first.value + i);
	return pages;
}

static void chunks_make(struct core_image *image, enum core_codec codec)
{
	static struct page raw[CORE_CHUNK_PAGES];
	static struct page packed[CORE_PACK_OUT_BYTES / sizeof(struct page)];
	static uint64_t work[CORE_PACK_WORK_BYTES / 8];
	struct core_data_cursor cursor = {0};
	uint32_t pages;

	image->stored = aligned_alloc(PAGE_BYTES, image->layout.data_pages * PAGE_BYTES);
	assert(image->stored != NULL);
	for (uint64_t index = 0; (pages = chunk_collect(&image->built, &cursor, raw)) != 0; index++) {
		const uint32_t bytes = core_chunk_pack(codec, raw->bytes, pages * PAGE_BYTES, packed->bytes, work);
		const struct page *from = bytes == pages * PAGE_BYTES ? raw : packed;
		const uint64_t stored_pages = div_round_up(bytes, PAGE_BYTES);

		memcpy(&image->stored[image->stored_pages], from, stored_pages * PAGE_BYTES);
		image->stored_pages += stored_pages;
		core_chunk_set(image->header, index, bytes, crc32_zlib(from, bytes));
	}
}

void core_image_make(struct core_image *image, const char *map, enum core_codec codec, const char *vmcoreinfo)
{
	union {
		const char *map;
		void *context;
	} source_of = {map};
	const struct core_source source = {core_image_next_run, source_of.context};
	const struct core_note note = note_make(map, codec);
	const uint32_t vmcoreinfo_bytes = vmcoreinfo == NULL ? 0 : (uint32_t)strlen(vmcoreinfo);
	const struct core_build build = {&source, &image->layout, &note, vmcoreinfo, vmcoreinfo_bytes};
	enum status status;

	*image = (struct core_image){.map = map};
	status = core_layout_plan(&source, CORE_SEGMENTS_MAX, &image->layout);
	assert(status == STATUS_OK);
	image->header_bytes = core_header_bytes(&image->layout, vmcoreinfo_bytes);
	image->header = aligned_alloc(PAGE_BYTES, image->header_bytes);
	assert(image->header != NULL);
	status = core_header_build(image->header, &build, &image->built);
	assert(status == STATUS_OK);
	chunks_make(image, codec);
	memcpy(image->anchor.magic, CORE_ANCHOR_MAGIC, sizeof(image->anchor.magic));
	image->anchor.version = CORE_ANCHOR_VERSION;
	image->anchor.state = CORE_ANCHOR_VALID;
	image->anchor.target_pages = image->header_bytes / PAGE_BYTES + image->stored_pages;
	image->anchor.extent_count = 1;
	image->anchor.extents[0] = (struct core_extent){1, image->anchor.target_pages};
	core_image_seal(image);
}

void core_image_free(struct core_image *image)
{
	free(image->header);
	free(image->stored);
}

void core_image_seal(struct core_image *image)
{
	core_anchor_complete(&image->anchor, image->header, image->header_bytes, image->stored_pages);
	core_anchor_seal_extents(&image->anchor);
}
