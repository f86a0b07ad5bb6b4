/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Partition tables on disks in memory: Linux's numbers and PARTUUIDs, EBR chains that loop, GPTs that are damaged or
 * hostile, 4096-byte sectors.
 */
#include "disk/partitions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "memory_disk.h"

#define DISK_SECTORS 20000

static struct partition_table table;
static struct memory_disk *disk;

static int setup(void **state)
{
	(void)state;
	disk = memory_disk_new("test", 512, DISK_SECTORS * 512);
	return 0;
}

static int setup_4k(void **state)
{
	(void)state;
	disk = memory_disk_new("test", 4096, (uint64_t)DISK_SECTORS * 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_disk_free(disk);
	return 0;
}

static enum status read_table(void)
{
	const struct disk_reader reader = memory_disk_reader(disk);

	memset(&table, 0xa5, sizeof(table));
	return partition_table_read(&reader, &table);
}

static void expect_table(enum partition_table_kind kind, uint32_t count, enum status damage)
{
	assert_int_equal(read_table(), STATUS_OK);
	assert_int_equal(table.kind, kind);
	assert_int_equal(table.count, count);
	assert_int_equal(table.damage, damage);
}

static void expect_partition(uint32_t index, uint32_t number, uint64_t start, uint64_t count, const char *uuid,
			     const char *label)
{
	const struct partition *partition = &table.partitions[index];

	assert_true(index < table.count);
	assert_int_equal(partition->number, number);
	assert_int_equal(partition->start_lba, start);
	assert_int_equal(partition->sector_count, count);
	assert_string_equal(partition->part_uuid, uuid);
	assert_string_equal(partition->part_label, label);
}

static void test_no_table(void **state)
{
	(void)state;
	expect_table(PARTITION_TABLE_NONE, 0, STATUS_OK);
	assert_int_equal(disk->reads, 1);
	/* A signed boot sector with code where the entries would be. */
	memory_disk_mbr_entry(disk, 0, 0, 0x83, 1, 10);
	memory_disk_sector(disk, 0)[446 + 32] = 0x33;
	expect_table(PARTITION_TABLE_NONE, 0, STATUS_OK);
	/* Entries without the signature. */
	memory_disk_sector(disk, 0)[446 + 32] = 0x80;
	expect_table(PARTITION_TABLE_MBR, 1, STATUS_OK);
	memory_disk_sector(disk, 0)[511] = 0;
	expect_table(PARTITION_TABLE_NONE, 0, STATUS_OK);
}

static void test_reader_errors(void **state)
{
	struct disk_reader reader = memory_disk_reader(disk);

	(void)state;
	memory_disk_break(disk, 0, 1, STATUS_IO_ERROR);
	assert_int_equal(read_table(), STATUS_IO_ERROR);
	assert_int_equal(table.count, 0);
	memory_disk_break(disk, 0, 1, STATUS_TIMEOUT);
	assert_int_equal(read_table(), STATUS_TIMEOUT);
	reader.sector_bytes = 520;
	assert_int_equal(partition_table_read(&reader, &table), STATUS_INVALID);
	reader.sector_bytes = 512;
	reader.sector_count = 0;
	assert_int_equal(partition_table_read(&reader, &table), STATUS_INVALID);
}

static void test_mbr_primary(void **state)
{
	(void)state;
	memory_put_le(memory_disk_sector(disk, 0) + 440, 0x0badcafe, 4);
	memory_disk_mbr_entry(disk, 0, 0, 0x83, 100, 200);
	memory_disk_mbr_entry(disk, 0, 1, 0x82, 150, 300);            /* overlaps */
	memory_disk_mbr_entry(disk, 0, 2, 0x83, DISK_SECTORS - 1, 2); /* beyond the disk */
	memory_disk_mbr_entry(disk, 0, 3, 0x83, DISK_SECTORS - 10, 10);
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_OK);
	expect_partition(0, 1, 100, 200, "0badcafe-01", "");
	expect_partition(1, 2, 150, 300, "0badcafe-02", "");
	expect_partition(2, 4, DISK_SECTORS - 10, 10, "0badcafe-04", "");
	memory_disk_mbr_entry(disk, 0, 1, 0x82, 150, 0); /* empty */
	expect_table(PARTITION_TABLE_MBR, 2, STATUS_OK);
	memory_disk_mbr_entry(disk, 0, 3, 0x83, 0xffffffff, 0xffffffff);
	expect_table(PARTITION_TABLE_MBR, 1, STATUS_OK);
}

/* Logical partitions of size sectors, one EBR each, step sectors apart from 1000 on; next: of the last EBR, relative.
 */
static void logical_chain(uint32_t count, uint32_t step, uint32_t size)
{
	memory_disk_mbr_entry(disk, 0, 1, 0x0f, 1000, DISK_SECTORS - 1000);
	for (uint32_t i = 0; i < count; i++) {
		memory_disk_mbr_entry(disk, 1000 + i * step, 0, 0x83, 2, size);
		if (i + 1 < count)
			memory_disk_mbr_entry(disk, 1000 + i * step, 1, 0x05, (i + 1) * step, step);
	}
}

static void test_mbr_logical(void **state)
{
	(void)state;
	memory_put_le(memory_disk_sector(disk, 0) + 440, 0x10, 4);
	memory_disk_mbr_entry(disk, 0, 3, 0x83, 10, 20);
	logical_chain(14, 100, 50);
	expect_table(PARTITION_TABLE_MBR, 15, STATUS_OK);
	expect_partition(0, 4, 10, 20, "00000010-04", "");
	expect_partition(1, 5, 1002, 50, "00000010-05", "");
	expect_partition(2, 6, 1102, 50, "00000010-06", "");
	expect_partition(14, 18, 2302, 50, "00000010-12", ""); /* the number is hexadecimal */
	assert_int_equal(disk->reads, 15);
	/* A partition that is left out keeps its number. */
	memory_disk_mbr_entry(disk, 1000, 0, 0x83, 2, DISK_SECTORS);
	expect_table(PARTITION_TABLE_MBR, 14, STATUS_OK);
	expect_partition(1, 6, 1102, 50, "00000010-06", "");
	/* An EBR without a partition of its own (it has none to be numbered). */
	memory_disk_mbr_entry(disk, 1000, 0, 0, 0, 0);
	expect_table(PARTITION_TABLE_MBR, 14, STATUS_OK);
	expect_partition(1, 5, 1102, 50, "00000010-05", "");
}

static void test_mbr_extended_first(void **state)
{
	(void)state;
	/* Type 0x85, and an EBR that has its link before its partition. */
	memory_disk_mbr_entry(disk, 0, 0, 0x85, 1000, 5000);
	memory_disk_mbr_entry(disk, 1000, 0, 0x85, 2000, 100);
	memory_disk_mbr_entry(disk, 1000, 1, 0x82, 1, 99);
	memory_disk_mbr_entry(disk, 3000, 0, 0x83, 1, 99);
	expect_table(PARTITION_TABLE_MBR, 2, STATUS_OK);
	expect_partition(0, 5, 1001, 99, "00000000-05", "");
	expect_partition(1, 6, 3001, 99, "00000000-06", "");
	/* Garbage in the third and fourth entry counts only inside the EBR's own extent. */
	memory_disk_mbr_entry(disk, 3000, 2, 0x83, 50, 51);
	memory_disk_mbr_entry(disk, 3000, 3, 0x83, 50, 50);
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_OK);
	expect_partition(2, 7, 3050, 50, "00000000-07", "");
	/* … and inside the extended partition, whatever the EBR says of its extent. */
	memory_disk_mbr_entry(disk, 1000, 0, 0x85, 2000, 5000);
	memory_disk_mbr_entry(disk, 3000, 3, 0x83, 2990, 11);
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_OK); /* slot 2 fits now */
	expect_partition(2, 7, 3050, 51, "00000000-07", "");
	memory_disk_mbr_entry(disk, 3000, 3, 0x83, 2990, 10);
	expect_table(PARTITION_TABLE_MBR, 4, STATUS_OK);
	/* A primary partition over a logical one is no loop. */
	memory_disk_mbr_entry(disk, 0, 1, 0x83, 1001, 99);
	expect_table(PARTITION_TABLE_MBR, 5, STATUS_OK);
}

static void test_mbr_loops(void **state)
{
	(void)state;
	logical_chain(3, 100, 50);
	memory_disk_mbr_entry(disk, 1200, 1, 0x05, 100, 100); /* the last EBR leads back to the second */
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_CORRUPT);
	expect_partition(2, 7, 1202, 50, "00000000-07", "");
	memory_disk_mbr_entry(disk, 1200, 1, 0x05, 200, 100); /* to itself */
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_CORRUPT);
	/* A loop of EBRs without any partition. */
	for (uint32_t i = 0; i < 3; i++)
		memory_disk_mbr_entry(disk, 1000 + i * 100, 0, 0, 0, 0);
	disk->reads = 0;
	expect_table(PARTITION_TABLE_MBR, 0, STATUS_CORRUPT);
	assert_true(disk->reads < 1000);
	/* And one of partitions that all lie beyond the disk. */
	memory_disk_mbr_entry(disk, 1200, 0, 0x83, 1, 0xfffffff0);
	disk->reads = 0;
	expect_table(PARTITION_TABLE_MBR, 0, STATUS_CORRUPT);
	assert_true(disk->reads < 1000);
}

static void test_mbr_chain_breaks(void **state)
{
	(void)state;
	logical_chain(3, 100, 50);
	memory_disk_break(disk, 1100 * 512, 1101 * 512, STATUS_IO_ERROR);
	expect_table(PARTITION_TABLE_MBR, 1, STATUS_IO_ERROR);
	memory_disk_break(disk, 1100 * 512, 1101 * 512, STATUS_TIMEOUT);
	expect_table(PARTITION_TABLE_MBR, 1, STATUS_TIMEOUT);
	memory_disk_break(disk, 0, 0, STATUS_OK);
	memory_disk_sector(disk, 1200)[510] = 0;
	expect_table(PARTITION_TABLE_MBR, 2, STATUS_CORRUPT);
	memory_disk_mbr_entry(disk, 1100, 1, 0x05, DISK_SECTORS, 10);
	expect_table(PARTITION_TABLE_MBR, 2, STATUS_CORRUPT);
	/* No numbering is known behind a broken chain. */
	memory_disk_mbr_entry(disk, 0, 2, 0x05, 5000, 1000);
	memory_disk_mbr_entry(disk, 5000, 0, 0x83, 1, 10);
	expect_table(PARTITION_TABLE_MBR, 2, STATUS_CORRUPT);
	memory_disk_mbr_entry(disk, 1100, 1, 0, 0, 0);
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_OK);
	expect_partition(2, 7, 5001, 10, "00000000-07", "");
}

static void test_mbr_many(void **state)
{
	(void)state;
	logical_chain(300, 10, 5);
	expect_table(PARTITION_TABLE_MBR, PARTITIONS_MAX - 5, STATUS_CORRUPT);
	expect_partition(PARTITIONS_MAX - 6, 255, 1000 + 250 * 10 + 2, 5, "00000000-ff", "");
}

static const struct gpt_entry entries[] = {
	{100, 199, "root", 1},
	{0, 0, NULL, 0},
	{200, 299, "Linux swap", 0x21},
	{DISK_SECTORS - 1, DISK_SECTORS, "x", 3},
	{150, 149, "backwards", 4},
	{150, 150, NULL, 5},
	{DISK_SECTORS - 50, DISK_SECTORS - 40, "end", 6},
	{0, 0, NULL, 0},
};

static void expect_gpt(void)
{
	expect_table(PARTITION_TABLE_GPT, 4, STATUS_OK);
	expect_partition(0, 1, 100, 100, "04030201-0605-0807-090a-0b0c0d0e0f10", "root");
	expect_partition(1, 3, 200, 100, "24232221-2625-2827-292a-2b2c2d2e2f30", "Linux swap");
	expect_partition(2, 6, 150, 1, "08070605-0a09-0c0b-0d0e-0f1011121314", "");
	expect_partition(3, 7, DISK_SECTORS - 50, 11, "09080706-0b0a-0d0c-0e0f-101112131415", "end");
}

static void test_gpt(void **state)
{
	(void)state;
	for (uint32_t entry_bytes = 128; entry_bytes <= 4096; entry_bytes *= 2) {
		memset(disk->bytes, 0, disk->sector_count * disk->sector_bytes);
		memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), entry_bytes);
		expect_gpt();
		memory_disk_mbr_entry(disk, 0, 1, 0x83, 100, 200); /* hybrid */
		expect_gpt();
	}
}

static void test_gpt_backup(void **state)
{
	(void)state;
	memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
	disk->reads = 0;
	expect_gpt();
	assert_int_equal(disk->reads, 3);
	memory_disk_sector(disk, 2)[5] ^= 1; /* the array */
	expect_gpt();
	memory_disk_sector(disk, 1)[56] ^= 1; /* the header */
	expect_gpt();
	memory_disk_break(disk, 512, 3 * 512, STATUS_IO_ERROR);
	expect_gpt();
	memory_disk_break(disk, 512, 3 * 512, STATUS_TIMEOUT);
	assert_int_equal(read_table(), STATUS_TIMEOUT);
	memory_disk_break(disk, 512, 3 * 512, STATUS_IO_ERROR);
	memory_disk_sector(disk, DISK_SECTORS - 1)[16] ^= 1;
	assert_int_equal(read_table(), STATUS_IO_ERROR);
	assert_int_equal(table.count, 0);
	memory_disk_break(disk, 0, 0, STATUS_OK);
	expect_table(PARTITION_TABLE_GPT, 0, STATUS_CORRUPT);
	/* Without a protective entry no GPT counts. */
	memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
	memory_disk_mbr_entry(disk, 0, 0, 0xee, 2, 100);
	expect_table(PARTITION_TABLE_MBR, 1, STATUS_OK);
	memory_disk_mbr_entry(disk, 0, 0, 0xee, 1, 100);
	memory_disk_sector(disk, 0)[510] = 0;
	expect_table(PARTITION_TABLE_NONE, 0, STATUS_OK);
}

/* The disk has grown: the backup is in the middle, only the primary header knows where. */
static void test_gpt_grown(void **state)
{
	uint8_t *header;

	(void)state;
	disk->sector_count -= 1000;
	memory_disk_gpt(disk, entries, 3, 128);
	disk->sector_count += 1000;
	expect_table(PARTITION_TABLE_GPT, 2, STATUS_OK);
	memory_disk_sector(disk, 2)[5] ^= 1;
	expect_table(PARTITION_TABLE_GPT, 2, STATUS_OK);
	header = memory_disk_sector(disk, 1);
	header[56] ^= 1;
	expect_table(PARTITION_TABLE_GPT, 0, STATUS_CORRUPT);
}

struct gpt_mutation {
	uint32_t offset, bytes;
	uint64_t value;
	bool seal; /* the array's CRC too */
};

/* Each with a valid header CRC; the backup is gone. */
static void test_gpt_hostile(void **state)
{
	static const struct gpt_mutation mutations[] = {
		{0, 1, 'X', false},
		{24, 8, 2, false},                /* my_lba */
		{40, 8, DISK_SECTORS - 2, false}, /* first usable behind the last */
		{48, 8, DISK_SECTORS, false},     /* last usable */
		{72, 8, UINT64_MAX, false},       /* array */
		{72, 8, DISK_SECTORS - 1, false},
		{80, 4, 0xffffffff, false}, /* count */
		{84, 4, 0, true},           /* entry size */
		{84, 4, 64, true},
		{84, 4, 192, true},
		{84, 4, 8192, true},
		{84, 4, 0xffffffff, false},
		{80, 4, 8193, true}, /* one entry more than a MiB */
	};
	uint8_t *header = memory_disk_sector(disk, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(mutations); i++) {
		memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
		memset(memory_disk_sector(disk, DISK_SECTORS - 1), 0, 512);
		memory_put_le(header + mutations[i].offset, mutations[i].value, mutations[i].bytes);
		if (mutations[i].seal)
			memory_disk_gpt_seal(disk, 1);
		memory_put_le(header + 16, 0, 4);
		memory_put_le(header + 16, crc32_zlib(header, 92), 4);
		disk->reads = 0;
		expect_table(PARTITION_TABLE_GPT, 0, STATUS_CORRUPT);
		assert_true(disk->reads < 10);
	}
	for (uint32_t bytes = 91; bytes <= 513; bytes += 422) { /* the header's own size */
		memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
		memset(memory_disk_sector(disk, DISK_SECTORS - 1), 0, 512);
		/* So that with one byte too many the CRC would still be right. */
		memset(&disk->scratch, 0, sizeof(disk->scratch));
		memset(memory_disk_sector(disk, 2), 0, 128);
		memory_disk_gpt_seal(disk, 1);
		memory_put_le(header + 12, bytes, 4);
		memory_put_le(header + 16, 0, 4);
		memory_put_le(header + 16, crc32_zlib(header, bytes), 4);
		expect_table(PARTITION_TABLE_GPT, 0, STATUS_CORRUPT);
	}
	memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
	memory_put_le(header + 12, 512, 4); /* larger than today's is fine */
	memory_disk_gpt_seal(disk, 1);
	memset(memory_disk_sector(disk, DISK_SECTORS - 1), 0, 512);
	expect_gpt();
}

static void test_gpt_many(void **state)
{
	static struct gpt_entry many[300];

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(many); i++)
		many[i] = (struct gpt_entry){1000 + i, 1000 + i, "n", (uint8_t)i};
	memory_disk_gpt(disk, many, ARRAY_COUNT(many), 128);
	expect_table(PARTITION_TABLE_GPT, PARTITIONS_MAX, STATUS_OK);
	assert_int_equal(table.partitions[PARTITIONS_MAX - 1].number, 256);
	memset(many, 0, 256 * sizeof(many[0])); /* a number that Linux does not have, though there is room */
	memset(disk->bytes, 0, disk->sector_count * disk->sector_bytes);
	memory_disk_gpt(disk, many, ARRAY_COUNT(many), 128);
	expect_table(PARTITION_TABLE_GPT, 0, STATUS_OK);
	memory_disk_sector(disk, 2)[299 * 128] ^= 1; /* the checksum covers what is not used */
	memset(memory_disk_sector(disk, DISK_SECTORS - 1), 0, 512);
	expect_table(PARTITION_TABLE_GPT, 0, STATUS_CORRUPT);
}

static void test_gpt_names(void **state)
{
	/* U+0041, U+00E4, U+20AC, U+1F4BE, a lone high and a lone low surrogate, U+007A. */
	static const uint16_t units[] = {0x41,   0xe4,   0x20ac, 0xd83d, 0xdcbe, 0xd83d, 0xdcbe + 0x2000,
					 0xdc00, 0xdc01, 0x7a};
	uint8_t *name;

	(void)state;
	memory_disk_gpt(disk, entries, 1, 128);
	name = memory_disk_sector(disk, 2) + 56;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++)
		memory_put_le(name + 2 * i, units[i], 2);
	memory_disk_gpt_seal(disk, 1);
	expect_table(PARTITION_TABLE_GPT, 1, STATUS_OK);
	assert_string_equal(table.partitions[0].part_label,
			    "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe\xef\xbf\xbd\xef\xb2\xbe"
			    "\xef\xbf\xbd\xef\xbf\xbd"
			    "z");
	/* The longest: every unit takes three bytes, and a high surrogate is the last. */
	for (size_t i = 0; i < 36; i++)
		memory_put_le(name + 2 * i, i < 35 ? 0x20ac : 0xd800, 2);
	memory_disk_gpt_seal(disk, 1);
	expect_table(PARTITION_TABLE_GPT, 1, STATUS_OK);
	assert_int_equal(strlen(table.partitions[0].part_label), 36 * 3);
}

static void test_large_sectors(void **state)
{
	(void)state;
	memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
	expect_gpt();
	memory_disk_sector(disk, 1)[0] = 'X';
	expect_gpt();
	memset(disk->bytes, 0, disk->sector_count * 4096);
	logical_chain(3, 100, 50);
	expect_table(PARTITION_TABLE_MBR, 3, STATUS_OK);
	expect_partition(2, 7, 1202, 50, "00000000-07", "");
}

/* A disk that ends anywhere in its tables. */
static void test_tiny_disks(void **state)
{
	(void)state;
	memory_disk_gpt(disk, entries, ARRAY_COUNT(entries), 128);
	for (disk->sector_count = 1; disk->sector_count < 6; disk->sector_count++)
		expect_table(PARTITION_TABLE_GPT, 0, STATUS_CORRUPT);
	disk->sector_count = DISK_SECTORS;
}

static void test_uuid_text(void **state)
{
	(void)state;
	assert_true(uuid_text_equal("00AB-zZ", "00ab-Zz"));
	assert_false(uuid_text_equal("00ab", "00abc"));
	assert_false(uuid_text_equal("00abc", "00ab"));
	assert_false(uuid_text_equal("00ab", "00a["));
	assert_false(uuid_text_equal("@", "`")); /* only letters have a case */
	assert_false(uuid_text_equal("", ""));
}

#define WITH_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISK(test_no_table),
		WITH_DISK(test_reader_errors),
		WITH_DISK(test_mbr_primary),
		WITH_DISK(test_mbr_logical),
		WITH_DISK(test_mbr_extended_first),
		WITH_DISK(test_mbr_loops),
		WITH_DISK(test_mbr_chain_breaks),
		WITH_DISK(test_mbr_many),
		WITH_DISK(test_gpt),
		WITH_DISK(test_gpt_backup),
		WITH_DISK(test_gpt_grown),
		WITH_DISK(test_gpt_hostile),
		WITH_DISK(test_gpt_many),
		WITH_DISK(test_gpt_names),
		cmocka_unit_test_setup_teardown(test_large_sectors, setup_4k, teardown),
		WITH_DISK(test_tiny_disks),
		cmocka_unit_test(test_uuid_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
