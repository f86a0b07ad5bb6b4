/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small writer of swsusp images for tests, after the description of the format (docs/swsusp-format.md).
 */
#include "tests/unit/swsusp_image.h"

#include <lz4.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/noise.h"

#define CHUNK_PAGES 32
#define JUMP        0xffffffff9b000010
#define JUMP_PHYS   0x000000013ae00010

static void *allocate(size_t count, size_t bytes)
{
	void *memory = bytes == sizeof(struct page) ? aligned_alloc(sizeof(struct page), (count + 1) * bytes)
						    : malloc((count + 1) * bytes);

	if (memory == NULL)
		abort();
	return memset(memory, 0, (count + 1) * bytes);
}

void forge_put(struct image *image, uint64_t device_page, size_t offset, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		image->device[device_page].bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

uint64_t forge_get(const struct image *image, uint64_t device_page, size_t offset, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)image->device[device_page].bytes[offset + i] << (8 * i);
	return value;
}

uint64_t forge_pfn_entry(const struct image_spec *spec, uint32_t index)
{
	const uint32_t all = spec->data_pages + spec->zero_pages;
	/* Zero frames spread evenly over all of them. */
	const bool zero = (uint64_t)(index + 1) * spec->zero_pages / all != (uint64_t)index * spec->zero_pages / all;

	return (1 + 3 * (uint64_t)index) | (zero ? (uint64_t)1 << 63 : 0);
}

void forge_fill_page(struct page *page, uint64_t pfn, bool compressible)
{
	uint64_t seed = pfn;

	for (size_t i = 0; i < sizeof(page->bytes); i++)
		page->bytes[i] = compressible || pfn % 4 == 0 ? (uint8_t)(pfn + i / 64) : (uint8_t)noise_next(&seed);
}

/* The stream behind the information page: the PFN list, then the pages. */
static void pages_make(struct image *image)
{
	const struct image_spec *spec = &image->spec;
	const uint32_t all = spec->data_pages + spec->zero_pages;
	uint64_t data = 0;

	image->meta_pages = (all + 511) / 512;
	image->page_count = image->meta_pages + spec->data_pages;
	image->pages = allocate(image->page_count, sizeof(struct page));
	for (uint32_t i = 0; i <= all; i++) {
		const uint64_t entry = i < all ? forge_pfn_entry(spec, i) : UINT64_MAX;

		if (i < image->meta_pages * 512)
			memcpy(image->pages[i / 512].bytes + i % 512 * 8, &entry, 8);
		if (entry >> 63 == 0)
			forge_fill_page(&image->pages[image->meta_pages + data++], entry, spec->compressible);
	}
}

static void places_make(struct image *image)
{
	const uint64_t worst = image->page_count * 2 + 8 + image->page_count / 200;
	uint64_t seed = 7;
	uint64_t count = 0;

	image->device_pages = worst + image->spec.header_page;
	image->device = allocate(image->device_pages, sizeof(struct page));
	image->free_pages = allocate(image->device_pages, sizeof(uint64_t));
	for (uint64_t page = 1; page < image->device_pages; page++) {
		if (page != image->spec.header_page)
			image->free_pages[count++] = page;
	}
	for (uint64_t i = count - 1; image->spec.shuffled && i > 0; i--) {
		const uint64_t other = noise_next(&seed) % (i + 1);
		const uint64_t page = image->free_pages[i];

		image->free_pages[i] = image->free_pages[other];
		image->free_pages[other] = page;
	}
}

/* As the kernel does: a full map gets its successor at once, so a map of zeros may be the last. */
static void stream_append(struct image *image, const void *bytes, size_t count)
{
	const uint64_t place = image->free_pages[image->free_next++];

	memcpy(image->device[place].bytes, bytes, count);
	memset(image->device[place].bytes + count, 0xa5, sizeof(struct page) - count);
	forge_put(image, image->maps[image->map_count - 1], image->stream_count % 511 * 8, place, 8);
	image->stream[image->stream_count++] = place;
	if (image->stream_count % 511 == 0) {
		const uint64_t map = image->free_pages[image->free_next++];

		forge_put(image, image->maps[image->map_count - 1], 4088, map, 8);
		image->maps[image->map_count++] = map;
	}
}

static uint64_t pack(enum swsusp_codec codec, const uint8_t *bytes, uint64_t count, uint8_t *packed, size_t capacity)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS] __attribute__((aligned(16)));
	lzo_uint packed_bytes = 0;

	if (codec == SWSUSP_LZO) {
		if (lzo1x_1_compress(bytes, count, packed, &packed_bytes, work) != LZO_E_OK)
			abort();
		return packed_bytes;
	}
	return (uint64_t)LZ4_compress_default((const char *)bytes, (char *)packed, (int)count, (int)capacity);
}

static uint32_t crc32_plainly(uint32_t crc, const uint8_t *bytes, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320u : 0);
	}
	return crc;
}

static uint32_t chunks_append(struct image *image)
{
	uint8_t *packed = allocate(160 * 1024, 1);
	uint32_t crc = 0;

	for (uint64_t page = 0; page < image->page_count; page += CHUNK_PAGES) {
		const uint64_t left = image->page_count - page;
		const uint64_t bytes = (left < CHUNK_PAGES ? left : CHUNK_PAGES) * sizeof(struct page);
		const uint8_t *chunk = image->pages[page].bytes;
		const uint64_t length = pack(image->spec.codec, chunk, bytes, packed + 8, 160 * 1024 - 8);

		memcpy(packed, &length, 8);
		crc = crc32_plainly(crc, chunk, bytes);
		for (uint64_t done = 0; done < length + 8; done += sizeof(struct page)) {
			const uint64_t rest = length + 8 - done;

			stream_append(image, packed + done, rest < sizeof(struct page) ? rest : sizeof(struct page));
		}
	}
	free(packed);
	return crc;
}

static void info_append(struct image *image)
{
	struct page info = {0};
	const uint64_t fields[][2] = {
		{0, JUMP},
		{8, JUMP_PHYS},
		{16, 0x17c2000},
		{24, 0x23456789ABCDEF02},
		{32, 0xdeadbeef},
		{400, 131000},
		{416, image->spec.data_pages},
		{424, image->page_count + 1},
		{432, (image->page_count + 1) * 4096},
	};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		memcpy(info.bytes + fields[i][0], &fields[i][1], 8);
	stream_append(image, info.bytes, sizeof(info.bytes));
}

static void header_make(struct image *image, uint32_t crc)
{
	static const uint32_t flags[] = {[SWSUSP_PLAIN] = 2 | 1, [SWSUSP_LZO] = 4, [SWSUSP_LZ4] = 4 | 16 | 1};
	const uint64_t header = image->spec.header_page;

	forge_put(image, header, 1024, 1, 4);
	forge_put(image, header, 1028, image->device_pages - header - 1, 4);
	memcpy(image->device[header].bytes + 1036, "0123456789abcdef", 16);
	memcpy(image->device[header].bytes + 1052, "swaplabel", 9);
	forge_put(image, header, 4060, crc, 4);
	forge_put(image, header, 4064, image->maps[0], 8);
	forge_put(image, header, 4072, flags[image->spec.codec], 4);
	memcpy(image->device[header].bytes + 4076, "SWAPSPACE2S1SUSPEND", 20);
}

void forge_image(struct image *image, const struct image_spec *spec)
{
	uint32_t crc = 0;

	memset(image, 0, sizeof(*image));
	image->spec = *spec;
	pages_make(image);
	places_make(image);
	image->maps = allocate(image->device_pages, sizeof(uint64_t));
	image->stream = allocate(image->device_pages, sizeof(uint64_t));
	image->maps[image->map_count++] = image->free_pages[image->free_next++];
	info_append(image);
	if (spec->codec != SWSUSP_PLAIN)
		crc = chunks_append(image);
	for (uint64_t page = 0; spec->codec == SWSUSP_PLAIN && page < image->page_count; page++)
		stream_append(image, image->pages[page].bytes, sizeof(struct page));
	header_make(image, crc);
}

void forge_free(struct image *image)
{
	free(image->device);
	free(image->free_pages);
	free(image->maps);
	free(image->stream);
	free(image->pages);
}

static struct page *block_take(void *context)
{
	struct image_marks *marks = context;

	if (marks->blocks == marks->block_limit)
		return NULL;
	marks->blocks++;
	return allocate(0, sizeof(struct page));
}

struct swsusp_page_marks forge_marks_make(struct image_marks *marks, uint64_t device_pages, uint64_t block_limit)
{
	marks->entries = (device_pages + 32767) / 32768;
	marks->directory = allocate(marks->entries, sizeof(struct page *));
	marks->blocks = 0;
	marks->block_limit = block_limit;
	return (struct swsusp_page_marks){marks->directory, marks->entries, block_take, marks};
}

void forge_marks_free(struct image_marks *marks)
{
	for (uint64_t i = 0; i < marks->entries; i++)
		free(marks->directory[i]);
	free(marks->directory);
}

/* What the scan hands out, compared with what was put in. */
struct comparison {
	const struct image *image;
	uint64_t pfns;
	uint64_t data;
	bool equal;
};

static enum status device_read(void *context, uint64_t device_page, struct page *page_out)
{
	const struct comparison *comparison = context;

	if (device_page >= comparison->image->device_pages)
		abort();
	*page_out = comparison->image->device[device_page];
	return STATUS_OK;
}

static void pfns_compare(void *context, const uint64_t *pfns, uint32_t count)
{
	struct comparison *comparison = context;

	for (uint32_t i = 0; i < count; i++)
		comparison->equal &= pfns[i] == forge_pfn_entry(&comparison->image->spec, (uint32_t)comparison->pfns++);
}

static void data_compare(void *context, uint64_t index, const struct page *page)
{
	struct comparison *comparison = context;
	const struct image *image = comparison->image;

	comparison->equal &= index == comparison->data++;
	comparison->equal &= memcmp(page, &image->pages[image->meta_pages + index], sizeof(*page)) == 0;
}

enum status forge_scan(const struct image *image, const char **reason_out)
{
	struct comparison comparison = {.image = image, .equal = true};
	struct swsusp_scan *scan = allocate(sizeof(*scan) / sizeof(struct page), sizeof(struct page));
	struct image_marks marks;
	enum status status;

	scan->source.read_page = device_read;
	scan->source.context = &comparison;
	scan->sink.pfns = pfns_compare;
	scan->sink.data = data_compare;
	scan->sink.context = &comparison;
	status = swsusp_scan_image(scan, image->spec.header_page, image->device_pages,
				   forge_marks_make(&marks, image->device_pages, UINT64_MAX));
	*reason_out = scan->reader.reason;
	if (status == STATUS_OK && (!comparison.equal || comparison.data != image->spec.data_pages ||
				    comparison.pfns != image->spec.data_pages + image->spec.zero_pages)) {
		*reason_out = "test: the pages are not those that were put in";
		status = STATUS_INVALID;
	}
	forge_marks_free(&marks);
	free(scan);
	return status;
}
