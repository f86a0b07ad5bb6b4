/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables, mapped where a PC has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/acpi.h"
#include "drivers/acpi_format.h"
#include "lib/string.h"

#define AREA       0x7FE00000u
#define AREA_BYTES 0x20000u
#define RSDT       (AREA + 0x100)
#define XSDT       (AREA + 0x200)
#define FADT       (AREA + 0x400)
#define FACS       (AREA + 0x800)
#define OTHER      (AREA + 0x1000)
#define BIOS_START 0x80000u
#define BIOS_END   0x100000u

static struct memory_map map;
static uint8_t rsdp[36];
static struct acpi_registers registers;

static void *at(uint64_t address)
{
	return paddr_to_virt((struct paddr){address});
}

static void put(uint64_t address, uint64_t value, size_t count)
{
	memcpy(at(address), &value, count);
}

static void fix_checksum(uint8_t *bytes, size_t count, size_t checksum_offset)
{
	uint8_t sum = 0;

	bytes[checksum_offset] = 0;
	for (size_t i = 0; i < count; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[checksum_offset] = (uint8_t)-sum;
}

static void finish_table(uint64_t address, const char *signature, uint32_t length)
{
	memcpy(at(address), signature, 4);
	put(address + 4, length, 4);
	fix_checksum(at(address), length, 9);
}

static void make_rsdp(uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
	memset(rsdp, 0, sizeof(rsdp));
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = revision;
	memcpy(rsdp + 16, &rsdt, 4);
	rsdp[20] = 36;
	memcpy(rsdp + 24, &xsdt, 8);
	fix_checksum(rsdp, 20, 8);
	fix_checksum(rsdp, 36, 32);
}

/* An ACPI 1 FADT as SeaBIOS makes it. */
static void make_fadt_v1(void)
{
	memset(at(FADT), 0, 0x400);
	put(FADT + 36, FACS, 4);
	put(FADT + 48, 0xB2, 4);
	put(FADT + 52, 0xF1, 1);
	put(FADT + 56, 0x600, 4);
	put(FADT + 64, 0x604, 4);
	put(FADT + 88, 4, 1);
	put(FADT + 89, 2, 1);
	put(FADT + 112, BIT(5), 4);
	finish_table(FADT, "FACP", 116);
}

static void make_facs(void)
{
	memset(at(FACS), 0, 64);
	memcpy(at(FACS), "FACS", 4);
	put(FACS + 4, 64, 4);
	put(FACS + 8, 0xCAFE1234, 4);
}

static int setup(void **state)
{
	const struct memory_range ranges[] = {
		{0, 0x9FC00, MEMORY_RAM},
		{MIB, 2 * MIB, MEMORY_RAM},
		{AREA, AREA + 0x2000, MEMORY_ACPI_RECLAIM},
		{AREA + 0x2000, AREA + AREA_BYTES, MEMORY_ACPI_NVS},
	};

	(void)state;
	assert_int_equal(memory_map_build(ranges, ARRAY_COUNT(ranges), &map), STATUS_OK);
	memset(at(AREA), 0, AREA_BYTES);
	memset(at(BIOS_START), 0, BIOS_END - BIOS_START);
	make_fadt_v1();
	make_facs();
	finish_table(OTHER, "APIC", 100);
	put(RSDT + 36, OTHER, 4);
	put(RSDT + 40, FADT, 4);
	finish_table(RSDT, "RSDT", 44);
	put(XSDT + 36, OTHER, 8);
	put(XSDT + 44, FADT, 8);
	finish_table(XSDT, "XSDT", 52);
	make_rsdp(0, RSDT, 0);
	memset(&registers, 0xEE, sizeof(registers));
	return 0;
}

static int map_memory(void **state)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	(void)state;
	if (mmap(at(AREA), AREA_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != at(AREA))
		return -1;
	return mmap(at(BIOS_START), BIOS_END - BIOS_START, PROT_READ | PROT_WRITE, flags, -1, 0) == at(BIOS_START) ? 0
														   : -1;
}

static enum status read_tables(void)
{
	return acpi_read(&map, rsdp, rsdp[15] >= 2 ? 36 : 20, &registers);
}

static void test_search(void **state)
{
	uint8_t memory[160] = {0};
	size_t offset = 1;

	(void)state;
	assert_false(acpi_rsdp_search(span_of(memory, sizeof(memory)), &offset));
	memcpy(memory + 8, rsdp, 20); /* not on a boundary */
	assert_false(acpi_rsdp_search(span_of(memory, sizeof(memory)), &offset));
	memcpy(memory + 32, "RSD PTR ", 8); /* no checksum */
	memory[48] = 1;
	memcpy(memory + 64, rsdp, 20);
	assert_true(acpi_rsdp_search(span_of(memory, sizeof(memory)), &offset));
	assert_int_equal(offset, 64);
	assert_false(acpi_rsdp_search(span_of(memory, 83), &offset));
	assert_true(acpi_rsdp_search(span_of(memory, 84), &offset));
	make_rsdp(2, RSDT, XSDT);
	memcpy(memory + 64, rsdp, 36);
	assert_true(acpi_rsdp_search(span_of(memory, 100), &offset));
	assert_false(acpi_rsdp_search(span_of(memory, 99), &offset));
	memory[95] ^= 1;
	assert_false(acpi_rsdp_search(span_of(memory, 100), &offset));
}

static void test_find(void **state)
{
	uint64_t address = 0;

	(void)state;
	assert_int_equal(acpi_rsdp_find(&map, &address), STATUS_NOT_FOUND);
	memcpy(at(0x9FBF0), rsdp, 20); /* RAM is not searched */
	assert_int_equal(acpi_rsdp_find(&map, &address), STATUS_NOT_FOUND);
	memcpy(at(0xC0000), rsdp, 20);
	assert_int_equal(acpi_rsdp_find(&map, &address), STATUS_NOT_FOUND);
	memcpy(at(0xFFFE0), rsdp, 20);
	assert_int_equal(acpi_rsdp_find(&map, &address), STATUS_OK);
	assert_int_equal(address, 0xFFFE0);
	memcpy(at(0x9FC10), rsdp, 20);
	assert_int_equal(acpi_rsdp_find(&map, &address), STATUS_OK);
	assert_int_equal(address, 0x9FC10);
}

static void check_seabios_values(void)
{
	assert_false(registers.hardware_reduced);
	assert_true(registers.power_button_fixed);
	assert_false(registers.sleep_button_fixed);
	assert_int_equal(registers.smi_command, 0xB2);
	assert_int_equal(registers.acpi_enable, 0xF1);
	assert_int_equal(registers.pm1a_event.port, 0x600);
	assert_int_equal(registers.pm1a_event.bytes, 4);
	assert_int_equal(registers.pm1b_event.port, 0);
	assert_int_equal(registers.pm1a_control.port, 0x604);
	assert_int_equal(registers.pm1b_control.port, 0);
	assert_true(registers.has_hardware_signature);
	assert_int_equal(registers.hardware_signature, 0xCAFE1234);
}

static void test_read_v1(void **state)
{
	(void)state;
	assert_int_equal(read_tables(), STATUS_OK);
	check_seabios_values();
}

static void test_read_v2(void **state)
{
	(void)state;
	make_rsdp(2, 0, XSDT);
	assert_int_equal(read_tables(), STATUS_OK);
	check_seabios_values();
	/* An XSDT that can't be read leaves the RSDT. */
	make_rsdp(2, RSDT, 0x100);
	assert_int_equal(read_tables(), STATUS_OK);
	make_rsdp(2, 0, 0x100);
	assert_int_equal(read_tables(), STATUS_CORRUPT);
}

static void put_gas(uint64_t address, uint8_t space, uint64_t value)
{
	put(address, space, 1);
	put(address + 4, value, 8);
}

static void test_extended_fields(void **state)
{
	(void)state;
	put(FADT + 88, 8, 1);
	put(FADT + 132, AREA + 0xC00, 8); /* another FACS, preferred */
	memcpy(at(AREA + 0xC00), at(FACS), 64);
	put(AREA + 0xC00 + 8, 77, 4);
	put_gas(FADT + 148, 1, 0x800);
	put_gas(FADT + 160, 1, 0x900);
	put(FADT + 68, 0x704, 4);
	put_gas(FADT + 172, 0, 0x804); /* in memory: not for us */
	put_gas(FADT + 184, 1, 0);
	finish_table(FADT, "FACP", 244);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_int_equal(registers.pm1a_event.port, 0x800);
	assert_int_equal(registers.pm1a_event.bytes, 8);
	assert_int_equal(registers.pm1b_event.port, 0x900);
	assert_int_equal(registers.pm1a_control.port, 0);
	assert_int_equal(registers.pm1b_control.port, 0x704);
	assert_int_equal(registers.hardware_signature, 77);
	/* The same bytes behind the end of a shorter table don't count. */
	put_gas(FADT + 148, 1, UINT64_MAX - 1);
	finish_table(FADT, "FACP", 244);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_int_equal(registers.pm1a_event.port, 0);
	finish_table(FADT, "FACP", 132);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_int_equal(registers.pm1a_event.port, 0x600);
	assert_int_equal(registers.hardware_signature, 0xCAFE1234);
}

static void test_strange_values(void **state)
{
	(void)state;
	put(FADT + 48, 0x100B2, 4);
	put(FADT + 56, 0x10000, 4);
	put(FADT + 60, 0xFFFD, 4);
	put(FADT + 64, 0xFFFE, 4);
	put(FADT + 88, 1, 1);
	put(FADT + 112, BIT(20) | BIT(4), 4);
	finish_table(FADT, "FACP", 116);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_true(registers.hardware_reduced);
	assert_false(registers.power_button_fixed);
	assert_true(registers.sleep_button_fixed);
	assert_int_equal(registers.smi_command, 0);
	assert_int_equal(registers.pm1a_event.port, 0);
	assert_int_equal(registers.pm1b_event.port, 0);
	assert_int_equal(registers.pm1a_control.port, 0xFFFE);
}

static void test_no_facs(void **state)
{
	(void)state;
	put(FACS + 4, 63, 4);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_false(registers.has_hardware_signature);
	put(FACS + 4, 64, 4);
	put(FACS, 'f', 1);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_false(registers.has_hardware_signature);
	put(FADT + 36, AREA + AREA_BYTES - 63, 4); /* would end where the map lists nothing */
	finish_table(FADT, "FACP", 116);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_false(registers.has_hardware_signature);
	put(FADT + 36, 0xF0000, 4); /* the BIOS area need not be listed */
	finish_table(FADT, "FACP", 116);
	make_facs();
	memcpy(at(0xF0000), at(FACS), 64);
	assert_int_equal(read_tables(), STATUS_OK);
	assert_true(registers.has_hardware_signature);
}

static void test_refusals(void **state)
{
	const uint32_t lengths[] = {0, 35, 115, 64 * 1024 + 1, AREA + AREA_BYTES - FADT + 1, 0xFFFFFFFF};

	(void)state;
	assert_int_equal(acpi_read(&map, rsdp, 0, &registers), STATUS_NOT_FOUND);
	assert_int_equal(acpi_read(&map, rsdp, 19, &registers), STATUS_CORRUPT);
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		put(FADT + 4, lengths[i], 4);
		assert_int_equal(read_tables(), STATUS_CORRUPT);
	}
	finish_table(FADT, "FACP", 64 * 1024 + 1);
	assert_int_equal(read_tables(), STATUS_CORRUPT);
	make_fadt_v1();
	put(FADT + 100, 1, 1);
	assert_int_equal(read_tables(), STATUS_CORRUPT);
	make_fadt_v1();
	put(FADT, 'X', 1);
	assert_int_equal(read_tables(), STATUS_NOT_FOUND);
	make_fadt_v1();
	put(RSDT + 20, 1, 1);
	assert_int_equal(read_tables(), STATUS_CORRUPT);
	finish_table(RSDT, "RSDT", 43); /* only half of the second entry */
	assert_int_equal(read_tables(), STATUS_NOT_FOUND);
	finish_table(RSDT, "RSDT", 44);
	assert_int_equal(read_tables(), STATUS_OK);
	rsdp[0] ^= 1;
	assert_int_equal(read_tables(), STATUS_CORRUPT);
}

/* Nothing outside the listed memory may be touched: these addresses are not mapped here and would crash the test. */
static void test_wild_addresses(void **state)
{
	const uint64_t wild[] = {1, 0xFFF, AREA + AREA_BYTES, 0xFFFFFFF0, 4 * GIB - 10, 0x123456789000, UINT64_MAX - 8};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wild); i++) {
		make_rsdp(2, 0, wild[i]);
		assert_int_equal(read_tables(), STATUS_CORRUPT);
		make_rsdp(2, RSDT, wild[i]);
		assert_int_equal(read_tables(), STATUS_OK);
		make_rsdp(0, (uint32_t)wild[i] | 1, 0);
		assert_int_equal(read_tables(), STATUS_CORRUPT);
		make_rsdp(2, 0, XSDT);
		put(XSDT + 44, wild[i], 8);
		finish_table(XSDT, "XSDT", 52);
		assert_int_equal(read_tables(), STATUS_CORRUPT);
		put(XSDT + 44, FADT, 8);
		finish_table(XSDT, "XSDT", 52);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_search, setup),          cmocka_unit_test_setup(test_find, setup),
		cmocka_unit_test_setup(test_read_v1, setup),         cmocka_unit_test_setup(test_read_v2, setup),
		cmocka_unit_test_setup(test_extended_fields, setup), cmocka_unit_test_setup(test_strange_values, setup),
		cmocka_unit_test_setup(test_no_facs, setup),         cmocka_unit_test_setup(test_refusals, setup),
		cmocka_unit_test_setup(test_wild_addresses, setup),
	};

	return cmocka_run_group_tests(tests, map_memory, NULL);
}
