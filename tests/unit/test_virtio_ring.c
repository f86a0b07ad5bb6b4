/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: a used ring that makes no sense, and all faults at random. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

#define COUNT 16

/* --- one fault -------------------------------------------------------------------------------------------------- */

static void expect_recovery(void)
{
	rig_read(COUNT);
	rig_expect_all(COUNT);
	assert_int_equal(rig.virtio.resets, 2);
	assert_true(fake_log_has("virtio0: its used ring makes no sense, device reset"));
}

static void test_used_garbage(void **state)
{
	static const uint32_t ids[] = {64, 255, 256, 65536, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		rig_setup(state);
		rig_probe();
		rig.virtio.garbage_times = 1;
		rig.virtio.garbage_id = ids[i];
		expect_recovery();
	}
}

/* A descriptor in the midst of a chain, and one behind the last. */
static void test_used_garbage_without_indirect(void **state)
{
	static const uint32_t ids[] = {1, 63, 65, 255, 256, 1 << 20};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		rig_setup(state);
		rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
		rig_probe();
		rig.virtio.garbage_times = 1;
		rig.virtio.garbage_id = ids[i];
		assert_int_equal(rig_submit(0), STATUS_OK);
		assert_int_equal(rig_submit(1), STATUS_OK);
		rig_await(2);
		rig_expect(0);
		rig_expect(1);
		assert_int_equal(rig.virtio.resets, 2);
	}
}

/* One that is not in flight. */
static void test_used_of_a_free_slot(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.garbage_times = 1;
	rig.virtio.garbage_id = COUNT;
	expect_recovery();
}

static void test_used_twice(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.twice_times = 1;
	expect_recovery();
}

static void test_used_index_runs_ahead(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.jump_times = 1;
	expect_recovery();
}

/* It is not believed: the device may still write. */
static void test_used_before_it_is_done(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.early_times = 1;
	rig.virtio.reset_us = 100000;
	expect_recovery();
}

/* What stands there of earlier rounds names requests that are in flight now. */
static void test_used_index_runs_over_old_ids(void **state)
{
	(void)state;
	rig.virtio.queue_size = rig.virtio.size_set = 4;
	rig_probe();
	rig_read(4);
	rig.virtio.jump_times = 1;
	rig.virtio.is_lifo = true;
	for (uint32_t i = 4; i < 8; i++)
		assert_int_equal(rig_submit(i), STATUS_OK);
	rig_await(8);
	for (uint32_t i = 0; i < 8; i++)
		rig_expect(i);
	assert_int_equal(rig.virtio.resets, 2);
}

static void test_used_garbage_always(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.garbage_times = FAKE_VIRTIO_FOREVER;
	rig.virtio.garbage_id = 200;
	rig_read(COUNT);
	rig_expect_all_end(COUNT, STATUS_IO_ERROR);
}

/* The device says that it is done, and the byte that tells how it went was never written. */
static void test_status_not_written(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.blank_times = 1;
	expect_recovery();
	rig_setup_legacy(state);
	rig_probe();
	rig.virtio.blank_times = 1;
	expect_recovery();
}

static void test_status_never_written(void **state)
{
	(void)state;
	rig_probe();
	rig.virtio.blank_times = FAKE_VIRTIO_FOREVER;
	const uint64_t start_us = fake_hw_now_us();
	rig_read(COUNT);
	rig_expect_all_end(COUNT, STATUS_IO_ERROR);
	assert_true(rig.virtio.resets <= 5);
	assert_true(fake_hw_now_us() - start_us < 1000000);
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

#define STORM_READS 200

static uint32_t storm_seed;

static uint32_t dice(uint32_t sides)
{
	storm_seed = storm_seed * 1664525 + 1013904223;
	return (storm_seed >> 8) % sides;
}

static void fault(struct fake_virtio *virtio, uint32_t kind)
{
	uint32_t *const times[] = {&virtio->mute_times,  &virtio->trouble_times, &virtio->garbage_times,
				   &virtio->early_times, &virtio->twice_times,   &virtio->jump_times,
				   &virtio->blank_times, &virtio->bad_times};

	*times[kind % ARRAY_COUNT(times)] = 1 + dice(3);
	virtio->garbage_id = dice(80);
	virtio->bad_sector = 8 * (uint64_t)dice(STORM_READS);
	virtio->latency_us = 20 + dice(400);
	virtio->reset_us = dice(2) * 40000;
}

static bool is_untouched(uint32_t number)
{
	const struct page *page = &rig.pages[number % RIG_PAGES];

	return page->bytes[0] == 0xEE && memcmp(page->bytes, page->bytes + 1, sizeof(*page) - 1) == 0;
}

/* Looks at what came; its page is then watched: nothing may be written there any more. Returns how many came right. */
static uint32_t storm_collect(void)
{
	const uint32_t before = rig.count;
	uint32_t right = 0;

	rig_poll(&(uint32_t){0});
	for (uint32_t i = before; i < rig.count; i++) {
		const uint32_t number = rig.order[i];
		assert_int_equal(rig.times[number], 1);
		if (rig.status[number] == STATUS_OK) {
			rig_expect(number);
			right++;
		}
		memset(&rig.pages[number % RIG_PAGES], 0xEE, sizeof(rig.pages[0]));
	}
	return right;
}

/* Whatever happens: each read ends once, what ends well is right, and then the page is not written to any more. */
static uint32_t storm(uint32_t seed)
{
	uint32_t started = 0;
	uint32_t right = 0;
	bool is_gone = false;

	storm_seed = seed;
	rig.virtio.shuffle = seed;
	rig_probe();
	while (rig.count < started || (started < STORM_READS && !is_gone)) {
		assert_true(fake_hw_now_us() < (uint64_t)3600 * 1000000);
		if (dice(60) == 0)
			fault(&rig.virtio, dice(8));
		if (started < STORM_READS && (started < RIG_PAGES || rig.times[started - RIG_PAGES] == 1)) {
			assert_true(is_untouched(started));
			const enum status status = rig_submit(started);
			started += status == STATUS_OK;
			is_gone = status == STATUS_IO_ERROR;
			assert_true(status == STATUS_OK || status == STATUS_AGAIN || is_gone);
		}
		const uint32_t before = rig.count;
		right += storm_collect();
		fake_hw_advance_us(rig.count == before ? 1000 : dice(100));
	}
	fake_hw_advance_us(20000000);
	for (uint32_t i = 0; i < RIG_PAGES; i++)
		assert_true(is_untouched(i));
	if (is_gone)
		assert_false(fake_pci_is_bus_master(&rig.virtio.pci));
	return right;
}

static void test_storm(void **state)
{
	uint32_t right = 0;
	uint32_t resets = 0;

	for (uint32_t seed = 1; seed <= 40; seed++) {
		if (seed % 2 == 0)
			rig_setup(state);
		else
			rig_setup_legacy(state);
		if (seed % 3 == 0)
			rig.virtio.features &= ~VIRTIO_F_INDIRECT_DESC;
		right += storm(seed * 2654435761u);
		resets += rig.virtio.resets;
	}
	/* They were not spared, and most of it is got through all the same. */
	assert_true(resets > 200);
	assert_true(right > 40 * STORM_READS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_used_garbage, rig_setup),
		cmocka_unit_test_setup(test_used_garbage_without_indirect, rig_setup),
		cmocka_unit_test_setup(test_used_of_a_free_slot, rig_setup),
		cmocka_unit_test_setup(test_used_twice, rig_setup),
		cmocka_unit_test_setup(test_used_index_runs_ahead, rig_setup),
		cmocka_unit_test_setup(test_used_before_it_is_done, rig_setup),
		cmocka_unit_test_setup(test_used_index_runs_over_old_ids, rig_setup),
		cmocka_unit_test_setup(test_used_garbage_always, rig_setup),
		cmocka_unit_test_setup(test_status_not_written, rig_setup),
		cmocka_unit_test_setup(test_status_never_written, rig_setup),
		cmocka_unit_test_setup(test_storm, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
