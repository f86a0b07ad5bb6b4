/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Damaged swsusp images: every structural violation must be refused with its status and reason. Each case damages an
 * image that is read without complaint before.
 */
#include "image/swsusp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/swsusp_image.h"

/* 1,103 stream pages: maps of 511, 511 and 81 entries; PFN list pages 1-3, the marker at entry 75 of the last. */
static const struct image_spec plain = {SWSUSP_PLAIN, 1099, 0, 0, true, false};
static const struct image_spec plain_zero = {SWSUSP_PLAIN, 90, 10, 0, false, false};
static const struct image_spec plain_no_marker = {SWSUSP_PLAIN, 512, 0, 0, false, false};
static const struct image_spec plain_file = {SWSUSP_PLAIN, 20, 0, 9, false, false};
static const struct image_spec lzo = {SWSUSP_LZO, 100, 0, 0, true, false};
static const struct image_spec lz4 = {SWSUSP_LZ4, 100, 0, 0, true, false};
static const struct image_spec lzo_small = {SWSUSP_LZO, 70, 0, 0, false, true};

struct damage {
	const char *name;
	const struct image_spec *spec;
	void (*apply)(struct image *image);
	enum status status;
	const char *reason; /* part of it */
};

#define PUT(function, page, offset, value, bytes)                                                                      \
	static void function(struct image *image)                                                                      \
	{                                                                                                              \
		forge_put(image, (page), (offset), (value), (bytes));                                                  \
	}

#define HEADER image->spec.header_page
#define MAP(n) image->maps[n]
#define INFO   image->stream[0]
#define PFN(n) image->stream[1 + (n)]

/* The header page. */
static void signature_write(struct image *image, const char *signature, size_t bytes)
{
	memcpy(image->device[HEADER].bytes + 4086, signature, bytes);
}

static void signature_s2(struct image *image)
{
	signature_write(image, "S2SUSPEND", 10);
}

static void signature_ul(struct image *image)
{
	signature_write(image, "ULSUSPEND", 10);
}

static void signature_linhib(struct image *image)
{
	signature_write(image, "LINHIB0001", 10);
}

static void signature_tuxonice(struct image *image)
{
	signature_write(image, "\xed\xc3\x02\xe9\x98\x56\xe5\x0c\0\0", 10);
}

static void signature_swap(struct image *image)
{
	signature_write(image, "SWAPSPACE2", 10);
}

PUT(signature_unterminated, HEADER, 4095, 'X', 1)
PUT(original_signature_bad, HEADER, 4076, 'X', 1)
PUT(swap_version_bad, HEADER, 1024, 2, 4)
PUT(flag_unknown, HEADER, 4072, 2 | 32, 4)
PUT(flag_unknown_high, HEADER, 4072, 2 | 0x80000000, 4)
PUT(flag_plain_lz4, HEADER, 4072, 2 | 16, 4)
PUT(flag_plain_crc, HEADER, 4072, 2 | 4, 4)
PUT(first_map_zero, HEADER, 4064, 0, 8)
PUT(first_map_beyond, HEADER, 4064, image->device_pages, 8)
PUT(first_map_far_beyond, HEADER, 4064, UINT64_MAX, 8)
PUT(first_map_is_header, HEADER, 4064, HEADER, 8)
PUT(swap_area_short, HEADER, 1028, 20, 4)
PUT(codec_changed, HEADER, 4072, 4, 4)

/* The area ends just before the last page that the image uses. */
static void swap_area_one_short(struct image *image)
{
	uint64_t last = 0;

	for (uint64_t i = 0; i < image->stream_count; i++)
		last = max_u64(last, image->stream[i]);
	forge_put(image, HEADER, 1028, last, 4);
	if (forge_scan(image, &(const char *){NULL}) == STATUS_OK)
		forge_put(image, HEADER, 1028, last - 1, 4);
}

/* The swap map. */
PUT(map_loop, MAP(1), 4088, MAP(0), 8)
PUT(map_loop_itself, MAP(1), 4088, MAP(1), 8)
PUT(map_next_info, MAP(1), 4088, INFO, 8)
PUT(map_next_beyond, MAP(1), 4088, image->device_pages, 8)
PUT(map_next_missing, MAP(1), 4088, 0, 8)
PUT(map_next_after_end, MAP(2), 4088, image->free_pages[image->free_next], 8)
PUT(entry_duplicate, MAP(2), 8, image->stream[1023 + 2], 8)
PUT(entry_duplicate_far, MAP(2), 8, INFO, 8)
PUT(entry_map, MAP(1), 8, MAP(0), 8)
PUT(entry_map_later, MAP(0), 510 * 8, MAP(2), 8)
PUT(entry_header, MAP(0), 8, HEADER, 8)
PUT(entry_beyond, MAP(0), 5 * 8, image->device_pages, 8)
PUT(entry_far_beyond, MAP(0), 5 * 8, UINT64_MAX, 8)
PUT(entry_early_zero, MAP(0), 300 * 8, 0, 8)
PUT(entry_first_zero, MAP(0), 0, 0, 8)
PUT(entry_last_missing, MAP(2), 80 * 8, 0, 8)
PUT(entry_one_more, MAP(2), 81 * 8, image->free_pages[image->free_next], 8)
PUT(entry_after_end, MAP(2), 510 * 8, image->free_pages[image->free_next], 8)

static void map_empty(struct image *image)
{
	memset(image->device[MAP(0)].bytes, 0, 4096);
}

static void map_last_empty(struct image *image)
{
	memset(image->device[MAP(2)].bytes, 0, 4096);
}

/* The information page. */
PUT(info_magic_old, INFO, 24, 0x23456789ABCDEF01, 8)
PUT(info_release, INFO, 399, 1, 1)
PUT(info_cpus_padding, INFO, 412, 1, 1)
PUT(info_tail, INFO, 4095, 1, 1)
PUT(info_jump_physical, INFO, 8, 0x13ae00020, 8)
PUT(info_jump_physical_small, INFO, 8, 0x13ae00010 + 0x1000, 8)
PUT(info_jump_noncanonical, INFO, 0, 0x00ffffff9b000010, 8)
PUT(info_jump_user, INFO, 0, 0x000000009b000010, 8)
PUT(info_jump_far, INFO, 8, 0x1000013ae00010, 8)
PUT(info_cr3_unaligned, INFO, 16, 0x17c2008, 8)
PUT(info_cr3_zero, INFO, 16, 0, 8)
PUT(info_cr3_far, INFO, 16, 0x10000000001000, 8)
PUT(info_checksum_wide, INFO, 36, 1, 1)
PUT(info_data_zero, INFO, 416, 0, 8)
PUT(info_data_all, INFO, 416, image->page_count, 8)
PUT(info_data_huge, INFO, 416, UINT64_MAX, 8)
PUT(info_data_one_less, INFO, 416, image->spec.data_pages - 1, 8)
PUT(info_data_one_more, INFO, 416, image->spec.data_pages + 1, 8)
PUT(info_size, INFO, 432, image->page_count * 4096, 8)

static void info_pages(struct image *image, uint64_t pages)
{
	forge_put(image, INFO, 424, pages, 8);
	forge_put(image, INFO, 432, pages * 4096, 8);
}

static void info_pages_zero(struct image *image)
{
	info_pages(image, 0);
}

static void info_pages_overflow(struct image *image)
{
	info_pages(image, (uint64_t)1 << 52);
}

static void info_pages_device(struct image *image)
{
	info_pages(image, image->device_pages - 1);
	forge_put(image, INFO, 416, image->device_pages - 2 - 16, 8);
}

static void info_pages_device_packed(struct image *image)
{
	const uint64_t pages = (image->device_pages - 2) * 32 + 1;

	info_pages(image, pages);
	forge_put(image, INFO, 416, pages - 1 - div_round_up(pages, 513), 8);
}

static void info_pages_more(struct image *image)
{
	info_pages(image, image->page_count + 1 + 32);
	forge_put(image, INFO, 416, image->spec.data_pages + 32, 8);
}

static void info_pages_fewer(struct image *image)
{
	info_pages(image, image->page_count + 1 - 2);
	forge_put(image, INFO, 416, image->spec.data_pages - 2, 8);
}

/* The PFN list. */
PUT(pfn_equal, PFN(0), 8 * 8, 1 + 3 * 7, 8)
PUT(pfn_descends, PFN(1), 8, 5, 8)
PUT(pfn_beyond, PFN(0), 511 * 8, (uint64_t)1 << 40, 8)
PUT(pfn_reserved_bit, PFN(0), 511 * 8, (uint64_t)1 << 62 | 1534, 8)
PUT(pfn_marker_early_page, PFN(1), 511 * 8, UINT64_MAX, 8)
PUT(pfn_marker_early, PFN(2), 74 * 8, UINT64_MAX, 8)
PUT(pfn_marker_missing, PFN(2), 75 * 8, 1 + 3 * 1099, 8)
PUT(pfn_garbage, PFN(2), 511 * 8, 1, 8)
PUT(pfn_zero_entry, PFN(2), 75 * 8, 0, 8)
PUT(pfn_zero_bit_set, PFN(0), 7, 0x80, 1)
PUT(pfn_marker_in_full_page, PFN(0), 511 * 8, UINT64_MAX, 8)

static void pfn_marker_first(struct image *image)
{
	forge_put(image, PFN(2), 0, UINT64_MAX, 8);
	memset(image->device[PFN(2)].bytes + 8, 0, 4088);
}

static void pfn_zero_bit_clear(struct image *image)
{
	for (uint32_t i = 0; i < 100; i++)
		forge_put(image, PFN(0), 8 * i, forge_pfn_entry(&image->spec, i) & ~((uint64_t)1 << 63), 8);
}

/* Chunks. */
#define CHUNK image->stream[1]
PUT(chunk_length_zero, CHUNK, 0, 0, 8)
PUT(chunk_length_bound, CHUNK, 0, 139334, 8)
PUT(chunk_length_huge, CHUNK, 4, 1, 4)
PUT(chunk_length_less, CHUNK, 0, forge_get(image, CHUNK, 0, 8) - 1, 8)
PUT(chunk_length_more, CHUNK, 0, forge_get(image, CHUNK, 0, 8) + 1, 8)
PUT(crc_wrong, HEADER, 4060, ~forge_get(image, HEADER, 4060, 4), 4)
PUT(chunk_list_cut, MAP(0), (image->stream_count - 1) * 8, 0, 8)
PUT(chunk_list_longer, MAP(0), image->stream_count * 8, image->free_pages[image->free_next], 8)

/* In the middle of the last disk page, which no length field covers: only the checksum or the unpacker can tell. */
static void payload_flip(struct image *image)
{
	image->device[image->stream[20]].bytes[2000] ^= 4;
}

static void chunk_list_only_info(struct image *image)
{
	memset(image->device[MAP(0)].bytes + 8, 0, 4080);
}

static const struct damage damages[] = {
	{"S2SUSPEND", &plain, signature_s2, STATUS_UNSUPPORTED, "S2SUSPEND"},
	{"ULSUSPEND", &plain, signature_ul, STATUS_UNSUPPORTED, "ULSUSPEND"},
	{"LINHIB0001", &plain, signature_linhib, STATUS_UNSUPPORTED, "LINHIB0001"},
	{"TuxOnIce", &plain, signature_tuxonice, STATUS_UNSUPPORTED, "TuxOnIce"},
	{"swap only", &plain, signature_swap, STATUS_NOT_FOUND, "no image"},
	{"signature without NUL", &plain, signature_unterminated, STATUS_NOT_FOUND, "no image"},
	{"original signature", &plain, original_signature_bad, STATUS_CORRUPT, "put back"},
	{"swap version", &plain, swap_version_bad, STATUS_CORRUPT, "version"},
	{"unknown flag", &plain, flag_unknown, STATUS_UNSUPPORTED, "unknown flags"},
	{"unknown flag 31", &plain, flag_unknown_high, STATUS_UNSUPPORTED, "unknown flags"},
	{"plain and LZ4", &plain, flag_plain_lz4, STATUS_CORRUPT, "contradict"},
	{"plain and CRC", &plain, flag_plain_crc, STATUS_CORRUPT, "contradict"},
	{"no first map", &plain, first_map_zero, STATUS_CORRUPT, "no swap map"},
	{"first map beyond", &plain, first_map_beyond, STATUS_CORRUPT, "outside"},
	{"first map far beyond", &plain, first_map_far_beyond, STATUS_CORRUPT, "outside"},
	{"first map is the header", &plain_file, first_map_is_header, STATUS_CORRUPT, "twice"},
	{"swap area shorter", &plain, swap_area_short, STATUS_CORRUPT, "outside"},
	{"swap area shorter by one", &plain, swap_area_one_short, STATUS_CORRUPT, "outside"},
	{"LZ4 said to be LZO", &lz4, codec_changed, STATUS_CORRUPT, "unpacked"},

	{"maps loop", &plain, map_loop, STATUS_CORRUPT, "twice"},
	{"map follows itself", &plain, map_loop_itself, STATUS_CORRUPT, "twice"},
	{"map is the information page", &plain, map_next_info, STATUS_CORRUPT, "behind the end"},
	{"map beyond", &plain, map_next_beyond, STATUS_CORRUPT, "outside"},
	{"chain cut", &plain, map_next_missing, STATUS_CORRUPT, "fewer pages"},
	{"map after the end", &plain, map_next_after_end, STATUS_CORRUPT, "follows the end"},
	{"duplicate entry", &plain, entry_duplicate, STATUS_CORRUPT, "twice"},
	{"duplicate entry far apart", &plain, entry_duplicate_far, STATUS_CORRUPT, "twice"},
	{"entry is a map", &plain, entry_map, STATUS_CORRUPT, "twice"},
	{"entry is a later map", &plain, entry_map_later, STATUS_CORRUPT, "twice"},
	{"entry is the header", &plain_file, entry_header, STATUS_CORRUPT, "twice"},
	{"entry beyond", &plain, entry_beyond, STATUS_CORRUPT, "outside"},
	{"entry far beyond", &plain, entry_far_beyond, STATUS_CORRUPT, "outside"},
	{"early zero", &plain, entry_early_zero, STATUS_CORRUPT, "behind the end"},
	{"first entry zero", &plain, entry_first_zero, STATUS_CORRUPT, "behind the end"},
	{"last entry missing", &plain, entry_last_missing, STATUS_CORRUPT, "fewer pages"},
	{"one more entry", &plain, entry_one_more, STATUS_CORRUPT, "more pages"},
	{"entry after the end", &plain, entry_after_end, STATUS_CORRUPT, "behind the end"},
	{"empty map", &plain_file, map_empty, STATUS_CORRUPT, "empty"},
	{"last map empty", &plain, map_last_empty, STATUS_CORRUPT, "fewer pages"},

	{"older magic", &plain, info_magic_old, STATUS_UNSUPPORTED, "magic"},
	{"release string", &plain, info_release, STATUS_UNSUPPORTED, "unknown fields"},
	{"padding", &plain, info_cpus_padding, STATUS_UNSUPPORTED, "unknown fields"},
	{"tail", &plain, info_tail, STATUS_UNSUPPORTED, "unknown fields"},
	{"jump not congruent", &plain, info_jump_physical, STATUS_CORRUPT, "congruent"},
	{"jump a page off", &plain, info_jump_physical_small, STATUS_CORRUPT, "congruent"},
	{"jump not canonical", &plain, info_jump_noncanonical, STATUS_CORRUPT, "kernel address"},
	{"jump into user space", &plain, info_jump_user, STATUS_CORRUPT, "kernel address"},
	{"jump beyond memory", &plain, info_jump_far, STATUS_CORRUPT, "physical memory"},
	{"cr3 not aligned", &plain, info_cr3_unaligned, STATUS_CORRUPT, "page table"},
	{"cr3 zero", &plain, info_cr3_zero, STATUS_CORRUPT, "page table"},
	{"cr3 beyond memory", &plain, info_cr3_far, STATUS_CORRUPT, "page table"},
	{"checksum of 33 bits", &plain, info_checksum_wide, STATUS_CORRUPT, "memory map"},
	{"no data", &plain, info_data_zero, STATUS_CORRUPT, "counts"},
	{"no list", &plain, info_data_all, STATUS_CORRUPT, "counts"},
	{"huge data", &plain, info_data_huge, STATUS_CORRUPT, "counts"},
	{"data one less", &plain, info_data_one_less, STATUS_CORRUPT, "frame list"},
	{"data one more", &plain, info_data_one_more, STATUS_CORRUPT, "counts"},
	{"size", &plain, info_size, STATUS_CORRUPT, "size"},
	{"no pages", &plain, info_pages_zero, STATUS_CORRUPT, "counts"},
	{"pages overflow", &plain, info_pages_overflow, STATUS_CORRUPT, "size"},
	{"larger than the device", &plain, info_pages_device, STATUS_CORRUPT, "larger"},
	{"larger than the device, packed", &lzo, info_pages_device_packed, STATUS_CORRUPT, "larger"},
	{"more pages than stored", &lzo_small, info_pages_more, STATUS_CORRUPT, "frame list"},
	{"fewer pages than stored", &lzo_small, info_pages_fewer, STATUS_CORRUPT, "frame list"},

	{"equal frames", &plain, pfn_equal, STATUS_CORRUPT, "ascend"},
	{"descending frames", &plain, pfn_descends, STATUS_CORRUPT, "ascend"},
	{"frame beyond memory", &plain, pfn_beyond, STATUS_CORRUPT, "physical memory"},
	{"reserved bit", &plain, pfn_reserved_bit, STATUS_CORRUPT, "physical memory"},
	{"end in an early page", &plain, pfn_marker_early_page, STATUS_CORRUPT, "shorter"},
	{"end one early", &plain, pfn_marker_early, STATUS_CORRUPT, "end of the frame list"},
	{"end missing", &plain, pfn_marker_missing, STATUS_CORRUPT, "ascend"},
	{"garbage behind the end", &plain, pfn_garbage, STATUS_CORRUPT, "behind the end"},
	{"zero instead of the end", &plain, pfn_zero_entry, STATUS_CORRUPT, "ascend"},
	{"zero bit set", &plain, pfn_zero_bit_set, STATUS_CORRUPT, "fewer pages"},
	{"zero bits cleared", &plain_zero, pfn_zero_bit_clear, STATUS_CORRUPT, "more pages"},
	{"end in a full list", &plain_no_marker, pfn_marker_in_full_page, STATUS_CORRUPT, "fewer pages"},
	{"end at the start of a page", &plain, pfn_marker_first, STATUS_CORRUPT, "shorter"},

	{"chunk length 0", &lzo, chunk_length_zero, STATUS_CORRUPT, "length"},
	{"chunk length above the bound", &lzo, chunk_length_bound, STATUS_CORRUPT, "length"},
	{"chunk length of 33 bits", &lzo, chunk_length_huge, STATUS_CORRUPT, "length"},
	{"LZO chunk length less", &lzo, chunk_length_less, STATUS_CORRUPT, "unpacked"},
	{"LZO chunk length more", &lzo, chunk_length_more, STATUS_CORRUPT, "unpacked"},
	{"LZ4 chunk length less", &lz4, chunk_length_less, STATUS_CORRUPT, "unpacked"},
	{"LZ4 chunk length more", &lz4, chunk_length_more, STATUS_CORRUPT, "unpacked"},
	{"wrong checksum", &lzo, crc_wrong, STATUS_CORRUPT, "checksum"},
	{"LZO payload", &lzo, payload_flip, STATUS_CORRUPT, "checksum"},
	{"LZ4 payload", &lz4, payload_flip, STATUS_CORRUPT, "checksum"},
	{"list cut by one", &lzo, chunk_list_cut, STATUS_CORRUPT, "inside"},
	{"list longer by one", &lzo_small, chunk_list_longer, STATUS_CORRUPT, "last chunk"},
	{"only the information page", &lzo, chunk_list_only_info, STATUS_CORRUPT, "fewer pages"},
};

static void damaged_images_are_refused(void **state)
{
	uint32_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
		const struct damage *damage = &damages[i];
		struct image image;
		const char *reason;
		enum status status;

		forge_image(&image, damage->spec);
		assert_int_equal(forge_scan(&image, &reason), STATUS_OK);
		damage->apply(&image);
		status = forge_scan(&image, &reason);
		if (status != damage->status || strstr(reason, damage->reason) == NULL) {
			print_error("%s: status %d, %s\n", damage->name, status, reason);
			wrong++;
		}
		forge_free(&image);
	}
	assert_int_equal(wrong, 0);
}

/*
 * Each bit of a chunk: refused, unless the very same pages come out (a copy from another place with the same bytes).
 * forge_scan gives STATUS_INVALID when other pages do.
 */
static void flipped_bits_in_chunks_are_refused(void **state)
{
	static const struct image_spec specs[] = {
		{SWSUSP_LZO, 3, 1, 0, false, true},
		{SWSUSP_LZ4, 3, 1, 0, false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(specs); i++) {
		struct image image;
		const char *reason;
		enum status status;
		uint64_t packed_bits;
		uint64_t refused = 0;

		forge_image(&image, &specs[i]);
		assert_int_equal(image.stream_count, 2);
		packed_bits = (forge_get(&image, image.stream[1], 0, 8) + 8) * 8;
		for (uint64_t bit = 0; bit < packed_bits; bit++) {
			uint8_t *byte = &image.device[image.stream[1]].bytes[bit / 8];

			*byte ^= (uint8_t)(1 << bit % 8);
			status = forge_scan(&image, &reason);
			refused += status == STATUS_CORRUPT;
			assert_true(status == STATUS_CORRUPT || status == STATUS_OK);
			assert_true(status == STATUS_CORRUPT || bit >= 64);
			*byte ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(refused > packed_bits * 9 / 10);
		assert_int_equal(forge_scan(&image, &reason), STATUS_OK);
		forge_free(&image);
	}
}

static void errors_are_final(void **state)
{
	static struct swsusp_reader reader;
	struct image image;
	struct swsusp_header header;
	struct swsusp_read read;
	struct image_marks marks;
	const char *reason;

	(void)state;
	forge_image(&image, &plain_file);
	assert_int_equal(swsusp_header_parse(&image.device[9], &header, &reason), STATUS_OK);
	assert_int_equal(
		swsusp_open(&reader, &header, 9, image.device_pages, forge_marks_make(&marks, image.device_pages, 0)),
		STATUS_NO_MEMORY);
	assert_non_null(strstr(reader.reason, "memory"));
	assert_int_equal(swsusp_next_read(&reader, 1, &read), STATUS_NO_MEMORY);
	assert_int_equal(swsusp_supply_map(&reader, &image.device[image.maps[0]]), STATUS_NO_MEMORY);
	assert_int_equal(swsusp_supply_info(&reader, &image.device[image.stream[0]]), STATUS_NO_MEMORY);
	assert_int_equal(swsusp_check_pfns(&reader), STATUS_NO_MEMORY);
	forge_marks_free(&marks);

	assert_int_equal(swsusp_open(&reader, &header, image.device_pages, image.device_pages,
				     forge_marks_make(&marks, image.device_pages, 1)),
			 STATUS_INVALID);
	forge_marks_free(&marks);
	assert_int_equal(swsusp_open(&reader, &header, 9, 32769, forge_marks_make(&marks, image.device_pages, 1)),
			 STATUS_INVALID);
	forge_marks_free(&marks);
	forge_free(&image);
}

static void chunk_frames_are_bounded(void **state)
{
	static const struct {
		uint64_t length;
		uint32_t pages; /* 0: refused */
	} cases[] = {
		{0, 0},          {1, 1},       {4088, 1},    {4089, 2},   {131592, 33},
		{139256, 34},    {139257, 35}, {139333, 35}, {139334, 0}, {(uint64_t)1 << 32 | 8, 0},
		{UINT64_MAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t first[8];
		uint32_t packed_bytes = 77;
		uint32_t disk_pages = 77;
		const enum status status =
			(memcpy(first, &cases[i].length, 8), swsusp_chunk_frame(first, &packed_bytes, &disk_pages));

		assert_int_equal(status, cases[i].pages != 0 ? STATUS_OK : STATUS_CORRUPT);
		assert_int_equal(packed_bytes, cases[i].pages != 0 ? cases[i].length : 77);
		assert_int_equal(disk_pages, cases[i].pages != 0 ? cases[i].pages : 77);
	}
}

/* The unpacked size must be the one that was asked for; nothing lies outside the pages that were given. */
static void chunk_sizes_are_exact(void **state)
{
	(void)state;
	for (enum swsusp_codec codec = SWSUSP_LZO; codec <= SWSUSP_LZ4; codec++) {
		struct image image;
		uint8_t *out = test_malloc(64 * 4096); /* cmocka guards its ends */
		uint64_t length;
		const uint8_t *packed;

		forge_image(&image, &(struct image_spec){codec, 3, 0, 0, false, true});
		length = forge_get(&image, image.stream[1], 0, 8);
		packed = image.device[image.stream[1]].bytes + 8;
		for (uint32_t pages = 1; pages <= 32; pages++) {
			memset(out, 0x77, 64 * 4096);
			assert_int_equal(swsusp_chunk_unpack(codec, packed, (uint32_t)length, out, pages * 4096),
					 pages == 4 ? STATUS_OK : STATUS_CORRUPT);
			for (uint32_t i = pages * 4096; i < 64 * 4096; i++)
				assert_int_equal(out[i], 0x77);
		}
		assert_int_equal(swsusp_chunk_unpack(codec, packed, (uint32_t)length, out, 0), STATUS_INVALID);
		assert_int_equal(swsusp_chunk_unpack(codec, packed, (uint32_t)length, out, 4097), STATUS_INVALID);
		assert_int_equal(swsusp_chunk_unpack(codec, packed, (uint32_t)length, out, 33 * 4096), STATUS_INVALID);
		assert_int_equal(swsusp_chunk_unpack(codec, packed, 139334, out, 4096), STATUS_INVALID);
		assert_int_equal(swsusp_chunk_unpack(SWSUSP_PLAIN, packed, (uint32_t)length, out, 4096),
				 STATUS_INVALID);
		forge_free(&image);
		test_free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_images_are_refused), cmocka_unit_test(flipped_bits_in_chunks_are_refused),
		cmocka_unit_test(errors_are_final),           cmocka_unit_test(chunk_frames_are_bounded),
		cmocka_unit_test(chunk_sizes_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
