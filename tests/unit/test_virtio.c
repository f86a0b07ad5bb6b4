/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: bringing the device up. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

static void expect_works(void)
{
	rig_read(3);
	rig_expect_all_but(3, 2, STATUS_OK);
}

static const struct block_identity *identity(void)
{
	return &rig.device->identity;
}

/* --- both interfaces ------------------------------------------------------------------------------------------- */

static void expect_identity(void)
{
	rig_probe();
	assert_string_equal(identity()->name, "virtio0");
	assert_string_equal(identity()->model, "virtio-blk");
	assert_string_equal(identity()->serial, "FAKE-SERIAL");
	assert_int_equal(identity()->sector_bytes, 512);
	assert_int_equal(identity()->sector_count, 1 << 21);
	assert_int_equal(identity()->queue_depth, 64);
	assert_int_equal(identity()->max_segments, 254);
	assert_int_equal(identity()->max_transfer_bytes, 1 << 20);
	assert_true(identity()->dma_limit == UINT64_MAX);
	assert_int_equal(identity()->controller, 4 << 3);
	assert_true(fake_pci_is_bus_master(&rig.virtio.pci));
	assert_int_equal(fake_pci_get32(&rig.virtio.pci, 4) & 0x400, 0x400); /* INTx is off */
	expect_works();
	assert_int_equal(rig.virtio.resets, 1);
}

static void test_modern(void **state)
{
	(void)state;
	fake_virtio_make_modern(&rig.virtio);
	expect_identity();
	assert_true(rig.virtio.is_modern_used);
	assert_true(fake_log_has("virtio0: 00:04.0, modern, 1024 MiB, 512-byte sectors, depth 64, 254 pages"));
	/* What we don't handle is not taken: no CONFIG_WCE, EVENT_IDX, RING_PACKED. */
	assert_true(rig.virtio.driver_features == (VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
						   VIRTIO_F_INDIRECT_DESC | VIRTIO_F_VERSION_1));
}

static void test_transitional_is_modern(void **state)
{
	(void)state;
	expect_identity();
	assert_true(rig.virtio.is_modern_used);
}

static void test_legacy(void **state)
{
	(void)state;
	fake_virtio_make_legacy(&rig.virtio);
	expect_identity();
	assert_false(rig.virtio.is_modern_used);
	assert_true(fake_log_has("virtio0: 00:04.0, legacy, 1024 MiB"));
}

static void test_matches(void **state)
{
	struct pci_function function = {.vendor_id = 0x1AF4, .device_id = 0x1001};

	(void)state;
	assert_true(virtio_blk_driver.matches(&function));
	function.device_id = 0x1042;
	assert_true(virtio_blk_driver.matches(&function));
	function.device_id = 0x1041; /* network */
	assert_false(virtio_blk_driver.matches(&function));
	function = (struct pci_function){.vendor_id = 0x1AF5, .device_id = 0x1042};
	assert_false(virtio_blk_driver.matches(&function));
}

static void firmware_left_it_running(void)
{
	static uint8_t queue[65536] __attribute__((aligned(4096)));
	uint8_t before[256];

	memset(queue, 0, sizeof(queue));
	queue[16 * 256] = 1; /* NO_INTERRUPT */
	memcpy(before, queue + 4096, sizeof(before));
	fake_virtio_leave_running(&rig.virtio, (uint64_t)(uintptr_t)queue);
	rig.virtio.reset_us = 200000;
	rig_probe();
	expect_works();
	assert_memory_equal(queue + 4096, before, sizeof(before));
}

static void test_firmware_left_it_running(void **state)
{
	(void)state;
	firmware_left_it_running();
	rig_setup_legacy(state);
	firmware_left_it_running();
}

/* --- the device refuses, or can't be used ---------------------------------------------------------------------- */

static void test_features_refused(void **state)
{
	(void)state;
	rig.virtio.refuses_features = true;
	rig_expect_refused(STATUS_UNSUPPORTED);
	assert_true(fake_log_has("virtio0: it refuses features 110000244"));
	assert_int_equal(rig.virtio.status, 0);
}

/* It had it before it was reset, or the interface would not have been chosen. */
static void test_version_1_is_gone(void **state)
{
	(void)state;
	rig.virtio.loses_features = VIRTIO_F_VERSION_1;
	rig_expect_refused(STATUS_UNSUPPORTED);
}

static void test_platform_features_are_taken(void **state)
{
	(void)state;
	rig.virtio.features |= VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_ORDER_PLATFORM;
	rig_probe();
	assert_true((rig.virtio.driver_features & VIRTIO_F_ACCESS_PLATFORM) != 0);
	assert_true((rig.virtio.driver_features & VIRTIO_F_ORDER_PLATFORM) != 0);
}

static void expect_queue_refused(uint16_t size)
{
	rig.virtio.queue_size = rig.virtio.size_set = size;
	rig_expect_refused(STATUS_UNSUPPORTED);
	assert_int_equal(rig.virtio.status, 0);
}

static void test_queue_sizes_refused(void **state)
{
	static const uint16_t sizes[] = {0, 1, 2, 3, 100, 65535};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		rig_setup(state);
		expect_queue_refused(sizes[i]);
		rig_setup_legacy(state);
		expect_queue_refused(sizes[i]);
	}
	rig_setup_legacy(state);
	expect_queue_refused(0);
	assert_true(fake_log_has("virtio0: a queue of 0"));
	rig_setup_legacy(state);
	expect_queue_refused(2048);
	assert_true(fake_log_has("virtio0: a queue of 2048"));
}

static void expect_limits(uint16_t size, uint32_t depth, uint32_t segments)
{
	rig.virtio.queue_size = rig.virtio.size_set = size;
	rig_probe();
	assert_int_equal(identity()->queue_depth, depth);
	assert_int_equal(identity()->max_segments, segments);
	expect_works();
}

static void test_large_queues(void **state)
{
	(void)state;
	rig.virtio.seg_max = 1000;
	expect_limits(32768, 64, 256);
	assert_int_equal(rig.virtio.size_set, 512);
	rig_setup_legacy(state);
	rig.virtio.seg_max = 1000;
	expect_limits(1024, 64, 256);
}

static void test_small_queue(void **state)
{
	(void)state;
	expect_limits(4, 4, 2);
	assert_int_equal(identity()->max_transfer_bytes, 1 << 20);
}

static void test_capacities(void **state)
{
	(void)state;
	rig.virtio.capacity = 0;
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup(state);
	rig.virtio.capacity = (uint64_t)1 << 55;
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup(state);
	rig.virtio.capacity = ((uint64_t)1 << 55) - 1;
	rig_probe();
	assert_true(identity()->sector_count == ((uint64_t)1 << 55) - 1);
}

static void test_sector_sizes(void **state)
{
	static const uint32_t sizes[] = {0, 256, 520, 1024, 8192, 0x80000000};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		rig_setup(state);
		rig.virtio.blk_size = sizes[i];
		rig_expect_refused(STATUS_UNSUPPORTED);
	}
	rig_setup(state);
	rig.virtio.blk_size = 4096;
	rig.virtio.capacity = (1 << 21) + 7;
	rig_probe();
	assert_int_equal(identity()->sector_bytes, 4096);
	assert_int_equal(identity()->sector_count, 1 << 18);
	expect_works();
	rig_setup(state);
	rig.virtio.blk_size = 4096;
	rig.virtio.features &= ~VIRTIO_BLK_F_BLK_SIZE;
	rig_probe();
	assert_int_equal(identity()->sector_bytes, 512);
}

/* The configuration changes while it is read: neither the old value nor the new one must be mixed. */
static void configuration_changes(void)
{
	rig.virtio.torn_configs = 2;
	rig_probe();
	assert_true(identity()->sector_count == rig.virtio.capacity);
}

static void test_configuration_changes(void **state)
{
	(void)state;
	configuration_changes();
	rig_setup_legacy(state);
	configuration_changes();
	rig_setup(state);
	rig.virtio.torn_configs = FAKE_VIRTIO_FOREVER;
	rig_expect_refused(STATUS_TIMEOUT);
}

/* With the last of these features the configuration has to reach so far. */
static void expect_config_bytes(uint64_t features, uint32_t bytes)
{
	for (uint32_t length = bytes - 1; length <= bytes; length++) {
		rig_setup(NULL);
		rig.virtio.size_max = 65536;
		rig.virtio.features &= ~(VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE);
		rig.virtio.features |= features;
		fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE + 12, length);
		if (length < bytes)
			rig_expect_refused(STATUS_UNSUPPORTED);
		else
			rig_probe();
	}
}

static void test_configuration_too_short(void **state)
{
	(void)state;
	expect_config_bytes(0, 0x08);
	expect_config_bytes(VIRTIO_BLK_F_SIZE_MAX, 0x0C);
	expect_config_bytes(VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX, 0x10);
	expect_config_bytes(VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE, 0x18);
}

static void test_reset_stuck(void **state)
{
	(void)state;
	rig.virtio.is_reset_stuck = true;
	rig.virtio.status = 7;
	fake_pci_set16(&rig.virtio.pci, 4, 7);
	rig_expect_refused(STATUS_TIMEOUT);
}

static void test_dead(void **state)
{
	(void)state;
	rig.virtio.is_removed = true;
	rig_expect_refused(STATUS_IO_ERROR);
	rig_setup_legacy(state);
	rig.virtio.is_removed = true;
	rig_expect_refused(STATUS_IO_ERROR);
}

static void test_bus_master_stays(void **state)
{
	(void)state;
	rig.virtio.refuses_features = true;
	fake_pci_set16(&rig.virtio.pci, 4, 7);
	rig.virtio.pci.writable[4] = 0x43;
	assert_int_equal(fake_virtio_probe(&rig.virtio, &rig.registry), STATUS_UNSUPPORTED);
	assert_true(fake_log_has("virtio0: bus mastering does not go off"));
	assert_int_equal(rig.virtio.status, 0);
}

/* --- the driver's own surroundings -------------------------------------------------------------------------------- */

/* The tables of descriptors take at most an eighth of what is left. */
static void test_little_memory(void **state)
{
	(void)state;
	rig.virtio.arena_bytes = 1 << 20;
	rig_probe();
	assert_int_equal(identity()->queue_depth, 4);
	assert_int_equal(identity()->max_segments, 254);
	expect_works();
	rig_setup(state);
	rig.virtio.arena_bytes = (2 << 20) + (128 << 10);
	rig_probe();
	assert_int_equal(identity()->queue_depth, 64);
}

static void test_no_memory(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 30000; bytes += 100) {
		rig_setup(state);
		rig.virtio.arena_bytes = bytes;
		rig_expect_refused(STATUS_NO_MEMORY);
		assert_int_equal(rig.virtio.status, 0);
	}
}

static void test_too_many_disks(void **state)
{
	(void)state;
	rig.virtio.disks_before = BLOCK_DEVICES_MAX;
	assert_int_equal(fake_virtio_probe(&rig.virtio, &rig.registry), STATUS_NO_MEMORY);
	assert_int_equal(rig.registry.count, BLOCK_DEVICES_MAX);
	assert_int_equal(rig.virtio.status, 0);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
}

/* --- the serial number ----------------------------------------------------------------------------------------- */

static void test_serial(void **state)
{
	(void)state;
	memcpy(rig.virtio.id, "  01234567890123 \n\xFF ", 20);
	rig_probe();
	assert_string_equal(identity()->serial, "01234567890123 ??");
	rig_setup(state);
	memset(rig.virtio.id, 'x', 20);
	rig_probe();
	assert_string_equal(identity()->serial, "xxxxxxxxxxxxxxxxxxxx");
	rig_setup(state);
	rig.virtio.ids_fail = 1;
	rig_probe();
	assert_string_equal(identity()->serial, "");
	assert_int_equal(rig.virtio.resets, 1);
	expect_works();
}

static void test_serial_comes_late(void **state)
{
	(void)state;
	rig.virtio.latency_us = 1900000;
	rig_probe();
	assert_string_equal(identity()->serial, "FAKE-SERIAL");
	assert_int_equal(rig.virtio.resets, 1);
}

static void test_serial_never_answered(void **state)
{
	(void)state;
	rig.virtio.mute_times = 1;
	const uint64_t start_us = fake_hw_now_us();
	rig_probe();
	assert_true(fake_hw_now_us() - start_us < 3000000);
	assert_string_equal(identity()->serial, "");
	assert_int_equal(rig.virtio.resets, 2);
	expect_works();
}

static void test_serial_and_no_way_out(void **state)
{
	(void)state;
	rig.virtio.mute_times = 1;
	rig.virtio.sticks_after = 1;
	rig_expect_refused(STATUS_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_modern, rig_setup),
		cmocka_unit_test_setup(test_transitional_is_modern, rig_setup),
		cmocka_unit_test_setup(test_legacy, rig_setup),
		cmocka_unit_test_setup(test_matches, rig_setup),
		cmocka_unit_test_setup(test_firmware_left_it_running, rig_setup),
		cmocka_unit_test_setup(test_features_refused, rig_setup),
		cmocka_unit_test_setup(test_version_1_is_gone, rig_setup),
		cmocka_unit_test_setup(test_platform_features_are_taken, rig_setup),
		cmocka_unit_test_setup(test_queue_sizes_refused, rig_setup),
		cmocka_unit_test_setup(test_large_queues, rig_setup),
		cmocka_unit_test_setup(test_small_queue, rig_setup),
		cmocka_unit_test_setup(test_capacities, rig_setup),
		cmocka_unit_test_setup(test_sector_sizes, rig_setup),
		cmocka_unit_test_setup(test_configuration_changes, rig_setup),
		cmocka_unit_test_setup(test_configuration_too_short, rig_setup),
		cmocka_unit_test_setup(test_reset_stuck, rig_setup),
		cmocka_unit_test_setup(test_dead, rig_setup),
		cmocka_unit_test_setup(test_bus_master_stays, rig_setup),
		cmocka_unit_test_setup(test_little_memory, rig_setup),
		cmocka_unit_test_setup(test_no_memory, rig_setup),
		cmocka_unit_test_setup(test_too_many_disks, rig_setup),
		cmocka_unit_test_setup(test_serial, rig_setup),
		cmocka_unit_test_setup(test_serial_comes_late, rig_setup),
		cmocka_unit_test_setup(test_serial_never_answered, rig_setup),
		cmocka_unit_test_setup(test_serial_and_no_way_out, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
