/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver against a register model: durable writes, the rehearsal of the stop, and the end. */
#include "drivers/ata/ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ahci_regs.h"
#include "tests/unit/fake_ahci.h"

static struct fake_ahci ahci;
static struct block_registry registry;
static struct block_device *device;
static struct fake_ahci_port *disk;
static struct page data;
static struct page back;

static int setup(void **state)
{
	(void)state;
	fake_ahci_init(&ahci);
	disk = fake_ahci_add_disk(&ahci, 0);
	memset(&data, 0x5A, sizeof(data));
	return 0;
}

static void probe(void)
{
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_OK);
	device = registry.devices[0];
}

static enum status write_at(uint64_t lba, uint32_t bytes)
{
	return device->ops->write_sync(device, (struct lba){lba}, &data, bytes);
}

static void expect_readable(void)
{
	uint8_t expected[512];

	assert_int_equal(block_read_sync(device, (struct lba){1000}, &back, 512), STATUS_OK);
	fake_ahci_sector(disk, 1000, expected);
	assert_memory_equal(&back, expected, 512);
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void test_write_is_durable(void **state)
{
	(void)state;
	probe();
	assert_int_equal(write_at(100, 512), STATUS_OK);
	assert_int_equal(disk->write_count, 1);
	assert_true(disk->writes[0].is_durable);
	assert_int_equal(disk->writes[0].lba, 100);
	assert_memory_equal(disk->writes[0].bytes, &data, 512);
	assert_int_equal(disk->commands[0xCA], 1);
	assert_int_equal(disk->commands[0xEA], 1);
	assert_int_equal(block_read_sync(device, (struct lba){100}, &back, 512), STATUS_OK);
	assert_memory_equal(&back, &data, 512);
}

static void test_write_4kn(void **state)
{
	(void)state;
	disk->sector_bytes = 4096;
	disk->sector_count = (uint64_t)1 << 32;
	probe();
	assert_int_equal(write_at((uint64_t)1 << 31, 4096), STATUS_OK);
	assert_true(disk->writes[0].lba == (uint64_t)1 << 31 && disk->writes[0].is_durable);
	assert_memory_equal(disk->writes[0].bytes, &data, 4096);
	assert_int_equal(disk->commands[0x35], 1);
	assert_int_equal(write_at(0, 512), STATUS_INVALID);
}

static void test_write_page_and_flush_28bit(void **state)
{
	(void)state;
	disk->has_lba48 = disk->has_ncq = false;
	probe();
	assert_int_equal(write_at(0, 4096), STATUS_OK);
	assert_int_equal(disk->write_count, 8);
	assert_true(disk->writes[7].is_durable);
	assert_int_equal(disk->commands[0xE7], 1);
	assert_int_equal(disk->commands[0xEA], 0);
}

static void test_write_refused(void **state)
{
	(void)state;
	probe();
	assert_int_equal(write_at(device->identity.sector_count, 512), STATUS_INVALID);
	assert_int_equal(write_at(0, 0), STATUS_INVALID);
	assert_int_equal(write_at(0, 100), STATUS_INVALID);
	assert_int_equal(write_at(0, 8192), STATUS_INVALID);
	assert_int_equal(device->ops->write_sync(device, (struct lba){0}, &data.bytes[2], 512), STATUS_INVALID);
	/* Not while a read is in flight. */
	const struct block_segment segment = {virt_to_paddr(&back), 512};
	assert_int_equal(device->ops->submit_read(device, &segment, 1, (struct lba){0}, 0), STATUS_OK);
	assert_int_equal(write_at(0, 512), STATUS_INVALID);
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_INVALID);
	assert_int_equal(disk->write_count, 0);
}

static void test_no_cache_no_flush(void **state)
{
	(void)state;
	disk->has_flush = disk->has_write_cache = false;
	probe();
	assert_int_equal(write_at(0, 512), STATUS_OK);
	assert_true(disk->writes[0].is_durable);
	disk->write_count = 0;

	fake_ahci_init(&ahci);
	disk = fake_ahci_add_disk(&ahci, 0);
	disk->has_flush = false; /* a cache that can't be flushed: never durable */
	probe();
	assert_int_equal(write_at(0, 512), STATUS_IO_ERROR);
}

static void test_write_fails_once(void **state)
{
	(void)state;
	probe();
	disk->writes_fail = 1;
	assert_int_equal(write_at(5, 512), STATUS_OK);
	assert_int_equal(disk->commands[0xCA], 2);
	assert_true(disk->writes[0].is_durable);
}

static void test_write_fails(void **state)
{
	(void)state;
	probe();
	disk->writes_fail = FAKE_AHCI_FOREVER;
	assert_int_equal(write_at(5, 512), STATUS_IO_ERROR);
	assert_int_equal(disk->commands[0xEA], 0);
	expect_readable();
}

static void test_flush_fails(void **state)
{
	(void)state;
	probe();
	disk->flushes_fail = 1;
	assert_int_equal(write_at(5, 512), STATUS_IO_ERROR);
	/* Not tried again: a flush that succeeds then proves nothing. */
	assert_int_equal(disk->commands[0xEA], 1);
	assert_false(disk->writes[0].is_durable);
	expect_readable();
}

static void test_write_never_answered(void **state)
{
	(void)state;
	probe();
	const uint64_t start_us = fake_hw_now_us();
	disk->mute_times = 1;
	assert_int_equal(write_at(5, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	assert_int_equal(disk->commands[0xEA], 0);
	assert_int_equal(disk->comresets, 2); /* the device may still be busy with it */
	expect_readable();
}

static void test_flush_never_answered(void **state)
{
	(void)state;
	probe();
	const uint64_t start_us = fake_hw_now_us();
	disk->flushes_mute = 1;
	disk->latency_us = 7000000; /* of the write */
	assert_int_equal(write_at(6, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	assert_false(disk->writes[0].is_durable);
	expect_readable();
}

static void test_disk_gone_at_write(void **state)
{
	(void)state;
	probe();
	fake_ahci_remove(&ahci, 0);
	const uint64_t start_us = fake_hw_now_us();
	assert_int_not_equal(write_at(5, 512), STATUS_OK);
	assert_true(fake_hw_now_us() - start_us < 1000000);
	assert_int_not_equal(write_at(5, 512), STATUS_OK);
	assert_int_equal(disk->write_count, 0);
}

/* --- the rehearsal --------------------------------------------------------------------------------------------- */

static void test_rehearse(void **state)
{
	(void)state;
	probe();
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_OK);
	assert_int_equal(ahci.resets, 1);
	assert_int_equal(disk->comresets, 1);
	assert_true((disk->cmd & AHCI_PX_CMD_CR) != 0);
	assert_int_equal(disk->stops, 1);
	expect_readable();
}

static void test_rehearse_finds_a_stuck_list(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 3);
	probe();
	disk->is_list_stuck = true;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 2000000);
	/* Reset and working again, the neighbour too. */
	assert_int_equal(ahci.resets, 2);
	expect_readable();
	assert_int_equal(block_read_sync(registry.devices[1], (struct lba){0}, &back, 512), STATUS_OK);
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_OK);
}

static void test_rehearse_finds_a_stuck_receiver(void **state)
{
	(void)state;
	probe();
	disk->is_receiver_stuck = true;
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_TIMEOUT);
	expect_readable();
}

static void test_rehearse_and_reset_stuck(void **state)
{
	(void)state;
	probe();
	disk->is_list_stuck = true;
	ahci.is_reset_stuck = true;
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_TIMEOUT);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	assert_int_equal(block_read_sync(device, (struct lba){0}, &back, 512), STATUS_IO_ERROR);
	assert_int_equal(write_at(0, 512), STATUS_IO_ERROR);
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_IO_ERROR);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void expect_silent(unsigned resets)
{
	const uint64_t logged = fake_log_bytes();
	const uint64_t start_us = fake_hw_now_us();

	device->ops->quiesce(device);
	assert_int_equal(ahci.resets, resets);
	assert_true(fake_hw_now_us() - start_us < 3000000);
	assert_int_equal(fake_log_bytes(), logged);
	assert_int_equal(device->ops->submit_read(device, NULL, 0, (struct lba){0}, 0), STATUS_IO_ERROR);
	assert_int_equal(write_at(0, 512), STATUS_IO_ERROR);
	device->ops->quiesce(device); /* again is allowed */
}

static void test_quiesce(void **state)
{
	(void)state;
	struct fake_ahci_port *other = fake_ahci_add_disk(&ahci, 3);
	probe();
	expect_silent(1);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	assert_int_equal(disk->cmd & (AHCI_PX_CMD_CR | AHCI_PX_CMD_FR), 0);
	assert_int_equal(other->cmd & (AHCI_PX_CMD_CR | AHCI_PX_CMD_FR), 0);
	registry.devices[1]->ops->quiesce(registry.devices[1]);
}

static void test_quiesce_in_flight(void **state)
{
	const struct block_segment segment = {virt_to_paddr(&back), 4096};

	(void)state;
	disk->latency_us = 1000;
	probe();
	memset(&back, 0x77, sizeof(back));
	assert_int_equal(device->ops->submit_read(device, &segment, 1, (struct lba){0}, 0), STATUS_OK);
	device->ops->quiesce(device);
	fake_hw_advance_us(1000000);
	for (size_t i = 0; i < sizeof(back); i++)
		assert_int_equal(back.bytes[i], 0x77);
}

static void test_quiesce_stuck_list(void **state)
{
	(void)state;
	probe();
	disk->is_list_stuck = true;
	expect_silent(2);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	assert_int_equal(disk->cmd & AHCI_PX_CMD_CR, 0);
}

static void test_quiesce_stuck_list_and_reset(void **state)
{
	(void)state;
	probe();
	disk->is_list_stuck = true;
	ahci.is_reset_stuck = true;
	device->ops->quiesce(device);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
}

static void test_quiesce_bus_master_stays(void **state)
{
	(void)state;
	probe();
	ahci.pci.writable[4] = 0;
	device->ops->quiesce(device);
	/* Stopped, and reset on top of it. */
	assert_int_equal(ahci.resets, 2);
	assert_int_equal(disk->cmd & (AHCI_PX_CMD_CR | AHCI_PX_CMD_FR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_write_is_durable, setup),
		cmocka_unit_test_setup(test_write_4kn, setup),
		cmocka_unit_test_setup(test_write_page_and_flush_28bit, setup),
		cmocka_unit_test_setup(test_write_refused, setup),
		cmocka_unit_test_setup(test_no_cache_no_flush, setup),
		cmocka_unit_test_setup(test_write_fails_once, setup),
		cmocka_unit_test_setup(test_write_fails, setup),
		cmocka_unit_test_setup(test_flush_fails, setup),
		cmocka_unit_test_setup(test_write_never_answered, setup),
		cmocka_unit_test_setup(test_flush_never_answered, setup),
		cmocka_unit_test_setup(test_disk_gone_at_write, setup),
		cmocka_unit_test_setup(test_rehearse, setup),
		cmocka_unit_test_setup(test_rehearse_finds_a_stuck_list, setup),
		cmocka_unit_test_setup(test_rehearse_finds_a_stuck_receiver, setup),
		cmocka_unit_test_setup(test_rehearse_and_reset_stuck, setup),
		cmocka_unit_test_setup(test_quiesce, setup),
		cmocka_unit_test_setup(test_quiesce_in_flight, setup),
		cmocka_unit_test_setup(test_quiesce_stuck_list, setup),
		cmocka_unit_test_setup(test_quiesce_stuck_list_and_reset, setup),
		cmocka_unit_test_setup(test_quiesce_bus_master_stays, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
