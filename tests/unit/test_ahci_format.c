/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AHCI's structures in memory, byte by byte. */
#include "drivers/ata/ahci_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"

static struct ahci_prd prds[4];

static enum status build(const struct block_segment *segments, uint32_t count, uint32_t *count_out)
{
	memset(prds, 0xEE, sizeof(prds));
	return ahci_prds_build(segments, count, prds, ARRAY_COUNT(prds), count_out);
}

static void expect_prd(unsigned index, uint64_t address, uint32_t bytes)
{
	const uint8_t *raw = (const uint8_t *)&prds[index];
	uint8_t expected[16] = {0};

	for (unsigned i = 0; i < 8; i++)
		expected[i] = (uint8_t)(address >> (8 * i));
	for (unsigned i = 0; i < 4; i++)
		expected[12 + i] = (uint8_t)((bytes - 1) >> (8 * i));
	assert_memory_equal(raw, expected, sizeof(expected));
}

static void test_prds(void **state)
{
	const struct block_segment segments[] = {{{0x123456789000}, 4096}, {{0x1000}, 512}, {{0x2002}, 512}};
	uint32_t count;

	(void)state;
	assert_int_equal(build(segments, 3, &count), STATUS_OK);
	assert_int_equal(count, 3);
	expect_prd(0, 0x123456789000, 4096);
	expect_prd(1, 0x1000, 512);
	expect_prd(2, 0x2002, 512);
}

static void test_prds_merge(void **state)
{
	const struct block_segment pages[] = {
		{{0x1000}, 4096}, {{0x2000}, 4096}, {{0x3000}, 8192}, {{0x5200}, 512}, {{0x5000}, 512}};
	uint32_t count;

	(void)state;
	assert_int_equal(build(pages, 5, &count), STATUS_OK);
	assert_int_equal(count, 3);
	expect_prd(0, 0x1000, 16384);
	expect_prd(1, 0x5200, 512); /* 5000h lies before it, not behind */
	expect_prd(2, 0x5000, 512);
}

static void test_prds_of_4_mib(void **state)
{
	const struct block_segment one[] = {{{0x100000}, 9 << 20}};
	const struct block_segment two[] = {{{0x100000}, (4 << 20) - 512}, {{0x100000 + (4 << 20) - 512}, 4096}};
	uint32_t count;

	(void)state;
	assert_int_equal(build(one, 1, &count), STATUS_OK);
	assert_int_equal(count, 3);
	expect_prd(0, 0x100000, 4 << 20);
	expect_prd(1, 0x500000, 4 << 20);
	expect_prd(2, 0x900000, 1 << 20);
	assert_int_equal(build(two, 2, &count), STATUS_OK);
	assert_int_equal(count, 2);
	expect_prd(0, 0x100000, 4 << 20);
	expect_prd(1, 0x500000, 4096 - 512);
}

static void test_prds_across_4_gib(void **state)
{
	const struct block_segment segments[] = {{{0xFFFFF000}, 4096}, {{0x100000000}, 4096}};
	uint32_t count;

	(void)state;
	assert_int_equal(build(segments, 2, &count), STATUS_OK);
	assert_int_equal(count, 1);
	expect_prd(0, 0xFFFFF000, 8192);
}

static void test_prds_refused(void **state)
{
	const struct block_segment many[] = {
		{{0x1000}, 512}, {{0x2000}, 512}, {{0x3000}, 512}, {{0x4000}, 512}, {{0x5000}, 512}};
	const struct block_segment odd[] = {{{0x1001}, 512}};
	const struct block_segment odd_size[] = {{{0x1000}, 511}};
	const struct block_segment empty[] = {{{0x1000}, 0}};
	uint32_t count = 77;

	(void)state;
	assert_int_equal(build(many, 5, &count), STATUS_INVALID);
	assert_int_equal(build(odd, 1, &count), STATUS_INVALID);
	assert_int_equal(build(odd_size, 1, &count), STATUS_INVALID);
	assert_int_equal(build(empty, 1, &count), STATUS_INVALID);
	assert_int_equal(count, 77);
	assert_int_equal(build(many, 4, &count), STATUS_OK);
}

static void test_header(void **state)
{
	struct ahci_command_header header;
	const uint8_t read[32] = {5, 0, 0x34, 0x02, 0, 0, 0, 0, 0x80, 0xDE, 0xBC, 0x9A, 0x78, 0x56, 0x34, 0x12};
	const uint8_t write[32] = {0x45, 0, 1, 0, 0, 0, 0, 0, 0, 1};

	(void)state;
	memset(&header, 0xEE, sizeof(header));
	ahci_header_build(&header, (struct paddr){0x123456789ABCDE80}, 0x234, false);
	assert_memory_equal(&header, read, sizeof(header));
	ahci_header_build(&header, (struct paddr){0x100}, 1, true);
	assert_memory_equal(&header, write, sizeof(header));
}

static void test_table(void **state)
{
	static struct ahci_table_head table;
	const struct ata_taskfile identify = ata_identify_build();
	const uint8_t fis[20] = {0x27, 0x80, 0xEC};

	(void)state;
	ahci_table_build(&table, &identify);
	assert_memory_equal(&table, fis, sizeof(fis));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prds),          cmocka_unit_test(test_prds_merge),
		cmocka_unit_test(test_prds_of_4_mib), cmocka_unit_test(test_prds_across_4_gib),
		cmocka_unit_test(test_prds_refused),  cmocka_unit_test(test_header),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
