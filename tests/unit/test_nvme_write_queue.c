/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NVMe driver against a register model: writes in flight, alone and among reads, their errors, and the flush. */
#include "drivers/nvme/nvme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timer.h"
#include "tests/unit/fake_nvme.h"

#define PAGES        64
#define DEPTH        32
#define PAGE_SECTORS 8

static struct fake_nvme nvme;
static struct block_registry registry;
static struct block_device *device;
static struct page memory[PAGES] __attribute__((aligned(4096)));
static enum status result[PAGES]; /* by tag, which is the page's number */
static uint32_t times[PAGES];
static uint32_t finished;

static int setup(void **state)
{
	(void)state;
	fake_nvme_init(&nvme);
	memset(memory, 0xEE, sizeof(memory));
	memset(times, 0, sizeof(times));
	finished = 0;
	return 0;
}

static void probe(void)
{
	assert_int_equal(fake_nvme_probe(&nvme, &registry), STATUS_OK);
	device = registry.devices[0];
}

static uint8_t written_byte(uint64_t number, uint64_t offset)
{
	return (uint8_t)(number * 29 + offset * 5 + (offset >> 8));
}

static enum status start_write(uint32_t number)
{
	const struct block_segment segment = {virt_to_paddr(&memory[number]), PAGE_BYTES};

	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		memory[number].bytes[i] = written_byte(number, i);
	return device->ops->submit_write(device, &segment, 1, (struct lba){PAGE_SECTORS * (uint64_t)number}, number);
}

static enum status start_read(uint32_t number)
{
	const struct block_segment segment = {virt_to_paddr(&memory[number]), PAGE_BYTES};

	return device->ops->submit_read(device, &segment, 1, (struct lba){PAGE_SECTORS * (uint64_t)number}, number);
}

static bool are_finished(void *count)
{
	struct block_completion completions[5];
	uint32_t got = UINT32_MAX;

	device->ops->poll(device, completions, ARRAY_COUNT(completions), &got);
	assert_true(got <= ARRAY_COUNT(completions));
	for (uint32_t i = 0; i < got; i++) {
		result[completions[i].tag] = completions[i].status;
		times[completions[i].tag]++;
	}
	finished += got;
	return finished >= *(const uint32_t *)count;
}

static void await(uint32_t count)
{
	assert_int_equal(poll_until(are_finished, &count, 100000000), STATUS_OK);
	assert_int_equal(finished, count);
}

static void write_pages(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(start_write(i), STATUS_OK);
	await(count);
}

static void expect_written(uint32_t number, bool is_flushed)
{
	assert_int_equal(times[number], 1);
	assert_int_equal(result[number], STATUS_OK);
	for (uint64_t i = 0; i < PAGE_SECTORS; i++) {
		const struct fake_nvme_write *write = fake_nvme_written(&nvme, 1, PAGE_SECTORS * number + i);

		assert_non_null(write);
		assert_int_equal(write->is_flushed, is_flushed);
		for (uint64_t k = 0; k < 512; k++)
			assert_int_equal(write->bytes[k], written_byte(number, 512 * i + k));
	}
}

static void expect_read(uint32_t number)
{
	assert_int_equal(times[number], 1);
	assert_int_equal(result[number], STATUS_OK);
	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		assert_int_equal(memory[number].bytes[i],
				 fake_nvme_byte(1, PAGE_SECTORS * (uint64_t)number + i / 512, i % 512));
}

static enum status flush(void)
{
	return device->ops->flush_sync(device);
}

static void test_many_in_flight(void **state)
{
	(void)state;
	probe();
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(start_write(i), STATUS_OK);
	assert_int_equal(start_write(DEPTH), STATUS_AGAIN);
	await(DEPTH);
	assert_int_equal(nvme.in_flight_most, DEPTH);
	assert_int_equal(nvme.flushes, 0);
	for (uint32_t i = 0; i < DEPTH; i++)
		expect_written(i, false);
	assert_int_equal(nvme.sectors_written, DEPTH * PAGE_SECTORS);
	assert_int_equal(flush(), STATUS_OK);
	assert_int_equal(nvme.flushes, 1);
	for (uint32_t i = 0; i < DEPTH; i++)
		expect_written(i, true);
}

/* Each has a list of its own: requests of four pages, last page first. */
static void test_many_lists_in_flight(void **state)
{
	struct block_segment segments[4];

	(void)state;
	probe();
	for (uint32_t i = 0; i < sizeof(memory); i++)
		((uint8_t *)memory)[i] = (uint8_t)(i * 3 + (i >> 9));
	for (uint32_t i = 0; i < PAGES / 4; i++) {
		for (uint32_t k = 0; k < 4; k++)
			segments[k] = (struct block_segment){virt_to_paddr(&memory[4 * i + 3 - k]), PAGE_BYTES};
		assert_int_equal(device->ops->submit_write(device, segments, 4, (struct lba){32ull * i}, i), STATUS_OK);
	}
	await(PAGES / 4);
	for (uint32_t page = 0; page < PAGES; page++) {
		for (uint32_t i = 0; i < PAGE_SECTORS; i++)
			assert_memory_equal(fake_nvme_written(&nvme, 1, PAGE_SECTORS * (uint64_t)page + i)->bytes,
					    memory[page / 4 * 4 + 3 - page % 4].bytes + (size_t)512 * i, 512);
	}
}

/* From inside a page through several, in any order of memory, and back. */
static void test_scattered(void **state)
{
	const uint64_t first = virt_to_paddr(&memory[9]).value;
	const struct block_segment segments[] = {
		{{first + 2048}, 2048}, {virt_to_paddr(&memory[2]), 2 * PAGE_BYTES}, {virt_to_paddr(&memory[20]), 512}};
	static struct page back[4] __attribute__((aligned(4096)));

	(void)state;
	probe();
	for (uint32_t i = 0; i < sizeof(memory); i++)
		((uint8_t *)memory)[i] = (uint8_t)(i * 3 + (i >> 9));
	assert_int_equal(device->ops->submit_write(device, segments, 3, (struct lba){77}, 0), STATUS_OK);
	await(1);
	assert_int_equal(nvme.sectors_written, 4 + 16 + 1);
	assert_int_equal(block_read_sync(device, (struct lba){77}, back, 21 * 512), STATUS_OK);
	assert_memory_equal(back, memory[9].bytes + 2048, 2048);
	assert_memory_equal(back[0].bytes + 2048, &memory[2], 2 * PAGE_BYTES);
	assert_memory_equal(back[2].bytes + 2048, &memory[20], 512);
	assert_null(fake_nvme_written(&nvme, 1, 76));
}

static void test_4096_byte_sectors(void **state)
{
	const struct block_segment segment = {virt_to_paddr(&memory[0]), 2 * PAGE_BYTES};
	const struct block_segment half = {segment.address, 2048};

	(void)state;
	nvme.namespaces[0] = 4096;
	probe();
	memset(&memory[1], 0x44, PAGE_BYTES);
	assert_int_equal(device->ops->submit_write(device, &segment, 1, (struct lba){8190}, 0), STATUS_OK);
	await(1);
	assert_int_equal(nvme.sectors_written, 2);
	assert_memory_equal(fake_nvme_written(&nvme, 1, 8190)->bytes, &memory[0], PAGE_BYTES);
	assert_memory_equal(fake_nvme_written(&nvme, 1, 8191)->bytes, &memory[1], PAGE_BYTES);
	assert_int_equal(device->ops->submit_write(device, &half, 1, (struct lba){0}, 0), STATUS_INVALID);
}

static void test_mixed(void **state)
{
	(void)state;
	probe();
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(i % 2 == 0 ? start_write(i) : start_read(i), STATUS_OK);
	await(DEPTH);
	assert_int_equal(nvme.in_flight_most, DEPTH);
	for (uint32_t i = 0; i < DEPTH; i += 2) {
		expect_written(i, false);
		expect_read(i + 1);
	}
	assert_int_equal(nvme.sectors_written, DEPTH / 2 * PAGE_SECTORS);
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(&memory[0]), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};

	(void)state;
	probe();
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){FAKE_NVME_SECTORS}, 0),
			 STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){FAKE_NVME_SECTORS - 7}, 0),
			 STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){UINT64_MAX}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &odd, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(device->ops->submit_write(device, &page, 0, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(nvme.writes, 0);
	assert_int_equal(device->ops->submit_write(device, &page, 1, (struct lba){FAKE_NVME_SECTORS - 8}, 0),
			 STATUS_OK);
	await(1);
	assert_non_null(fake_nvme_written(&nvme, 1, FAKE_NVME_SECTORS - 1));
}

/* Three tries, and nobody else is harmed. */
static void test_one_fails(void **state)
{
	(void)state;
	probe();
	nvme.bad_sector = 5 * PAGE_SECTORS + 3;
	nvme.bad_times = 1000;
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(i % 4 != 3 ? start_write(i) : start_read(i), STATUS_OK);
	await(DEPTH);
	for (uint32_t i = 0; i < DEPTH; i++) {
		if (i == 5)
			assert_int_equal(result[i], STATUS_IO_ERROR);
		else if (i % 4 != 3)
			expect_written(i, false);
		else
			expect_read(i);
	}
	assert_int_equal(nvme.bad_times, 1000 - 3);
	assert_null(fake_nvme_written(&nvme, 1, 5 * PAGE_SECTORS));
	assert_int_equal(flush(), STATUS_OK);
	expect_written(6, true);
}

static void test_error_goes_away(void **state)
{
	(void)state;
	probe();
	nvme.bad_sector = 5 * PAGE_SECTORS;
	nvme.bad_times = 2;
	write_pages(8);
	expect_written(5, false);
}

/* A namespace that is write-protected says so, once. */
static void test_write_protected(void **state)
{
	(void)state;
	probe();
	nvme.bad_status = 0x8000 | 0x20 << 1; /* do not retry; Namespace is Write Protected */
	nvme.writes_fail = 1000;
	write_pages(2);
	assert_int_equal(result[0], STATUS_IO_ERROR);
	assert_int_equal(result[1], STATUS_IO_ERROR);
	assert_int_equal(nvme.writes, 2);
}

/* What is under way ends, and the controller is given up: it can't read the memory any more. */
static void test_no_answer(void **state)
{
	(void)state;
	probe();
	nvme.mute = 1;
	const uint64_t start_us = fake_hw_now_us();
	write_pages(4);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	assert_int_equal(result[0], STATUS_TIMEOUT);
	for (uint32_t i = 1; i < 4; i++)
		expect_written(i, false);
	assert_int_equal(nvme.cc & 1, 0);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
	assert_int_equal(start_write(9), STATUS_IO_ERROR);
	assert_int_equal(flush(), STATUS_IO_ERROR);
}

static void test_flush_fails(void **state)
{
	(void)state;
	probe();
	write_pages(2);
	nvme.flushes_fail = 1;
	assert_int_equal(flush(), STATUS_IO_ERROR);
	assert_int_equal(nvme.flushes, 1); /* not tried again by itself */
	expect_written(0, false);
	assert_int_equal(start_read(9), STATUS_OK);
	await(3);
	expect_read(9);
}

static void test_flush_never_answered(void **state)
{
	(void)state;
	probe();
	write_pages(2);
	nvme.flushes_mute = 1;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(flush(), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	expect_written(1, false);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
}

/* It may take longer than a flush of write_sync has. */
static void test_slow_flush(void **state)
{
	(void)state;
	probe();
	write_pages(2);
	nvme.latency_us = 18000000;
	assert_int_equal(flush(), STATUS_OK);
	expect_written(1, true);
}

/* In flight, or done and not reported: the flush takes nobody's completion. */
static void test_flush_not_in_flight(void **state)
{
	(void)state;
	for (uint32_t cached = 0; cached < 2; cached++) {
		setup(state);
		nvme.has_write_cache = cached != 0;
		probe();
		assert_int_equal(start_write(0), STATUS_OK);
		assert_int_equal(start_write(1), STATUS_OK);
		assert_int_equal(flush(), STATUS_INVALID);
		fake_hw_advance_us(1000);
		struct block_completion completion;
		uint32_t count;
		device->ops->poll(device, &completion, 1, &count);
		assert_int_equal(count, 1);
		assert_int_equal(flush(), STATUS_INVALID);
		assert_int_equal(device->ops->write_sync(device, (struct lba){0}, &memory[7], 512), STATUS_INVALID);
		await(1);
		assert_int_equal(nvme.flushes, 0);
		assert_int_equal(nvme.writes, 2);
		assert_int_equal(flush(), STATUS_OK);
		assert_int_equal(nvme.flushes, cached);
		assert_true(fake_nvme_written(&nvme, 1, 0)->is_flushed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_many_in_flight, setup),
		cmocka_unit_test_setup(test_many_lists_in_flight, setup),
		cmocka_unit_test_setup(test_scattered, setup),
		cmocka_unit_test_setup(test_4096_byte_sectors, setup),
		cmocka_unit_test_setup(test_mixed, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_one_fails, setup),
		cmocka_unit_test_setup(test_error_goes_away, setup),
		cmocka_unit_test_setup(test_write_protected, setup),
		cmocka_unit_test_setup(test_no_answer, setup),
		cmocka_unit_test_setup(test_flush_fails, setup),
		cmocka_unit_test_setup(test_flush_never_answered, setup),
		cmocka_unit_test_setup(test_slow_flush, setup),
		cmocka_unit_test_setup(test_flush_not_in_flight, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
