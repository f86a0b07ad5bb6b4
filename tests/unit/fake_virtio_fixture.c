/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader and writer of single pages for the virtio tests; see fake_virtio_fixture.h. */
#include "tests/unit/fake_virtio_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timer.h"

#define AWAIT_US         200000000
#define SECTORS_PER_PAGE 8

struct virtio_rig rig;

int rig_setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	fake_virtio_init(&rig.virtio);
	memset(rig.pages, 0xEE, sizeof(rig.pages));
	return 0;
}

int rig_setup_legacy(void **state)
{
	rig_setup(state);
	fake_virtio_make_legacy(&rig.virtio);
	return 0;
}

void rig_probe(void)
{
	assert_int_equal(fake_virtio_probe(&rig.virtio, &rig.registry), STATUS_OK);
	assert_int_equal(rig.registry.count, 1);
	rig.device = rig.registry.devices[0];
}

void rig_expect_refused(enum status status)
{
	const uint64_t start_us = fake_hw_now_us();

	assert_int_equal(fake_virtio_probe(&rig.virtio, &rig.registry), status);
	assert_int_equal(rig.registry.count, 0);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
	assert_true(fake_hw_now_us() - start_us < 12000000);
}

enum status rig_submit(uint32_t number)
{
	const struct block_segment segment = {virt_to_paddr(&rig.pages[number % RIG_PAGES]), PAGE_BYTES};
	const uint64_t sectors = PAGE_BYTES / rig.device->identity.sector_bytes;

	return rig.device->ops->submit_read(rig.device, &segment, 1, (struct lba){sectors * number}, number);
}

static uint8_t written_byte(uint32_t number, uint32_t offset)
{
	return (uint8_t)(number * 29 + offset * 7 + (offset >> 8));
}

enum status rig_submit_write(uint32_t number)
{
	const struct block_segment segment = {virt_to_paddr(&rig.pages[number % RIG_PAGES]), PAGE_BYTES};
	const uint64_t sectors = PAGE_BYTES / rig.device->identity.sector_bytes;

	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		rig.pages[number % RIG_PAGES].bytes[i] = written_byte(number, i);
	return rig.device->ops->submit_write(rig.device, &segment, 1, (struct lba){sectors * number}, number);
}

void rig_expect_written(uint32_t number, bool is_durable)
{
	const uint64_t first = (uint64_t)number * SECTORS_PER_PAGE;
	uint32_t sectors = 0;

	for (uint32_t i = 0; i < rig.virtio.write_count; i++) {
		const struct fake_virtio_write *write = &rig.virtio.writes[i];
		if (write->sector < first || write->sector >= first + SECTORS_PER_PAGE)
			continue;
		for (uint32_t k = 0; k < 512; k++)
			assert_int_equal(write->bytes[k],
					 written_byte(number, (uint32_t)(write->sector - first) * 512 + k));
		assert_int_equal(write->is_durable, is_durable);
		sectors++;
	}
	assert_int_equal(sectors, SECTORS_PER_PAGE);
	assert_int_equal(rig.times[number], 1);
	assert_int_equal(rig.status[number], STATUS_OK);
}

bool rig_poll(void *count)
{
	struct block_completion completions[3];
	uint32_t got = UINT32_MAX;

	rig.device->ops->poll(rig.device, completions, ARRAY_COUNT(completions), &got);
	assert_true(got <= ARRAY_COUNT(completions));
	for (uint32_t i = 0; i < got; i++) {
		const uint32_t tag = completions[i].tag;
		rig.order[rig.count++ % RIG_TAGS] = tag;
		rig.status[tag] = completions[i].status;
		rig.times[tag]++;
	}
	return rig.count >= *(const uint32_t *)count;
}

void rig_await(uint32_t count)
{
	assert_int_equal(poll_until(rig_poll, &count, AWAIT_US), STATUS_OK);
	assert_int_equal(rig.count, count);
}

void rig_read(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	rig_await(count);
}

void rig_expect_sectors(const void *memory, uint64_t sector, uint32_t count)
{
	uint8_t expected[512];

	for (uint32_t i = 0; i < count; i++) {
		fake_virtio_sector(&rig.virtio, sector + i, expected);
		assert_memory_equal((const uint8_t *)memory + (size_t)i * 512, expected, sizeof(expected));
	}
}

void rig_expect(uint32_t number)
{
	assert_int_equal(rig.times[number], 1);
	assert_int_equal(rig.status[number], STATUS_OK);
	rig_expect_sectors(&rig.pages[number % RIG_PAGES], (uint64_t)number * SECTORS_PER_PAGE, SECTORS_PER_PAGE);
}

void rig_expect_all(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		rig_expect(i);
}

void rig_expect_all_end(uint32_t count, enum status status)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(rig.times[i], 1);
		assert_int_equal(rig.status[i], status);
	}
}

void rig_expect_all_but(uint32_t count, uint32_t bad, enum status status)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i != bad)
			rig_expect(i);
	}
	assert_int_equal(rig.times[bad], 1);
	assert_int_equal(rig.status[bad], status);
}
