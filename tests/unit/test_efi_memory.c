/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map as Linux sees it, what is taken of it, and the end of the boot services.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/efi/leave.h"
#include "drivers/efi/memory_map.h"
#include "drivers/efi/pages.h"
#include "loader/efi/open_memory.h"
#include "tests/unit/fake_efi.h"
#include "tests/unit/fake_hw.h"

#define SPECIFIC_PURPOSE BIT64(18)

static struct memory_map converted;

static int set_up(void **state)
{
	(void)state;
	fake_hw_reset();
	fake_efi_reset();
	return efi_memory_map_init() != STATUS_OK;
}

static int tear_down(void **state)
{
	(void)state;
	efi_pages_free_all();
	assert_int_equal(fake_efi.allocations, 0);
	return 0;
}

static enum status convert(enum efi_memory_view view)
{
	struct efi_memory_map map;

	TRY(efi_memory_map_get(&map));
	return efi_memory_map_convert(&map, view, &converted);
}

static void assert_range(uint32_t index, uint64_t start, uint64_t end, uint32_t type)
{
	assert_true(index < converted.count);
	assert_int_equal(converted.ranges[index].start, start);
	assert_int_equal(converted.ranges[index].end, end);
	assert_int_equal(converted.ranges[index].type, type);
}

/* One of each type, a page apart, so that nothing is joined. */
static void test_types_are_those_of_the_stub(void **state)
{
	static const uint32_t expected[] = {2, 1, 1, 1, 1, 2, 2, 1, 5, 3, 4, 2, 2, 2, 7};

	(void)state;
	for (uint32_t type = 0; type <= 16; type++)
		fake_efi_add_memory(type, (2 * type + 1) * PAGE_BYTES, (2 * type + 2) * PAGE_BYTES);
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_OK);
	assert_int_equal(converted.count, ARRAY_COUNT(expected));
	for (uint32_t i = 0; i < converted.count; i++)
		assert_range(i, (2 * i + 1) * PAGE_BYTES, (2 * i + 2) * PAGE_BYTES, expected[i]);
	assert_int_equal(convert(EFI_MEMORY_GRUB), STATUS_OK);
	assert_int_equal(converted.count, 17);
	assert_range(5, 11 * PAGE_BYTES, 12 * PAGE_BYTES, 20);
	assert_range(6, 13 * PAGE_BYTES, 14 * PAGE_BYTES, 2);
	assert_range(16, 33 * PAGE_BYTES, 34 * PAGE_BYTES, 2);
}

static void test_neighbours_are_joined(void **state)
{
	(void)state;
	fake_efi_add_memory(EfiLoaderData, 8 * MIB, 9 * MIB);
	fake_efi_add_memory(EfiBootServicesCode, MIB, 2 * MIB);
	fake_efi_add_memory(EfiConventionalMemory, 2 * MIB, 8 * MIB);
	fake_efi_add_memory(EfiRuntimeServicesCode, 9 * MIB, 10 * MIB);
	fake_efi_add_memory(EfiRuntimeServicesData, 10 * MIB, 11 * MIB);
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_OK);
	assert_int_equal(converted.count, 2);
	assert_range(0, MIB, 9 * MIB, MEMORY_RAM);
	assert_range(1, 9 * MIB, 11 * MIB, MEMORY_RESERVED);
	assert_int_equal(convert(EFI_MEMORY_GRUB), STATUS_OK);
	assert_int_equal(converted.count, 3);
}

static void test_memory_for_a_purpose_is_soft_reserved(void **state)
{
	(void)state;
	fake_efi_add_memory(EfiConventionalMemory, MIB, 2 * MIB);
	fake_efi_add_memory(EfiConventionalMemory, 2 * MIB, 3 * MIB);
	fake_efi.map[1].Attribute |= SPECIFIC_PURPOSE;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_OK);
	assert_range(1, 2 * MIB, 3 * MIB, 0xefffffff);
	assert_int_equal(convert(EFI_MEMORY_GRUB), STATUS_OK);
	assert_int_equal(converted.count, 1);
}

/* Linux gets what is beyond its 128 entries by another way, but into the same table. */
static void test_more_than_128_entries(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 400; i++)
		fake_efi_add_memory(i % 2 ? EfiReservedMemoryType : EfiConventionalMemory, i * MIB, (i + 1) * MIB);
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_OK);
	assert_int_equal(converted.count, 400);
	for (uint64_t i = 400; i < 600; i++)
		fake_efi_add_memory(i % 2 ? EfiReservedMemoryType : EfiConventionalMemory, i * MIB, (i + 1) * MIB);
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_NO_MEMORY);
}

static void test_many_descriptors_of_few_ranges(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < FAKE_EFI_DESCRIPTORS; i++)
		fake_efi_add_memory(i % 2 ? EfiBootServicesData : EfiConventionalMemory, i * MIB, (i + 1) * MIB);
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_OK);
	assert_int_equal(converted.count, 1);
}

static void test_hostile_maps_are_refused(void **state)
{
	(void)state;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_NOT_FOUND);
	fake_efi_add_memory(EfiReservedMemoryType, 0, MIB);
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_NOT_FOUND);
	fake_efi_add_memory(EfiConventionalMemory, MIB, 2 * MIB);
	fake_efi.map[1].NumberOfPages = UINT64_MAX;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_CORRUPT);
	fake_efi.map[1].NumberOfPages = BIT64(52) + 1;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_CORRUPT);
	fake_efi.map[1].NumberOfPages = UINT64_MAX >> 12;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_CORRUPT);
	fake_efi.map_status = EFI_BUFFER_TOO_SMALL;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_NO_MEMORY);
	fake_efi.map_status = EFI_INVALID_PARAMETER;
	assert_int_equal(convert(EFI_MEMORY_STUB), STATUS_CORRUPT);
}

/* --- what may be written --------------------------------------------------------------------------------------- */

static bool was_taken(uint64_t address)
{
	for (uint32_t i = 0; i < fake_efi.taken_count; i++)
		if (address >= fake_efi.taken[i].start &&
		    address < fake_efi.taken[i].start + fake_efi.taken[i].pages * PAGE_BYTES)
			return true;
	return false;
}

static bool is_kept(const struct placement *placement, uint64_t address)
{
	for (uint32_t i = 0; i < placement->kept_count; i++)
		if (address >= placement->kept[i].start && address < placement->kept[i].end)
			return true;
	return false;
}

/* Exactly what the firmware gave may be written. */
static void assert_kept_is_not_taken(const struct placement *placement, uint64_t end)
{
	for (uint64_t address = 0; address < end; address += PAGE_BYTES)
		assert_int_equal(is_kept(placement, address), !was_taken(address));
	assert_true(is_kept(placement, end) && is_kept(placement, BIT64(46)));
}

static void test_only_what_was_taken_may_be_written(void **state)
{
	static struct placement placement;

	(void)state;
	placement = (struct placement){0};
	fake_efi_add_memory(EfiConventionalMemory, 0, 640 * KIB);
	fake_efi_add_memory(EfiConventionalMemory, 400 * MIB, 500 * MIB);
	fake_efi_add_memory(EfiLoaderData, MIB, 64 * MIB);
	fake_efi_add_memory(EfiConventionalMemory, 64 * MIB, 300 * MIB);
	fake_efi_add_memory(EfiBootServicesData, 300 * MIB, 400 * MIB);
	fake_efi_add_memory(EfiConventionalMemory, 500 * MIB, 510 * MIB);
	fake_efi.refused_start = 505 * MIB;
	assert_int_equal(efi_open_memory(&placement), STATUS_OK);
	assert_kept_is_not_taken(&placement, 520 * MIB);
	assert_false(was_taken(0));
	assert_true(was_taken(PAGE_BYTES));
	assert_true(was_taken(64 * MIB));
	assert_true(was_taken(300 * MIB - 48 * MIB - PAGE_BYTES));
	assert_false(was_taken(300 * MIB - 48 * MIB));
	assert_true(was_taken(500 * MIB - PAGE_BYTES));
	assert_false(was_taken(500 * MIB));
	assert_int_equal(fake_efi.allocations, 4);
}

static void test_small_machines_leave_half_of_their_largest_range(void **state)
{
	static struct placement placement;

	(void)state;
	placement = (struct placement){0};
	fake_efi_add_memory(EfiConventionalMemory, 16 * MIB, 32 * MIB);
	assert_int_equal(efi_open_memory(&placement), STATUS_OK);
	assert_kept_is_not_taken(&placement, 40 * MIB);
	assert_true(was_taken(24 * MIB - PAGE_BYTES));
	assert_false(was_taken(24 * MIB));
}

static void test_pages_are_given_back(void **state)
{
	struct paddr start;

	(void)state;
	assert_int_equal(efi_pages_allocate(16, 4 * GIB, &start), STATUS_OK);
	assert_int_equal(efi_pages_allocate_at((struct paddr){MIB}, 4), STATUS_OK);
	fake_efi.refused_start = 2 * MIB;
	assert_int_equal(efi_pages_allocate_at((struct paddr){2 * MIB}, 4), STATUS_NO_MEMORY);
	assert_int_equal(fake_efi.allocations, 3);
	efi_pages_free_all();
	assert_int_equal(fake_efi.allocations, 0);
	efi_pages_free_all();
}

static void test_abandoned_pages_stay(void **state)
{
	(void)state;
	efi_pages_abandon();
	efi_pages_free_all();
	assert_int_equal(fake_efi.allocations, 1);
	fake_efi.allocations = 0;
}

/* --- the end of the boot services ------------------------------------------------------------------------------ */

static void test_boot_services_end(void **state)
{
	(void)state;
	fake_efi_add_memory(EfiConventionalMemory, MIB, 2 * MIB);
	assert_int_equal(efi_exit_boot_services(), STATUS_OK);
	assert_true(fake_efi.exited);
	assert_int_equal(fake_efi.exit_calls, 1);
}

static void test_a_stale_key_is_tried_again(void **state)
{
	(void)state;
	fake_efi_add_memory(EfiConventionalMemory, MIB, 2 * MIB);
	fake_efi.exit_failures = 3;
	assert_int_equal(efi_exit_boot_services(), STATUS_OK);
	assert_true(fake_efi.exited);
	assert_int_equal(fake_efi.exit_calls, 4);
	assert_int_equal(fake_efi.map_calls, 4);
	assert_false(fake_efi.called_after_failure);
}

static void test_a_firmware_that_keeps_the_machine(void **state)
{
	(void)state;
	fake_efi_add_memory(EfiConventionalMemory, MIB, 2 * MIB);
	fake_efi.exit_failures = 100;
	assert_int_equal(efi_exit_boot_services(), STATUS_IO_ERROR);
	assert_false(fake_efi.exited);
	assert_int_equal(fake_efi.exit_calls, 4);
	assert_false(fake_efi.called_after_failure);
}

static void test_no_memory_map_no_exit(void **state)
{
	(void)state;
	fake_efi.map_status = EFI_BUFFER_TOO_SMALL;
	assert_int_equal(efi_exit_boot_services(), STATUS_IO_ERROR);
	assert_int_equal(fake_efi.exit_calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_types_are_those_of_the_stub),
		TEST(test_neighbours_are_joined),
		TEST(test_memory_for_a_purpose_is_soft_reserved),
		TEST(test_more_than_128_entries),
		TEST(test_many_descriptors_of_few_ranges),
		TEST(test_hostile_maps_are_refused),
		TEST(test_only_what_was_taken_may_be_written),
		TEST(test_small_machines_leave_half_of_their_largest_range),
		TEST(test_pages_are_given_back),
		TEST(test_abandoned_pages_stay),
		TEST(test_boot_services_end),
		TEST(test_a_stale_key_is_tried_again),
		TEST(test_a_firmware_that_keeps_the_machine),
		TEST(test_no_memory_map_no_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
