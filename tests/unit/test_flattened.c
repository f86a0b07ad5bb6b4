/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flattened files: every byte is found where its write put it, in whatever order they were written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "image/flattened.h"

#define WRITES     300
#define FILE_BYTES (1u << 20)
#define NOT_THERE  UINT64_MAX

static struct flattened_write writes[WRITES];
static struct flattened index_of;
static struct page header;

static void put_be64(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void open_index(uint32_t capacity)
{
	memset(&header, 0, sizeof(header));
	memcpy(header.bytes, "makedumpfile", 12);
	put_be64(header.bytes + 16, 1);
	put_be64(header.bytes + 24, 1);
	assert_int_equal(flattened_open(&header, writes, capacity, &index_of), STATUS_OK);
	assert_int_equal(index_of.next, 4096);
}

static enum status add(uint64_t offset, uint64_t bytes)
{
	uint8_t record[FLATTENED_RECORD_BYTES];

	put_be64(record, offset);
	put_be64(record + 8, bytes);
	return flattened_add(&index_of, record, FILE_BYTES);
}

static uint64_t place_of(uint64_t offset, uint64_t run)
{
	uint64_t place, found;

	if (!flattened_find(&index_of, offset, &place, &found))
		return NOT_THERE;
	assert_int_equal(found, run);
	return place;
}

static void test_headers(void **state)
{
	(void)state;
	open_index(1);
	header.bytes[23] = 2;
	assert_int_equal(flattened_open(&header, writes, 1, &index_of), STATUS_UNSUPPORTED);
	header.bytes[23] = 1;
	header.bytes[24] = 1;
	assert_int_equal(flattened_open(&header, writes, 1, &index_of), STATUS_UNSUPPORTED);
}

static void test_bytes_are_found_in_any_order_of_writes(void **state)
{
	(void)state;
	for (unsigned count = 0; count <= WRITES; count += count < 20 ? 1 : 40) {
		open_index(WRITES);
		for (unsigned i = 0; i < count; i++) {
			const unsigned number = i * 7 % count; /* each once, but where 7 divides count */

			assert_int_equal(add((count % 7 ? number : count - 1 - i) * 100, 60), STATUS_OK);
		}
		assert_int_equal(add(UINT64_MAX, UINT64_MAX), STATUS_END);
		assert_int_equal(index_of.bytes, count == 0 ? 0 : (count - 1) * 100 + 60);
		for (unsigned i = 0; i < count; i++) {
			const unsigned number = count % 7 ? i * 7 % count : count - 1 - i;
			const uint64_t place = 4096 + i * 76 + 16;

			assert_int_equal(place_of(number * 100, 60), place);
			assert_int_equal(place_of(number * 100 + 59, 1), place + 59);
			assert_int_equal(place_of(number * 100 + 60, 0), NOT_THERE);
			assert_int_equal(place_of(number * 100 + 99, 0), NOT_THERE);
		}
		assert_int_equal(place_of(count * 100, 0), NOT_THERE);
	}
}

static void test_nothing_before_the_first_write(void **state)
{
	(void)state;
	open_index(WRITES);
	assert_int_equal(add(50, 10), STATUS_OK);
	assert_int_equal(add(80, 0), STATUS_OK);
	assert_int_equal(add(UINT64_MAX, UINT64_MAX), STATUS_END);
	assert_int_equal(place_of(49, 0), NOT_THERE);
	assert_int_equal(place_of(50, 10), 4112);
	assert_int_equal(place_of(80, 0), NOT_THERE);
	assert_int_equal(place_of(UINT64_MAX, 0), NOT_THERE);
}

static void test_bad_records_are_refused(void **state)
{
	(void)state;
	open_index(2);
	assert_int_equal(add(0, FILE_BYTES - 4096 - 16), STATUS_OK);
	assert_int_equal(add(FILE_BYTES, 0), STATUS_CORRUPT); /* the record itself ends behind the file */
	open_index(2);
	assert_int_equal(add(0, FILE_BYTES - 4096 - 15), STATUS_CORRUPT);
	assert_int_equal(add(0, UINT64_MAX), STATUS_CORRUPT);
	assert_int_equal(add(UINT64_MAX, 0), STATUS_CORRUPT);
	assert_int_equal(add((uint64_t)1 << 63, 10), STATUS_CORRUPT);
	assert_int_equal(add(10, 10), STATUS_OK);
	assert_int_equal(add(0, 10), STATUS_OK);
	assert_int_equal(add(20, 10), STATUS_NO_MEMORY);
	assert_int_equal(add(UINT64_MAX, UINT64_MAX), STATUS_END);
}

/* makedumpfile -E writes its program headers page by page, as zeroes, and at last all of them in one piece. */
static void test_the_later_of_two_writes_holds(void **state)
{
	(void)state;
	open_index(WRITES);
	assert_int_equal(add(64, 100), STATUS_OK);  /* data at 4112 */
	assert_int_equal(add(164, 100), STATUS_OK); /* 4228 */
	assert_int_equal(add(264, 100), STATUS_OK); /* 4344 */
	assert_int_equal(add(0, 64), STATUS_OK);    /* 4460 */
	assert_int_equal(add(64, 250), STATUS_OK);  /* 4540 */
	assert_int_equal(add(400, 50), STATUS_OK);  /* 4806 */
	assert_int_equal(add(360, 50), STATUS_OK);  /* 4872 */
	assert_int_equal(add(UINT64_MAX, UINT64_MAX), STATUS_END);
	assert_int_equal(place_of(0, 64), 4460);
	assert_int_equal(place_of(64, 250), 4540);
	assert_int_equal(place_of(313, 1), 4540 + 249);
	assert_int_equal(place_of(314, 46), 4344 + 50);
	assert_int_equal(place_of(360, 50), 4872);
	assert_int_equal(place_of(410, 40), 4806 + 10);
	assert_int_equal(index_of.bytes, 450);
	open_index(WRITES);
	assert_int_equal(add(0, 30), STATUS_OK);
	assert_int_equal(add(10, 10), STATUS_OK);
	assert_int_equal(add(UINT64_MAX, UINT64_MAX), STATUS_CORRUPT);
	open_index(WRITES);
	assert_int_equal(add(0, 20), STATUS_OK);
	assert_int_equal(add(10, 20), STATUS_OK);
	assert_int_equal(add(0, 20), STATUS_OK);
	assert_int_equal(add(UINT64_MAX, UINT64_MAX), STATUS_END);
	assert_int_equal(place_of(5, 15), 4096 + 3 * 16 + 40 + 5);
	assert_int_equal(place_of(20, 10), 4096 + 2 * 16 + 20 + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_bytes_are_found_in_any_order_of_writes),
		cmocka_unit_test(test_nothing_before_the_first_write),
		cmocka_unit_test(test_bad_records_are_refused),
		cmocka_unit_test(test_the_later_of_two_writes_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
