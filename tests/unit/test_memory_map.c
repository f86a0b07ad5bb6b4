/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory map against examples and against a byte-by-byte oracle, and its checksum against values that an
 * independent CRC-32 (Python's zlib.crc32) gave for Linux's packed table.
 */
#include "mm/memory_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PRAM          12u
#define SOFT_RESERVED 0xefffffffu

static struct memory_map map;

static void build(const struct memory_range *entries, uint32_t count)
{
	memset(&map, 0xa5, sizeof(map));
	assert_int_equal(memory_map_build(entries, count, &map), STATUS_OK);
}

static void expect_range(uint32_t index, uint64_t start, uint64_t end, uint32_t type)
{
	assert_true(index < map.count);
	assert_int_equal(map.ranges[index].start, start);
	assert_int_equal(map.ranges[index].end, end);
	assert_int_equal(map.ranges[index].type, type);
}

/* What QEMU's q35 with 512 MiB hands over, out of order here. */
static const struct memory_range pc[] = {
	{0x100000, 0x1ffdf000, MEMORY_RAM},
	{0x1ffdf000, 0x20000000, MEMORY_RESERVED},
	{0, 0x9fc00, MEMORY_RAM},
	{0x9fc00, 0xa0000, MEMORY_RESERVED},
	{0xf0000, 0x100000, MEMORY_RESERVED},
	{0xb0000000, 0xc0000000, MEMORY_RESERVED},
	{0xfed1c000, 0xfed20000, MEMORY_RESERVED},
	{0xfffc0000, 0x100000000, MEMORY_RESERVED},
};

static void test_sorts(void **state)
{
	(void)state;
	build(pc, ARRAY_COUNT(pc));
	assert_int_equal(map.count, 8);
	expect_range(0, 0, 0x9fc00, MEMORY_RAM);
	expect_range(1, 0x9fc00, 0xa0000, MEMORY_RESERVED);
	expect_range(3, 0x100000, 0x1ffdf000, MEMORY_RAM);
	expect_range(7, 0xfffc0000, 0x100000000, MEMORY_RESERVED);
	assert_int_equal(memory_map_ram_end(&map), 0x1ffdf000);
	assert_int_equal(memory_map_ram_bytes(&map), 0x9fc00 + 0x1ffdf000 - 0x100000);
}

static void test_checksum(void **state)
{
	const struct memory_range one[] = {{0x1000, 0x3000, MEMORY_RAM}};

	(void)state;
	build(pc, ARRAY_COUNT(pc));
	assert_int_equal(memory_map_checksum(&map), 0x8edab733);
	build(one, 1);
	assert_int_equal(memory_map_checksum(&map), 0x0f867cbf);
	memory_map_init(&map);
	assert_int_equal(map.count, 0);
	assert_int_equal(memory_map_checksum(&map), 0x2144df1c); /* four zero bytes */
}

static void test_higher_type_wins(void **state)
{
	const struct memory_range entries[] = {
		{0, 100, MEMORY_RAM},
		{40, 60, MEMORY_ACPI_NVS},
		{50, 120, MEMORY_RESERVED},
		{7, 7, MEMORY_UNUSABLE},
	};

	(void)state;
	build(entries, ARRAY_COUNT(entries));
	assert_int_equal(map.count, 3);
	expect_range(0, 0, 40, MEMORY_RAM);
	expect_range(1, 40, 60, MEMORY_ACPI_NVS);
	expect_range(2, 60, 120, MEMORY_RESERVED);
}

static void test_merges_all_but_two_types(void **state)
{
	const uint32_t types[] = {MEMORY_RAM, PRAM, SOFT_RESERVED, MEMORY_PERSISTENT};
	const uint32_t counts[] = {1, 2, 2, 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		const struct memory_range entries[] = {{0x2000, 0x3000, types[i]}, {0x1000, 0x2000, types[i]}};

		build(entries, 2);
		assert_int_equal(map.count, counts[i]);
		assert_true(memory_map_covers(&map, 0x1000, 0x3000, types[i]));
	}
}

static void test_refuses(void **state)
{
	const struct memory_range backwards[] = {{0, 10, MEMORY_RAM}, {20, 19, MEMORY_RAM}};
	static struct memory_range comb[MEMORY_RANGES_MAX + 1];

	(void)state;
	assert_int_equal(memory_map_build(backwards, 2, &map), STATUS_INVALID);
	/* A wide range under teeth: almost two ranges an entry. */
	comb[0] = (struct memory_range){0, 1000000, MEMORY_RAM};
	for (uint32_t i = 1; i < ARRAY_COUNT(comb); i++)
		comb[i] = (struct memory_range){i * 100, i * 100 + 50, MEMORY_RESERVED};
	assert_int_equal(memory_map_build(comb, MEMORY_RANGES_MAX / 2 + 1, &map), STATUS_NO_MEMORY);
	assert_int_equal(memory_map_build(comb, MEMORY_RANGES_MAX / 2, &map), STATUS_OK);
	assert_int_equal(map.count, MEMORY_RANGES_MAX - 1);
	assert_int_equal(memory_map_build(comb + 1, MEMORY_RANGES_MAX, &map), STATUS_OK);
	assert_int_equal(map.count, MEMORY_RANGES_MAX);
	/* More entries than a map holds are refused even where they would merge. */
	for (uint32_t i = 0; i < ARRAY_COUNT(comb); i++)
		comb[i] = comb[0];
	assert_int_equal(memory_map_build(comb, MEMORY_RANGES_MAX, &map), STATUS_OK);
	assert_int_equal(memory_map_build(comb, MEMORY_RANGES_MAX + 1, &map), STATUS_NO_MEMORY);
}

static void test_limits(void **state)
{
	const struct memory_range entries[] = {{UINT64_MAX - 4096, UINT64_MAX, MEMORY_RESERVED}, {0, 1, MEMORY_RAM}};

	(void)state;
	build(entries, 2);
	assert_int_equal(map.count, 2);
	expect_range(1, UINT64_MAX - 4096, UINT64_MAX, MEMORY_RESERVED);
	build(entries, 0);
	assert_int_equal(map.count, 0);
	assert_int_equal(memory_map_ram_end(&map), 0);
	assert_false(memory_map_covers(&map, 0, 1, MEMORY_RAM));
}

static void test_covers(void **state)
{
	(void)state;
	build(pc, ARRAY_COUNT(pc));
	assert_true(memory_map_covers(&map, 0, 0x9fc00, MEMORY_RAM));
	assert_true(memory_map_covers(&map, 0x1ffde000, 0x1ffdf000, MEMORY_RAM));
	assert_false(memory_map_covers(&map, 0x1ffde000, 0x1ffdf001, MEMORY_RAM));
	assert_false(memory_map_covers(&map, 0xfffff, 0x100001, MEMORY_RAM));
	assert_false(memory_map_covers(&map, 0x9f000, 0xa0000, MEMORY_RAM));
	assert_false(memory_map_covers(&map, 0xa0000, 0xa1000, MEMORY_RESERVED)); /* a hole */
	assert_false(memory_map_covers(&map, 0x100000000, 0x100001000, MEMORY_RESERVED));
	assert_true(memory_map_covers(&map, 0x5000, 0x5000, MEMORY_RESERVED)); /* nothing asked */
}

#define WORLD 48

struct world {
	uint32_t types[WORLD + 1]; /* per byte */
	bool boundary[WORLD + 1];  /* an entry starts or ends here */
};

static void world_fill(struct world *world, const struct memory_range *entries, uint32_t count)
{
	memset(world, 0, sizeof(*world));
	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].start == entries[i].end)
			continue;
		world->boundary[entries[i].start] = world->boundary[entries[i].end] = true;
		for (uint64_t at = entries[i].start; at < entries[i].end; at++) {
			if (world->types[at] < entries[i].type)
				world->types[at] = entries[i].type;
		}
	}
}

static void world_compare(const struct world *world)
{
	uint32_t index = 0;
	uint64_t start = 0, ram_bytes = 0, ram_end = 0;

	for (uint64_t at = 1; at <= WORLD; at++) {
		const uint32_t type = world->types[start];
		const bool splits = (type == PRAM || type == SOFT_RESERVED) && world->boundary[at];

		if (world->types[at] == type && !splits && at < WORLD)
			continue;
		if (type != 0)
			expect_range(index++, start, at, type);
		if (type == MEMORY_RAM) {
			ram_bytes += at - start;
			ram_end = at;
		}
		start = at;
	}
	assert_int_equal(map.count, index);
	assert_int_equal(memory_map_ram_bytes(&map), ram_bytes);
	assert_int_equal(memory_map_ram_end(&map), ram_end);
}

static void test_against_oracle(void **state)
{
	static const uint32_t types[] = {0, 1, 1, 2, 3, 5, 7, PRAM, PRAM, SOFT_RESERVED};
	struct memory_range entries[12];
	struct world world;

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		const uint32_t count = (uint32_t)random() % (ARRAY_COUNT(entries) + 1);

		for (uint32_t i = 0; i < count; i++) {
			const uint64_t start = (uint64_t)random() % WORLD;

			entries[i].start = start;
			entries[i].end = start + (uint64_t)random() % (WORLD - start + 1);
			entries[i].type = types[(size_t)random() % ARRAY_COUNT(types)];
		}
		build(entries, count);
		world_fill(&world, entries, count);
		world_compare(&world);
		for (uint64_t at = 0; at < WORLD; at++) {
			const uint32_t type = world.types[at];

			assert_true(memory_map_covers(&map, at, at + 1, type) == (type != 0));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorts),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_higher_type_wins),
		cmocka_unit_test(test_merges_all_but_two_types),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_against_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
