/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE driver reads: scatter-gather DMA, its queue, PIO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide_fixture.h"

/* --- reading --------------------------------------------------------------------------------------------------- */

static void test_scatter_with_odd_boundaries(void **state)
{
	/* Crosses 64 KiB boundaries in the middle, touches its neighbour, starts at an odd place, is 64 KiB exactly. */
	const struct block_segment segments[] = {
		{virt_to_paddr(ide_buffer + 0xFE00), 1024},     {virt_to_paddr(ide_buffer + 0x10200), 512},
		{virt_to_paddr(ide_buffer + 0x1FFFE), 4096},    {virt_to_paddr(ide_buffer + 0x30000), 0x10000},
		{virt_to_paddr(ide_buffer + 0x5F002), 0x21000}, {virt_to_paddr(ide_buffer + 0xA0000), 512},
	};
	uint64_t offset = 100 * 512;

	(void)state;
	ide_start(LEGACY, 8 << 20);
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), segments, 6, (struct lba){100}, 1), STATUS_OK);
	ide_collect(ide_disk0(), 1, STATUS_OK, 1);
	for (unsigned i = 0; i < 6; i++) {
		ide_assert_pattern(paddr_to_virt(segments[i].address), offset, segments[i].bytes);
		offset += segments[i].bytes;
	}
	assert_int_equal(ide_buffer[0xFDFF], 0);
	assert_int_equal(ide_buffer[0x10400], 0);
	assert_int_equal(ide_buffer[0xA0200], 0);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA_EXT), 1);
}

/* 256 pages, none next to another, each across a boundary where it can be: the longest table there is. */
static void test_largest_request(void **state)
{
	struct block_segment segments[256];

	(void)state;
	ide_start(LEGACY, 8 << 20);
	for (unsigned i = 0; i < 16; i++) {
		segments[i].address = virt_to_paddr(ide_buffer + 0x10000ULL * i + 0xF000 + 2);
		segments[i].bytes = 4096;
	}
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), segments, 16, (struct lba){5}, 1), STATUS_OK);
	ide_collect(ide_disk0(), 1, STATUS_OK, 1);
	for (unsigned i = 0; i < 16; i++)
		ide_assert_pattern(paddr_to_virt(segments[i].address), 5 * 512 + i * 4096, 4096);
	for (unsigned i = 0; i < 256; i++)
		segments[i] = (struct block_segment){virt_to_paddr(ide_buffer + 4096ULL * (255 - i)), 4096};
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), segments, 256, (struct lba){9}, 1), STATUS_OK);
	ide_collect(ide_disk0(), 1, STATUS_OK, 1);
	for (unsigned i = 0; i < 256; i++)
		ide_assert_pattern(ide_buffer + 4096ULL * (255 - i), 9 * 512 + i * 4096, 4096);
}

static void test_28_and_48_bit_commands(void **state)
{
	const uint64_t beyond = 0x123456789A;
	struct fake_ide_command last;

	(void)state;
	ide_start(LEGACY, beyond + 100);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 0x0FFFFF0, STATUS_OK);
	last = ide.log[ide.log_count - 1];
	assert_int_equal(last.command, ATA_READ_DMA);
	assert_int_equal(last.lba, 0x0FFFFF0);
	assert_int_equal(last.sectors, 8);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 0xABCDEF0, STATUS_OK);
	assert_int_equal(ide.log[ide.log_count - 1].lba, 0xABCDEF0);
	ide_read_one(ide_disk0(), ide_buffer, 4096, beyond, STATUS_OK);
	last = ide.log[ide.log_count - 1];
	assert_int_equal(last.command, ATA_READ_DMA_EXT);
	assert_int_equal(last.lba, beyond);
	ide_read_one(ide_disk0(), ide_buffer, 256 * 1024, 0, STATUS_OK);
	last = ide.log[ide.log_count - 1];
	assert_int_equal(last.command, ATA_READ_DMA_EXT);
	assert_int_equal(last.sectors, 512);
	ide_assert_pattern(ide_buffer, 0, 256 * 1024);
}

static void test_28_bit_disk(void **state)
{
	const struct block_segment too_much = {virt_to_paddr(ide_buffer), 129 * 1024};
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 4000, 512);
	disk->identify[83] &= (uint16_t)~0x2400;
	disk->identify[86] &= (uint16_t)~0x2400;
	ide_probe();
	assert_int_equal(ide_disk0()->identity.max_transfer_bytes, 128 * 1024);
	assert_int_equal(ide_disk0()->identity.max_segments, 32);
	ide_read_one(ide_disk0(), ide_buffer, 128 * 1024, 11, STATUS_OK);
	ide_assert_pattern(ide_buffer, 11 * 512, 128 * 1024);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &too_much, 1, (struct lba){0}, 1), STATUS_INVALID);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){3}, ide_buffer, 512), STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE), 1);
}

static void test_4k_sectors(void **state)
{
	const struct block_segment partial = {virt_to_paddr(ide_buffer), 512};

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 4096);
	ide_probe();
	assert_int_equal(ide_disk0()->identity.sector_bytes, 4096);
	ide_read_one(ide_disk0(), ide_buffer + 512, 16384, 50, STATUS_OK);
	ide_assert_pattern(ide_buffer + 512, 50 * 4096, 16384);
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &partial, 1, (struct lba){0}, 1), STATUS_INVALID);
}

static void test_requests_out_of_range(void **state)
{
	struct block_segment good = {virt_to_paddr(ide_buffer), 4096};
	struct block_segment many[257];
	struct block_segment bad;

#define SUBMIT(segments, count, sector)                                                                                \
	ide_disk0()->ops->submit_read(ide_disk0(), segments, count, (struct lba){sector}, 1)
	(void)state;
	ide_start(LEGACY, 8 << 20);
	for (unsigned i = 0; i < 257; i++)
		many[i] = (struct block_segment){virt_to_paddr(ide_buffer), 512};
	bad = good;
	bad.address.value = 4 * GIB;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.address.value = 4 * GIB - 2048;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.address.value = UINT64_MAX - 1;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.address.value = good.address.value + 1;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad = good;
	bad.bytes = 0;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.bytes = 600;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.bytes = MIB + 512;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 0, 0), STATUS_INVALID);
	assert_int_equal(SUBMIT(many, 257, 0), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 1, (8 << 20) - 7), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 1, UINT64_MAX), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 1, (8 << 20) - 8), STATUS_OK);
	ide_collect(ide_disk0(), 1, STATUS_OK, 1);
#undef SUBMIT
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
}

/* Submitted together they run one after the other, in order, without a submit in between. */
static void test_queue(void **state)
{
	const uint32_t depth = (ide_start(LEGACY, 100000), ide_disk0()->identity.queue_depth);
	const uint32_t first = ide.log_count;
	struct block_completion completion;
	bool seen[64] = {false};
	uint32_t done = 0;

	(void)state;
	for (uint32_t i = 0; i <= depth; i++) {
		const struct block_segment segment = {virt_to_paddr(ide_buffer + i * 8192ULL), 4096};

		assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){i * 10}, i),
				 i < depth ? STATUS_OK : STATUS_AGAIN);
	}
	for (uint32_t polls = 0; done < depth && polls < 10000; polls++) {
		uint32_t n;

		ide_disk0()->ops->poll(ide_disk0(), &completion, 1, &n);
		if (n == 0)
			continue;
		assert_int_equal(completion.status, STATUS_OK);
		assert_true(completion.tag < depth && !seen[completion.tag]);
		seen[completion.tag] = true;
		ide_assert_pattern(ide_buffer + completion.tag * 8192ULL, completion.tag * 5120ULL, 4096);
		done++;
	}
	assert_int_equal(done, depth);
	for (uint32_t i = 0; i < depth; i++)
		assert_int_equal(ide.log[first + i].lba, i * 10);
	assert_int_equal(ide_buffer[4096], 0);
}

/* A poll that comes late finds the work done, not a timeout; and the next command started as soon as it was seen. */
static void test_late_poll(void **state)
{
	struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};
	struct block_completion completion;
	uint32_t n;

	(void)state;
	ide_start(LEGACY, 100000);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){0}, i),
				 STATUS_OK);
	fake_hw_advance_us(100 * SECOND_US);
	ide_disk0()->ops->poll(ide_disk0(), &completion, 1, &n);
	assert_int_equal(n, 1);
	assert_int_equal(completion.status, STATUS_OK);
	assert_int_equal(completion.tag, 0);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	ide_collect(ide_disk0(), 1, STATUS_OK, 1);
}

/* What is done is kept until there is room for it. */
static void test_completions_wait_for_room(void **state)
{
	struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};
	struct block_completion *completion = malloc(sizeof(*completion));
	uint32_t n;

	(void)state;
	ide_start(LEGACY, 100000);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){0}, i),
				 STATUS_OK);
	for (unsigned i = 0; i < 100; i++) {
		ide_disk0()->ops->poll(ide_disk0(), completion, 0, &n);
		assert_int_equal(n, 0);
		fake_hw_advance_us(50);
	}
	for (uint32_t i = 0; i < 3; i++) {
		ide_disk0()->ops->poll(ide_disk0(), completion, 1, &n);
		assert_int_equal(n, 1);
	}
	free(completion);
	ide_disk0()->ops->poll(ide_disk0(), NULL, 1, &n);
	assert_int_equal(n, 0);
}

static void test_master_and_slave_share(void **state)
{
	const struct block_segment segments[2] = {{virt_to_paddr(ide_buffer), 4096},
						  {virt_to_paddr(ide_buffer + 8192), 4096}};

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	ide_probe();
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t d = 0; d < 2; d++)
			assert_int_equal(ide_registry.devices[d]->ops->submit_read(
						 ide_registry.devices[d], &segments[d], 1, (struct lba){20 + d}, i),
					 STATUS_OK);
	ide_collect(ide_registry.devices[0], 4, STATUS_OK, 1);
	ide_collect(ide_registry.devices[1], 4, STATUS_OK, 1);
	ide_assert_pattern(ide_buffer, 20 * 512, 4096);
	ide_assert_pattern(ide_buffer + 8192, 21 * 512, 4096);
	for (uint32_t i = 1; i < 8; i++) /* neither starves the other */
		assert_int_not_equal(ide.log[ide.log_count - i].device, ide.log[ide.log_count - i - 1].device);
}

static void check_channels(bool is_simplex, uint32_t expected)
{
	const struct block_segment segments[2] = {{virt_to_paddr(ide_buffer), 4096},
						  {virt_to_paddr(ide_buffer + 8192), 4096}};

	ide_setup(NULL);
	fake_ide_init(&ide, LEGACY);
	if (is_simplex)
		ide.channels[0].bus_master_status |= BMIDE_STATUS_SIMPLEX;
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	ide_probe();
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t d = 0; d < 2; d++)
			assert_int_equal(ide_registry.devices[d]->ops->submit_read(
						 ide_registry.devices[d], &segments[d], 1, (struct lba){20 + d}, i),
					 STATUS_OK);
	ide_collect(ide_registry.devices[0], 4, STATUS_OK, 1);
	ide_collect(ide_registry.devices[1], 4, STATUS_OK, 1);
	ide_assert_pattern(ide_buffer, 20 * 512, 4096);
	ide_assert_pattern(ide_buffer + 8192, 21 * 512, 4096);
	assert_int_equal(ide.busy_channels_max, expected);
	if (is_simplex)
		assert_int_not_equal(ide.log[ide.log_count - 1].channel, ide.log[ide.log_count - 2].channel);
	fake_ide_free(&ide);
}

static void test_simplex(void **state)
{
	(void)state;
	check_channels(false, 2);
	check_channels(true, 1);
}

/* --- PIO ------------------------------------------------------------------------------------------------------- */

static void test_pio_without_a_bus_master(void **state)
{
	const struct block_segment segments[] = {{virt_to_paddr(ide_buffer + 0xFFFE), 512},
						 {virt_to_paddr(ide_buffer + 0x20000), 1536}};

	(void)state;
	ide_start(WITHOUT_DMA, 100000);
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), segments, 2, (struct lba){77}, 1), STATUS_OK);
	ide_collect(ide_disk0(), 1, STATUS_OK, 5);
	ide_assert_pattern(ide_buffer + 0xFFFE, 77 * 512, 512);
	ide_assert_pattern(ide_buffer + 0x20000, 78 * 512, 1536);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
	ide_read_one(ide_disk0(), ide_buffer, 300 * 512, 77, STATUS_OK);
	ide_assert_pattern(ide_buffer, 77 * 512, 300 * 512);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS_EXT), 1);
	memset(ide_buffer, 0x3C, 512);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){9}, ide_buffer, 512), STATUS_OK);
	assert_memory_equal(ide.channels[0].disks[0].data + 9 * 512, ide_buffer, 512);
	assert_int_equal(ide.channels[0].disks[0].writes_durable, 1);
	assert_int_equal(ide_disk0()->ops->rehearse_stop(ide_disk0()), STATUS_OK);
	ide_disk0()->ops->quiesce(ide_disk0());
	assert_false(fake_pci_is_bus_master(&ide.function));
}

static void test_pio_4k_block_over_segments(void **state)
{
	struct block_segment segments[8];

	(void)state;
	fake_ide_init(&ide, WITHOUT_DMA);
	fake_ide_add_disk(&ide, 1, 0, 1000, 4096);
	ide_probe();
	for (unsigned i = 0; i < 8; i++)
		segments[i] = (struct block_segment){virt_to_paddr(ide_buffer + 0xFF02 + i * 1024ULL), 512};
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), segments, 8, (struct lba){4}, 1), STATUS_OK);
	ide_collect(ide_disk0(), 1, STATUS_OK, 5);
	for (unsigned i = 0; i < 8; i++)
		ide_assert_pattern(ide_buffer + 0xFF02 + i * 1024ULL, 4 * 4096 + i * 512, 512);
}

static void test_pio_short_data(void **state)
{
	struct fake_ide_disk *disk = ide_start(WITHOUT_DMA, 100000);

	(void)state;
	disk->short_data = 2;
	ide_read_one(ide_disk0(), ide_buffer, 1024, 5, STATUS_OK); /* the third attempt */
	ide_assert_pattern(ide_buffer, 5 * 512, 1024);
	disk->short_data = 3;
	ide_read_one(ide_disk0(), ide_buffer, 1024, 5, STATUS_IO_ERROR);
	ide_read_one(ide_disk0(), ide_buffer, 1024, 5, STATUS_OK);
	disk->extra_data = 2;
	memset(ide_buffer, 0, 2048);
	ide_read_one(ide_disk0(), ide_buffer, 1024, 5, STATUS_OK);
	ide_assert_pattern(ide_buffer, 5 * 512, 1024);
	assert_int_equal(ide_buffer[1025] | ide_buffer[1026] | ide_buffer[1027], 0);
}

static void test_disk_without_dma(void **state)
{
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	disk->identify[49] = 0x0200;
	ide_probe();
	ide_read_one(ide_disk0(), ide_buffer, 512, 0, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
}

/* Supported, but the firmware selected nothing: the slowest mode is asked for. */
static void test_mode_is_selected_when_none_is(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512)->identify[88] = 0x003F;
	ide_probe();
	assert_int_equal(fake_ide_commands(&ide, ATA_SET_FEATURES), 1);
	assert_int_equal(ide.channels[0].disks[0].feature, ATA_FEATURE_TRANSFER_MODE);
	assert_int_equal(ide.channels[0].disks[0].count[0], 0x20);
	ide_read_one(ide_disk0(), ide_buffer, 512, 0, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
}

/* DMA that never works is given up for PIO, within one request. */
static void test_falls_back_to_pio(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);

	(void)state;
	disk->crc_errors = 100;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 5, STATUS_OK);
	ide_assert_pattern(ide_buffer, 5 * 512, 4096);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 5, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scatter_with_odd_boundaries),
		TEST(test_largest_request),
		TEST(test_28_and_48_bit_commands),
		TEST(test_28_bit_disk),
		TEST(test_4k_sectors),
		TEST(test_requests_out_of_range),
		TEST(test_queue),
		TEST(test_late_poll),
		TEST(test_completions_wait_for_room),
		TEST(test_master_and_slave_share),
		TEST(test_simplex),
		TEST(test_pio_without_a_bus_master),
		TEST(test_pio_4k_block_over_segments),
		TEST(test_pio_short_data),
		TEST(test_disk_without_dma),
		TEST(test_mode_is_selected_when_none_is),
		TEST(test_falls_back_to_pio),
	};

	return cmocka_run_group_tests(tests, ide_group_setup, NULL);
}
