/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE driver in trouble, writing and stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide_fixture.h"

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void test_error_in_mid_request(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);
	const uint32_t resets = ide.channels[0].resets;

	(void)state;
	disk->bad_lba = 104;
	disk->bad_count = 2;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 100, STATUS_OK); /* the third attempt */
	ide_assert_pattern(ide_buffer, 100 * 512, 4096);
	disk->bad_count = 100;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 100, STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 6);
	ide_read_one(ide_disk0(), ide_buffer, 2048, 100, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 0); /* not DMA's fault */
	assert_int_equal(ide.channels[0].resets, resets);
	assert_int_equal(ide.channels[0].bus_master_command & BMIDE_COMMAND_START, 0);
}

static void test_pci_error_of_the_engine(void **state)
{
	(void)state;
	ide_start(LEGACY, 100000);
	ide.channels[0].engine_errors = 1;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 100, STATUS_OK);
	ide_assert_pattern(ide_buffer, 100 * 512, 4096);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 0);
}

/* Not ready when its turn comes: reset, not spoken to. */
static void test_device_left_in_a_strange_state(void **state)
{
	static const uint8_t states[] = {ATA_STATUS_DRDY | ATA_STATUS_DRQ, ATA_STATUS_DRDY | ATA_STATUS_BSY, 0};
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t resets = ide.channels[0].resets;

		disk->status = states[i];
		ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
		assert_int_equal(ide.channels[0].resets, resets + 1);
	}
	disk->reset_us = 3 * SECOND_US; /* a slow one is waited for */
	disk->status = 0;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 4);
}

/* The one that is reset comes back later than its neighbour, or has none. */
static void test_slow_slave(void **state)
{
	struct fake_ide_disk *slave;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	slave = fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	ide_probe();
	slave->reset_us = 3 * SECOND_US;
	slave->hang_count = 1;
	ide_read_one(ide_registry.devices[1], ide_buffer, 4096, 8, STATUS_OK);
	ide.channels[0].disks[0].is_present = false;
	ide.absent = 0xFF;
	slave->hang_count = 1;
	ide_read_one(ide_registry.devices[1], ide_buffer, 4096, 8, STATUS_OK);
}

/* Single timeouts with good requests between them do not add up. */
static void test_rare_timeouts(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		disk->hang_count = 1;
		ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
	}
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 0);
}

/* Lost once: reset and repeated, with what waits behind it. */
static void test_timeout_once(void **state)
{
	const struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);
	const uint64_t start_us = fake_hw_now_us();
	const uint32_t resets = ide.channels[0].resets;

	(void)state;
	disk->hang_count = 1;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){8}, i),
				 STATUS_OK);
	ide_collect(ide_disk0(), 3, STATUS_OK, 15);
	ide_assert_pattern(ide_buffer, 8 * 512, 4096);
	assert_int_equal(ide.channels[0].resets, resets + 1);
	assert_true(fake_hw_now_us() - start_us > 9 * SECOND_US);
}

/* Never answers again, a reset does not help: all of its requests end, and it stays refused. */
static void test_device_that_dies(void **state)
{
	const struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};
	uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	ide_probe();
	ide.channels[0].disks[0].is_deaf = true;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){8}, i),
				 STATUS_OK);
	ide_collect(ide_disk0(), 4, STATUS_TIMEOUT, 40);
	assert_true(fake_hw_now_us() - start_us < 20 * SECOND_US);
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){8}, 9), STATUS_IO_ERROR);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){8}, ide_buffer, 512), STATUS_IO_ERROR);
	/* A master that stays busy keeps the channel from its neighbour: that ends, too. */
	start_us = fake_hw_now_us();
	ide_read_one(ide_registry.devices[1], ide_buffer, 4096, 8, STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 20 * SECOND_US);
}

/* A slave that dies leaves the master working: a reset selects device 0. */
static void test_slave_that_dies(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	ide_probe();
	ide.channels[0].disks[1].is_deaf = true;
	ide_read_one(ide_registry.devices[1], ide_buffer, 4096, 8, STATUS_TIMEOUT);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
	ide_assert_pattern(ide_buffer, 8 * 512, 4096);
}

/* Comes back from each reset and hangs again: that ends, too. */
static void test_device_that_hangs_again_and_again(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);
	const struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};

	(void)state;
	disk->hang_count = 1000;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_TIMEOUT);
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){8}, 1), STATUS_IO_ERROR);
}

static void test_engine_that_does_not_end(void **state)
{
	(void)state;
	ide_start(LEGACY, 100000);
	ide.channels[0].engine_never_ends = true; /* the device says done, the engine does not */
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1); /* so PIO brought it */
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void test_write_and_flush(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 8 << 20);

	(void)state;
	for (unsigned i = 0; i < 4096; i++)
		ide_buffer[0xF800 + i] = (uint8_t)(i * 3);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){40}, ide_buffer + 0xF800, 4096),
			 STATUS_OK);
	assert_memory_equal(disk->data + 40 * 512, ide_buffer + 0xF800, 4096);
	assert_int_equal(disk->data[39 * 512], fake_ide_pattern(39 * 512));
	assert_int_equal(disk->data[48 * 512], fake_ide_pattern(48 * 512));
	assert_int_equal(disk->writes_durable, 1);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 1);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 1);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){40}, ide_buffer + 1, 512),
			 STATUS_INVALID);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){40}, ide_buffer + 2, 512),
			 STATUS_INVALID);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){40}, ide_buffer, 4608), STATUS_INVALID);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){40}, ide_buffer, 0), STATUS_INVALID);
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){8 << 20}, ide_buffer, 512),
			 STATUS_INVALID);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 1);
}

static void test_write_errors(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);
	uint64_t start_us;

	(void)state;
	disk->flush_fails = true;
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512), STATUS_IO_ERROR);
	assert_int_equal(disk->writes_durable, 0);
	disk->flush_fails = false;
	disk->crc_errors = 1;
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512), STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 1);
	disk->hang_command = ATA_FLUSH_CACHE_EXT;
	disk->hang_count = 1;
	start_us = fake_hw_now_us();
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
	ide_read_one(ide_disk0(), ide_buffer, 512, 4, STATUS_OK); /* to learn what became of it */
	disk->is_deaf = true;
	start_us = fake_hw_now_us();
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
}

/* 30 s in all; and a write that hangs leaves the disk usable. */
static void test_write_in_time(void **state)
{
	struct fake_ide_disk *disk = ide_start(LEGACY, 100000);
	uint64_t start_us = fake_hw_now_us();

	(void)state;
	disk->hang_command = ATA_WRITE_DMA;
	disk->hang_count = 1;
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 10 * SECOND_US);
	ide_read_one(ide_disk0(), ide_buffer, 512, 4, STATUS_OK);
	disk->hang_command = ATA_FLUSH_CACHE_EXT;
	disk->hang_count = 1;
	ide.latency_us = 7 * SECOND_US;
	start_us = fake_hw_now_us();
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
	assert_int_equal(disk->writes_cached, 1);
}

/* A cache that can't be flushed: nothing is written at all. Without a cache no flush is needed. */
static void test_write_without_flush(void **state)
{
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	for (unsigned i = 0; i < 2; i++) {
		disk = fake_ide_add_disk(&ide, 0, i, 1000, 512);
		disk->identify[83] &= (uint16_t)~0x3000;
		disk->identify[86] &= (uint16_t)~0x3000;
		if (i == 1)
			disk->identify[85] &= (uint16_t)~0x0020;
	}
	ide_probe();
	assert_int_equal(ide_disk0()->ops->write_sync(ide_disk0(), (struct lba){4}, ide_buffer, 512),
			 STATUS_UNSUPPORTED);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 0);
	assert_int_equal(
		ide_registry.devices[1]->ops->write_sync(ide_registry.devices[1], (struct lba){4}, ide_buffer, 512),
		STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 1);
}

/* --- stopping -------------------------------------------------------------------------------------------------- */

static void test_rehearsal(void **state)
{
	(void)state;
	ide_start(LEGACY, 100000);
	assert_int_equal(ide_disk0()->ops->rehearse_stop(ide_disk0()), STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
	ide.channels[0].disks[0].bad_count = 100; /* LBA 0 */
	assert_int_equal(ide_disk0()->ops->rehearse_stop(ide_disk0()), STATUS_IO_ERROR);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
}

/* The neighbour's request goes through first. */
static void test_rehearsal_beside_a_read(void **state)
{
	const struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	ide_probe();
	assert_int_equal(
		ide_registry.devices[1]->ops->submit_read(ide_registry.devices[1], &segment, 1, (struct lba){8}, 1),
		STATUS_OK);
	assert_int_equal(ide_disk0()->ops->rehearse_stop(ide_disk0()), STATUS_OK);
	ide_collect(ide_registry.devices[1], 1, STATUS_OK, 1);
	ide_assert_pattern(ide_buffer, 8 * 512, 4096);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
}

static void test_engine_that_runs_by_itself(void **state)
{
	const uint64_t start_us = (ide_start(LEGACY, 100000), fake_hw_now_us());

	(void)state;
	ide.channels[0].engine_sticks = true;
	ide.channels[0].bus_master_status |= BMIDE_STATUS_ACTIVE;
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 0);
	assert_true(fake_hw_now_us() - start_us < SECOND_US);
}

static void test_engine_that_does_not_stop(void **state)
{
	uint64_t start_us;
	uint32_t resets;

	(void)state;
	ide_start(LEGACY, 100000);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 8, STATUS_OK);
	ide.channels[0].engine_sticks = true;
	ide.channels[0].bus_master_status |= BMIDE_STATUS_ACTIVE;
	start_us = fake_hw_now_us();
	assert_int_equal(ide_disk0()->ops->rehearse_stop(ide_disk0()), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 10 * SECOND_US);
	resets = ide.channels[0].resets;
	ide_disk0()->ops->quiesce(ide_disk0());
	assert_int_equal(ide.channels[0].resets, resets + 1);
	assert_int_equal(ide.channels[0].control, ATA_CONTROL_NIEN);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

/* In the middle of a command: all is off, and memory stays as it is. */
static void test_quiesce(void **state)
{
	const struct block_segment segment = {virt_to_paddr(ide_buffer), 4096};
	uint32_t resets;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	ide_probe();
	resets = ide.channels[1].resets;
	for (uint32_t d = 0; d < 2; d++)
		assert_int_equal(ide_registry.devices[d]->ops->submit_read(ide_registry.devices[d], &segment, 1,
									   (struct lba){8}, 1),
				 STATUS_OK);
	ide_disk0()->ops->quiesce(ide_disk0());
	assert_false(fake_pci_is_bus_master(&ide.function));
	for (uint32_t c = 0; c < 2; c++) {
		assert_int_equal(ide.channels[c].bus_master_command, 0);
		assert_int_equal(ide.channels[c].bus_master_status & BMIDE_STATUS_ACTIVE, 0);
		assert_int_equal(ide.channels[c].control, ATA_CONTROL_NIEN);
	}
	assert_int_equal(ide.channels[1].resets, resets + 1);
	assert_int_equal(ide_buffer[0] | ide_buffer[1] | ide_buffer[100], 0);
	fake_hw_advance_us(SECOND_US);
	assert_int_equal(ide_buffer[0] | ide_buffer[1] | ide_buffer[100], 0);
	ide_registry.devices[1]->ops->quiesce(ide_registry.devices[1]); /* again, for the other one */
	assert_int_equal(ide_disk0()->ops->submit_read(ide_disk0(), &segment, 1, (struct lba){8}, 1), STATUS_IO_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_error_in_mid_request),
		TEST(test_pci_error_of_the_engine),
		TEST(test_device_left_in_a_strange_state),
		TEST(test_slow_slave),
		TEST(test_rare_timeouts),
		TEST(test_timeout_once),
		TEST(test_device_that_dies),
		TEST(test_slave_that_dies),
		TEST(test_device_that_hangs_again_and_again),
		TEST(test_engine_that_does_not_end),
		TEST(test_write_and_flush),
		TEST(test_write_errors),
		TEST(test_write_in_time),
		TEST(test_write_without_flush),
		TEST(test_rehearsal),
		TEST(test_rehearsal_beside_a_read),
		TEST(test_engine_that_runs_by_itself),
		TEST(test_engine_that_does_not_stop),
		TEST(test_quiesce),
	};

	return cmocka_run_group_tests(tests, ide_group_setup, NULL);
}
