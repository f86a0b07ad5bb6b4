/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a file's bytes into place: any offset, length and address, holes, and disks that fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loader/file_read.h"
#include "tests/unit/fake_disk.h"

#define DISK_BYTES   (2 * MIB)
#define VOLUME_START (64 * KIB) /* bytes */
#define TARGET_BYTES (1200 * KIB)
#define GUARD        0xEE

static struct page disk_pages[DISK_BYTES / PAGE_BYTES];
static struct page target[TARGET_BYTES / PAGE_BYTES];
static struct page bounce;
static struct fake_disk disk;
static struct volume volume;
static struct file_map map;
static struct block_ops ops;
static const struct block_ops *disk_ops;

/* What the test makes the device do. */
static enum status submit_status;
static uint32_t submits_left; /* before submit_status comes */
static enum status completion_status;
static uint32_t in_flight, in_flight_most;

/* As a driver, which refuses what the interface does not allow. */
static enum status submit_checked(struct block_device *device, const struct block_segment *segments, uint32_t count,
				  struct lba lba, uint32_t tag)
{
	enum status status;

	assert_int_equal(count, 1);
	assert_true(segments[0].bytes > 0);
	assert_int_equal(segments[0].address.value % 512, 0);
	assert_int_equal(segments[0].bytes % device->identity.sector_bytes, 0);
	assert_true(segments[0].address.value % PAGE_BYTES + segments[0].bytes <= device->identity.max_transfer_bytes);
	assert_true(lba.value >= volume.start_lba);
	if (submit_status != STATUS_OK && submits_left-- == 0)
		return submit_status;
	status = disk_ops->submit_read(device, segments, count, lba, tag);
	in_flight += status == STATUS_OK;
	in_flight_most = in_flight > in_flight_most ? in_flight : in_flight_most;
	return status;
}

static void poll_checked(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
			 uint32_t *count_out)
{
	disk_ops->poll(device, completions_out, capacity, count_out);
	in_flight -= *count_out;
	for (uint32_t i = 0; i < *count_out; i++)
		if (completions_out[i].status != STATUS_OK)
			completions_out[i].status = completion_status;
}

static void make(uint32_t sector_bytes)
{
	fake_disk_init(&disk, disk_pages, DISK_BYTES / sector_bytes, sector_bytes);
	disk_ops = disk.device.ops;
	ops = *disk_ops;
	ops.submit_read = submit_checked;
	ops.poll = poll_checked;
	disk.device.ops = &ops;
	volume = (struct volume){&disk.device, 1, VOLUME_START / sector_bytes,
				 (DISK_BYTES - VOLUME_START) / sector_bytes};
	memset(target, GUARD, sizeof(target));
	map.count = 0;
	map.bytes = 0;
	submit_status = STATUS_OK;
	completion_status = STATUS_IO_ERROR;
	in_flight = in_flight_most = 0;
}

static int setup(void **state)
{
	uint32_t value = 1;

	(void)state;
	for (uint32_t i = 0; i < DISK_BYTES; i++) {
		value = value * 1103515245 + 12345;
		disk_pages[i / PAGE_BYTES].bytes[i % PAGE_BYTES] = (uint8_t)(value >> 16);
	}
	make(512);
	return 0;
}

static void add(uint64_t device_offset, uint64_t bytes)
{
	map.extents[map.count++] = (struct file_extent){device_offset, bytes};
	map.bytes += bytes;
}

static uint8_t file_byte(uint64_t offset)
{
	const uint8_t *bytes = disk_pages[0].bytes;

	for (uint32_t i = 0; i < map.count; offset -= map.extents[i++].bytes)
		if (offset < map.extents[i].bytes)
			return map.extents[i].device_offset == FILE_HOLE
				       ? 0
				       : *(bytes + VOLUME_START + map.extents[i].device_offset + offset);
	fail();
	return 0;
}

static enum status read_to(uint64_t offset, uint64_t bytes, uint64_t at)
{
	const uint64_t to = virt_to_paddr(target).value + at;
	const enum status status = file_read(&volume, &map, offset, bytes, (struct paddr){to}, &bounce);

	assert_int_equal(in_flight, 0);
	return status;
}

static void expect_bytes(uint64_t offset, uint64_t bytes, uint64_t at)
{
	const uint8_t *memory = (const uint8_t *)target;

	assert_true(at == 0 || memory[at - 1] == GUARD);
	for (uint64_t i = 0; i < bytes; i++)
		if (memory[at + i] != file_byte(offset + i))
			fail_msg("byte %lu of %lu from %lu to %lu", i, bytes, offset, at);
	assert_int_equal(memory[at + bytes], GUARD);
}

/* Extents as filesystems have them: blocks of 1 KiB, or 4 with sectors as large. */
static void add_many(uint32_t block_bytes)
{
	add(3 * block_bytes, block_bytes);
	add(FILE_HOLE, 2 * block_bytes);
	add(64 * block_bytes, 20 * block_bytes);
	add(10 * block_bytes, block_bytes);
	add(FILE_HOLE, block_bytes);
	add(40 * block_bytes, 7 * block_bytes);
	map.bytes -= block_bytes / 3; /* the last extent goes beyond */
}

static void test_anything_anywhere(void **state)
{
	(void)state;
	for (uint32_t sector_bytes = 512; sector_bytes <= 4096; sector_bytes *= 8) {
		srand(5);
		for (uint32_t i = 0; i < 400; i++) {
			uint64_t offset, bytes, at;

			make(sector_bytes);
			add_many(sector_bytes == 512 ? 1024 : 4096);
			offset = (uint64_t)rand() % (map.bytes + 1);
			bytes = (uint64_t)rand() % (map.bytes - offset + 1);
			at = (uint64_t)rand() % (2 * PAGE_BYTES);
			if (i % 3 == 0)
				offset = align_down(offset, sector_bytes);
			if (i % 2 == 0)
				at = align_down(at, 512);
			if (offset + bytes > map.bytes)
				bytes = map.bytes - offset;
			assert_int_equal(read_to(offset, bytes, at), STATUS_OK);
			expect_bytes(offset, bytes, at);
		}
	}
}

static void test_large(void **state)
{
	(void)state;
	add(0, MIB);
	assert_int_equal(read_to(0, MIB, 0), STATUS_OK);
	expect_bytes(0, MIB, 0);
	assert_int_equal(disk.reads, MIB / (64 * KIB));
	assert_int_equal(in_flight_most, FAKE_DISK_DEPTH);
	/* Inside a page the largest request would touch a page too many. */
	make(512);
	add(0, MIB);
	assert_int_equal(read_to(0, MIB - 100, 1536), STATUS_OK);
	expect_bytes(0, MIB - 100, 1536);
	assert_true(disk.reads <= 20);
}

static void test_little(void **state)
{
	(void)state;
	add(0, 4 * KIB);
	add(FILE_HOLE, 4 * KIB);
	assert_int_equal(read_to(0, 0, 0), STATUS_OK);
	assert_int_equal(read_to(8 * KIB, 0, 0), STATUS_OK);
	assert_int_equal(read_to(4 * KIB, 4 * KIB, 512), STATUS_OK);
	assert_int_equal(disk.reads, 0);
	expect_bytes(4 * KIB, 4 * KIB, 512);
	/* Whole sectors need no detour; the rest of the last one does, and the bounce page only. */
	assert_int_equal(read_to(0, 1500, 8 * KIB), STATUS_OK);
	expect_bytes(0, 1500, 8 * KIB);
	assert_int_equal(disk.reads, 2);
}

static void test_invalid(void **state)
{
	(void)state;
	add(0, 4 * KIB);
	assert_int_equal(read_to(0, 4 * KIB + 1, 0), STATUS_INVALID);
	assert_int_equal(read_to(4 * KIB + 1, 0, 0), STATUS_INVALID);
	assert_int_equal(read_to(1, UINT64_MAX, 0), STATUS_INVALID);
	assert_int_equal(disk.reads, 0);
	map.bytes = 8 * KIB; /* more than its extents: a bug of the caller's */
	assert_int_equal(read_to(0, 8 * KIB, 0), STATUS_INVALID);
	/* A device that takes no more than a page can't reach behind a sector of that size. */
	make(4096);
	disk.device.identity.max_transfer_bytes = PAGE_BYTES;
	add(0, 8 * KIB);
	assert_int_equal(read_to(0, 8 * KIB, 512), STATUS_INVALID);
	assert_int_equal(read_to(0, 8 * KIB, 0), STATUS_OK);
	expect_bytes(0, 8 * KIB, 0);
}

static void break_at(uint64_t offset)
{
	disk.bad_lba_first = volume.start_lba + offset / 512;
	disk.bad_lba_end = disk.bad_lba_first + 1;
}

static void test_errors(void **state)
{
	static const uint64_t places[] = {0, 300 * KIB, MIB - 512};
	static const enum status errors[] = {STATUS_IO_ERROR, STATUS_TIMEOUT};

	(void)state;
	add(0, MIB);
	for (uint32_t i = 0; i < 2 * ARRAY_COUNT(places); i++) {
		completion_status = errors[i % 2];
		break_at(places[i / 2]);
		assert_int_equal(read_to(0, MIB, 0), errors[i % 2]);
		/* The same by way of the bounce page. */
		assert_int_equal(read_to(places[i / 2] + 1, 510, 0), errors[i % 2]);
	}
	break_at(DISK_BYTES);
	assert_int_equal(read_to(0, MIB, 0), STATUS_OK);
	expect_bytes(0, MIB, 0);
	/* One that was accepted fails while a part of a sector is to be read. */
	break_at(0);
	completion_status = STATUS_TIMEOUT;
	disk.reads = 0;
	assert_int_equal(read_to(0, 1000, 0), STATUS_TIMEOUT);
	assert_int_equal(disk.reads, 1);
}

/* The first error ends it: no more is asked of the disk than fits in its queue. */
static void test_error_ends(void **state)
{
	(void)state;
	add(0, MIB);
	disk.bad_lba_end = DISK_BYTES;
	assert_int_equal(read_to(0, MIB, 0), STATUS_IO_ERROR);
	assert_int_equal(disk.reads, FAKE_DISK_DEPTH);
}

static void test_device_gone(void **state)
{
	(void)state;
	add(0, MIB);
	for (uint32_t i = 0; i < 12; i++) {
		submit_status = STATUS_IO_ERROR;
		submits_left = i;
		assert_int_equal(read_to(0, MIB, 0), STATUS_IO_ERROR);
	}
	submits_left = 0;
	assert_int_equal(read_to(1, 10, 0), STATUS_IO_ERROR);
	submit_status = STATUS_INVALID; /* beyond the device, say */
	submits_left = 3;
	assert_int_equal(read_to(0, MIB, 0), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_anything_anywhere, setup),
		cmocka_unit_test_setup(test_large, setup),
		cmocka_unit_test_setup(test_little, setup),
		cmocka_unit_test_setup(test_invalid, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_error_ends, setup),
		cmocka_unit_test_setup(test_device_gone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
