/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: durable writes, the rehearsal of the stop, and the end. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

static struct page data;
static struct page back;

static enum status write_at(uint64_t lba, uint32_t bytes)
{
	memset(&data, 0x5A, sizeof(data));
	return rig.device->ops->write_sync(rig.device, (struct lba){lba}, &data, bytes);
}

static void expect_readable(void)
{
	assert_int_equal(block_read_sync(rig.device, (struct lba){1000}, &back, 4096), STATUS_OK);
	rig_expect_sectors(&back, 1000 * (rig.device->identity.sector_bytes / 512), 8);
}

static void expect_durable(uint64_t sector, uint32_t count)
{
	assert_int_equal(rig.virtio.write_count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(rig.virtio.writes[i].sector, sector + i);
		assert_true(rig.virtio.writes[i].is_durable);
		assert_memory_equal(rig.virtio.writes[i].bytes, &data, 512);
	}
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void test_write_is_durable(void **state)
{
	(void)state;
	rig_probe();
	assert_int_equal(write_at(100, 512), STATUS_OK);
	expect_durable(100, 1);
	assert_int_equal(rig.virtio.requests[1], 1);
	assert_int_equal(rig.virtio.requests[4], 1);
	assert_int_equal(block_read_sync(rig.device, (struct lba){100}, &back, 512), STATUS_OK);
	assert_memory_equal(&back, &data, 512);
}

static void test_write_page(void **state)
{
	(void)state;
	rig.virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
	rig.virtio.size_max = 1024;
	rig_probe();
	assert_int_equal(write_at(0, 4096), STATUS_OK);
	expect_durable(0, 8);
}

static void test_write_4kn(void **state)
{
	(void)state;
	rig.virtio.blk_size = 4096;
	rig_probe();
	assert_int_equal(write_at(5, 4096), STATUS_OK);
	expect_durable(40, 8);
	assert_int_equal(write_at(0, 512), STATUS_INVALID);
}

/* Without FLUSH a write is durable when it is done. */
static void test_write_through(void **state)
{
	(void)state;
	rig.virtio.features &= ~VIRTIO_BLK_F_FLUSH;
	rig.virtio.has_write_cache = false;
	rig_probe();
	assert_int_equal(write_at(7, 512), STATUS_OK);
	expect_durable(7, 1);
	assert_int_equal(rig.virtio.requests[4], 0);
}

static void test_read_only(void **state)
{
	(void)state;
	rig.virtio.features |= VIRTIO_BLK_F_RO;
	rig_probe();
	assert_true(fake_log_has("254 pages, read-only"));
	assert_int_equal(write_at(7, 512), STATUS_IO_ERROR);
	assert_int_equal(rig.virtio.requests[1], 0);
	expect_readable();
}

static void test_write_refused(void **state)
{
	const struct block_segment segment = {virt_to_paddr(&back), 512};

	(void)state;
	rig_probe();
	assert_int_equal(write_at(rig.device->identity.sector_count, 512), STATUS_INVALID);
	assert_int_equal(write_at(0, 0), STATUS_INVALID);
	assert_int_equal(write_at(0, 8192), STATUS_INVALID);
	assert_int_equal(rig.device->ops->write_sync(rig.device, (struct lba){0}, &data.bytes[2], 512), STATUS_INVALID);
	/* Not while a read is in flight. */
	assert_int_equal(rig.device->ops->submit_read(rig.device, &segment, 1, (struct lba){0}, 0), STATUS_OK);
	assert_int_equal(write_at(0, 512), STATUS_INVALID);
	assert_int_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_INVALID);
	assert_int_equal(rig.virtio.write_count, 0);
}

static void test_write_fails_once(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.writes_fail = 1;
	assert_int_equal(write_at(5, 512), STATUS_OK);
	expect_durable(5, 1);
}

static void test_write_fails(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.writes_fail = FAKE_VIRTIO_FOREVER;
	assert_int_equal(write_at(5, 512), STATUS_IO_ERROR);
	assert_int_equal(rig.virtio.requests[1], 2);
	assert_int_equal(rig.virtio.requests[4], 0);
	expect_readable();
}

static void test_flush_fails(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.flushes_fail = 1;
	assert_int_equal(write_at(5, 512), STATUS_IO_ERROR);
	/* Not tried again: a flush that succeeds then proves nothing. */
	assert_int_equal(rig.virtio.requests[4], 1);
	assert_false(rig.virtio.writes[0].is_durable);
	expect_readable();
}

static void test_write_never_answered(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = 1;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(write_at(5, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 9000000); /* there is to be time for a flush, too */
	assert_int_equal(rig.virtio.requests[4], 0);
	assert_int_equal(rig.virtio.resets, 2); /* or it could still be written later */
	expect_readable();
}

static void test_flush_never_answered(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.flushes_mute = 1;
	rig.virtio.latency_us = 7000000; /* of the write */
	rig.virtio.reset_us = 4900000;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(write_at(6, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	assert_false(rig.virtio.writes[0].is_durable);
	rig.virtio.latency_us = 100;
	expect_readable();
}

static void test_write_and_reset_stuck(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.flushes_mute = FAKE_VIRTIO_FOREVER;
	rig.virtio.is_reset_stuck = true;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(write_at(6, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30000000);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
	assert_int_not_equal(write_at(6, 512), STATUS_OK);
	assert_int_equal(rig.virtio.requests[1], 1);
}

static void test_needs_reset_at_write(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = 1;
	assert_int_equal(write_at(6, 512), STATUS_OK);
	expect_durable(6, 1);
}

static void test_removed_at_write(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.is_removed = true;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(write_at(5, 512), STATUS_IO_ERROR);
	assert_true(fake_hw_now_us() - start_us < 1000000);
	assert_int_equal(rig.virtio.write_count, 0);
}

/* --- the rehearsal --------------------------------------------------------------------------------------------- */

static void test_rehearse(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.reset_us = 1000000;
	expect_readable();
	assert_int_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_OK);
	assert_int_equal(rig.virtio.resets, 2);
	assert_int_equal(rig.virtio.status & VIRTIO_STATUS_DRIVER_OK, VIRTIO_STATUS_DRIVER_OK);
	expect_readable();
	assert_int_equal(write_at(5, 512), STATUS_OK);
	expect_durable(5, 1);
}

static void test_rehearse_reset_stuck(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.is_reset_stuck = true;
	const uint64_t start_us = fake_hw_now_us();
	assert_int_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 6000000);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
	assert_int_equal(block_read_sync(rig.device, (struct lba){0}, &back, 512), STATUS_IO_ERROR);
	assert_int_not_equal(write_at(0, 512), STATUS_OK);
	assert_int_not_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_OK);
}

static void test_rehearse_does_not_come_back(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.refuses_features = true;
	assert_int_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_IO_ERROR);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
	assert_int_equal(rig.virtio.status, 0);
}

/* It is not brought back to life, without bus mastering. */
static void test_rehearse_given_up(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = FAKE_VIRTIO_FOREVER;
	while (rig.device->ops->write_sync(rig.device, (struct lba){0}, &data, 512) != STATUS_IO_ERROR ||
	       fake_pci_is_bus_master(&rig.virtio.pci))
		assert_true(rig.virtio.resets < 10);
	rig.virtio.trouble_times = 0;
	assert_int_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_IO_ERROR);
	assert_int_equal(write_at(0, 512), STATUS_IO_ERROR);
	assert_int_equal(rig_submit(0), STATUS_IO_ERROR);
}

static void test_rehearse_removed(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.is_removed = true;
	assert_int_equal(rig.device->ops->rehearse_stop(rig.device), STATUS_IO_ERROR);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void expect_silent(void)
{
	const uint64_t logged = fake_log_bytes();
	const uint64_t start_us = fake_hw_now_us();

	rig.device->ops->quiesce(rig.device);
	assert_true(fake_hw_now_us() - start_us < 11000000);
	const uint32_t resets = rig.virtio.resets;
	assert_int_equal(fake_log_bytes(), logged);
	assert_int_equal(rig_submit(0), STATUS_IO_ERROR);
	assert_int_equal(write_at(0, 512), STATUS_IO_ERROR);
	rig.device->ops->quiesce(rig.device); /* again is allowed */
	assert_int_equal(rig.virtio.resets, resets);
}

static void test_quiesce(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.reset_us = 1000000;
	expect_silent();
	assert_int_equal(rig.virtio.resets, 2);
	assert_int_equal(rig.virtio.status, 0);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
}

static void test_quiesce_in_flight(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.latency_us = 1000;
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	const uint64_t written = rig.virtio.dma_writes;
	rig.device->ops->quiesce(rig.device);
	fake_hw_advance_us(1000000);
	assert_int_equal(rig.virtio.dma_writes, written);
	/* They end, too. */
	rig_await(64);
	assert_int_equal(rig.status[63], STATUS_IO_ERROR);
}

/* Then bus mastering is all that keeps it from the image's memory. */
static void test_quiesce_in_flight_reset_stuck(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.latency_us = 20000000;
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	rig.virtio.is_reset_stuck = true;
	const uint64_t written = rig.virtio.dma_writes;
	rig.device->ops->quiesce(rig.device);
	fake_hw_advance_us(30000000);
	assert_int_equal(rig.virtio.dma_writes, written);
}

static void test_quiesce_reset_stuck(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.is_reset_stuck = true;
	expect_silent();
	assert_int_equal(rig.virtio.resets, 3); /* tried again */
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
}

static void test_quiesce_bus_master_stays(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.pci.writable[4] = 0;
	rig.device->ops->quiesce(rig.device);
	assert_int_equal(rig.virtio.status, 0);
	assert_int_equal(rig.virtio.resets, 3);
}

static void bus_master_obeys_next_time(struct fake_pci_function *function, uint8_t offset, unsigned width_bytes)
{
	(void)width_bytes;
	if (offset == 4)
		function->writable[4] = 0x47;
}

static void test_quiesce_bus_master_goes_late(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.pci.writable[4] = 0;
	rig.virtio.pci.written = bus_master_obeys_next_time;
	expect_silent();
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
}

static void test_quiesce_removed(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.is_removed = true;
	const uint64_t start_us = fake_hw_now_us();
	expect_silent();
	assert_true(fake_hw_now_us() - start_us < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_write_is_durable, rig_setup),
		cmocka_unit_test_setup(test_write_is_durable, rig_setup_legacy),
		cmocka_unit_test_setup(test_write_page, rig_setup),
		cmocka_unit_test_setup(test_write_4kn, rig_setup),
		cmocka_unit_test_setup(test_write_through, rig_setup),
		cmocka_unit_test_setup(test_read_only, rig_setup),
		cmocka_unit_test_setup(test_write_refused, rig_setup),
		cmocka_unit_test_setup(test_write_fails_once, rig_setup),
		cmocka_unit_test_setup(test_write_fails, rig_setup),
		cmocka_unit_test_setup(test_flush_fails, rig_setup),
		cmocka_unit_test_setup(test_write_never_answered, rig_setup),
		cmocka_unit_test_setup(test_flush_never_answered, rig_setup),
		cmocka_unit_test_setup(test_write_and_reset_stuck, rig_setup),
		cmocka_unit_test_setup(test_needs_reset_at_write, rig_setup),
		cmocka_unit_test_setup(test_removed_at_write, rig_setup),
		cmocka_unit_test_setup(test_rehearse, rig_setup),
		cmocka_unit_test_setup(test_rehearse, rig_setup_legacy),
		cmocka_unit_test_setup(test_rehearse_reset_stuck, rig_setup),
		cmocka_unit_test_setup(test_rehearse_does_not_come_back, rig_setup),
		cmocka_unit_test_setup(test_rehearse_given_up, rig_setup),
		cmocka_unit_test_setup(test_rehearse_removed, rig_setup),
		cmocka_unit_test_setup(test_quiesce, rig_setup),
		cmocka_unit_test_setup(test_quiesce, rig_setup_legacy),
		cmocka_unit_test_setup(test_quiesce_in_flight, rig_setup),
		cmocka_unit_test_setup(test_quiesce_in_flight_reset_stuck, rig_setup),
		cmocka_unit_test_setup(test_quiesce_reset_stuck, rig_setup),
		cmocka_unit_test_setup(test_quiesce_bus_master_stays, rig_setup),
		cmocka_unit_test_setup(test_quiesce_bus_master_goes_late, rig_setup),
		cmocka_unit_test_setup(test_quiesce_removed, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
