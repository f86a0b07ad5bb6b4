/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE driver finds its disks: against a model of a PIIX-like controller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide_fixture.h"

static void test_identity(void **state)
{
	const struct block_identity *identity;

	(void)state;
	ide_start(LEGACY, 8 << 20);
	identity = &ide_disk0()->identity;
	assert_string_equal(identity->name, "ide0.0");
	assert_string_equal(identity->model, "FAKE IDE DISK");
	assert_string_equal(identity->serial, "SER-1");
	assert_int_equal(identity->sector_bytes, 512);
	assert_int_equal(identity->sector_count, 8 << 20);
	assert_int_equal(identity->max_segments, 256);
	assert_int_equal(identity->max_transfer_bytes, MIB);
	assert_true(identity->queue_depth >= 1);
	assert_true(identity->dma_limit == 4 * GIB);
	assert_int_equal(identity->controller, 1 << 3 | 1);
	assert_true(fake_pci_is_bus_master(&ide.function));
	ide_read_one(ide_disk0(), ide_buffer, 512, 0, STATUS_OK);
	assert_int_equal(ide.channels[0].bus_master_status & BMIDE_STATUS_CAPABLE, BIT(5));
}

static void test_four_disks_native(void **state)
{
	static const char *const names[] = {"ide0.0", "ide0.1", "ide0.2", "ide0.3"};

	(void)state;
	fake_ide_init(&ide, NATIVE);
	for (unsigned i = 0; i < 4; i++)
		fake_ide_add_disk(&ide, i / 2, i % 2, 1000 + i, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(ide_registry.devices[i]->identity.name, names[i]);
		assert_int_equal(ide_registry.devices[i]->identity.sector_count, 1000 + i);
		ide_read_one(ide_registry.devices[i], ide_buffer, 512, 999, STATUS_OK);
		ide_assert_pattern(ide_buffer, 999 * 512, 512);
		assert_int_equal(ide.log[ide.log_count - 1].channel, i / 2);
		assert_int_equal(ide.log[ide.log_count - 1].device, i % 2);
	}
	assert_false(ide.function.sized_while_decoding);
}

static void check_empty(uint8_t floating)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());

	fake_ide_init(&ide, LEGACY);
	ide.floating = floating;
	ide_probe();
	assert_int_equal(ide_registry.count, 0);
	assert_true(fake_hw_now_us() - start_us < 20000);
	assert_int_equal(ide.channels[0].resets, floating == 0xFF ? 0 : 1);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

static void test_no_device_is_quick(void **state)
{
	(void)state;
	check_empty(0xFF);
	check_empty(0x7F);
	check_empty(0x00);
}

static void test_atapi_is_passed_over(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512)->is_atapi = true;
	fake_ide_add_disk(&ide, 1, 0, 1000, 512)->is_atapi = true;
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 2);
	assert_string_equal(ide_registry.devices[1]->identity.name, "ide0.3");
	assert_int_equal(fake_ide_commands(&ide, ATA_IDENTIFY_DEVICE), 2);
}

static void test_stuck_busy_at_detection(void **state)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	disk->is_deaf = true;
	disk->command = ATA_READ_DMA; /* left by the firmware */
	disk->status = ATA_STATUS_BSY;
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 1);
	assert_string_equal(ide_disk0()->identity.name, "ide0.2");
	assert_true(fake_hw_now_us() - start_us < 6 * SECOND_US);
}

static void test_identify_that_hangs(void **state)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	disk->hang_command = ATA_IDENTIFY_DEVICE;
	disk->hang_count = 10;
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 1);
	assert_string_equal(ide_disk0()->identity.name, "ide0.1");
	assert_true(fake_hw_now_us() - start_us < 16 * SECOND_US);
	ide_read_one(ide_disk0(), ide_buffer, 4096, 3, STATUS_OK);
}

static void test_bad_identify(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	memset(fake_ide_add_disk(&ide, 0, 0, 1000, 512)->identify, 0, 512);
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 1);
	assert_string_equal(ide_disk0()->identity.name, "ide0.3");
}

/* A SATA controller in IDE mode: nobody answers in the missing neighbour's place. */
static void test_missing_neighbour_is_quick(void **state)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());

	(void)state;
	fake_ide_init(&ide, LEGACY);
	ide.absent = 0xFF;
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 1);
	assert_true(fake_hw_now_us() - start_us < 20000);
}

static void check_without_engine(uint8_t prog_if, uint32_t bar4)
{
	ide_setup(NULL);
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	ide.function.config[9] = prog_if;
	fake_pci_set32(&ide.function, 0x20, bar4);
	ide_probe();
	ide_read_one(ide_disk0(), ide_buffer, 512, 3, STATUS_OK);
	ide_assert_pattern(ide_buffer, 3 * 512, 512);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
	ide_disk0()->ops->quiesce(ide_disk0());
	fake_ide_free(&ide);
}

/* An engine that is not announced, not in I/O space, out of its reach, or not there. */
static void test_unusable_engine(void **state)
{
	(void)state;
	check_without_engine(0x00, FAKE_IDE_BUS_MASTER | 1);
	check_without_engine(LEGACY, FAKE_IDE_BUS_MASTER);
	check_without_engine(LEGACY, 0xFF00C001);
	check_without_engine(LEGACY, 0);
}

static void test_engine_that_floats(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	ide.channels[0].bus_master_status = 0xFF;
	ide.channels[0].engine_sticks = true;
	ide_probe();
	ide_read_one(ide_disk0(), ide_buffer, 512, 3, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
}

static void test_small_engine_and_native_ports(void **state)
{
	(void)state;
	fake_ide_init(&ide, NATIVE);
	fake_pci_set_bar(&ide.function, 4, FAKE_IDE_BUS_MASTER, 8, 1);
	fake_pci_set_bar(&ide.function, 0, 0x1000, 4, 1);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512); /* behind a BAR that is too small */
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 1);
	ide_read_one(ide_disk0(), ide_buffer, 512, 3, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
}

static void test_arena_beyond_the_engine(void **state)
{
	static uint8_t high_memory[256 * 1024];
	struct pci_function function;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	function = ide_function(&ide);
	assert_true((uintptr_t)high_memory > 4 * GIB);
	arena_init(&ide_arena, high_memory, sizeof(high_memory));
	assert_int_equal(ide_driver.probe(&ide_environment, &function, 0), STATUS_NO_MEMORY);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

/* Whoever was selected before the reset: device 0 is found. */
static void test_selection_kept_over_a_reset(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	ide.keeps_selection = true;
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	ide.channels[0].selected = 1;
	ide.channels[1].selected = 1;
	ide_probe();
	assert_int_equal(ide_registry.count, 3);
}

static void test_same_channel_twice(void **state)
{
	struct pci_function function;

	(void)state;
	ide_start(LEGACY, 1000);
	function = ide_function(&ide);
	assert_int_equal(ide_driver.probe(&ide_environment, &function, 1), STATUS_OK);
	assert_int_equal(ide_registry.count, 1);
}

static void test_full_arena(void **state)
{
	struct pci_function function;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	function = ide_function(&ide);
	arena_init(&ide_arena, ide_low_memory, 32 * 1024);
	assert_int_equal(ide_driver.probe(&ide_environment, &function, 0), STATUS_NO_MEMORY);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

static void test_matches_only_ide(void **state)
{
	struct pci_function function = {.class_code = 1, .subclass = 1};

	(void)state;
	assert_true(ide_driver.matches(&function));
	function.subclass = 6;
	assert_false(ide_driver.matches(&function));
	function.subclass = 1;
	function.class_code = 2;
	assert_false(ide_driver.matches(&function));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_four_disks_native),
		TEST(test_no_device_is_quick),
		TEST(test_atapi_is_passed_over),
		TEST(test_stuck_busy_at_detection),
		TEST(test_identify_that_hangs),
		TEST(test_bad_identify),
		TEST(test_missing_neighbour_is_quick),
		TEST(test_unusable_engine),
		TEST(test_engine_that_floats),
		TEST(test_small_engine_and_native_ports),
		TEST(test_arena_beyond_the_engine),
		TEST(test_selection_kept_over_a_reset),
		TEST(test_same_channel_twice),
		TEST(test_full_arena),
		TEST(test_matches_only_ide),
	};

	return cmocka_run_group_tests(tests, ide_group_setup, NULL);
}
