/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mark: what it writes, and what it says when the disk does not obey.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "image/core.h"
#include "image/kdump.h"
#include "loader/mark.h"
#include "tests/unit/fake_disk.h"

#define DISK_PAGES  64
#define START_PAGE  8 /* of the partition, in pages of the disk */
#define HEADER_PAGE 3 /* of the partition */

static struct page disk_pages[DISK_PAGES];
static struct page before[DISK_PAGES];
static struct page scratch[2];
static struct fake_disk disk;
static struct found_image found;

static const struct mark_result result = {.pages = 0x01020304, .milliseconds = 0x0A0B0C0D};

static void set_up_disk(uint32_t sector_bytes)
{
	struct page *header = &disk_pages[START_PAGE + HEADER_PAGE];

	for (size_t i = 0; i < sizeof(disk_pages); i++)
		((uint8_t *)disk_pages)[i] = (uint8_t)(i * 7);
	memcpy(header->bytes + SWSUSP_SIGNATURE_OFFSET, "S1SUSPEND\0", SWSUSP_SIGNATURE_BYTES);
	memcpy(before, disk_pages, sizeof(before));
	fake_disk_init(&disk, disk_pages, sizeof(disk_pages) / sector_bytes, sector_bytes);
	found = (struct found_image){
		.device = &disk.device,
		.start_lba = START_PAGE * PAGE_BYTES / sector_bytes,
		.device_pages = DISK_PAGES - START_PAGE,
		.header_page = HEADER_PAGE,
		.header_bytes = *header,
	};
	memcpy(found.header.original_signature, "SWAPSPACE2", SWSUSP_SIGNATURE_BYTES);
}

/* How many bytes of the disk changed, and where. */
static size_t changed_bytes(size_t *first_out, size_t *last_out)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(disk_pages); i++) {
		if (((uint8_t *)disk_pages)[i] == ((uint8_t *)before)[i])
			continue;
		if (!count++)
			*first_out = i;
		*last_out = i;
	}
	return count;
}

static void check_marked(void)
{
	const size_t header = (START_PAGE + HEADER_PAGE) * PAGE_BYTES;
	const uint8_t *bytes = disk_pages[START_PAGE + HEADER_PAGE].bytes;
	static const uint8_t record[] = {'T', 'H', 'A', 'W', 1, 1, 0, 0, 4, 3, 2, 1, 0xD, 0xC, 0xB, 0xA};
	size_t first = 0;
	size_t last = 0;

	assert_memory_equal(bytes + SWSUSP_SIGNATURE_OFFSET, "SWAPSPACE2", SWSUSP_SIGNATURE_BYTES);
	assert_memory_equal(bytes + SWSUSP_RESULT_OFFSET, record, sizeof(record));
	assert_true(changed_bytes(&first, &last) <= SWSUSP_SIGNATURE_BYTES + SWSUSP_RESULT_BYTES);
	assert_true(first >= header + SWSUSP_RESULT_OFFSET);
	assert_true(last < header + PAGE_BYTES);
}

static void test_the_mark_is_written_once(void **state)
{
	static const uint32_t sector_sizes[] = {512, 4096};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sector_sizes); i++) {
		set_up_disk(sector_sizes[i]);
		assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
		check_marked();
		assert_int_equal(disk.flushed_writes, 1);
	}
}

static void test_bad_page_lists_leave_no_room_for_the_record(void **state)
{
	(void)state;
	set_up_disk(512);
	found.header.has_bad_pages = true;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
	assert_memory_equal(disk_pages[START_PAGE + HEADER_PAGE].bytes + SWSUSP_RESULT_OFFSET,
			    before[START_PAGE + HEADER_PAGE].bytes + SWSUSP_RESULT_OFFSET, SWSUSP_RESULT_BYTES);
}

/* The signature, and no word of a resume. */
static void test_a_discarded_image_has_no_record(void **state)
{
	size_t first = 0, last = 0;

	(void)state;
	set_up_disk(512);
	assert_int_equal(mark_image_used(&found, NULL, scratch), MARK_USED);
	assert_in_range(changed_bytes(&first, &last), 1, SWSUSP_SIGNATURE_BYTES);
	assert_true(first >= (START_PAGE + HEADER_PAGE) * PAGE_BYTES + SWSUSP_SIGNATURE_OFFSET);
	assert_memory_equal(disk_pages[START_PAGE + HEADER_PAGE].bytes + SWSUSP_SIGNATURE_OFFSET, "SWAPSPACE2",
			    SWSUSP_SIGNATURE_BYTES);
}

static void test_errors_are_told_apart(void **state)
{
	(void)state;
	set_up_disk(512);
	disk.write_status = STATUS_IO_ERROR;
	disk.write_lost = true;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);

	set_up_disk(512);
	disk.write_status = STATUS_IO_ERROR;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNKNOWN);

	set_up_disk(4096);
	disk.write_torn = true;
	disk.write_status = STATUS_IO_ERROR;
	disk.reads_fail_after_write = true;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNKNOWN);
}

/* A firmware that keeps the machine after the mark: only what is certain counts. */
static void test_a_mark_is_taken_back(void **state)
{
	size_t first, last;

	(void)state;
	set_up_disk(512);
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
	assert_int_equal(mark_take_back(&found, scratch), MARK_UNCHANGED);
	assert_int_equal(changed_bytes(&first, &last), 0);
	assert_int_equal(disk.flushed_writes, 2);

	set_up_disk(512);
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
	disk.write_status = STATUS_IO_ERROR;
	assert_int_equal(mark_take_back(&found, scratch), MARK_UNKNOWN);

	set_up_disk(4096);
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
	disk.write_lost = true;
	assert_int_equal(mark_take_back(&found, scratch), MARK_UNKNOWN);
}

static void test_a_write_that_got_lost_is_noticed(void **state)
{
	(void)state;
	set_up_disk(512);
	disk.write_lost = true;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);

	set_up_disk(512);
	disk.reads_fail_after_write = true;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNKNOWN);
}

static void test_a_header_that_changed_meanwhile_is_left_alone(void **state)
{
	(void)state;
	set_up_disk(512);
	disk_pages[START_PAGE + HEADER_PAGE].bytes[PAGE_BYTES - 100] ^= 1;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);
	assert_int_equal(disk.writes, 0);
}

/* --- the anchor of a kexec jump ----------------------------------------------------------------------------------- */

static struct core_anchor *anchor_set_up(uint32_t sector_bytes, enum core_anchor_state state)
{
	struct page *header = &disk_pages[START_PAGE + HEADER_PAGE];
	struct core_anchor *anchor = (struct core_anchor *)(void *)header;

	set_up_disk(sector_bytes);
	*anchor = (struct core_anchor){
		.version = CORE_ANCHOR_VERSION,
		.state = state,
		.target_pages = 20,
		.core_bytes = 9 * PAGE_BYTES,
		.header_bytes = PAGE_BYTES,
		.save_ms = 77,
		.extent_count = 1,
		.extents = {{10, 20}},
	};
	memcpy(anchor->magic, CORE_ANCHOR_MAGIC, sizeof(anchor->magic));
	core_anchor_seal_extents(anchor);
	memcpy(before, disk_pages, sizeof(before));
	found.kind = IMAGE_CORE;
	found.header_bytes = *header;
	return anchor;
}

static void test_an_anchor_is_marked(void **state)
{
	static const enum core_anchor_state states[] = {CORE_ANCHOR_VALID, CORE_ANCHOR_SNAPSHOT};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(states); i++) {
		const struct core_anchor *anchor = anchor_set_up(i % 2 ? 4096 : 512, states[i / 2]);
		struct core_anchor parsed;
		size_t first = 0;
		size_t last = 0;
		const char *reason;

		assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
		assert_int_equal(disk.flushed_writes, 1);
		assert_int_equal(core_anchor_parse(&disk_pages[START_PAGE + HEADER_PAGE], HEADER_PAGE,
						   DISK_PAGES - START_PAGE, &parsed, &reason),
				 STATUS_OK);
		assert_int_equal(parsed.state, CORE_ANCHOR_USED);
		assert_int_equal(parsed.restore_pages, result.pages);
		assert_int_equal(parsed.restore_ms, result.milliseconds);
		assert_int_equal(parsed.save_ms, 77);
		assert_true(changed_bytes(&first, &last) > 0);
		assert_ptr_equal(anchor, &disk_pages[START_PAGE + HEADER_PAGE]);
		assert_true(first >= (START_PAGE + HEADER_PAGE) * PAGE_BYTES);
		assert_true(last < (START_PAGE + HEADER_PAGE) * PAGE_BYTES + 512);
	}
	/* Not a second time: it is not any more what was found. */
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);
	assert_int_equal(disk.writes, 1);
}

static void test_an_anchors_errors(void **state)
{
	const struct mark_result large = {.pages = UINT64_MAX, .milliseconds = UINT64_MAX};
	struct core_anchor *anchor;

	(void)state;
	(void)anchor_set_up(512, CORE_ANCHOR_VALID);
	disk.write_lost = true;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);
	(void)anchor_set_up(512, CORE_ANCHOR_VALID);
	disk.write_status = STATUS_IO_ERROR;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNKNOWN);
	(void)anchor_set_up(512, CORE_ANCHOR_VALID);
	disk.write_torn = true;
	disk.write_status = STATUS_IO_ERROR;
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNKNOWN);
	anchor = anchor_set_up(512, CORE_ANCHOR_VALID);
	anchor->save_ms++; /* somebody wrote to it since */
	assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);
	assert_int_equal(disk.writes, 0);
	anchor = anchor_set_up(512, CORE_ANCHOR_VALID);
	assert_int_equal(mark_image_used(&found, &large, scratch), MARK_USED);
	assert_int_equal(anchor->restore_pages, UINT32_MAX);
	assert_int_equal(anchor->restore_ms, UINT32_MAX);
}

/* The signature is all that changes; afterwards the file is known as one that was restored. */
static void test_a_dump_is_marked(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
	} signatures[] = {{"KDUMP   ", 8}, {"\177ELF", 4}, {"makedumpfile\0\0\0", 16}};
	struct page *first_page = &disk_pages[START_PAGE + HEADER_PAGE];
	const size_t place = (START_PAGE + HEADER_PAGE) * PAGE_BYTES;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(signatures); i++) {
		const size_t bytes = signatures[i / 2].bytes;
		size_t first = 0;
		size_t last = 0;

		set_up_disk(i % 2 ? 4096 : 512);
		memcpy(first_page, signatures[i / 2].text, bytes);
		memcpy(before, disk_pages, sizeof(before));
		found.kind = IMAGE_DUMP;
		found.header_bytes = *first_page;
		assert_int_not_equal(dump_identify(first_page), DUMP_NONE);
		assert_int_not_equal(dump_identify(first_page), DUMP_USED);
		assert_int_equal(mark_image_used(&found, &result, scratch), MARK_USED);
		assert_int_equal(disk.flushed_writes, 1);
		assert_int_equal(dump_identify(first_page), DUMP_USED);
		assert_true(changed_bytes(&first, &last) > 0);
		assert_true(first >= place && last < place + bytes);
		assert_int_equal(mark_image_used(&found, &result, scratch), MARK_UNCHANGED);
	}
	assert_int_equal(dump_identify(&disk_pages[0]), DUMP_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_mark_is_written_once),
		cmocka_unit_test(test_bad_page_lists_leave_no_room_for_the_record),
		cmocka_unit_test(test_a_discarded_image_has_no_record),
		cmocka_unit_test(test_errors_are_told_apart),
		cmocka_unit_test(test_a_mark_is_taken_back),
		cmocka_unit_test(test_a_write_that_got_lost_is_noticed),
		cmocka_unit_test(test_a_header_that_changed_meanwhile_is_left_alone),
		cmocka_unit_test(test_an_anchor_is_marked),
		cmocka_unit_test(test_an_anchors_errors),
		cmocka_unit_test(test_a_dump_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
