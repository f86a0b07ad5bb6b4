/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swsusp reader on whole synthetic images: every codec, size and order that the format allows, then the order of
 * the reads that it asks for. Violations are in test_swsusp_corrupt.c.
 *
 * With a directory as argument it writes the seeds of the fuzz targets there instead.
 */
#include "image/swsusp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/swsusp_image.h"

static void check_image(const struct image_spec *spec)
{
	struct image image;
	const char *reason;
	enum status status;

	forge_image(&image, spec);
	status = forge_scan(&image, &reason);
	if (status != STATUS_OK)
		fail_msg("codec %d, %u data, %u zero pages: status %d, %s", spec->codec, spec->data_pages,
			 spec->zero_pages, status, reason);
	forge_free(&image);
}

static void plain_images_are_read(void **state)
{
	/* 509 data pages: 511 entries, so that the last map is empty; 1019: 1022 entries, twice that. */
	static const uint32_t sizes[] = {1, 2, 508, 509, 510, 512, 1018, 1019, 1020, 1024, 2600};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		check_image(&(struct image_spec){SWSUSP_PLAIN, sizes[i], 0, 0, false, false});
		check_image(&(struct image_spec){SWSUSP_PLAIN, sizes[i], 7, 0, true, false});
		check_image(&(struct image_spec){SWSUSP_PLAIN, sizes[i], 0, 77, true, false});
	}
}

static void compressed_images_are_read(void **state)
{
	static const uint32_t sizes[] = {1, 2, 30, 31, 32, 33, 62, 63, 64, 65, 500, 1500};

	(void)state;
	for (enum swsusp_codec codec = SWSUSP_LZO; codec <= SWSUSP_LZ4; codec++) {
		for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
			check_image(&(struct image_spec){codec, sizes[i], 0, 0, false, false});
			check_image(&(struct image_spec){codec, sizes[i], 600, 12, true, true});
		}
	}
}

/* Every length of the last chunk, 1 to 32 pages. */
static void last_chunks_of_any_length_are_read(void **state)
{
	(void)state;
	for (uint32_t pages = 32; pages < 64; pages++) {
		check_image(&(struct image_spec){SWSUSP_LZO, pages, 0, 0, false, true});
		check_image(&(struct image_spec){SWSUSP_LZ4, pages, 0, 0, false, false});
	}
}

/* A list of 512 or 1024 frames fills its pages and has no end marker. */
static void frame_lists_without_end_marker_are_read(void **state)
{
	(void)state;
	check_image(&(struct image_spec){SWSUSP_PLAIN, 512, 0, 0, false, false});
	check_image(&(struct image_spec){SWSUSP_PLAIN, 1000, 24, 0, false, false});
	check_image(&(struct image_spec){SWSUSP_LZO, 500, 524, 0, false, false});
	check_image(&(struct image_spec){SWSUSP_LZ4, 12, 500, 0, false, false});
}

static void header_is_decoded(void **state)
{
	struct image image;
	struct swsusp_header header;
	const char *reason;

	(void)state;
	forge_image(&image, &(struct image_spec){SWSUSP_LZ4, 40, 0, 0, false, false});
	forge_put(&image, 0, 4056, 0x11223344, 4);
	forge_put(&image, 0, 4072, 16 | 8 | 4 | 1, 4);
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_int_equal(header.codec, SWSUSP_LZ4);
	assert_true(header.platform);
	assert_true(header.has_crc32);
	assert_int_equal(header.crc32, forge_get(&image, 0, 4060, 4));
	assert_true(header.has_hardware_signature);
	assert_int_equal(header.hardware_signature, 0x11223344);
	assert_int_equal(header.first_map_page, image.maps[0]);
	assert_memory_equal(header.original_signature, "SWAPSPACE2", 10);
	assert_false(header.has_bad_pages);
	assert_int_equal(header.last_page, image.device_pages - 1);
	assert_memory_equal(header.uuid, "0123456789abcdef", 16);
	assert_string_equal(header.label, "swaplabel");
	memcpy(image.device[0].bytes + 1052, "abcdefghijklmnop", 16);
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_string_equal(header.label, "abcdefghijklmnop");

	forge_put(&image, 0, 1032, 3, 4);
	forge_put(&image, 0, 4072, 2, 4);
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_int_equal(header.codec, SWSUSP_PLAIN);
	assert_true(header.has_bad_pages);
	assert_false(header.platform || header.has_crc32 || header.has_hardware_signature);
	forge_put(&image, 0, 4072, 0, 4);
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_int_equal(header.codec, SWSUSP_LZO);
	forge_free(&image);
}

static void information_page_is_decoded(void **state)
{
	struct image image;
	struct swsusp_header header;
	struct swsusp_reader *reader = test_malloc(sizeof(*reader));
	struct swsusp_read read;
	struct image_marks marks;
	const char *reason;

	(void)state;
	forge_image(&image, &(struct image_spec){SWSUSP_LZO, 600, 500, 0, false, false});
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_int_equal(
		swsusp_open(reader, &header, 0, image.device_pages, forge_marks_make(&marks, image.device_pages, 1)),
		STATUS_OK);
	assert_int_equal(swsusp_next_read(reader, 1, &read), STATUS_OK);
	assert_int_equal(swsusp_supply_map(reader, &image.device[read.device_page]), STATUS_OK);
	assert_int_equal(swsusp_supply_info(reader, &image.device[image.stream[0]]), STATUS_INVALID);
	while (swsusp_next_read(reader, 1, &read) == STATUS_OK && read.kind == SWSUSP_READ_MAP)
		assert_int_equal(swsusp_supply_map(reader, &image.device[read.device_page]), STATUS_OK);
	assert_int_equal(read.kind, SWSUSP_READ_INFO);
	assert_int_equal(read.device_page, image.stream[0]);
	assert_int_equal(swsusp_supply_info(reader, &image.device[read.device_page]), STATUS_OK);
	assert_true(reader->info.jump_address == 0xffffffff9b000010);
	assert_int_equal(reader->info.jump_address_physical, 0x13ae00010);
	assert_int_equal(reader->info.cr3, 0x17c2000);
	assert_int_equal(reader->info.e820_checksum, 0xdeadbeef);
	assert_int_equal(reader->info.machine_pages, 131000);
	assert_int_equal(reader->info.data_pages, 600);
	assert_int_equal(reader->info.meta_pages, 3);
	assert_int_equal(reader->info.stream_pages, 604);
	assert_int_equal(swsusp_unpacked_bytes(&reader->info), 603 * 4096);
	assert_int_equal(swsusp_supply_info(reader, &image.device[read.device_page]), STATUS_INVALID);
	forge_marks_free(&marks);
	forge_free(&image);
	test_free(reader);
}

static int compare_entries(const void *a, const void *b)
{
	const uint64_t first = *(const uint64_t *)a;
	const uint64_t second = *(const uint64_t *)b;

	return first < second ? -1 : first > second;
}

/* Puts a map's entries, and what the image says of them, into ascending order, so that some follow each other. */
static void sort_map(struct image *image, struct page *map)
{
	uint64_t *entries = (uint64_t *)(void *)map->bytes;
	uint64_t first = 0;
	size_t count = 0;

	while (count < SWSUSP_MAP_ENTRIES && entries[count] != 0)
		count++;
	while (image->stream[first] != entries[0])
		first++;
	qsort(entries, count, sizeof(uint64_t), compare_entries);
	memcpy(&image->stream[first], entries, count * sizeof(uint64_t));
}

/* Map pages come as early as they are known, at most SWSUSP_MAPS_AHEAD unconsumed; nothing is asked for before it can
 * be used. */
static void reads_are_asked_for_in_order(void **state)
{
	static struct swsusp_reader reader;
	static uint64_t pfns[SWSUSP_PFNS_PER_PAGE];
	struct image image;
	struct swsusp_header header;
	struct swsusp_read read;
	struct image_marks marks;
	const char *reason;
	uint32_t count;
	uint64_t maps = 1;
	uint64_t longest = 0;

	(void)state;
	forge_image(&image, &(struct image_spec){SWSUSP_PLAIN, 8000, 0, 0, true, false});
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_int_equal(
		swsusp_open(&reader, &header, 0, image.device_pages, forge_marks_make(&marks, image.device_pages, 1)),
		STATUS_OK);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
	assert_int_equal(read.kind, SWSUSP_READ_MAP);
	assert_int_equal(read.device_page, image.maps[0]);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_AGAIN);
	assert_int_equal(swsusp_supply_map(&reader, &image.device[image.maps[0]]), STATUS_OK);
	assert_int_equal(swsusp_supply_map(&reader, &image.device[image.maps[0]]), STATUS_INVALID);
	for (; maps < SWSUSP_MAPS_AHEAD; maps++) {
		assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
		assert_int_equal(read.kind, SWSUSP_READ_MAP);
		assert_int_equal(read.index, maps);
		assert_int_equal(read.device_page, image.maps[maps]);
		assert_int_equal(swsusp_supply_map(&reader, &image.device[read.device_page]), STATUS_OK);
	}
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
	assert_int_equal(read.kind, SWSUSP_READ_INFO);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_AGAIN);
	assert_int_equal(swsusp_decode_pfns(&reader, image.pages, pfns, &count), STATUS_INVALID);
	assert_int_equal(swsusp_supply_info(&reader, &image.device[image.stream[0]]), STATUS_OK);
	for (uint64_t i = 0; i < image.meta_pages; i++) {
		assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
		assert_int_equal(read.kind, SWSUSP_READ_PFNS);
		assert_int_equal(read.index, i);
		assert_int_equal(read.device_page, image.stream[1 + i]);
	}
	assert_int_equal(swsusp_next_read(&reader, 7, &read), STATUS_AGAIN);
	for (uint64_t i = 0; i < image.meta_pages; i++)
		assert_int_equal(swsusp_decode_pfns(&reader, &image.pages[i], pfns, &count), STATUS_OK);
	assert_int_equal(count, 8000 % 512);
	assert_int_equal(swsusp_check_pfns(&reader), STATUS_OK);
	assert_int_equal(swsusp_decode_pfns(&reader, image.pages, pfns, &count), STATUS_INVALID);
	for (uint64_t i = 0; i < 8000;) {
		/* Runs are what follows each other on the device. */
		assert_int_equal(swsusp_next_read(&reader, 7, &read), STATUS_OK);
		assert_in_range(read.count, 1, 7);
		if (read.kind == SWSUSP_READ_MAP) {
			assert_int_equal(i + image.meta_pages + 1, 511 * (read.index + 1 - SWSUSP_MAPS_AHEAD));
			sort_map(&image, &image.device[read.device_page]);
			assert_int_equal(swsusp_supply_map(&reader, &image.device[read.device_page]), STATUS_OK);
			continue;
		}
		assert_int_equal(read.kind, SWSUSP_READ_DATA);
		assert_int_equal(read.index, i);
		for (uint64_t k = 0; k < read.count; k++)
			assert_int_equal(read.device_page + k, image.stream[1 + image.meta_pages + i++]);
		longest = max_u64(longest, read.count);
	}
	assert_in_range(longest, 2, 7);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_END);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_END);
	forge_marks_free(&marks);
	forge_free(&image);
}

/* While the next map page is under way there is nothing to hand out, and that is not the end. */
static void late_maps_are_waited_for(void **state)
{
	static struct swsusp_reader reader;
	struct image image;
	struct swsusp_header header;
	struct swsusp_read read;
	struct image_marks marks;
	const char *reason;
	uint64_t chunks = 0;

	(void)state;
	forge_image(&image, &(struct image_spec){SWSUSP_LZO, 800, 0, 0, false, false});
	assert_in_range(image.map_count, 2, 2);
	assert_int_equal(swsusp_header_parse(&image.device[0], &header, &reason), STATUS_OK);
	assert_int_equal(
		swsusp_open(&reader, &header, 0, image.device_pages, forge_marks_make(&marks, image.device_pages, 1)),
		STATUS_OK);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
	assert_int_equal(swsusp_supply_map(&reader, &image.device[image.maps[0]]), STATUS_OK);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
	assert_int_equal(read.kind, SWSUSP_READ_MAP);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
	assert_int_equal(read.kind, SWSUSP_READ_INFO);
	assert_int_equal(swsusp_supply_info(&reader, &image.device[image.stream[0]]), STATUS_OK);
	for (; swsusp_next_read(&reader, 1, &read) == STATUS_OK; chunks++)
		assert_int_equal(read.device_page, image.stream[1 + chunks]);
	assert_int_equal(chunks, 510);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_AGAIN);
	assert_int_equal(swsusp_supply_map(&reader, &image.device[image.maps[1]]), STATUS_OK);
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_OK);
	assert_int_equal(read.index, 510);
	assert_int_equal(read.device_page, image.stream[511]);
	assert_int_equal(swsusp_check_pfns(&reader), STATUS_CORRUPT);
	forge_marks_free(&marks);
	forge_free(&image);
}

struct progress {
	const struct image *image;
	uint64_t failing_page;
	uint64_t calls;
	uint64_t done;
	uint64_t total;
};

static enum status page_read(void *context, uint64_t device_page, struct page *page_out)
{
	const struct progress *progress = context;

	if (device_page == progress->failing_page)
		return STATUS_IO_ERROR;
	*page_out = progress->image->device[device_page];
	return STATUS_OK;
}

static void progress_note(void *context, uint64_t done, uint64_t total)
{
	struct progress *progress = context;

	progress->calls++;
	progress->done = done;
	progress->total = total;
}

/* A device that is just as large as it must be, what the scan counts, and pages that can't be read. */
static void scan_counts_and_reports(void **state)
{
	struct swsusp_scan *scan = aligned_alloc(sizeof(struct page), sizeof(*scan));
	struct image image;
	struct image_marks marks;
	struct progress progress = {&image, UINT64_MAX, 0, 0, 0};

	(void)state;
	assert_non_null(scan);
	forge_image(&image, &(struct image_spec){SWSUSP_PLAIN, 1000, 0, 0, false, false});
	image.device_pages = image.stream_count + image.map_count + 1;
	scan->source = (struct swsusp_scan_source){page_read, &progress};
	scan->sink = (struct swsusp_scan_sink){NULL, NULL, progress_note, &progress};
	forge_put(&image, image.stream[0], 32, 0xffffffff, 8);
	assert_int_equal(
		swsusp_scan_image(scan, 0, image.device_pages, forge_marks_make(&marks, image.device_pages, 1)),
		STATUS_OK);
	forge_marks_free(&marks);
	assert_int_equal(scan->disk_pages, image.stream_count + image.map_count);
	assert_int_equal(scan->map_pages, 2);
	/* The second map lies in the middle. */
	assert_int_equal(scan->runs, 2);
	assert_int_equal(progress.calls, 1002);
	assert_int_equal(progress.done, 1003);
	assert_int_equal(progress.total, 1003);
	for (uint64_t page = 0; page < image.device_pages; page += 100) {
		progress.failing_page = page;
		assert_int_equal(
			swsusp_scan_image(scan, 0, image.device_pages, forge_marks_make(&marks, image.device_pages, 1)),
			STATUS_IO_ERROR);
		assert_non_null(strstr(scan->reader.reason, "can't be read"));
		forge_marks_free(&marks);
	}
	forge_free(&image);

	forge_image(&image, &(struct image_spec){SWSUSP_LZ4, 100, 0, 0, false, false});
	progress = (struct progress){&image, UINT64_MAX, 0, 0, 0};
	assert_int_equal(
		swsusp_scan_image(scan, 0, image.device_pages, forge_marks_make(&marks, image.device_pages, 1)),
		STATUS_OK);
	forge_marks_free(&marks);
	assert_int_equal(scan->chunks, 4);
	assert_int_equal(progress.calls, 4);
	assert_int_equal(scan->crc32, forge_get(&image, 0, 4060, 4));
	forge_free(&image);
	free(scan);
}

/* The kernel's reader stops without a further map page too. */
static void last_map_may_be_full(void **state)
{
	struct image image;
	const char *reason;

	(void)state;
	forge_image(&image, &(struct image_spec){SWSUSP_PLAIN, 509, 0, 0, false, false});
	assert_int_equal(image.map_count, 2);
	forge_put(&image, image.maps[0], 4088, 0, 8);
	assert_int_equal(forge_scan(&image, &reason), STATUS_OK);
	forge_free(&image);
}

static void seed_write(const char *directory, const char *name, const void *bytes, size_t count)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
		abort();
}

/* One byte of codec and one of pages before the packed bytes: what fuzz_swsusp_chunk takes. */
static void chunk_seed_write(const char *directory, const struct image *image, const char *name)
{
	const uint64_t first = image->stream[1];
	const uint64_t length = forge_get(image, first, 0, 8);
	uint8_t seed[4096];

	seed[0] = image->spec.codec == SWSUSP_LZO ? 0 : 1;
	seed[1] = (uint8_t)(image->page_count - 1);
	memcpy(seed + 2, image->device[first].bytes + 8, length);
	seed_write(directory, name, seed, length + 2);
}

static int seeds_write(const char *directory)
{
	static const struct {
		struct image_spec spec;
		const char *name;
	} seeds[] = {
		{{SWSUSP_PLAIN, 1, 1, 0, false, true}, "plain"},   {{SWSUSP_PLAIN, 3, 0, 2, true, true}, "plain-file"},
		{{SWSUSP_LZO, 2, 1, 0, false, true}, "lzo"},       {{SWSUSP_LZ4, 2, 1, 0, false, true}, "lz4"},
		{{SWSUSP_LZO, 31, 0, 0, false, true}, "lzo-full"}, {{SWSUSP_LZ4, 31, 0, 0, false, true}, "lz4-full"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(seeds); i++) {
		struct image image;
		uint64_t used = 0;

		forge_image(&image, &seeds[i].spec);
		for (uint64_t j = 0; j < image.stream_count; j++)
			used = image.stream[j] > used ? image.stream[j] : used;
		used = image.maps[0] > used ? image.maps[0] : used;
		if (seeds[i].spec.data_pages < 31)
			seed_write(directory, seeds[i].name, image.device, (used + 1) * sizeof(struct page));
		else
			chunk_seed_write(directory, &image, seeds[i].name);
		forge_free(&image);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_images_are_read),
		cmocka_unit_test(compressed_images_are_read),
		cmocka_unit_test(last_chunks_of_any_length_are_read),
		cmocka_unit_test(frame_lists_without_end_marker_are_read),
		cmocka_unit_test(header_is_decoded),
		cmocka_unit_test(information_page_is_decoded),
		cmocka_unit_test(reads_are_asked_for_in_order),
		cmocka_unit_test(last_map_may_be_full),
		cmocka_unit_test(late_maps_are_waited_for),
		cmocka_unit_test(scan_counts_and_reports),
	};

	if (argc == 2)
		return seeds_write(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
