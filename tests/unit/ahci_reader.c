/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader and writer of single pages for the AHCI tests; see ahci_reader.h. */
#include "tests/unit/ahci_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timer.h"

#define AWAIT_US 200000000

struct reader reader;

int reader_setup(void **state)
{
	(void)state;
	memset(&reader, 0, sizeof(reader));
	fake_ahci_init(&reader.ahci);
	reader.disk = fake_ahci_add_disk(&reader.ahci, 0);
	memset(reader.pages, 0xEE, sizeof(reader.pages));
	return 0;
}

void reader_probe(void)
{
	assert_int_equal(fake_ahci_probe(&reader.ahci, &reader.registry), STATUS_OK);
	assert_int_equal(reader.registry.count, 1);
	reader.device = reader.registry.devices[0];
}

void reader_forget(void)
{
	reader.count = 0;
	memset(reader.times, 0, sizeof(reader.times));
}

static struct block_segment segment_of(uint32_t number)
{
	return (struct block_segment){virt_to_paddr(&reader.pages[number % READER_PAGES]), PAGE_BYTES};
}

static struct lba lba_of(uint32_t number)
{
	return (struct lba){PAGE_BYTES / reader.disk->sector_bytes * (uint64_t)number};
}

enum status reader_submit(uint32_t number)
{
	const struct block_segment segment = segment_of(number);

	return reader.device->ops->submit_read(reader.device, &segment, 1, lba_of(number), number);
}

static uint8_t written_byte(uint32_t number, uint32_t offset)
{
	return (uint8_t)(number * 29 + offset * 7 + (offset >> 8));
}

enum status reader_submit_write(uint32_t number)
{
	const struct block_segment segment = segment_of(number);

	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		reader.pages[number % READER_PAGES].bytes[i] = written_byte(number, i);
	return reader.device->ops->submit_write(reader.device, &segment, 1, lba_of(number), number);
}

bool reader_poll(void *count)
{
	struct block_completion completions[3];
	uint32_t got = UINT32_MAX;

	reader.device->ops->poll(reader.device, completions, ARRAY_COUNT(completions), &got);
	assert_true(got <= ARRAY_COUNT(completions));
	for (uint32_t i = 0; i < got; i++) {
		const uint32_t tag = completions[i].tag;
		reader.order[reader.count++ % READER_TAGS] = tag;
		reader.status[tag] = completions[i].status;
		reader.times[tag]++;
	}
	return reader.count >= *(const uint32_t *)count;
}

void reader_await(uint32_t count)
{
	assert_int_equal(poll_until(reader_poll, &count, AWAIT_US), STATUS_OK);
	assert_int_equal(reader.count, count);
}

void reader_read(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(reader_submit(i), STATUS_OK);
	reader_await(count);
}

void reader_expect(uint32_t number)
{
	struct page expected;
	const uint32_t bytes = reader.disk->sector_bytes;
	const uint32_t sectors = PAGE_BYTES / bytes;

	for (uint32_t i = 0; i < sectors; i++)
		fake_ahci_sector(reader.disk, (uint64_t)number * sectors + i, expected.bytes + (size_t)i * bytes);
	assert_int_equal(reader.times[number], 1);
	assert_int_equal(reader.status[number], STATUS_OK);
	assert_memory_equal(&reader.pages[number % READER_PAGES], &expected, PAGE_BYTES);
}

void reader_expect_written(uint32_t number, bool is_durable)
{
	const uint64_t first = lba_of(number).value;
	const uint32_t bytes = reader.disk->sector_bytes;
	uint32_t sectors = 0;

	for (uint32_t i = 0; i < reader.disk->write_count; i++) {
		const struct fake_ahci_write *write = &reader.disk->writes[i];
		if (write->lba < first || write->lba >= first + PAGE_BYTES / bytes)
			continue;
		for (uint32_t k = 0; k < bytes; k++)
			assert_int_equal(write->bytes[k],
					 written_byte(number, (uint32_t)(write->lba - first) * bytes + k));
		assert_int_equal(write->is_durable, is_durable);
		sectors++;
	}
	assert_int_equal(sectors, PAGE_BYTES / bytes);
	assert_int_equal(reader.times[number], 1);
	assert_int_equal(reader.status[number], STATUS_OK);
}

void reader_expect_all_but(uint32_t count, uint32_t bad, enum status status)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i != bad)
			reader_expect(i);
	}
	assert_int_equal(reader.times[bad], 1);
	assert_int_equal(reader.status[bad], status);
}
