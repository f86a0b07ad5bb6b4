/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LVM2's label and metadata areas.
 */
#include "disk/lvm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lvm_disk.h"
#include "memory_disk.h"

#define DISK_BYTES (1024 * KIB)
#define PV_UUID    "pppppppppppppppppppppppppppppppp"

static const struct lvm_disk_area area = {4096, 16 * KIB};
static const struct lvm_disk_area areas[3] = {{4096, 16 * KIB}, {64 * KIB, 512 * KIB}, {32 * KIB, 8 * KIB}};
static struct memory_disk *disk;
static struct page *scratch; /* on the heap, where writing beyond it is noticed */
static struct lvm_pv pv;
static char chars[LVM_TEXT_BYTES_MAX];
static char text[LVM_TEXT_BYTES_MAX + 16];
static size_t bytes;
static const char *reason;

static int setup(void **state)
{
	(void)state;
	disk = memory_disk_new("disk", 512, DISK_BYTES);
	scratch = aligned_alloc(_Alignof(struct page), sizeof(*scratch));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 93);
	return 0;
}

static int setup_4096(void **state)
{
	setup(state);
	memory_disk_free(disk);
	disk = memory_disk_new("disk", 4096, DISK_BYTES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_disk_free(disk);
	free(scratch);
	return 0;
}

static struct disk_reader reader_of(struct memory_disk *of)
{
	struct disk_reader reader = memory_disk_reader(of);

	reader.scratch = scratch;
	return reader;
}

static void expect_pv(enum status status, const char *said)
{
	const struct disk_reader reader = reader_of(disk);

	memset(&pv, 0xa5, sizeof(pv));
	reason = NULL;
	assert_int_equal(lvm_pv_read(&reader, &pv, &reason), status);
	if (status != STATUS_OK) {
		assert_non_null(strstr(reason, said));
		assert_int_equal(pv.area_count, 0xa5a5a5a5); /* untouched */
	}
}

static void expect_area(struct lvm_disk_area at, enum status status, const char *said)
{
	const struct disk_reader reader = reader_of(disk);
	const struct lvm_area where = {at.start, at.bytes};

	bytes = SIZE_MAX;
	reason = NULL;
	assert_int_equal(lvm_area_read(&reader, &where, chars, &bytes, &reason), status);
	if (status != STATUS_OK) {
		assert_non_null(strstr(reason, said));
		assert_int_equal(bytes, SIZE_MAX);
	}
}

static void expect_text(struct lvm_disk_area at, uint64_t offset, size_t count)
{
	lvm_disk_area(disk->bytes, at, offset, text, count);
	expect_area(at, STATUS_OK, "");
	assert_int_equal(bytes, count);
	assert_memory_equal(chars, text, count);
}

/* --- the label --------------------------------------------------------------------------------------------------- */

static void test_label_places(void **state)
{
	(void)state;
	expect_pv(STATUS_NOT_FOUND, "no label");
	for (uint32_t sector = 0; sector < 5; sector++) {
		lvm_disk_label(disk->bytes, sector, 'p', areas, 2);
		expect_pv(sector < 4 ? STATUS_OK : STATUS_NOT_FOUND, "no label");
		if (sector < 4) {
			assert_string_equal(pv.uuid, PV_UUID);
			assert_int_equal(pv.area_count, 2);
			assert_memory_equal(pv.areas, areas, sizeof(pv.areas));
		}
		memset(disk->bytes, 0, PAGE_BYTES);
	}
	/* The first of two. */
	lvm_disk_label(disk->bytes, 3, 'q', areas, 2);
	lvm_disk_label(disk->bytes, 1, 'p', areas, 1);
	expect_pv(STATUS_OK, "");
	assert_string_equal(pv.uuid, PV_UUID);
	assert_int_equal(pv.area_count, 1);
	/* Another format's. */
	memcpy(disk->bytes + 512 + 24, "LVM1 001", 8);
	lvm_disk_label_seal(disk->bytes, 1);
	expect_pv(STATUS_OK, "");
	assert_string_equal(pv.uuid, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq");
	memcpy(disk->bytes + 3 * 512, "LABELTWO", 8);
	expect_pv(STATUS_NOT_FOUND, "no label");
}

/* Any bit of what the checksum covers, and of the checksum. */
static void test_label_checksum(void **state)
{
	(void)state;
	lvm_disk_label(disk->bytes, 1, 'p', areas, 2);
	for (uint32_t at = 16; at < 512; at++) {
		disk->bytes[512 + at] ^= 0x10;
		if (at < 24 || at >= 32)
			expect_pv(STATUS_CORRUPT, "checksum of its label");
		else
			expect_pv(STATUS_NOT_FOUND, "no label");
		disk->bytes[512 + at] ^= 0x10;
	}
	expect_pv(STATUS_OK, "");
}

static void test_label_contradictions(void **state)
{
	static const uint32_t offsets[] = {0, 31, 512 - 39, 513, 0xffffffff, 0xfffffff0};

	(void)state;
	lvm_disk_label(disk->bytes, 1, 'p', areas, 2);
	memory_put_le(disk->bytes + 512 + 8, 2, 8);
	expect_pv(STATUS_CORRUPT, "contradicts itself");
	memory_put_le(disk->bytes + 512 + 8, 0x100000001, 8);
	expect_pv(STATUS_CORRUPT, "contradicts itself");
	memory_put_le(disk->bytes + 512 + 8, 1, 8);
	for (size_t i = 0; i < ARRAY_COUNT(offsets); i++) {
		memory_put_le(disk->bytes + 512 + 20, offsets[i], 4);
		lvm_disk_label_seal(disk->bytes, 1);
		expect_pv(STATUS_CORRUPT, "contradicts itself");
	}
	/* A header that begins later is none the less one. */
	memmove(disk->bytes + 512 + 200, disk->bytes + 512 + 32, 200);
	memory_put_le(disk->bytes + 512 + 20, 200, 4);
	lvm_disk_label_seal(disk->bytes, 1);
	expect_pv(STATUS_OK, "");
	assert_string_equal(pv.uuid, PV_UUID);
	assert_int_equal(pv.area_count, 2);
}

static void test_label_areas_without_end(void **state)
{
	uint8_t *label;

	(void)state;
	lvm_disk_label(disk->bytes, 1, 'p', areas, 1);
	label = disk->bytes + 512;
	/* Data areas to the end of the sector. */
	for (uint32_t at = 72; at + 16 <= 512; at += 16)
		memory_put_le(label + at, 4096, 8);
	lvm_disk_label_seal(disk->bytes, 1);
	expect_pv(STATUS_CORRUPT, "no end");
	/* The pair that ends the second list is cut off by the end of the sector. */
	memset(label + 72, 0, 512 - 72);
	memory_put_le(label + 20, 512 - 40 - 16 - 16 - 8, 4);
	memory_put_le(label + 512 - 24, 4096, 8);
	memory_put_le(label + 512 - 16, 16384, 8);
	lvm_disk_label_seal(disk->bytes, 1);
	expect_pv(STATUS_CORRUPT, "no end");
	/* Both lists are there, and end with it. */
	memory_put_le(label + 20, 512 - 40 - 16 - 16, 4);
	memset(label + 512 - 32, 0, 32);
	lvm_disk_label_seal(disk->bytes, 1);
	expect_pv(STATUS_OK, "");
	assert_int_equal(pv.area_count, 0);
}

static void test_label_area_places(void **state)
{
	static const struct lvm_disk_area bad[] = {
		{4097, 16 * KIB},
		{DISK_BYTES, 16 * KIB},
		{DISK_BYTES - 8 * KIB, 8 * KIB + 512},
		{DISK_BYTES + 4096, 0},
		{4096, UINT64_MAX - 4095},
		{UINT64_MAX - 511, 4096},
		{4096, 1023},
		{4096, 0},
	};
	static const struct lvm_disk_area good[] = {{4096, 1024}, {DISK_BYTES - 8 * KIB, 8 * KIB}, {512, 4096}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		lvm_disk_label(disk->bytes, 1, 'p', &bad[i], 1);
		expect_pv(STATUS_CORRUPT, "not inside");
	}
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		lvm_disk_label(disk->bytes, 1, 'p', &good[i], 1);
		expect_pv(STATUS_OK, "");
		assert_memory_equal(pv.areas, &good[i], sizeof(good[i]));
	}
	lvm_disk_label(disk->bytes, 1, 'p', areas, 0);
	expect_pv(STATUS_OK, "");
	assert_int_equal(pv.area_count, 0);
	lvm_disk_label(disk->bytes, 1, 'p', areas, 3);
	expect_pv(STATUS_UNSUPPORTED, "more metadata areas");
}

static void test_label_unreadable(void **state)
{
	(void)state;
	lvm_disk_label(disk->bytes, 1, 'p', areas, 1);
	memory_disk_break(disk, 512, 513, STATUS_TIMEOUT);
	expect_pv(STATUS_TIMEOUT, "can't be read");
	memory_disk_break(disk, 0, 1, STATUS_IO_ERROR);
	expect_pv(STATUS_IO_ERROR, "can't be read");
}

static void test_sectors_4096(void **state)
{
	(void)state;
	for (uint32_t sector = 0; sector < 4; sector++) {
		lvm_disk_label(disk->bytes, sector, 'p', areas, 2);
		expect_pv(STATUS_OK, "");
		assert_int_equal(pv.area_count, 2);
		memset(disk->bytes, 0, PAGE_BYTES);
	}
	expect_text(area, 512, 4000);
	expect_text(area, 3 * 512, 8000);
	expect_text(area, 15 * KIB, 4000);
	expect_text((struct lvm_disk_area){4096 + 512, 8 * KIB}, 1024 + 7, 6000);
}

/* --- metadata areas ---------------------------------------------------------------------------------------------- */

static void test_area_texts(void **state)
{
	static const size_t counts[] = {0, 1, 511, 512, 513, 4095, 4096, 4097, 12345, 16 * KIB - 512};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		expect_text(area, 512, counts[i]);
		expect_text(area, 16 * KIB - 1, counts[i]); /* goes on behind the header */
		expect_text(area, 16 * KIB - 512, counts[i]);
		expect_text(area, 8 * KIB + 3, counts[i]);
	}
	expect_text(areas[1], 512, LVM_TEXT_BYTES_MAX);
	expect_text(areas[1], 400 * KIB, LVM_TEXT_BYTES_MAX);
	lvm_disk_area(disk->bytes, areas[1], 512, text, LVM_TEXT_BYTES_MAX + 1);
	expect_area(areas[1], STATUS_UNSUPPORTED, "more metadata");
}

static void test_area_checksums(void **state)
{
	(void)state;
	lvm_disk_area(disk->bytes, area, 16 * KIB - 100, text, 300);
	for (uint32_t at = 0; at < 512; at++) {
		disk->bytes[area.start + at] ^= 1;
		expect_area(area, STATUS_CORRUPT, "checksum of its metadata area");
		disk->bytes[area.start + at] ^= 1;
	}
	for (uint32_t i = 0; i < 300; i++) {
		uint8_t *byte = disk->bytes + area.start + (i < 100 ? 16 * KIB - 100 + i : 512 + i - 100);

		*byte ^= 0x80;
		expect_area(area, STATUS_CORRUPT, "checksum of its metadata is");
		*byte ^= 0x80;
	}
	expect_area(area, STATUS_OK, "");
}

struct header_case {
	uint32_t at;
	uint32_t field_bytes;
	uint64_t value;
	enum status status;
	const char *said;
};

static void test_area_headers(void **state)
{
	static const struct header_case cases[] = {
		{4, 1, 'x', STATUS_CORRUPT, "contradicts its label"},
		{19, 1, 'x', STATUS_CORRUPT, "contradicts its label"},
		{24, 8, 8192, STATUS_CORRUPT, "contradicts its label"},
		{32, 8, 16 * KIB + 512, STATUS_CORRUPT, "contradicts its label"},
		{20, 4, 2, STATUS_UNSUPPORTED, "version"},
		{40, 8, 0, STATUS_NOT_FOUND, "not in use"},
		{60, 4, 1, STATUS_NOT_FOUND, "not in use"},
		{60, 4, 3, STATUS_NOT_FOUND, "not in use"},
		{60, 4, 2, STATUS_OK, ""},
		{40, 8, 511, STATUS_CORRUPT, "not inside its area"},
		{40, 8, 16 * KIB, STATUS_CORRUPT, "not inside its area"},
		{40, 8, UINT64_MAX, STATUS_CORRUPT, "not inside its area"},
		{48, 8, 16 * KIB - 511, STATUS_CORRUPT, "not inside its area"},
		{48, 8, UINT64_MAX, STATUS_CORRUPT, "not inside its area"},
		{48, 8, 16 * KIB - 512, STATUS_CORRUPT, "checksum of its metadata is"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lvm_disk_area(disk->bytes, area, 512, text, 300);
		memory_put_le(disk->bytes + area.start + cases[i].at, cases[i].value, cases[i].field_bytes);
		lvm_disk_area_seal(disk->bytes, area);
		expect_area(area, cases[i].status, cases[i].said);
	}
}

static void test_area_unreadable(void **state)
{
	(void)state;
	lvm_disk_area(disk->bytes, area, 16 * KIB - 512, text, 5000);
	memory_disk_break(disk, area.start, area.start + 1, STATUS_IO_ERROR);
	expect_area(area, STATUS_IO_ERROR, "can't be read");
	memory_disk_break(disk, area.start + 16 * KIB - 1, area.start + 16 * KIB, STATUS_TIMEOUT);
	expect_area(area, STATUS_TIMEOUT, "can't be read");
	memory_disk_break(disk, area.start + 4608, area.start + 4609, STATUS_IO_ERROR); /* of the part that goes on */
	expect_area(area, STATUS_IO_ERROR, "can't be read");
	memory_disk_break(disk, area.start + 5120, area.start + 5632, STATUS_IO_ERROR);
	expect_area(area, STATUS_OK, "");
}

#define WITH_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISK(test_label_places),
		WITH_DISK(test_label_checksum),
		WITH_DISK(test_label_contradictions),
		WITH_DISK(test_label_areas_without_end),
		WITH_DISK(test_label_area_places),
		WITH_DISK(test_label_unreadable),
		cmocka_unit_test_setup_teardown(test_sectors_4096, setup_4096, teardown),
		WITH_DISK(test_area_texts),
		WITH_DISK(test_area_checksums),
		WITH_DISK(test_area_headers),
		WITH_DISK(test_area_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
