/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy of the save role, from the parameters to the way out. In every case: a session that goes on has no valid
 * image, and one that does not go on has one, or a disk that nobody can be sure of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/reset.h"
#include "drivers/timer.h"
#include "lib/crc32.h"
#include "loader/acpi_state.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/memory.h"
#include "tests/unit/core_machine.h"
#include "tests/unit/fake_log.h"

enum way_out { WENT_ON = 1, POWERED_OFF, RESET };

static jmp_buf out;
static uint32_t disks_found;

/* --- in place of the loader's other parts ------------------------------------------------------------------------- */

_Noreturn void handoff_session_return(const struct handoff_session *session)
{
	assert_ptr_equal(session, &core_machine.session);
	longjmp(out, WENT_ON);
}

_Noreturn void machine_reset(void)
{
	longjmp(out, RESET);
}

void acpi_power_off(const struct core_acpi *acpi)
{
	assert_int_equal(acpi->pm1a_enable_value, 0x1234);
	longjmp(out, POWERED_OFF);
}

void acpi_state_record(struct core_acpi *acpi)
{
	acpi->pm1a_enable_value = 0x1234;
}

enum status acpi_state_restore(const struct core_acpi *acpi, const struct acpi_registers *today)
{
	(void)acpi;
	(void)today;
	return STATUS_UNSUPPORTED;
}

void disks_find(struct block_registry *registry, struct arena *arena)
{
	(void)arena;
	assert_int_equal(registry->count, 0);
	disks_found++;
	*registry = core_machine.registry;
}

void disks_quiesce_all(struct block_registry *registry)
{
	for (uint32_t i = 0; i < registry->count; i++)
		registry->devices[i]->ops->quiesce(registry->devices[i]);
}

void memory_init(struct loader_memory *memory)
{
	arena_init(&memory->arena, paddr_to_virt((struct paddr){CORE_ARENA_BASE}), core_machine.arena_bytes);
}

enum status memory_map_ram(struct loader_memory *memory, const struct memory_map *map)
{
	(void)memory;
	(void)map;
	return STATUS_OK;
}

void console_init(const struct options *options, const struct boot_screen *screen, struct arena *arena)
{
	(void)options;
	(void)arena;
	assert_int_equal(screen->kind, BOOT_SCREEN_NONE);
}

void console_speak_up(void)
{
}

void timer_init(void)
{
}

/* --- a save from beginning to end ----------------------------------------------------------------------------------
 */

static void seal_parameters(void)
{
	thaw_save_parameters = core_machine.parameters;
	thaw_save_parameters.crc32 = 0;
	thaw_save_parameters.crc32 = crc32_zlib(&thaw_save_parameters, sizeof(thaw_save_parameters));
}

static void make(enum save_action action)
{
	core_machine_make(CORE_LZ4, CORE_FILL_MIXED, 512);
	core_machine.parameters.action = action;
	seal_parameters();
	disks_found = 0;
	fake_log_begin();
}

static enum way_out run(void)
{
	/* setjmp's value may only be compared. */
	switch (setjmp(out)) {
	case 0:
		save_session(&core_machine.session);
	case WENT_ON:
		return WENT_ON;
	case POWERED_OFF:
		return POWERED_OFF;
	default:
		return RESET;
	}
}

/* What must hold whatever happened; true: the image is there. */
static void check(enum way_out way, enum core_anchor_state state)
{
	assert_int_equal(core_machine_anchor()->state, state);
	assert_int_equal(core_machine.disk.in_flight, 0);
	if (disks_found)
		assert_int_equal(core_machine.disk.quiesced, 1);
	assert_true((way == WENT_ON) == (state != CORE_ANCHOR_VALID));
	core_machine.disk.quiesced = 0;
}

/* The data and the header part are durable before the anchor says so. */
static void check_order(struct late_disk *disk, uint64_t lba, const void *data)
{
	const struct core_anchor *anchor = data;

	assert_int_equal(lba, CORE_START_PAGE * 8);
	if (anchor->state == CORE_ANCHOR_VALID || anchor->state == CORE_ANCHOR_SNAPSHOT)
		assert_int_equal(disk->unflushed, 0);
}

static void test_the_ways_out(void **state)
{
	static const struct {
		enum save_action action;
		enum way_out way;
		enum core_anchor_state state;
	} cases[] = {
		{SAVE_POWER_OFF, POWERED_OFF, CORE_ANCHOR_VALID},
		{SAVE_REBOOT, RESET, CORE_ANCHOR_VALID},
		{SAVE_RETURN, WENT_ON, CORE_ANCHOR_SNAPSHOT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		make(cases[i].action);
		core_machine.disk.on_sync = check_order;
		core_machine.parameters.could_write = (uint32_t)i;
		seal_parameters();
		assert_int_equal(run(), cases[i].way);
		check(cases[i].way, cases[i].state);
		assert_int_equal(core_machine_anchor()->could_write, i);
		assert_int_equal(core_machine.disk.syncs, 1);
		assert_int_equal(core_machine.disk.flushes, 2);
		assert_true(save_is_active());
		assert_int_equal(core_machine_restore(), STATUS_OK);
		assert_int_equal(core_machine.result.acpi.pm1a_enable_value, 0x1234);
		core_machine_check_memory();
	}
}

/* --- before the disk ---------------------------------------------------------------------------------------------- */

static void expect_refused(const char *reason)
{
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_SAVING);
	assert_int_equal(core_machine.disk.writes + core_machine.disk.syncs, 0);
	assert_int_equal(disks_found, 0);
	assert_true(fake_log_has(reason));
	assert_true(fake_log_has("; the session goes on"));
}

static void test_parameters_are_checked(void **state)
{
	(void)state;
	make(SAVE_POWER_OFF);
	memset(&thaw_save_parameters, 0, sizeof(thaw_save_parameters));
	expect_refused("not those of this thaw.elf");
	for (size_t at = 16; at < sizeof(thaw_save_parameters); at += at < 300 ? 1 : 41) {
		make(SAVE_POWER_OFF);
		((uint8_t *)&thaw_save_parameters)[at] ^= 0x40;
		expect_refused("checksum of the parameters");
	}
	for (uint32_t i = 0; i < 8; i++) {
		struct save_parameters *parameters = &core_machine.parameters;

		make(SAVE_POWER_OFF);
		switch (i) {
		case 0:
			parameters->magic++;
			break;
		case 1:
			parameters->bytes--;
			break;
		case 2:
			parameters->action = SAVE_RETURN + 1;
			break;
		case 3:
			parameters->codec = CORE_LZ4 + 1;
			break;
		case 4:
			parameters->memory_count = CORE_MEMORY_ENTRIES_MAX + 1;
			break;
		case 5:
			parameters->vmcoreinfo_bytes = SAVE_VMCOREINFO_MAX + 1;
			break;
		case 6:
			parameters->memory[0].bytes = UINT64_MAX - parameters->memory[0].address + 1;
			break;
		default:
			parameters->memory[0].address = UINT64_MAX;
			break;
		}
		seal_parameters();
		expect_refused(i < 2   ? "not those of this"
			       : i < 6 ? "parameters make no sense"
				       : "memory map makes no sense");
	}
}

static void test_a_target_that_is_not_there(void **state)
{
	(void)state;
	make(SAVE_POWER_OFF);
	core_machine.parameters.target_uuid[3] ^= 1;
	seal_parameters();
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_SAVING);
	assert_int_equal(core_machine.disk.syncs, 0); /* it is nobody's to write to */
	assert_true(fake_log_has("no disk that Thaw can drive"));
	/* The image of another session: not overwritten, nor taken for ours. */
	make(SAVE_POWER_OFF);
	core_machine_anchor()->state = CORE_ANCHOR_USED;
	core_machine_anchor()->header_bytes = PAGE_BYTES;
	core_machine_anchor()->core_bytes = 2 * PAGE_BYTES;
	core_anchor_seal(core_machine_anchor());
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_USED);
	assert_int_equal(core_machine.disk.syncs, 0);
}

/* --- while it writes ---------------------------------------------------------------------------------------------- */

static void expect_failed(enum status failure)
{
	assert_int_equal(run(), WENT_ON);
	assert_int_equal(core_machine_anchor()->failure, failure);
	check(WENT_ON, CORE_ANCHOR_FAILED);
	assert_true(fake_log_has("; the session goes on"));
}

static void test_what_fails_before_the_mark(void **state)
{
	uint32_t writes;

	(void)state;
	make(SAVE_POWER_OFF);
	assert_int_equal(run(), POWERED_OFF);
	writes = core_machine.disk.writes;
	for (uint32_t bad = 1; bad <= writes; bad += bad < 3 || bad + 3 > writes ? 1 : 9) {
		make(bad % 2 ? SAVE_POWER_OFF : SAVE_RETURN);
		core_machine.disk.bad_write = bad;
		core_machine.disk.seed = bad;
		expect_failed(STATUS_IO_ERROR);
	}
	for (uint32_t bad = 1; bad <= 2; bad++) {
		make(SAVE_POWER_OFF);
		core_machine.disk.bad_flush = bad;
		expect_failed(STATUS_IO_ERROR);
	}
	make(SAVE_POWER_OFF);
	core_machine_set_target(100, 2);
	expect_failed(STATUS_NO_MEMORY);
	assert_true(fake_log_has("too small"));
	make(SAVE_POWER_OFF);
	core_machine.session.entry = 0x5000;
	expect_failed(STATUS_CORRUPT);
	/* The anchor can't be written either: it still says SAVING. */
	make(SAVE_POWER_OFF);
	core_machine.disk.bad_write = 5;
	core_machine.disk.bad_sync = 1;
	core_machine.disk.bad_sync_end = 100;
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_SAVING);
	assert_true(fake_log_has("the anchor can't be written"));
}

/* --- the mark ----------------------------------------------------------------------------------------------------- */

static void set_bad_sync(uint32_t first, uint32_t end, bool stores)
{
	core_machine.disk.bad_sync = first;
	core_machine.disk.bad_sync_end = end;
	core_machine.disk.bad_sync_stores = stores;
}

static void test_a_mark_that_fails(void **state)
{
	(void)state;
	for (uint32_t stores = 0; stores < 2; stores++) {
		/* Once: it is taken back, and the session goes on. */
		make(SAVE_POWER_OFF);
		set_bad_sync(1, 2, stores);
		expect_failed(STATUS_IO_ERROR);
		/* For good: it may say VALID, durable or not. The session must not go on. */
		make(SAVE_POWER_OFF);
		set_bad_sync(1, 100, stores);
		assert_int_equal(run(), POWERED_OFF);
		assert_true(fake_log_has("does not say whether"));
		assert_int_equal(core_machine.disk.quiesced, 1);
		core_machine.disk.quiesced = 0;
		make(SAVE_REBOOT);
		set_bad_sync(1, 100, stores);
		assert_int_equal(run(), RESET);
		core_machine.disk.quiesced = 0;
		/* A snapshot's is no danger: it is not looked for. */
		make(SAVE_RETURN);
		set_bad_sync(1, 100, stores);
		assert_int_equal(run(), WENT_ON);
		assert_true(core_machine_anchor()->state != CORE_ANCHOR_VALID);
		core_machine.disk.quiesced = 0;
		make(SAVE_RETURN);
		set_bad_sync(1, 2, stores);
		expect_failed(STATUS_IO_ERROR);
	}
	/* The disk says that it is there, and it is not. */
	make(SAVE_POWER_OFF);
	core_machine.disk.lost_sync = 1;
	expect_failed(STATUS_IO_ERROR);
}

/* --- exceptions ----------------------------------------------------------------------------------------------------
 */

static uint32_t fault_at_sync;

static void fault(struct late_disk *disk, uint64_t lba, const void *data)
{
	(void)lba;
	(void)data;
	if (disk->syncs == fault_at_sync)
		save_on_exception();
}

static void test_an_exception(void **state)
{
	(void)state;
	fault_at_sync = 1;
	/* In the mark itself: it may be on its way to the disk. */
	make(SAVE_POWER_OFF);
	core_machine.disk.on_sync = fault;
	assert_int_equal(run(), RESET);
	/* … of a snapshot, or of a failure: the session is all there is. */
	make(SAVE_RETURN);
	core_machine.disk.on_sync = fault;
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_SAVING);
	make(SAVE_POWER_OFF);
	core_machine.disk.on_sync = fault;
	core_machine.disk.bad_write = 4;
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_SAVING);
	assert_int_equal(core_machine.disk.syncs, 1); /* its driver is not asked again */
	/* While a mark that failed is taken back: nobody knows. */
	make(SAVE_POWER_OFF);
	core_machine.disk.on_sync = fault;
	fault_at_sync = 2;
	set_bad_sync(1, 2, true);
	assert_int_equal(run(), RESET);
	core_machine.disk.quiesced = 0;
	/* After it was taken back. */
	make(SAVE_POWER_OFF);
	core_machine.disk.on_sync = fault;
	fault_at_sync = 3;
	set_bad_sync(1, 2, true);
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_FAILED);
}

/* --- in again ------------------------------------------------------------------------------------------------------
 */

/* A session that goes on and jumps here again without a new Thaw: nothing is written with what is old. */
static void test_coming_in_twice(void **state)
{
	(void)state;
	make(SAVE_RETURN);
	assert_int_equal(run(), WENT_ON);
	check(WENT_ON, CORE_ANCHOR_SNAPSHOT);
	core_machine.disk.syncs = core_machine.disk.writes = 0;
	assert_int_equal(run(), WENT_ON);
	assert_true(fake_log_has("checksum of the parameters"));
	assert_int_equal(core_machine.disk.syncs + core_machine.disk.writes, 0);
	assert_int_equal(core_machine_anchor()->state, CORE_ANCHOR_SNAPSHOT);
	/* After an image that became valid, too. */
	make(SAVE_REBOOT);
	assert_int_equal(run(), RESET);
	core_machine.disk.quiesced = 0;
	make(SAVE_POWER_OFF);
	core_machine.disk.bad_write = 1;
	expect_failed(STATUS_IO_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ways_out),
		cmocka_unit_test(test_parameters_are_checked),
		cmocka_unit_test(test_a_target_that_is_not_there),
		cmocka_unit_test(test_what_fails_before_the_mark),
		cmocka_unit_test(test_a_mark_that_fails),
		cmocka_unit_test(test_an_exception),
		cmocka_unit_test(test_coming_in_twice),
	};

	return cmocka_run_group_tests(tests, core_machine_set_up, core_machine_tear_down);
}
