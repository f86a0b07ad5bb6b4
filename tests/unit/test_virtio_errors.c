/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: reads that fail or are never answered, and recovery. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timer.h"
#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

#define COUNT 16

/* Given up: nothing is taken any more, and no memory written. */
static void expect_gone(void)
{
	assert_int_equal(rig_submit(COUNT), STATUS_IO_ERROR);
	assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void request_fails(uint8_t status)
{
	rig.virtio.bad_sector = 8 * 5 + 3;
	rig.virtio.bad_times = FAKE_VIRTIO_FOREVER;
	rig.virtio.bad_status = status;
	rig_probe();
	rig_read(COUNT);
	rig_expect_all_but(COUNT, 5, STATUS_IO_ERROR);
	assert_int_equal(rig.virtio.requests[0], COUNT + 2);
	assert_int_equal(rig.virtio.resets, 1);
	assert_int_equal(rig_submit(COUNT), STATUS_OK);
	rig_await(COUNT + 1);
	rig_expect(COUNT);
}

static void test_request_fails(void **state)
{
	(void)state;
	request_fails(1); /* IOERR */
	assert_true(fake_log_has("virtio0: request of type 0 at sector 40 failed: status 1"));
	rig_setup_legacy(state);
	request_fails(2); /* UNSUPP */
}

static void test_request_fails_twice(void **state)
{
	(void)state;
	rig.virtio.bad_sector = 8 * 5;
	rig.virtio.bad_times = 2;
	rig_probe();
	rig_read(COUNT);
	rig_expect_all(COUNT);
}

/* --- silence --------------------------------------------------------------------------------------------------- */

static void test_one_is_lost(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = 1;
	const uint64_t start_us = fake_hw_now_us();
	rig_read(COUNT);
	rig_expect_all(COUNT);
	assert_true(fake_hw_now_us() - start_us < 12000000);
	assert_int_equal(rig.virtio.resets, 2);
	assert_true(fake_log_has("virtio0: no answer, device reset"));
}

static void test_one_is_lost_twice(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = 1;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	rig_await(COUNT - 1);
	rig.virtio.mute_times = 1;
	rig_await(COUNT);
	rig_expect_all_but(COUNT, 0, STATUS_TIMEOUT);
}

static void test_now_and_then_one_is_lost(void **state)
{
	(void)state;
	rig_probe();
	for (uint32_t i = 0; i < 6; i++) {
		rig.virtio.mute_times = 1;
		assert_int_equal(rig_submit(i), STATUS_OK);
		rig_await(i + 1);
		rig_expect(i);
	}
}

static void test_never_answers(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = FAKE_VIRTIO_FOREVER;
	rig.virtio.reset_us = 1000000;
	const uint64_t start_us = fake_hw_now_us();
	rig_read(COUNT);
	rig_expect_all_end(COUNT, STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 25000000);
	assert_int_equal(rig.virtio.resets, 3);
	/* A second chance is a new one. */
	rig.virtio.mute_times = 0;
	assert_int_equal(rig_submit(COUNT), STATUS_OK);
	rig_await(COUNT + 1);
	rig_expect(COUNT);
}

static void test_never_answers_again_and_again(void **state)
{
	uint32_t number = COUNT;

	(void)state;
	rig_probe();
	rig.virtio.mute_times = FAKE_VIRTIO_FOREVER;
	rig_read(COUNT);
	while (rig_submit(number) == STATUS_OK) {
		rig_await(++number);
		assert_int_equal(rig.status[number - 1], STATUS_TIMEOUT);
		assert_true(number < COUNT + 4);
	}
	expect_gone();
}

static void test_late_comers_are_not_to_blame(void **state)
{
	uint32_t one = 1;

	(void)state;
	rig_probe();
	rig.virtio.mute_times = FAKE_VIRTIO_FOREVER;
	assert_int_equal(rig_submit(0), STATUS_OK);
	fake_hw_advance_us(9000000);
	assert_int_equal(rig_submit(1), STATUS_OK);
	fake_hw_advance_us(2000000);
	rig.device->ops->poll(rig.device, &(struct block_completion){0}, 1, &one); /* reset */
	rig.device->ops->poll(rig.device, &(struct block_completion){0}, 1, &one); /* and over */
	assert_int_equal(rig.virtio.resets, 2);
	fake_hw_advance_us(11000000);
	rig.device->ops->poll(rig.device, &(struct block_completion){0}, 1, &one);
	rig.virtio.mute_times = 0;
	rig_await(2);
	assert_int_equal(rig.status[0], STATUS_TIMEOUT);
	rig_expect(1);
}

/* Others go on, one is starved: it does not stay in flight for ever. */
static void test_one_starves(void **state)
{
	uint32_t one = 1;

	(void)state;
	rig_probe();
	rig.virtio.mute_times = 1;
	rig.virtio.latency_us = 50000;
	assert_int_equal(rig_submit(0), STATUS_OK);
	const uint64_t start_us = fake_hw_now_us();
	while (rig.times[0] == 0) {
		assert_true(fake_hw_now_us() - start_us < 40000000);
		rig.count = 0;
		assert_int_equal(rig_submit(1), STATUS_OK);
		assert_int_equal(poll_until(rig_poll, &one, 60000000), STATUS_OK);
	}
	assert_true(fake_hw_now_us() - start_us > 20000000);
	assert_int_equal(rig.status[0], STATUS_OK);
}

/* Until the reset is over the memory is the device's: nothing is reported before. */
static void test_reported_after_the_reset(void **state)
{
	struct block_completion completion;
	uint32_t count = 0;

	(void)state;
	rig_probe();
	rig.virtio.latency_us = 1000000000;
	rig.virtio.reset_us = 3000000;
	assert_int_equal(rig_submit(0), STATUS_OK);
	for (unsigned i = 0; i < 2; i++) {
		fake_hw_advance_us(10100000);
		rig.device->ops->poll(rig.device, &completion, 1, &count);
		assert_int_equal(rig.virtio.resets, 2 + i);
		fake_hw_advance_us(2900000);
		rig.device->ops->poll(rig.device, &completion, 1, &count);
		assert_int_equal(count, 0);
		fake_hw_advance_us(200000);
		rig.device->ops->poll(rig.device, &completion, 1, &count);
	}
	assert_int_equal(count, 1);
	assert_int_equal(completion.status, STATUS_TIMEOUT);
}

static void test_reset_stuck(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.mute_times = FAKE_VIRTIO_FOREVER;
	rig.virtio.is_reset_stuck = true;
	const uint64_t start_us = fake_hw_now_us();
	rig_read(COUNT);
	rig_expect_all_end(COUNT, STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 20000000);
	expect_gone();
	assert_true(fake_log_has("virtio0: the reset does not end, given up"));
}

/* --- a device in trouble --------------------------------------------------------------------------------------- */

static void test_needs_reset(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = 1;
	const uint64_t start_us = fake_hw_now_us();
	rig_read(COUNT);
	rig_expect_all(COUNT);
	assert_int_equal(rig.virtio.resets, 2);
	assert_true(fake_hw_now_us() - start_us < 1000000);
}

/* Trouble is an error of the reads, not a silence: they are issued a third time. */
static void test_needs_reset_twice(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = 2;
	rig_read(COUNT);
	rig_expect_all(COUNT);
	assert_int_equal(rig.virtio.resets, 3);
}

static void test_needs_reset_always(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = FAKE_VIRTIO_FOREVER;
	rig_read(COUNT);
	rig_expect_all_end(COUNT, STATUS_IO_ERROR);
	assert_true(rig.virtio.resets <= 5);
}

static void test_reset_by_itself(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.latency_us = 1000000;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	rig.virtio.status = 0;
	rig.virtio.is_enabled = false;
	const uint64_t start_us = fake_hw_now_us();
	rig_await(COUNT);
	rig_expect_all(COUNT);
	assert_true(fake_hw_now_us() - start_us < 2000000);
}

static void removed(void)
{
	rig_probe();
	rig.virtio.latency_us = 1000000;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	rig.virtio.is_removed = true;
	rig.virtio.chain_count = 0;
	const uint64_t start_us = fake_hw_now_us();
	rig_await(COUNT);
	rig_expect_all_end(COUNT, STATUS_IO_ERROR);
	assert_true(fake_hw_now_us() - start_us < 100000);
	expect_gone();
}

static void test_removed(void **state)
{
	(void)state;
	removed();
	rig_setup_legacy(state);
	removed();
}

static void test_removed_while_it_is_reset(void **state)
{
	struct block_completion completion;
	uint32_t count;

	(void)state;
	rig_probe();
	rig.virtio.mute_times = FAKE_VIRTIO_FOREVER;
	rig.virtio.reset_us = 1000000;
	assert_int_equal(rig_submit(0), STATUS_OK);
	fake_hw_advance_us(11000000);
	rig.device->ops->poll(rig.device, &completion, 1, &count);
	assert_int_equal(count, 0);
	rig.virtio.is_removed = true;
	rig_await(1);
	assert_int_equal(rig.status[0], STATUS_IO_ERROR);
	expect_gone();
}

static void changed_by_its_reset(void)
{
	rig_read(COUNT);
	rig_expect_all_end(COUNT, STATUS_IO_ERROR);
	expect_gone();
	assert_true(fake_log_has("virtio0: it can't be set up again, given up"));
}

static void test_changed_by_its_reset(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.trouble_times = 1;
	rig.virtio.shrinks_queue = 128;
	changed_by_its_reset();
	rig_setup_legacy(state);
	rig_probe();
	rig.virtio.mute_times = COUNT;
	rig.virtio.shrinks_queue = 512;
	changed_by_its_reset();
	rig_setup(state);
	rig_probe();
	rig.virtio.trouble_times = 1;
	rig.virtio.loses_features = VIRTIO_F_INDIRECT_DESC;
	changed_by_its_reset();
	rig_setup(state);
	rig_probe();
	rig.virtio.trouble_times = 1;
	rig.virtio.refuses_features = true;
	changed_by_its_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_request_fails, rig_setup),
		cmocka_unit_test_setup(test_request_fails_twice, rig_setup),
		cmocka_unit_test_setup(test_one_is_lost, rig_setup),
		cmocka_unit_test_setup(test_one_is_lost, rig_setup_legacy),
		cmocka_unit_test_setup(test_one_is_lost_twice, rig_setup),
		cmocka_unit_test_setup(test_now_and_then_one_is_lost, rig_setup),
		cmocka_unit_test_setup(test_never_answers, rig_setup),
		cmocka_unit_test_setup(test_never_answers_again_and_again, rig_setup),
		cmocka_unit_test_setup(test_late_comers_are_not_to_blame, rig_setup),
		cmocka_unit_test_setup(test_one_starves, rig_setup),
		cmocka_unit_test_setup(test_reported_after_the_reset, rig_setup),
		cmocka_unit_test_setup(test_reset_stuck, rig_setup),
		cmocka_unit_test_setup(test_needs_reset, rig_setup),
		cmocka_unit_test_setup(test_needs_reset_twice, rig_setup),
		cmocka_unit_test_setup(test_needs_reset_always, rig_setup),
		cmocka_unit_test_setup(test_reset_by_itself, rig_setup),
		cmocka_unit_test_setup(test_removed, rig_setup),
		cmocka_unit_test_setup(test_removed_while_it_is_reset, rig_setup),
		cmocka_unit_test_setup(test_changed_by_its_reset, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
