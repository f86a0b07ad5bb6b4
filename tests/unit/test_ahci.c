/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver against a register model: taking a controller over and bringing its ports up. */
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

static int setup(void **state)
{
	(void)state;
	fake_ahci_init(&ahci);
	return 0;
}

static void probe(unsigned disks)
{
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_OK);
	assert_int_equal(registry.count, disks);
}

static void expect_first_sector(unsigned disk, unsigned port)
{
	static uint8_t got[4096] __attribute__((aligned(4096)));
	uint8_t expected[4096];
	struct block_device *device = registry.devices[disk];

	assert_int_equal(block_read_sync(device, (struct lba){7}, got, device->identity.sector_bytes), STATUS_OK);
	fake_ahci_sector(&ahci.ports[port], 7, expected);
	assert_memory_equal(got, expected, device->identity.sector_bytes);
}

static void test_identity(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 2);
	probe(1);
	const struct block_identity *id = &registry.devices[0]->identity;
	assert_string_equal(id->name, "ahci0.2");
	assert_string_equal(id->model, "Fake AHCI disk");
	assert_int_equal(id->sector_bytes, 512);
	assert_int_equal(id->sector_count, 1 << 21);
	assert_int_equal(id->queue_depth, 32);
	assert_int_equal(id->max_segments, 512);
	assert_int_equal(id->max_transfer_bytes, 2 << 20);
	assert_true(id->dma_limit == UINT64_MAX);
	assert_int_equal(id->controller, 0xFA);
	assert_true(fake_pci_is_bus_master(&ahci.pci));
	expect_first_sector(0, 2);
	assert_int_equal(ahci.ports[2].ie, 0);
	assert_int_equal(ahci.ghc, AHCI_GHC_AE);
	assert_true(fake_log_has("ahci0.2: Fake AHCI disk, 1024 MiB, 512-byte sectors, queued depth 32"));
}

static void test_matches_ahci_only(void **state)
{
	struct pci_function function = {.class_code = 1, .subclass = 6, .prog_if = 1};

	(void)state;
	assert_true(ahci_driver.matches(&function));
	function.prog_if = 0;
	assert_false(ahci_driver.matches(&function));
	function = (struct pci_function){.class_code = 1, .subclass = 4, .prog_if = 1};
	assert_false(ahci_driver.matches(&function));
}

static void test_4kn(void **state)
{
	struct fake_ahci_port *disk = fake_ahci_add_disk(&ahci, 0);

	(void)state;
	disk->sector_bytes = 4096;
	probe(1);
	assert_int_equal(registry.devices[0]->identity.sector_bytes, 4096);
	assert_int_equal(registry.devices[0]->identity.max_transfer_bytes, 2 << 20);
	expect_first_sector(0, 0);
}

static void test_without_lba48(void **state)
{
	struct fake_ahci_port *disk = fake_ahci_add_disk(&ahci, 0);

	(void)state;
	disk->has_lba48 = disk->has_ncq = false;
	probe(1);
	assert_int_equal(registry.devices[0]->identity.max_transfer_bytes, 256 * 512);
	assert_int_equal(registry.devices[0]->identity.max_segments, 32);
	assert_int_equal(registry.devices[0]->identity.queue_depth, 32);
	expect_first_sector(0, 0);
	assert_int_equal(disk->commands[0xC8], 1);
}

static void test_queue_depths(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0)->queue_depth = 8;
	fake_ahci_add_disk(&ahci, 1)->has_ncq = false;
	ahci.cap = (ahci.cap & ~(AHCI_CAP_NCS_MASK << AHCI_CAP_NCS_SHIFT)) | 15 << AHCI_CAP_NCS_SHIFT;
	probe(2);
	assert_int_equal(registry.devices[0]->identity.queue_depth, 8);
	assert_int_equal(registry.devices[1]->identity.queue_depth, 16);
	expect_first_sector(0, 0);
	expect_first_sector(1, 1);
	assert_int_equal(ahci.ports[0].commands[0x60], 1);
	assert_int_equal(ahci.ports[1].commands[0x60], 0);
	assert_int_equal(ahci.ports[1].commands[0xC8], 1);
}

static void test_many_disks_share_the_arena(void **state)
{
	(void)state;
	ahci.pi = UINT32_MAX;
	for (unsigned i = 0; i < 14; i++)
		fake_ahci_add_disk(&ahci, i);
	probe(14);
	assert_int_equal(registry.devices[0]->identity.queue_depth, 32);
	assert_int_equal(registry.devices[13]->identity.queue_depth, 4);
	expect_first_sector(13, 13);
}

static void test_controller_without_ncq(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	ahci.cap &= ~AHCI_CAP_SNCQ;
	probe(1);
	expect_first_sector(0, 0);
	assert_int_equal(ahci.ports[0].commands[0x60], 0);
}

static void test_dma_limits(void **state)
{
	static struct page high;
	const struct block_segment segment = {.address = {(uint64_t)1 << 32}, .bytes = 4096};
	const struct block_segment across = {.address = {((uint64_t)1 << 32) - 2048}, .bytes = 4096};

	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	ahci.cap &= ~AHCI_CAP_S64A; /* the model insists on zero upper halves then */
	probe(1);
	struct block_device *device = registry.devices[0];
	assert_true(device->identity.dma_limit == (uint64_t)1 << 32);
	assert_int_equal(device->ops->submit_read(device, &segment, 1, (struct lba){0}, 1), STATUS_INVALID);
	assert_int_equal(device->ops->submit_read(device, &across, 1, (struct lba){0}, 1), STATUS_INVALID);
	if ((uintptr_t)&high >= (uintptr_t)1 << 32)
		assert_int_equal(block_read_sync(device, (struct lba){0}, &high, 4096), STATUS_INVALID);

	fake_ahci_init(&ahci);
	fake_ahci_add_disk(&ahci, 0);
	fake_pci_set32(&ahci.pci, 0, 0x06121B21); /* ASMedia ASM1061: 43 bits */
	probe(1);
	assert_true(registry.devices[0]->identity.dma_limit == (uint64_t)1 << 43);
}

static void test_firmware_left_it_running(void **state)
{
	static uint8_t lists[8192] __attribute__((aligned(4096)));
	uint8_t before[8192];

	(void)state;
	memset(lists, 0xA5, sizeof(lists));
	memcpy(before, lists, sizeof(lists));
	fake_ahci_add_disk(&ahci, 0);
	fake_ahci_leave_running(&ahci, 0, (uint64_t)(uintptr_t)lists);
	probe(1);
	expect_first_sector(0, 0);
	/* The model refuses lists re-pointed under a running engine; and nothing was written to the old place. */
	assert_memory_equal(lists, before, sizeof(lists));
	assert_int_equal(ahci.resets, 1);
	assert_int_equal(ahci.ports[0].ie, 0);
}

static void test_handoff(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	ahci.cap2 = AHCI_CAP2_BOH;
	ahci.bohc = AHCI_BOHC_BOS;
	ahci.handoff_us = 10000;
	probe(1);
	assert_int_equal(ahci.bohc & (AHCI_BOHC_BOS | AHCI_BOHC_OOS), AHCI_BOHC_OOS);
	assert_false(fake_log_has("does not let go"));
}

static void test_handoff_busy(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	ahci.cap2 = AHCI_CAP2_BOH;
	ahci.bohc = AHCI_BOHC_BOS;
	ahci.handoff_us = 1500000;
	ahci.has_handoff_busy = true;
	probe(1);
	assert_int_equal(ahci.bohc & AHCI_BOHC_BOS, 0);
	assert_false(fake_log_has("does not let go"));
}

static void test_handoff_never(void **state)
{
	const uint64_t start_us = 1000000;

	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	ahci.cap2 = AHCI_CAP2_BOH;
	ahci.bohc = AHCI_BOHC_BOS;
	ahci.handoff_us = UINT64_MAX;
	probe(1);
	expect_first_sector(0, 0);
	assert_true(fake_log_has("does not let go"));
	assert_true(fake_hw_now_us() - start_us < 200000);
}

static void test_empty_ports_are_quick(void **state)
{
	(void)state;
	ahci.pi = UINT32_MAX;
	ahci.cap |= 31;
	fake_ahci_add_disk(&ahci, 31);
	const uint64_t start_us = fake_hw_now_us();
	probe(1);
	assert_string_equal(registry.devices[0]->identity.name, "ahci0.31");
	assert_true(fake_hw_now_us() - start_us < 100000);
}

static void test_firmware_saw_which_ports_are_empty(void **state)
{
	static uint8_t lists[4096] __attribute__((aligned(4096)));

	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	fake_ahci_leave_running(&ahci, 0, (uint64_t)(uintptr_t)lists);
	const uint64_t start_us = fake_hw_now_us();
	probe(1);
	assert_true(fake_hw_now_us() - start_us < 25000);

	/* A slow port that it saw has its time; one that it did not see only the standard's. */
	fake_ahci_init(&ahci);
	fake_ahci_add_disk(&ahci, 0)->link_us = 40000;
	fake_ahci_add_disk(&ahci, 1)->link_us = 10000;
	fake_ahci_leave_running(&ahci, 0, (uint64_t)(uintptr_t)lists);
	probe(2);

	/* A firmware that saw none at all has perhaps not looked. */
	fake_ahci_init(&ahci);
	fake_ahci_add_disk(&ahci, 0)->link_us = 40000;
	probe(1);
}

static void test_slow_disks_side_by_side(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct fake_ahci_port *disk = fake_ahci_add_disk(&ahci, i);
		disk->ready_us = 3000000;
		disk->latency_us = 1000000;
	}
	const uint64_t start_us = fake_hw_now_us();
	probe(4);
	assert_true(fake_hw_now_us() - start_us < 5000000);
}

static void test_others_are_passed_over(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0)->signature = 0xEB140101;
	fake_ahci_add_disk(&ahci, 1)->signature = 0x96690101;
	fake_ahci_add_disk(&ahci, 2)->signature = 0xC33C0101;
	fake_ahci_add_disk(&ahci, 3);
	probe(1);
	assert_string_equal(registry.devices[0]->identity.name, "ahci0.3");
	assert_true(fake_log_has("ahci0.0: an ATAPI device, passed over"));
	assert_true(fake_log_has("ahci0.1: a port multiplier, passed over"));
	assert_true(fake_log_has("ahci0.2: an enclosure bridge, passed over"));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ahci.ports[i].commands[0xEC], 0);
		assert_int_equal(ahci.ports[i].cmd & (AHCI_PX_CMD_ST | AHCI_PX_CMD_FRE), 0);
	}
}

static void test_no_disk(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0)->signature = 0xEB140101;
	probe(0);
	/* Nobody would quiesce it later. */
	assert_false(fake_pci_is_bus_master(&ahci.pci));
}

static void test_never_ready(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0)->is_never_ready = true;
	fake_ahci_add_disk(&ahci, 1);
	const uint64_t start_us = fake_hw_now_us();
	probe(1);
	assert_string_equal(registry.devices[0]->identity.name, "ahci0.1");
	assert_true(fake_log_has("ahci0.0: the device does not become ready"));
	assert_true(fake_hw_now_us() - start_us < 12000000);
}

static void test_slow_link(void **state)
{
	struct fake_ahci_port *disk = fake_ahci_add_disk(&ahci, 0);

	(void)state;
	disk->is_present_early = true;
	disk->link_us = 300000;
	probe(1);
	expect_first_sector(0, 0);

	fake_ahci_init(&ahci);
	disk = fake_ahci_add_disk(&ahci, 0);
	disk->is_present_early = true;
	disk->link_us = 2000000;
	probe(0);
	assert_true(fake_log_has("ahci0.0: a device, but no link"));
}

static void test_disk_without_dma(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0)->has_no_dma = true;
	probe(0);
	assert_true(fake_log_has("ahci0.0: not identified: "));
}

static void test_identify_never_answered(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0)->mute_times = 1;
	probe(0);
	assert_true(fake_log_has("ahci0.0: not identified: "));
	assert_true(fake_hw_now_us() < 12000000);
	assert_int_equal(ahci.ports[0].cmd & (AHCI_PX_CMD_CR | AHCI_PX_CMD_FRE), 0);
}

static void test_identify_never_answered_and_engine_stuck(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	fake_ahci_add_disk(&ahci, 1);
	probe(2);
	struct fake_ahci_port *disk = &ahci.ports[0];
	/* From now on it neither answers nor stops: only taking bus mastering away is safe, for both. */
	disk->mute_times = FAKE_AHCI_FOREVER;
	disk->is_list_stuck = true;
	static struct page page;
	assert_int_not_equal(block_read_sync(registry.devices[0], (struct lba){0}, &page, 4096), STATUS_OK);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	assert_int_equal(block_read_sync(registry.devices[1], (struct lba){0}, &page, 4096), STATUS_IO_ERROR);
}

/* Seen on real controllers: PhyRdy change without connect change, and FR that stays on after the reset. */
static void test_prc_without_pcs_and_stuck_receiver(void **state)
{
	static uint8_t lists[4096] __attribute__((aligned(4096)));
	struct fake_ahci_port *disk = fake_ahci_add_disk(&ahci, 0);

	(void)state;
	fake_ahci_leave_running(&ahci, 0, (uint64_t)(uintptr_t)lists);
	disk->has_prc_only = true;
	disk->is_receiver_stuck = true;
	probe(1);
	expect_first_sector(0, 0);
	assert_true(fake_log_has("a port does not stop after the reset"));
}

static void test_engine_stuck_until_reset(void **state)
{
	static uint8_t lists[4096] __attribute__((aligned(4096)));

	(void)state;
	fake_ahci_add_disk(&ahci, 0)->is_list_stuck = true;
	fake_ahci_leave_running(&ahci, 0, (uint64_t)(uintptr_t)lists);
	probe(1);
	expect_first_sector(0, 0);
	assert_true(fake_log_has("a port of the firmware's does not stop"));
}

static void test_reset_never_ends(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	ahci.is_reset_stuck = true;
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_TIMEOUT);
	assert_int_equal(registry.count, 0);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	assert_true(fake_hw_now_us() < 4000000);
}

static void test_ports_implemented(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 1);
	fake_ahci_add_disk(&ahci, 4);
	ahci.pi = 0x10; /* port 1 is not implemented: the model refuses every access to it */
	ahci.is_pi_lost_by_reset = true;
	probe(1);
	assert_string_equal(registry.devices[0]->identity.name, "ahci0.4");
	assert_int_equal(ahci.pi, 0x10);
}

static void test_ports_beyond_the_bar(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 5);
	fake_ahci_add_disk(&ahci, 6);
	ahci.pi = UINT32_MAX;
	fake_pci_set_bar(&ahci.pci, AHCI_ABAR_INDEX, FAKE_AHCI_BASE, 1024, 0);
	probe(1);
	assert_string_equal(registry.devices[0]->identity.name, "ahci0.5");
}

static void test_intel_pcs(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	fake_pci_set16(&ahci.pci, INTEL_PCS, 0x8001);
	ahci.pci.writable[INTEL_PCS] = 0x3F;
	ahci.pci.writable[INTEL_PCS + 1] = 0xFF;
	probe(1);
	assert_int_equal(fake_pci_get32(&ahci.pci, INTEL_PCS - 2) >> 16, 0x803F);

	/* On chips with another register at this place, it is left alone. */
	fake_ahci_init(&ahci);
	fake_ahci_add_disk(&ahci, 0);
	fake_pci_set32(&ahci.pci, 0, 0xA1028086);
	ahci.pci.writable[INTEL_PCS] = 0x3F;
	probe(1);
	assert_int_equal(fake_pci_get32(&ahci.pci, INTEL_PCS - 2) >> 16, 0);
}

static void test_bad_bars(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	fake_pci_set_bar(&ahci.pci, AHCI_ABAR_INDEX, 0, FAKE_AHCI_BYTES, 0);
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_NOT_FOUND);
	assert_false(fake_pci_is_bus_master(&ahci.pci));
	fake_pci_set_bar(&ahci.pci, AHCI_ABAR_INDEX, 0xC000, 1024, 1);
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_UNSUPPORTED);
	fake_pci_set_bar(&ahci.pci, AHCI_ABAR_INDEX, FAKE_AHCI_BASE, 256, 0);
	assert_int_equal(fake_ahci_probe(&ahci, &registry), STATUS_UNSUPPORTED);
}

static void test_decoding_was_off(void **state)
{
	(void)state;
	fake_ahci_add_disk(&ahci, 0);
	fake_pci_set16(&ahci.pci, 4, 0);
	probe(1);
	assert_int_equal(fake_pci_get32(&ahci.pci, 4) & 0x407, 0x407);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_matches_ahci_only, setup),
		cmocka_unit_test_setup(test_4kn, setup),
		cmocka_unit_test_setup(test_without_lba48, setup),
		cmocka_unit_test_setup(test_queue_depths, setup),
		cmocka_unit_test_setup(test_many_disks_share_the_arena, setup),
		cmocka_unit_test_setup(test_controller_without_ncq, setup),
		cmocka_unit_test_setup(test_dma_limits, setup),
		cmocka_unit_test_setup(test_firmware_left_it_running, setup),
		cmocka_unit_test_setup(test_handoff, setup),
		cmocka_unit_test_setup(test_handoff_busy, setup),
		cmocka_unit_test_setup(test_handoff_never, setup),
		cmocka_unit_test_setup(test_empty_ports_are_quick, setup),
		cmocka_unit_test_setup(test_firmware_saw_which_ports_are_empty, setup),
		cmocka_unit_test_setup(test_slow_disks_side_by_side, setup),
		cmocka_unit_test_setup(test_others_are_passed_over, setup),
		cmocka_unit_test_setup(test_no_disk, setup),
		cmocka_unit_test_setup(test_never_ready, setup),
		cmocka_unit_test_setup(test_slow_link, setup),
		cmocka_unit_test_setup(test_disk_without_dma, setup),
		cmocka_unit_test_setup(test_identify_never_answered, setup),
		cmocka_unit_test_setup(test_identify_never_answered_and_engine_stuck, setup),
		cmocka_unit_test_setup(test_prc_without_pcs_and_stuck_receiver, setup),
		cmocka_unit_test_setup(test_engine_stuck_until_reset, setup),
		cmocka_unit_test_setup(test_reset_never_ends, setup),
		cmocka_unit_test_setup(test_ports_implemented, setup),
		cmocka_unit_test_setup(test_ports_beyond_the_bar, setup),
		cmocka_unit_test_setup(test_intel_pcs, setup),
		cmocka_unit_test_setup(test_bad_bars, setup),
		cmocka_unit_test_setup(test_decoding_was_off, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
