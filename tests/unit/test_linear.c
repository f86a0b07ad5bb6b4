/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A linear block device over disks that answer in any order. */
#include "drivers/linear.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/memory_disk.h"

#define SECTORS_PER_PAGE 8
#define DISK_PAGES       64

static struct memory_disk *disks[2];
static struct linear_disk linear;
static struct page pages[DISK_PAGES] __attribute__((aligned(4096)));

static int setup(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		disks[i] = memory_disk_new(i == 0 ? "first" : "second", 512, DISK_PAGES * PAGE_BYTES);
		for (uint32_t page = 0; page < DISK_PAGES; page++)
			memset(disks[i]->bytes + page * PAGE_BYTES, (int)(100 * i + page), PAGE_BYTES);
	}
	memset(pages, 0xEE, sizeof(pages));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_disk_free(disks[0]);
	memory_disk_free(disks[1]);
	return 0;
}

/* Pages of a disk. */
static struct linear_extent extent(uint32_t disk, uint64_t page, uint64_t count)
{
	return (struct linear_extent){&disks[disk]->device, page * SECTORS_PER_PAGE, count * SECTORS_PER_PAGE};
}

/* Pages 10-13 of the first disk, 3-4 and 30-37 of the second. */
static void make(void)
{
	const struct linear_extent extents[] = {extent(0, 10, 4), extent(1, 3, 2), extent(1, 30, 8)};

	assert_int_equal(linear_disk_init(&linear, "vg-lv", extents, 3, 5 * SECTORS_PER_PAGE), STATUS_OK);
}

static uint8_t value_of(uint64_t page)
{
	return (uint8_t)(page < 4 ? 10 + page : page < 6 ? 103 + page - 4 : 130 + page - 6);
}

static void test_identity(void **state)
{
	(void)state;
	disks[0]->device.identity.controller = 7;
	disks[1]->device.identity.controller = 9;
	disks[1]->device.identity.dma_limit = 4 * GIB;
	disks[1]->device.identity.max_segments = 5;
	make();
	assert_string_equal(linear.device.identity.name, "vg-lv");
	assert_int_equal(linear.device.identity.sector_count, 14 * SECTORS_PER_PAGE);
	assert_int_equal(linear.device.identity.controller, 9);
	assert_true(linear.device.identity.dma_limit == 4 * GIB);
	assert_int_equal(linear.device.identity.max_segments, 5);
	assert_int_equal(linear.device.identity.queue_depth, 1);
}

/* Every run of pages, also those that lie on two and three extents. */
static void test_reads(void **state)
{
	(void)state;
	make();
	for (uint64_t first = 0; first < 14; first++) {
		for (uint64_t count = 1; count <= 14 - first; count++) {
			memset(pages, 0xEE, sizeof(pages));
			assert_int_equal(block_read_sync(&linear.device, (struct lba){first * SECTORS_PER_PAGE}, pages,
							 count * PAGE_BYTES),
					 STATUS_OK);
			for (uint64_t i = 0; i < count; i++) {
				assert_int_equal(pages[i].bytes[0], value_of(first + i));
				assert_int_equal(pages[i].bytes[PAGE_BYTES - 1], value_of(first + i));
			}
			assert_int_equal(pages[count].bytes[0], 0xEE);
		}
	}
	assert_int_equal(block_read_sync(&linear.device, (struct lba){14 * SECTORS_PER_PAGE}, pages, 512),
			 STATUS_INVALID);
}

/* Scattered pages across an extent's end, under the caller's tag, and only one such read at a time. */
static void test_crossing(void **state)
{
	struct block_segment scattered[4];
	struct block_completion completion;
	uint32_t count = 0;

	(void)state;
	make();
	for (uint32_t i = 0; i < 4; i++)
		scattered[i] = (struct block_segment){virt_to_paddr(&pages[10 - i * 2]), PAGE_BYTES};
	assert_int_equal(
		linear.device.ops->submit_read(&linear.device, scattered, 4, (struct lba){2 * SECTORS_PER_PAGE}, 4711),
		STATUS_OK);
	assert_int_equal(
		linear.device.ops->submit_read(&linear.device, scattered, 4, (struct lba){2 * SECTORS_PER_PAGE}, 4712),
		STATUS_AGAIN);
	for (uint32_t i = 0; i < 10 && count == 0; i++)
		linear.device.ops->poll(&linear.device, &completion, 1, &count);
	assert_int_equal(count, 1);
	assert_int_equal(completion.tag, 4711);
	assert_int_equal(completion.status, STATUS_OK);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pages[10 - i * 2].bytes[7], value_of(2 + i));
	assert_int_equal(linear.device.ops->submit_read(&linear.device, scattered, 4, (struct lba){0}, UINT32_MAX),
			 STATUS_INVALID);
}

static void test_errors(void **state)
{
	(void)state;
	make();
	memory_disk_break(disks[1], 3 * PAGE_BYTES, 4 * PAGE_BYTES, STATUS_IO_ERROR);
	assert_int_equal(block_read_sync(&linear.device, (struct lba){0}, pages, 4 * PAGE_BYTES), STATUS_OK);
	assert_int_equal(block_read_sync(&linear.device, (struct lba){0}, pages, 8 * PAGE_BYTES), STATUS_IO_ERROR);
	assert_int_equal(block_read_sync(&linear.device, (struct lba){5 * SECTORS_PER_PAGE}, pages, 4 * PAGE_BYTES),
			 STATUS_OK);
	assert_int_equal(pages[0].bytes[0], value_of(5));
}

/* An image that Thaw writes lies on one disk. */
static void test_no_writes_in_flight(void **state)
{
	const struct block_segment page = {virt_to_paddr(&pages[0]), PAGE_BYTES};

	(void)state;
	make();
	assert_int_equal(linear.device.ops->submit_write(&linear.device, &page, 1, (struct lba){0}, 1),
			 STATUS_UNSUPPORTED);
	assert_int_equal(linear.device.ops->flush_sync(&linear.device), STATUS_UNSUPPORTED);
	for (uint32_t i = 0; i < ARRAY_COUNT(disks); i++)
		assert_int_equal(disks[i]->writes + disks[i]->flushes, 0);
}

static void test_refusals(void **state)
{
	struct linear_extent extents[LINEAR_EXTENTS_MAX + 1];
	struct memory_disk *large = memory_disk_new("large", 4096, DISK_PAGES * PAGE_BYTES);

	(void)state;
	for (uint32_t i = 0; i <= LINEAR_EXTENTS_MAX; i++)
		extents[i] = extent(0, 1, 1);
	assert_int_equal(linear_disk_init(&linear, "a", extents, LINEAR_EXTENTS_MAX, 0), STATUS_OK);
	assert_int_equal(linear_disk_init(&linear, "a", extents, LINEAR_EXTENTS_MAX + 1, 0), STATUS_UNSUPPORTED);
	assert_int_equal(linear_disk_init(&linear, "a", extents, 0, 0), STATUS_UNSUPPORTED);
	extents[1].sector_count = 7; /* less than a page */
	assert_int_equal(linear_disk_init(&linear, "a", extents, 2, 0), STATUS_UNSUPPORTED);
	extents[1] = extent(0, DISK_PAGES - 1, 2); /* beyond the disk */
	assert_int_equal(linear_disk_init(&linear, "a", extents, 2, 0), STATUS_UNSUPPORTED);
	extents[1] = (struct linear_extent){&large->device, 0, 1}; /* other sectors */
	assert_int_equal(linear_disk_init(&linear, "a", extents, 2, 0), STATUS_UNSUPPORTED);
	memory_disk_free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crossing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_writes_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
