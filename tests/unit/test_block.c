/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drivers/block.c: the registry, the synchronous read and the checks, over a device that only takes notes. */
#include "include/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/block_check.h"
#include "tests/unit/fake_hw.h"

#define READS_MAX 8

/* Completes each read after some polls. */
static struct {
	struct block_segment segments[READS_MAX];
	uint64_t lbas[READS_MAX];
	uint32_t reads;
	uint32_t polls;
	uint32_t polls_needed;
	uint32_t failing_read; /* counted from 1; 0: none */
} notes;

static enum status note_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
			     struct lba lba, uint32_t tag)
{
	(void)device;
	(void)tag;
	assert_int_equal(count, 1);
	assert_true(notes.reads < READS_MAX);
	notes.segments[notes.reads] = segments[0];
	notes.lbas[notes.reads++] = lba.value;
	notes.polls = 0;
	return STATUS_OK;
}

static void note_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	(void)device;
	assert_true(capacity >= 1);
	*count_out = 0;
	if (++notes.polls < notes.polls_needed)
		return;
	completions_out[0].status = notes.reads == notes.failing_read ? STATUS_IO_ERROR : STATUS_OK;
	*count_out = 1;
}

static const struct block_ops note_ops = {.submit_read = note_read, .poll = note_poll};
static struct block_device device;

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	memset(&notes, 0, sizeof(notes));
	notes.polls_needed = 3;
	device = (struct block_device){.ops = &note_ops,
				       .identity = {.sector_bytes = 512,
						    .sector_count = 1000,
						    .max_segments = 2,
						    .max_transfer_bytes = 8192,
						    .dma_limit = 0x100000}};
	return 0;
}

static enum status read_at(uint64_t address, uint64_t lba, uint64_t bytes)
{
	return block_read_sync(&device, (struct lba){lba}, paddr_to_virt((struct paddr){address}), bytes);
}

static void test_read_in_parts(void **state)
{
	(void)state;
	assert_int_equal(read_at(0x10000, 10, 8192 + 8192 + 512), STATUS_OK);
	assert_int_equal(notes.reads, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(notes.segments[i].address.value, 0x10000 + 8192 * i);
		assert_int_equal(notes.segments[i].bytes, i < 2 ? 8192 : 512);
		assert_int_equal(notes.lbas[i], 10 + 16 * i);
	}
}

static void test_read_4kn(void **state)
{
	(void)state;
	device.identity.sector_bytes = 4096;
	assert_int_equal(read_at(0x10000, 10, 512), STATUS_INVALID);
	assert_int_equal(read_at(0x10000, 10, 12288), STATUS_OK);
	assert_int_equal(notes.lbas[1], 12);
}

static void test_read_fails(void **state)
{
	(void)state;
	notes.failing_read = 2;
	assert_int_equal(read_at(0x10000, 10, 32768), STATUS_IO_ERROR);
	assert_int_equal(notes.reads, 2);
}

static void test_read_never_completed(void **state)
{
	(void)state;
	notes.polls_needed = UINT32_MAX;
	assert_int_equal(read_at(0x10000, 10, 512), STATUS_TIMEOUT);
}

static void test_read_refused(void **state)
{
	(void)state;
	assert_int_equal(read_at(0x10000, 10, 0), STATUS_INVALID);
	assert_int_equal(read_at(0x10000, 10, 100), STATUS_INVALID);
	assert_int_equal(read_at(0x10002, 10, 512), STATUS_INVALID);
	assert_int_equal(read_at(0x10000, 1000, 512), STATUS_INVALID);
	assert_int_equal(read_at(0x10000, 999, 1024), STATUS_INVALID);
	assert_int_equal(read_at(0x10000, UINT64_MAX, 1024), STATUS_INVALID);
	assert_int_equal(read_at(0xFFE00, 10, 1024), STATUS_INVALID);
	assert_int_equal(read_at(0x100000, 10, 512), STATUS_INVALID);
	assert_int_equal(read_at(0x10000, 10, UINT64_MAX - 511), STATUS_INVALID);
	assert_int_equal(notes.reads, 0);
	assert_int_equal(read_at(0xFFE00, 999, 512), STATUS_OK);
	device.identity.dma_limit = 4096; /* less than the read is long */
	assert_int_equal(read_at(0x10000, 0, 8192), STATUS_INVALID);
}

static enum status check(uint64_t address, uint32_t bytes, uint32_t count, uint64_t lba)
{
	struct block_segment segments[4];
	uint64_t sum;

	for (uint32_t i = 0; i < count; i++)
		segments[i] = (struct block_segment){{address}, bytes};
	const enum status status = block_check_transfer(&device.identity, segments, count, (struct lba){lba}, &sum);
	if (status == STATUS_OK)
		assert_int_equal(sum, (uint64_t)bytes * count);
	return status;
}

static void test_check_read(void **state)
{
	(void)state;
	assert_int_equal(check(0x1002, 512, 3, 997), STATUS_OK);
	assert_int_equal(check(0x1002, 512, 4, 997), STATUS_INVALID);
	assert_int_equal(check(0x1001, 512, 1, 0), STATUS_INVALID);
	assert_int_equal(check(0x1000, 0, 1, 0), STATUS_INVALID);
	assert_int_equal(check(0x1000, 256, 2, 0), STATUS_INVALID);
	assert_int_equal(check(0x1000, 4096, 2, 0), STATUS_OK);
	assert_int_equal(check(0x1000, 4096, 3, 0), STATUS_INVALID);
	assert_int_equal(check(0x1000, 0, 0, 0), STATUS_INVALID);
	assert_int_equal(check(0xFF000, 4096, 1, 0), STATUS_OK);
	assert_int_equal(check(0xFF002, 4096, 1, 0), STATUS_INVALID);
	assert_int_equal(check(UINT64_MAX - 1, 4096, 1, 0), STATUS_INVALID);
	device.identity.sector_bytes = 4096;
	assert_int_equal(check(0x1000, 2048, 1, 0), STATUS_INVALID);
	assert_int_equal(check(0x1000, 2048, 2, 0), STATUS_OK);
}

static enum status check_write(uint64_t address, uint64_t lba, uint32_t bytes)
{
	return block_check_write(&device.identity, (struct lba){lba}, paddr_to_virt((struct paddr){address}), bytes);
}

static void test_check_write(void **state)
{
	(void)state;
	assert_int_equal(check_write(0x1000, 992, 4096), STATUS_OK);
	assert_int_equal(check_write(0x1000, 993, 4096), STATUS_INVALID);
	assert_int_equal(check_write(0x1000, 0, 4608), STATUS_INVALID);
	assert_int_equal(check_write(0x1000, 0, 0), STATUS_INVALID);
	assert_int_equal(check_write(0x1000, 0, 256), STATUS_INVALID);
	assert_int_equal(check_write(0x1100, 0, 512), STATUS_INVALID);
	assert_int_equal(check_write(0xFFE00, 0, 512), STATUS_OK);
	assert_int_equal(check_write(0xFFE00, 0, 1024), STATUS_INVALID);
}

static void test_registry(void **state)
{
	static struct block_registry registry;

	(void)state;
	for (uint32_t i = 0; i < BLOCK_DEVICES_MAX; i++)
		assert_int_equal(block_registry_add(&registry, &device), STATUS_OK);
	assert_int_equal(registry.count, BLOCK_DEVICES_MAX);
	assert_ptr_equal(registry.devices[BLOCK_DEVICES_MAX - 1], &device);
	assert_int_equal(block_registry_add(&registry, &device), STATUS_NO_MEMORY);
	assert_int_equal(registry.count, BLOCK_DEVICES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_read_in_parts, setup),
		cmocka_unit_test_setup(test_read_4kn, setup),
		cmocka_unit_test_setup(test_read_fails, setup),
		cmocka_unit_test_setup(test_read_never_completed, setup),
		cmocka_unit_test_setup(test_read_refused, setup),
		cmocka_unit_test_setup(test_check_read, setup),
		cmocka_unit_test_setup(test_check_write, setup),
		cmocka_unit_test_setup(test_registry, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
