/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver against a register model: reads in flight and scatter-gather. */
#include "drivers/ata/ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ahci_reader.h"

static void test_queue_full_and_out_of_order(void **state)
{
	(void)state;
	reader.disk->is_lifo = true;
	reader_probe();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(reader_submit(i), STATUS_OK);
	assert_int_equal(reader_submit(32), STATUS_AGAIN);
	assert_int_equal(reader.disk->in_flight_most, 32);
	reader_await(32);
	for (uint32_t i = 0; i < 32; i++)
		reader_expect(i);
	assert_int_equal(reader.order[0], 31);
	assert_int_equal(reader.order[31], 0);
	assert_int_equal(reader.disk->commands[0x60], 32);
	assert_int_equal(reader_submit(32), STATUS_OK);
	reader_await(33);
	reader_expect(32);
}

static void test_not_queued_but_many(void **state)
{
	(void)state;
	reader.disk->has_ncq = false;
	reader_probe();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(reader_submit(i), STATUS_OK);
	assert_int_equal(reader.disk->in_flight_most, 32);
	reader_await(32);
	for (uint32_t i = 0; i < 32; i++)
		reader_expect(i);
	assert_int_equal(reader.disk->commands[0x60], 0);
}

static void test_nothing_waits(void **state)
{
	struct block_completion completion;
	uint32_t count;

	(void)state;
	reader.disk->latency_us = 500000;
	reader_probe();
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(reader_submit(0), STATUS_OK);
	reader.device->ops->poll(reader.device, &completion, 1, &count);
	assert_int_equal(count, 0);
	assert_true(fake_hw_now_us() - start_us < 50);
}

/* 512 pages, every other one, backwards: nothing can be merged. */
static void test_512_scattered_pages(void **state)
{
	static struct page many[1024];
	static struct block_segment segments[513];
	struct page expected;

	(void)state;
	reader_probe();
	for (uint32_t i = 0; i < 513; i++)
		segments[i] = (struct block_segment){virt_to_paddr(&many[1023 - 2 * (i % 512)]), PAGE_BYTES};
	assert_int_equal(reader.device->ops->submit_read(reader.device, segments, 512, (struct lba){800}, 0),
			 STATUS_OK);
	reader_await(1);
	assert_int_equal(reader.status[0], STATUS_OK);
	for (uint32_t i = 0; i < 512; i++) {
		for (uint32_t s = 0; s < 8; s++)
			fake_ahci_sector(reader.disk, 800 + 8 * (uint64_t)i + s, expected.bytes + 512 * (size_t)s);
		assert_memory_equal(&many[1023 - 2 * i], &expected, PAGE_BYTES);
	}
	assert_int_equal(reader.disk->commands[0x60], 1);
	assert_int_equal(reader.device->ops->submit_read(reader.device, segments, 513, (struct lba){0}, 0),
			 STATUS_INVALID);
}

static void test_pieces_of_512_bytes(void **state)
{
	struct block_segment segments[8];
	struct page expected;

	(void)state;
	reader_probe();
	for (uint32_t i = 0; i < 8; i++)
		segments[i] = (struct block_segment){{virt_to_paddr(&reader.pages[0]).value + 512 * (7 - i)}, 512};
	assert_int_equal(reader.device->ops->submit_read(reader.device, segments, 8, (struct lba){0}, 0), STATUS_OK);
	reader_await(1);
	for (uint32_t i = 0; i < 8; i++)
		fake_ahci_sector(reader.disk, i, expected.bytes + 512 * (size_t)(7 - i));
	assert_memory_equal(&reader.pages[0], &expected, PAGE_BYTES);
}

static void test_refused(void **state)
{
	const struct block_segment page = {virt_to_paddr(&reader.pages[0]), PAGE_BYTES};
	const struct block_segment odd = {{page.address.value + 1}, 512};
	const struct block_segment half = {page.address, 256};
	const struct block_segment none = {page.address, 0};
	const struct block_segment large = {page.address, 4 << 20};

	(void)state;
	reader_probe();
	const struct lba end = {reader.device->identity.sector_count};
	const struct lba last = {reader.device->identity.sector_count - 7};
	assert_int_equal(reader.device->ops->submit_read(reader.device, &page, 1, end, 0), STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &page, 1, last, 0), STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &page, 1, (struct lba){UINT64_MAX}, 0),
			 STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &odd, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &half, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &none, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &large, 1, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &page, 0, (struct lba){0}, 0), STATUS_INVALID);
	assert_int_equal(reader.disk->commands[0x60], 0);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &page, 1, (struct lba){end.value - 8}, 0),
			 STATUS_OK);
	reader_await(1);
	assert_int_equal(reader.status[0], STATUS_OK);
}

static void test_4kn(void **state)
{
	const struct block_segment half = {virt_to_paddr(&reader.pages[0]), 2048};

	(void)state;
	reader.disk->sector_bytes = 4096;
	reader_probe();
	for (uint32_t i = 0; i < 4; i++) {
		const struct block_segment segment = {virt_to_paddr(&reader.pages[i]), PAGE_BYTES};
		assert_int_equal(reader.device->ops->submit_read(reader.device, &segment, 1, (struct lba){i}, i),
				 STATUS_OK);
	}
	reader_await(4);
	for (uint32_t i = 0; i < 4; i++)
		reader_expect(i);
	assert_int_equal(reader.device->ops->submit_read(reader.device, &half, 1, (struct lba){0}, 0), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_queue_full_and_out_of_order, reader_setup),
		cmocka_unit_test_setup(test_not_queued_but_many, reader_setup),
		cmocka_unit_test_setup(test_nothing_waits, reader_setup),
		cmocka_unit_test_setup(test_512_scattered_pages, reader_setup),
		cmocka_unit_test_setup(test_pieces_of_512_bytes, reader_setup),
		cmocka_unit_test_setup(test_refused, reader_setup),
		cmocka_unit_test_setup(test_4kn, reader_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
