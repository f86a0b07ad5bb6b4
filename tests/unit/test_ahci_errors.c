/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver against a register model: reads that fail or are never answered, and recovery. */
#include "drivers/ata/ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ahci_regs.h"
#include "drivers/timer.h"
#include "tests/unit/ahci_reader.h"

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void test_queued_error_spares_the_innocent(void **state)
{
	(void)state;
	reader.disk->bad_lba = 8 * 5 + 3;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_probe();
	reader_read(32);
	reader_expect_all_but(32, 5, STATUS_IO_ERROR);
	/* The log named it each time: three tries, no COMRESET, and queuing stays on. */
	assert_int_equal(reader.disk->commands[0x2F], 3);
	assert_int_equal(reader.disk->comresets, 1);
	assert_int_equal(reader.disk->commands[0xC8], 0);
	assert_true(fake_log_has("it was slot 5: status 41 error 40"));
	assert_int_equal(reader_submit(40), STATUS_OK);
	reader_await(33);
	reader_expect(40);
	assert_int_equal(reader.disk->commands[0xC8], 0);
}

static void test_queued_error_goes_away(void **state)
{
	(void)state;
	reader.disk->bad_lba = 8 * 31;
	reader.disk->bad_times = 2;
	reader.disk->is_lifo = true;
	reader_probe();
	reader_read(32);
	for (uint32_t i = 0; i < 32; i++)
		reader_expect(i);
}

/* Without the log nobody knows who failed: all alone, one after the other, unqueued. */
static void queued_error_unknown(uint32_t comresets)
{
	reader.disk->bad_lba = 8 * 5;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_probe();
	reader_read(32);
	reader_expect_all_but(32, 5, STATUS_IO_ERROR);
	assert_int_equal(reader.disk->comresets, comresets);
	assert_true(reader.disk->commands[0xC8] >= 27);
	/* Queuing is back afterwards. */
	const uint32_t queued = reader.disk->commands[0x60];
	assert_int_equal(reader_submit(40), STATUS_OK);
	reader_await(33);
	assert_int_equal(reader.disk->commands[0x60], queued + 1);
}

static void test_queued_error_log_fails(void **state)
{
	(void)state;
	reader.disk->log_fails = FAKE_AHCI_FOREVER;
	queued_error_unknown(2);
}

static void test_queued_error_with_active_kept(void **state)
{
	(void)state;
	reader.disk->is_active_kept = true;
	queued_error_unknown(5);
	/* A COMRESET was needed after each error, and then there is no log to read. */
	assert_int_equal(reader.disk->commands[0x2F], 0);
}

static void test_queued_error_leaves_it_busy(void **state)
{
	(void)state;
	reader.disk->is_busy_after_error = true;
	queued_error_unknown(2);
}

static void test_queued_interface_error(void **state)
{
	(void)state;
	reader.disk->is_interface_error = true;
	reader.disk->bad_lba = 8 * 5;
	reader.disk->bad_times = 1;
	reader_probe();
	const uint64_t start_us = fake_hw_now_us();
	reader_read(32);
	for (uint32_t i = 0; i < 32; i++)
		reader_expect(i);
	assert_true(fake_hw_now_us() - start_us < 1000000);
}

/* The log of an earlier error accuses nobody of a later one. */
static void test_queued_error_old_log(void **state)
{
	(void)state;
	reader.disk->bad_lba = 8 * 20;
	reader.disk->bad_times = 1;
	reader_probe();
	reader_read(32);
	reader_expect(20);
	reader_forget();
	reader.disk->log_fails = FAKE_AHCI_FOREVER;
	reader.disk->bad_lba = 8 * 6;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_read(32);
	reader_expect_all_but(32, 6, STATUS_IO_ERROR);
}

static void test_queued_error_log_names_another(void **state)
{
	(void)state;
	reader.disk->is_log_wrong = true;
	reader.disk->queue_depth = 31; /* tag 31 is never used */
	reader.disk->bad_lba = 8 * 5;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_probe();
	reader_read(31);
	reader_expect_all_but(31, 5, STATUS_IO_ERROR);
	assert_true(reader.disk->commands[0xC8] >= 26);
}

static void test_queued_error_without_log(void **state)
{
	(void)state;
	reader.disk->has_general_log = false;
	queued_error_unknown(2);
}

/* As QEMU 7.2 does when another command follows at once. */
static void test_queued_error_lost(void **state)
{
	(void)state;
	reader.disk->is_error_lost = true;
	reader_probe();
	reader.disk->bad_lba = 8 * 5;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	const uint64_t start_us = fake_hw_now_us();
	reader_read(32);
	reader_expect_all_but(32, 5, STATUS_IO_ERROR);
	assert_true(fake_hw_now_us() - start_us < 5000000);
}

static void test_queuing_given_up(void **state)
{
	(void)state;
	reader.disk->log_fails = FAKE_AHCI_FOREVER;
	reader_probe();
	for (uint32_t i = 0; i < 3; i++) {
		reader.disk->bad_lba = 8 * i;
		reader.disk->bad_times = 1;
		assert_int_equal(reader_submit(i), STATUS_OK);
		reader_await(i + 1);
		reader_expect(i);
	}
	assert_true(fake_log_has("queued commands are not used any more"));
	const uint32_t queued = reader.disk->commands[0x60];
	assert_int_equal(reader_submit(3), STATUS_OK);
	assert_int_equal(reader_submit(4), STATUS_OK);
	reader_await(5);
	reader_expect(3);
	assert_int_equal(reader.disk->commands[0x60], queued);
}

static void not_queued_error(bool is_ci_cleared)
{
	reader.disk->has_ncq = false;
	reader.disk->is_ci_cleared_by_error = is_ci_cleared;
	reader.disk->bad_lba = 8 * 9 + 7;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_probe();
	reader_read(32);
	reader_expect_all_but(32, 9, STATUS_IO_ERROR);
	assert_int_equal(reader.disk->comresets, 1);
}

static void test_not_queued_error(void **state)
{
	(void)state;
	not_queued_error(false);
}

static void test_not_queued_error_clears_ci(void **state)
{
	(void)state;
	not_queued_error(true);
}

/* --- silence --------------------------------------------------------------------------------------------------- */

static void test_one_command_lost(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->mute_times = 1;
	const uint64_t start_us = fake_hw_now_us();
	reader_read(32);
	for (uint32_t i = 0; i < 32; i++)
		reader_expect(i);
	assert_int_equal(reader.disk->comresets, 2);
	assert_true(fake_hw_now_us() - start_us < 12000000);
	assert_true(fake_log_has("no answer, slots 1:"));
}

static void test_slow_commands(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->latency_us = 8000000;
	assert_int_equal(reader_submit(0), STATUS_OK);
	fake_hw_advance_us(6000000);
	assert_int_equal(reader_submit(1), STATUS_OK);
	reader_await(2);
	reader_expect(0);
	reader_expect(1);
	assert_int_equal(reader.disk->comresets, 1);
}

static void test_now_and_then_one_is_lost(void **state)
{
	(void)state;
	reader_probe();
	for (uint32_t i = 0; i < 5; i++) {
		reader.disk->mute_times = 1;
		assert_int_equal(reader_submit(i), STATUS_OK);
		reader_await(i + 1);
		reader_expect(i);
	}
}

/* What was in flight at an error of unknown cause is tried before anything new. */
static void test_suspects_first(void **state)
{
	uint32_t next = 32;
	uint32_t seen = 0;

	(void)state;
	reader.disk->log_fails = FAKE_AHCI_FOREVER;
	reader.disk->bad_lba = 8 * 31;
	reader.disk->bad_times = 1;
	reader.disk->is_lifo = true;
	reader_probe();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(reader_submit(i), STATUS_OK);
	while (reader.count < 60) {
		seen = reader.count + 1;
		assert_int_equal(poll_until(reader_poll, &seen, 60000000), STATUS_OK);
		assert_int_equal(reader_submit(next++), STATUS_OK);
	}
	for (uint32_t i = 0; i < 32; i++)
		assert_true(reader.order[i] < 32);
}

static void test_lost_again_when_alone(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->mute_times = 33; /* all, and then the first of them alone */
	reader_read(32);
	reader_expect_all_but(32, 0, STATUS_TIMEOUT);
	/* All suspicion is gone: queued again. */
	const uint32_t queued = reader.disk->commands[0x60];
	assert_int_equal(reader_submit(40), STATUS_OK);
	reader_await(33);
	reader_expect(40);
	assert_int_equal(reader.disk->commands[0x60], queued + 1);
}

static void test_never_answers(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->mute_times = FAKE_AHCI_FOREVER;
	const uint64_t start_us = fake_hw_now_us();
	reader_read(32);
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(reader.times[i], 1);
		assert_int_equal(reader.status[i], STATUS_TIMEOUT);
	}
	assert_true(fake_hw_now_us() - start_us < 35000000);
	assert_int_equal(reader_submit(40), STATUS_IO_ERROR);
	/* Its engine does not run any more: the memory is the caller's again. */
	assert_int_equal(reader.disk->cmd & AHCI_PX_CMD_CR, 0);
}

/* Others go on, one is starved: it does not stay in flight for ever. */
static void test_one_starves(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->mute_times = 1;
	reader.disk->latency_us = 50000;
	assert_int_equal(reader_submit(0), STATUS_OK);
	const uint64_t start_us = fake_hw_now_us();
	uint32_t number = 1;
	while (reader.times[0] == 0) {
		assert_true(fake_hw_now_us() - start_us < 40000000);
		assert_int_equal(reader_submit(number), STATUS_OK);
		const uint32_t count = reader.count + 1;
		assert_int_equal(poll_until(reader_poll, (void *)(uintptr_t)&count, 60000000), STATUS_OK);
		reader.count = 0;
		number = 1 + number % 100;
	}
	assert_int_equal(reader.status[0], STATUS_OK);
}

static void test_removed(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->latency_us = 1000000;
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(reader_submit(i), STATUS_OK);
	const uint64_t start_us = fake_hw_now_us();
	fake_ahci_remove(&reader.ahci, 0);
	reader_await(8);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(reader.times[i], 1);
		assert_int_equal(reader.status[i], STATUS_IO_ERROR);
	}
	assert_true(fake_hw_now_us() - start_us < 200000);
	assert_true(fake_log_has("ahci0.0: the disk is gone"));
	assert_int_equal(reader_submit(9), STATUS_IO_ERROR);
}

/* CR stays, in flight and after the error: no memory may be given back while the engine could write to it. */
static void test_engine_stuck_at_error(void **state)
{
	(void)state;
	reader.disk->has_ncq = false;
	reader.disk->bad_lba = 8;
	reader.disk->bad_times = FAKE_AHCI_FOREVER;
	reader_probe();
	reader.disk->is_list_stuck = true;
	reader_read(4);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(reader.status[i], STATUS_IO_ERROR);
	assert_false(fake_pci_is_bus_master(&reader.ahci.pci));
	assert_int_equal(reader_submit(9), STATUS_IO_ERROR);
}

static void test_removed_and_engine_stuck(void **state)
{
	(void)state;
	reader_probe();
	reader.disk->latency_us = 5000000;
	assert_int_equal(reader_submit(0), STATUS_OK);
	reader.disk->is_list_stuck = true;
	fake_ahci_remove(&reader.ahci, 0);
	reader_await(1);
	assert_int_equal(reader.status[0], STATUS_IO_ERROR);
	assert_false(fake_pci_is_bus_master(&reader.ahci.pci));
}

static void reads_during_recovery(void)
{
	reader.disk->bad_lba = 0;
	reader.disk->bad_times = 1;
	reader_probe();
	reader.disk->log_fails = FAKE_AHCI_FOREVER; /* a COMRESET follows: a longer recovery */
	assert_int_equal(reader_submit(0), STATUS_OK);
	for (uint32_t i = 1; i < 32; i++) {
		const uint32_t none = 0;
		reader_poll((void *)(uintptr_t)&none);
		fake_hw_advance_us(300);
		assert_int_equal(reader_submit(i), STATUS_OK);
	}
	reader_await(32);
	for (uint32_t i = 0; i < 32; i++)
		reader_expect(i);
}

static void test_reads_during_recovery(void **state)
{
	(void)state;
	reads_during_recovery();
}

static void test_reads_during_recovery_not_queued(void **state)
{
	(void)state;
	reader.disk->has_ncq = false;
	reads_during_recovery();
}

static void test_submit_while_stopping(void **state)
{
	const uint32_t none = 0;

	(void)state;
	reader.disk->has_ncq = false;
	reader.disk->bad_lba = 0;
	reader.disk->bad_times = 1;
	reader_probe();
	assert_int_equal(reader_submit(0), STATUS_OK);
	fake_hw_advance_us(300);
	reader_poll((void *)(uintptr_t)&none);
	assert_int_equal(reader_submit(1), STATUS_OK);
	reader_await(2);
	reader_expect(0);
	reader_expect(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_queued_error_spares_the_innocent, reader_setup),
		cmocka_unit_test_setup(test_queued_error_goes_away, reader_setup),
		cmocka_unit_test_setup(test_queued_error_log_fails, reader_setup),
		cmocka_unit_test_setup(test_queued_error_with_active_kept, reader_setup),
		cmocka_unit_test_setup(test_queued_error_leaves_it_busy, reader_setup),
		cmocka_unit_test_setup(test_queued_interface_error, reader_setup),
		cmocka_unit_test_setup(test_queued_error_old_log, reader_setup),
		cmocka_unit_test_setup(test_queued_error_log_names_another, reader_setup),
		cmocka_unit_test_setup(test_queued_error_without_log, reader_setup),
		cmocka_unit_test_setup(test_queued_error_lost, reader_setup),
		cmocka_unit_test_setup(test_queuing_given_up, reader_setup),
		cmocka_unit_test_setup(test_not_queued_error, reader_setup),
		cmocka_unit_test_setup(test_not_queued_error_clears_ci, reader_setup),
		cmocka_unit_test_setup(test_one_command_lost, reader_setup),
		cmocka_unit_test_setup(test_slow_commands, reader_setup),
		cmocka_unit_test_setup(test_now_and_then_one_is_lost, reader_setup),
		cmocka_unit_test_setup(test_suspects_first, reader_setup),
		cmocka_unit_test_setup(test_lost_again_when_alone, reader_setup),
		cmocka_unit_test_setup(test_never_answers, reader_setup),
		cmocka_unit_test_setup(test_one_starves, reader_setup),
		cmocka_unit_test_setup(test_removed, reader_setup),
		cmocka_unit_test_setup(test_engine_stuck_at_error, reader_setup),
		cmocka_unit_test_setup(test_removed_and_engine_stuck, reader_setup),
		cmocka_unit_test_setup(test_submit_while_stopping, reader_setup),
		cmocka_unit_test_setup(test_reads_during_recovery, reader_setup),
		cmocka_unit_test_setup(test_reads_during_recovery_not_queued, reader_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
