/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kexec-jump images: what was built is read back the same, and every header part that breaks a rule is refused for it.
 */
#include "image/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_image.h"
#include "lib/crc32.h"

/* 13 segments, 3 chunks: 74 pages with data. */
#define MAP                                                                                                            \
	"ZZDDDZZ..DDDDDDZZZ.ZZZ.DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDZZDZDZDZZZDZZDDDD..DDDDZD."                        \
	"DDDDDDDDDDDDDDDDDZZZ"
#define VMCOREINFO "OSRELEASE=6.12.0\nPAGESIZE=4096\n"

static const char *reason;

static enum status parse(const struct core_image *image, struct core *core)
{
	reason = "";
	return core_header_parse(image->header, &image->anchor, core, &reason);
}

/* Every frame with data once, in order, each chunk with the right bytes in it. */
static void check_data(const struct core_image *image, const struct core *core)
{
	static struct page raw[CORE_CHUNK_PAGES];
	struct core_chunk_cursor chunks = {0};
	struct core_data_cursor data = {0};
	struct core_chunk_place place;
	struct core_data_run run;
	uint64_t pages = 0;

	while (core_chunk_next(core, &chunks, &place)) {
		const uint64_t first = place.stored_page - image->header_bytes / PAGE_BYTES;
		const uint8_t *stored = image->stored[first].bytes;

		assert_true(first + place.stored_pages <= image->stored_pages);
		assert_int_equal(crc32_zlib(stored, place.stored_bytes), place.crc32);
		assert_int_equal(core_chunk_unpack((enum core_codec)core->note->codec, stored, place.stored_bytes,
						   raw->bytes, place.raw_pages * PAGE_BYTES),
				 STATUS_OK);
		for (uint32_t i = 0; i < place.raw_pages; i++, pages++) {
			struct page expected;

			assert_true(core_data_next(core, &data, 1, &run));
			assert_int_equal(run.pages, 1);
			assert_int_equal(run.offset, image->header_bytes + pages * PAGE_BYTES);
			assert_int_equal(image->map[run.first.value], 'D');
			core_image_fill(&expected, run.first.value);
			assert_memory_equal(&raw[i], &expected, sizeof(expected));
		}
	}
	assert_int_equal(pages, core->data_pages);
	assert_false(core_data_next(core, &data, 1, &run));
}

/* The segments, drawn again. */
static void check_map(const char *map, const struct core *core)
{
	char drawn[512];
	size_t frames = strlen(map);

	memset(drawn, '.', sizeof(drawn));
	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);

		memset(drawn + segment.first.value, 'D', segment.data_pages);
		memset(drawn + segment.first.value + segment.data_pages, 'Z', segment.zero_pages);
	}
	drawn[frames] = '\0';
	assert_string_equal(drawn, map);
}

static void images_are_read_back(void **state)
{
	static const enum core_codec codecs[] = {CORE_PLAIN, CORE_LZO, CORE_LZ4};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		struct core_image image;
		struct core core;

		core_image_make(&image, MAP, codecs[i], VMCOREINFO);
		assert_int_equal(parse(&image, &core), STATUS_OK);
		assert_int_equal(core.note->codec, codecs[i]);
		assert_int_equal(core.note->entry, 2 * PAGE_BYTES + CORE_IMAGE_ENTRY);
		assert_int_equal(core.note->acpi.gpe0, 0x620);
		assert_int_equal(core.note->memory[1].address, 0x100000);
		assert_int_equal(core.stored_pages, image.anchor.core_bytes / PAGE_BYTES);
		assert_int_equal(core.vmcoreinfo_bytes, strlen(VMCOREINFO));
		assert_memory_equal(core.vmcoreinfo, VMCOREINFO, strlen(VMCOREINFO));
		assert_true(core.data_aligned);
		assert_int_equal(core.chunk_count, 3);
		assert_int_equal(core.segment_count, 13);
		if (codecs[i] == CORE_PLAIN)
			assert_int_equal(image.stored_pages, core.data_pages);
		else
			assert_true(image.stored_pages < core.data_pages);
		check_map(MAP, &core);
		check_data(&image, &core);
		assert_int_equal(image.built.segment_count, core.segment_count);
		assert_true(image.built.data_aligned);
		check_data(&image, &image.built);
		core_image_free(&image);
	}
}

/* One page; a chunk that is just full; a VMCOREINFO that leaves the next place odd, and none. */
static void small_images_are_read_back(void **state)
{
	static const char *const maps[] = {"D", "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD", "ZZZZZZZZDZ"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++) {
		struct core_image image;
		struct core core;

		core_image_make(&image, maps[i], CORE_LZ4, "abc");
		assert_int_equal(parse(&image, &core), STATUS_OK);
		assert_int_equal(core.vmcoreinfo_bytes, 3);
		core_image_free(&image);
		core_image_make(&image, maps[i], CORE_LZ4, NULL);
		assert_int_equal(parse(&image, &core), STATUS_OK);
		assert_null(core.vmcoreinfo);
		assert_int_equal(core.chunk_count, 1);
		check_map(maps[i], &core);
		check_data(&image, &core);
		core_image_free(&image);
	}
}

static void data_is_handed_out_in_runs(void **state)
{
	struct core_image image;
	struct core_data_cursor cursor = {0};
	struct core_data_run run;

	(void)state;
	core_image_make(&image, ".DDDDDZZDD.D", CORE_PLAIN, NULL);
	assert_true(core_data_next(&image.built, &cursor, 4, &run));
	assert_int_equal(run.first.value, 1);
	assert_int_equal(run.pages, 4);
	assert_true(core_data_next(&image.built, &cursor, 4, &run));
	assert_int_equal(run.first.value, 5);
	assert_int_equal(run.pages, 1);
	assert_int_equal(run.offset, image.header_bytes + 4 * PAGE_BYTES);
	assert_true(core_data_next(&image.built, &cursor, 4, &run));
	assert_int_equal(run.first.value, 8);
	assert_int_equal(run.pages, 2);
	assert_true(core_data_next(&image.built, &cursor, 4, &run));
	assert_int_equal(run.first.value, 11);
	assert_false(core_data_next(&image.built, &cursor, 4, &run));
	assert_false(core_has_data(&image.built, 0xfff));
	assert_true(core_has_data(&image.built, 0x1000));
	assert_true(core_has_data(&image.built, 0x5fff));
	assert_false(core_has_data(&image.built, 0x6000));
	assert_false(core_has_data(&image.built, 0xa000));
	assert_true(core_has_data(&image.built, 0xb000));
	assert_false(core_has_data(&image.built, UINT64_MAX));
	core_image_free(&image);
}

/* --- refusals: what is written over the header of ".DDZD.D", a plain image with 3 segments --------------------------
 */

/* Byte offsets: program headers at 64, the notes behind 4 of them and 4 bytes, the descriptor 20 further on. */
#define PROGRAM(index, field) (64 + 56 * (index) + (field))
#define NOTE                  (64 + 56 * 4 + 4)
#define DESCRIPTOR            (NOTE + 20)
#define CHUNKS                3568
#define TYPE                  0
#define OFFSET                8
#define VADDR                 16
#define PADDR                 24
#define FILESZ                32
#define MEMSZ                 40
#define VIRTUAL               0xffff888000000000u

struct mutant {
	uint32_t offset;
	uint32_t bytes;
	uint64_t value;
	const char *reason; /* NULL: no harm */
	enum status status; /* STATUS_OK: STATUS_CORRUPT */
};

static const char elf[] = "the image's ELF header is not valid";
static const char notes[] = "the image's notes are not valid";
static const char chunks[] = "the image's chunk table is not valid";
static const char segment[] = "a segment is not valid";

static const struct mutant mutants[] = {
	{0, 1, 0x7e, elf, 0},
	{3, 1, 'Y', elf, 0},
	{4, 1, 1, "the ELF file is not of an x86-64 machine", STATUS_UNSUPPORTED},
	{5, 1, 2, "the ELF file is not of an x86-64 machine", STATUS_UNSUPPORTED},
	{6, 1, 2, "the ELF file is not of an x86-64 machine", STATUS_UNSUPPORTED},
	{18, 2, 183, "the ELF file is not of an x86-64 machine", STATUS_UNSUPPORTED},
	{16, 2, 2, "the ELF file is no core", STATUS_UNSUPPORTED},
	{54, 2, 32, "the ELF file is no core", STATUS_UNSUPPORTED},
	{32, 8, 72, elf, 0},
	{56, 2, 0, elf, 0},
	{56, 2, 1, elf, 0},
	{56, 2, 5, notes, 0}, /* one more of them lies over the notes */
	{56, 2, 3, "the page counts contradict each other", 0},
	{56, 2, 1000, elf, 0},
	{56, 2, 0xffff, elf, 0},
	/* Where the notes are. */
	{PROGRAM(0, TYPE), 4, 1, notes, 0},
	{PROGRAM(0, OFFSET), 8, NOTE + 1, notes, 0},
	{PROGRAM(0, OFFSET), 8, NOTE - 8, notes, 0},
	{PROGRAM(0, OFFSET), 8, UINT64_MAX - 3, notes, 0},
	{PROGRAM(0, FILESZ), 8, 4096, notes, 0},
	{PROGRAM(0, FILESZ), 8, UINT64_MAX - NOTE, notes, 0},
	{PROGRAM(0, FILESZ), 8, 8, notes, 0},
	{PROGRAM(0, FILESZ), 8, 0, notes, 0},
	{PROGRAM(0, FILESZ), 8, 3272, notes, 0},
	{PROGRAM(0, FILESZ), 8, 3276, NULL, 0},
	{PROGRAM(0, FILESZ), 8, 3280, chunks, 0},
	/* The note's record. */
	{NOTE, 4, 4, notes, 0},
	{NOTE, 4, 9, notes, 0},
	{NOTE, 4, 0xffffffff, notes, 0},
	{NOTE + 4, 4, 0xffffffff, notes, 0},
	{NOTE + 4, 4, 3255, notes, 0},
	{NOTE + 4, 4, 3, notes, 0},
	{NOTE + 8, 4, 2, notes, 0},
	{NOTE + 12, 1, 'X', notes, 0},
	{NOTE + 16, 1, 'X', notes, 0}, /* "THAWX" */
	/* The note: version, codec, levels, memory_count, entry, region, counts, places. */
	{DESCRIPTOR, 4, 2, "the image's note is of another version", STATUS_UNSUPPORTED},
	{DESCRIPTOR + 4, 4, 3, "the image is packed in an unknown way", STATUS_UNSUPPORTED},
	{DESCRIPTOR + 4, 4, CORE_LZ4, "the image's magic and its codec contradict each other", 0},
	{1, 3, 'T' | 'H' << 8 | 'Z' << 16, "the image's magic and its codec contradict each other", 0},
	{DESCRIPTOR + 8, 4, 3, notes, 0},
	{DESCRIPTOR + 8, 4, 5, NULL, 0},
	{DESCRIPTOR + 8, 4, 6, notes, 0},
	{DESCRIPTOR + 12, 4, 0, notes, 0},
	{DESCRIPTOR + 12, 4, 128, NULL, 0},
	{DESCRIPTOR + 12, 4, 129, notes, 0},
	{DESCRIPTOR + 16, 8, 0xfff, "the entry does not lie in the image's data", 0},
	{DESCRIPTOR + 16, 8, 0x3000, "the entry does not lie in the image's data", 0},
	{DESCRIPTOR + 16, 8, 0x4000, NULL, 0},
	{DESCRIPTOR + 16, 8, 0x7000, "the entry does not lie in the image's data", 0},
	{DESCRIPTOR + 24, 8, 0x1000800, notes, 0},
	{DESCRIPTOR + 24, 8, 0x1f00000, notes, 0},
	{DESCRIPTOR + 24, 8, 0, "a segment lies in the loader's region", 0},
	{DESCRIPTOR + 24, 8, 0x6000, "a segment lies in the loader's region", 0},
	{DESCRIPTOR + 24, 8, 0x7000, NULL, 0},
	{DESCRIPTOR + 32, 8, 0x1f00001, notes, 0},
	{DESCRIPTOR + 32, 8, (1ull << 52) + 4096, notes, 0},
	{DESCRIPTOR + 32, 8, 1ull << 52, NULL, 0},
	{DESCRIPTOR + 40, 8, 5, "the page counts contradict each other", 0},
	{DESCRIPTOR + 48, 8, 2, "the page counts contradict each other", 0},
	{DESCRIPTOR + 56, 8, CHUNKS + 4, chunks, 0},
	{DESCRIPTOR + 56, 8, CHUNKS - 8, chunks, 0},
	{DESCRIPTOR + 56, 8, 4096, chunks, 0},
	{DESCRIPTOR + 56, 8, 8192, chunks, 0},
	{DESCRIPTOR + 56, 8, UINT64_MAX - 7, chunks, 0},
	{DESCRIPTOR + 64, 8, 2, chunks, 0},
	{DESCRIPTOR + 64, 8, 0, chunks, 0},
	{DESCRIPTOR + 72, 8, 8192, notes, 0},
	/* Lengths of the two blocks of GPE registers. */
	{DESCRIPTOR + 80 + 16, 1, 64, NULL, 0},
	{DESCRIPTOR + 80 + 16, 1, 65, notes, 0},
	{DESCRIPTOR + 80 + 17, 1, 65, notes, 0},
	/* Segments: frames 1-3, 4, 6. */
	{PROGRAM(1, TYPE), 4, 4, segment, 0},
	{PROGRAM(1, PADDR), 8, 0x800, segment, 0},
	{PROGRAM(1, VADDR), 8, VIRTUAL, segment, 0},
	{PROGRAM(1, FILESZ), 8, 0x1fff, segment, 0},
	{PROGRAM(1, FILESZ), 8, 0x4000, segment, 0},
	{PROGRAM(1, MEMSZ), 8, 0x2800, segment, 0},
	{PROGRAM(3, MEMSZ), 8, 0, segment, 0},
	{PROGRAM(3, MEMSZ), 8, 1ull << 52, "a segment lies beyond physical memory", 0},
	{PROGRAM(3, MEMSZ), 8, UINT64_MAX - 0xfff, "a segment lies beyond physical memory", 0},
	{PROGRAM(1, MEMSZ), 8, 0x4000, "segments overlap or are out of order", 0},
	{PROGRAM(1, MEMSZ), 8, 0x2000, "the page counts contradict each other", 0},
	{PROGRAM(1, FILESZ), 8, 0x3000, "the data of a segment is out of place", 0},
	{PROGRAM(1, OFFSET), 8, 8192, "the data of a segment is out of place", 0},
	{PROGRAM(3, OFFSET), 8, 4096, "the data of a segment is out of place", 0},
	{PROGRAM(3, MEMSZ), 8, 0x2000, "the page counts contradict each other", 0},
	/* The chunk. */
	{CHUNKS, 4, 0, chunks, 0},
	{CHUNKS, 4, 4 * 4096 - 1, chunks, 0},
	{CHUNKS, 4, 5 * 4096, chunks, 0},
	{CHUNKS + 4, 4, 0, NULL, 0}, /* the checksum is the caller's business */
};

static void broken_headers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(mutants); i++) {
		const struct mutant *mutant = &mutants[i];
		const enum status expected = mutant->status == STATUS_OK ? STATUS_CORRUPT : mutant->status;
		struct core_image image;
		struct core core;
		enum status status;

		core_image_make(&image, ".DDZD.D", CORE_PLAIN, NULL);
		memcpy(image.header + mutant->offset, &mutant->value, mutant->bytes);
		core_image_seal(&image);
		status = parse(&image, &core);
		if (status != (mutant->reason == NULL ? STATUS_OK : expected))
			print_error("mutant %zu at %u: %d, %s\n", i, mutant->offset, (int)status, reason);
		assert_int_equal(status, mutant->reason == NULL ? STATUS_OK : expected);
		assert_string_equal(reason, mutant->reason == NULL ? "" : mutant->reason);
		core_image_free(&image);
	}
}

struct change {
	uint32_t offset;
	uint64_t value;
};

/* Three numbers of 8 bytes over the header of ".DDZD.D"; offset 0: none. */
static void expect_changed(const struct change changes[3], enum status status, const char *why)
{
	struct core_image image;
	struct core core;

	core_image_make(&image, ".DDZD.D", CORE_PLAIN, NULL);
	for (size_t i = 0; i < 3; i++)
		if (changes[i].offset != 0)
			memcpy(image.header + changes[i].offset, &changes[i].value, sizeof(changes[i].value));
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), status);
	assert_string_equal(reason, why);
	core_image_free(&image);
}

static void pairs_of_changes_are_judged(void **state)
{
	const uint64_t high = (1ull << 52) - 0x1000;
	static const struct change unaligned[3] = {{PROGRAM(1, PADDR), 0xc00}, {PROGRAM(1, VADDR), VIRTUAL + 0xc00}};
	static const struct change empty[3] = {{PROGRAM(3, FILESZ), 0}, {PROGRAM(3, MEMSZ), 0}};
	static const struct change region[3] = {{DESCRIPTOR + 24, 0}, {DESCRIPTOR + 32, 0x1000}};
	static const struct change chunk[3] = {{CHUNKS, 0}, {CHUNKS + 4, 4 * 4096}, {DESCRIPTOR + 56, CHUNKS + 4}};
	const struct change highest[3] = {
		{PROGRAM(3, PADDR), high}, {PROGRAM(3, VADDR), high + VIRTUAL}, {DESCRIPTOR + 16, high}};

	(void)state;
	expect_changed(unaligned, STATUS_CORRUPT, segment);
	expect_changed(empty, STATUS_CORRUPT, segment);
	expect_changed(region, STATUS_OK, "");
	expect_changed(chunk, STATUS_CORRUPT, chunks);
	expect_changed(highest, STATUS_OK, "");
}

static void chunks_add_up(void **state)
{
	struct core_image image;
	struct core core;
	uint32_t bytes;

	(void)state;
	core_image_make(&image, ".DDZD.DDDDDDD", CORE_LZ4, NULL);
	assert_int_equal(parse(&image, &core), STATUS_OK);
	image.stored_pages++;
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
	assert_string_equal(reason, "the chunks do not add up to the image's size");
	image.stored_pages--;
	memcpy(&bytes, image.header + CHUNKS, sizeof(bytes));
	bytes = (uint32_t)align_up(bytes, PAGE_BYTES) + 1;
	memcpy(image.header + CHUNKS, &bytes, sizeof(bytes));
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
	assert_string_equal(reason, "the chunks do not add up to the image's size");
	bytes = 11 * PAGE_BYTES + 1;
	memcpy(image.header + CHUNKS, &bytes, sizeof(bytes));
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
	assert_string_equal(reason, chunks);
	bytes = 0;
	memcpy(image.header + CHUNKS, &bytes, sizeof(bytes));
	image.stored_pages = 0;
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
	assert_string_equal(reason, chunks);
	core_image_free(&image);
}

/* The descriptor at 4 modulo 8, and that is all that is wrong; or at the very end of the header part, with nothing. */
static void displaced_notes_are_refused(void **state)
{
	static const uint32_t record[] = {5, 0, CORE_NOTE_TYPE, 'T' | 'H' << 8 | 'A' << 16 | 'W' << 24, 0};
	struct core_image image;
	struct core core;
	uint64_t offset = NOTE + 4;
	uint64_t bytes = sizeof(record);

	(void)state;
	core_image_make(&image, ".DDZD.D", CORE_PLAIN, NULL);
	memmove(image.header + NOTE + 4, image.header + NOTE, 20 + sizeof(struct core_note));
	memcpy(image.header + PROGRAM(0, OFFSET), &offset, sizeof(offset));
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
	assert_string_equal(reason, notes);
	offset = image.header_bytes - bytes;
	memcpy(image.header + offset, record, sizeof(record));
	memcpy(image.header + PROGRAM(0, OFFSET), &offset, sizeof(offset));
	memcpy(image.header + PROGRAM(0, FILESZ), &bytes, sizeof(bytes));
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
	assert_string_equal(reason, notes);
	core_image_free(&image);
}

/* "VMCOREINFO" without its NUL. */
static void other_notes_are_passed_over(void **state)
{
	struct core_image image;
	struct core core;

	(void)state;
	core_image_make(&image, ".DDZD.D", CORE_PLAIN, VMCOREINFO);
	image.header[DESCRIPTOR + sizeof(struct core_note)]--;
	core_image_seal(&image);
	assert_int_equal(parse(&image, &core), STATUS_OK);
	assert_null(core.vmcoreinfo);
	core_image_free(&image);
}

static void program_headers_are_bounded(void **state)
{
	const uint16_t counts[] = {CORE_SEGMENTS_MAX + 1, CORE_SEGMENTS_MAX + 2};
	const uint64_t header_bytes = MIB;
	uint8_t *header = aligned_alloc(PAGE_BYTES, header_bytes);
	struct core_image image;
	struct core core;

	(void)state;
	assert_non_null(header);
	core_image_make(&image, ".DDZD.D", CORE_PLAIN, NULL);
	memset(header, 0, header_bytes);
	memcpy(header, image.header, 64);
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		memcpy(header + 56, &counts[i], sizeof(counts[i]));
		assert_int_equal(core_header_decode(header, header_bytes, 2 * MIB, &core, &reason), STATUS_CORRUPT);
		assert_string_equal(reason, i == 0 ? notes : elf);
	}
	core_image_free(&image);
	free(header);
}

static void flipped_bits_are_found(void **state)
{
	struct core_image image;
	struct core core;

	(void)state;
	core_image_make(&image, ".DDZD.D", CORE_LZO, VMCOREINFO);
	for (uint64_t bit = 0; bit < image.header_bytes * 8; bit += 37) {
		image.header[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(parse(&image, &core), STATUS_CORRUPT);
		assert_string_equal(reason, "the checksum of the image's header is wrong");
		image.header[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(parse(&image, &core), STATUS_OK);
	image.anchor.state = CORE_ANCHOR_SAVING;
	assert_int_equal(parse(&image, &core), STATUS_INVALID);
	assert_int_equal(core_header_decode(image.header, 0, 8192, &core, &reason), STATUS_INVALID);
	assert_int_equal(core_header_decode(image.header, 4097, 8192, &core, &reason), STATUS_INVALID);
	assert_int_equal(core_header_decode(image.header, 4096, 8193, &core, &reason), STATUS_INVALID);
	core_image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_are_read_back),        cmocka_unit_test(small_images_are_read_back),
		cmocka_unit_test(data_is_handed_out_in_runs),  cmocka_unit_test(broken_headers_are_refused),
		cmocka_unit_test(pairs_of_changes_are_judged), cmocka_unit_test(chunks_add_up),
		cmocka_unit_test(other_notes_are_passed_over), cmocka_unit_test(program_headers_are_bounded),
		cmocka_unit_test(displaced_notes_are_refused), cmocka_unit_test(flipped_bits_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
