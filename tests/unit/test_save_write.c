/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session's memory on its way to the disk and back: every byte comes back, whatever the disk, the target and the
 * memory look like; and what can't be written, or could not be restored, is refused with nothing in flight.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "loader/restore_core.h"
#include "tests/unit/core_machine.h"

static const enum core_codec codecs[] = {CORE_PLAIN, CORE_LZO, CORE_LZ4};

static void check_round_trip(void)
{
	core_machine_save_valid();
	assert_int_equal(core_machine_restore(), STATUS_OK);
	assert_true(core_machine.result.checked);
	assert_int_equal(core_machine.result.pages + core_machine.result.zero_pages, CORE_RAM_PAGES);
	assert_int_equal(core_machine.result.acpi.pm1a_enable_value, 0x321);
	assert_int_equal(core_machine.plan.sealed->jump_address, CORE_ENTRY);
	core_machine_check_memory();
}

static void test_every_page_comes_back(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 18; round++) {
		core_machine_make(codecs[round % 3], round % 9 < 6 ? CORE_FILL_MIXED : CORE_FILL_FULL,
				  round % 2 ? 4096 : 512);
		core_machine.disk.seed = round;
		core_machine.disk.device.identity.queue_depth = 1 + round % 3 * 15;
		core_machine.disk.device.identity.max_segments = 1 + round % 5 * 10;
		core_machine.disk.device.identity.max_transfer_bytes = PAGE_BYTES * (1 + round % 7 * 9);
		core_machine_set_target(0, 1 + round * 6);
		check_round_trip();
		assert_true(core_machine.save.stored_bytes == core_machine_anchor()->core_bytes);
	}
}

static void test_one_page_is_an_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		core_machine_make(codecs[i], CORE_FILL_NOTHING, 512);
		check_round_trip();
		assert_int_equal(core_machine.result.pages, 3);
		core_machine_make(codecs[i], CORE_FILL_NOTHING, 512);
		core_machine_page(0)->bytes[0] = 0;
		core_machine_page(CORE_RAM_PAGES - 1)->bytes[PAGE_BYTES - 1] = 0;
		check_round_trip();
		assert_int_equal(core_machine.result.pages, 1);
	}
}

/* 31 to 34 pages, and each byte of a page is what makes it more than zeroes. */
static void test_chunks_of_any_length(void **state)
{
	(void)state;
	for (uint32_t more = 28; more < 96; more += more == 31 ? 29 : 1) {
		core_machine_make(codecs[more % 3], CORE_FILL_NOTHING, 512);
		for (uint32_t i = 0; i < more; i++)
			core_machine_page(200 + i * 2)->bytes[i * 61 % PAGE_BYTES] = 1;
		check_round_trip();
		assert_int_equal(core_machine.result.pages, more + 3);
	}
}

/* An IDE disk and more than 4 GiB: what it can't reach goes through buffers, both ways. */
static void test_frames_beyond_the_devices_reach(void **state)
{
	static const uint64_t limits[] = {0x1000000,  0x1005000,  0x1111000, 0x1411000,
					  0x40000000, 0x40021000, 0x401FF000};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(limits); i++) {
		core_machine_make(codecs[i % 3], i % 4 == 3 ? CORE_FILL_FULL : CORE_FILL_MIXED, i % 2 ? 4096 : 512);
		core_machine.disk.seed = (uint32_t)i;
		core_machine.disk.device.identity.dma_limit = limits[i / 2];
		check_round_trip();
	}
	/* All that is plain, too. */
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
		core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
		core_machine.disk.device.identity.dma_limit = limits[i];
		check_round_trip();
	}
}

static void test_an_anchor_in_a_file(void **state)
{
	(void)state;
	core_machine_make(CORE_LZ4, CORE_FILL_MIXED, 4096);
	core_machine.parameters.anchor_page = 17;
	core_machine.disk_pages[CORE_START_PAGE + 17] = core_machine.disk_pages[CORE_START_PAGE];
	memset(&core_machine.disk_pages[CORE_START_PAGE], 0xEE, PAGE_BYTES);
	core_machine_set_target(0, 5);
	check_round_trip();
	assert_int_equal(core_machine.disk_pages[CORE_START_PAGE].bytes[0], 0xEE);
	assert_int_equal(core_machine.disk_pages[CORE_START_PAGE - 1].bytes[0], 0xEE);
}

static void test_five_levels_are_noted(void **state)
{
	(void)state;
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	core_machine_save_valid();
	assert_int_equal(core_machine_restore(), STATUS_OK);
	assert_int_equal(core_machine.plan.sealed->levels, 4);
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	core_machine.session.cr4 |= BIT(12);
	core_machine_save_valid();
	if (core_machine_restore() == STATUS_OK)
		assert_int_equal(core_machine.plan.sealed->levels, 5);
	else
		assert_non_null(strstr(core_machine.reason, "five-level"));
}

/* --- room -------------------------------------------------------------------------------------------------------- */

/* Exactly as large as the image, and a page less; plain, and packed. */
static void test_a_target_that_is_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		uint64_t pages;

		core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
		core_machine_save_valid();
		pages = core_machine_anchor()->core_bytes / PAGE_BYTES;
		core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
		core_machine_set_target(pages, 6);
		check_round_trip();
		for (uint64_t less = 1; less < pages; less = less * 3 + 1) {
			core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
			core_machine_set_target(pages - less, 3);
			assert_int_equal(core_machine_save(), STATUS_NO_MEMORY);
			assert_non_null(strstr(core_machine.save.reason, "too small"));
		}
		core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
		core_machine_set_target(1, 1);
		assert_int_equal(core_machine_save(), STATUS_NO_MEMORY);
	}
}

static void test_a_largest_size(void **state)
{
	uint64_t bytes;

	(void)state;
	core_machine_make(CORE_LZO, CORE_FILL_MIXED, 512);
	core_machine_save_valid();
	bytes = core_machine_anchor()->core_bytes;
	core_machine_make(CORE_LZO, CORE_FILL_MIXED, 512);
	core_machine.parameters.max_bytes = bytes;
	check_round_trip();
	core_machine_make(CORE_LZO, CORE_FILL_MIXED, 512);
	core_machine.parameters.max_bytes = bytes - 1;
	assert_int_equal(core_machine_save(), STATUS_NO_MEMORY);
	assert_non_null(strstr(core_machine.save.reason, "--max-size"));
	core_machine_make(CORE_LZO, CORE_FILL_MIXED, 512);
	core_machine.parameters.max_bytes = 1;
	assert_int_equal(core_machine_save(), STATUS_NO_MEMORY);
	assert_true(core_machine.disk.writes < 20); /* it does not go on in vain */
}

/* Nothing is saved that could not be restored; what can be is restored with just so much room. */
static void test_room_for_the_restore(void **state)
{
	struct save *save = &core_machine.save;
	uint64_t room;

	(void)state;
	assert_int_equal(restore_core_room(6 * MIB + PAGE_BYTES, 1), UINT64_MAX);
	assert_true(restore_core_room(6 * MIB, 1) < 12 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		core_machine_make(codecs[i], CORE_FILL_FULL, 512);
		core_machine_save_valid();
		room = restore_core_room(core_machine_anchor()->header_bytes, save->data.limit);
		core_machine.arena_bytes = room;
		assert_int_equal(core_machine_restore(), STATUS_OK);
		core_machine_check_memory();
	}
	core_machine_make(CORE_PLAIN, CORE_FILL_FULL, 512);
	core_machine.arena_bytes = room;
	assert_int_equal(core_machine_save(), STATUS_NO_MEMORY);
	assert_non_null(strstr(save->reason, "room to restore"));
	assert_int_equal(core_machine.disk.writes, 0);
	core_machine.arena_bytes = 64 * KIB;
	assert_int_equal(core_machine_save(), STATUS_NO_MEMORY);
}

/* --- errors ------------------------------------------------------------------------------------------------------ */

/* core_machine_save looks that nothing is in flight and the anchor was left alone. */
static void test_write_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		uint32_t writes;

		core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
		core_machine_save_valid();
		writes = core_machine.disk.writes;
		assert_true(writes > 40);
		for (uint32_t bad = 1; bad <= writes; bad += bad < 3 || bad + 5 > writes ? 1 : 6) {
			core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
			core_machine.disk.seed = bad;
			core_machine.disk.bad_write = bad;
			assert_int_equal(core_machine_save(), STATUS_IO_ERROR);
			assert_true(core_machine.disk.writes < bad + 40);
			assert_null(core_machine.save.reason);
		}
		for (uint32_t bad = 1; bad <= writes; bad += 10) {
			core_machine_make(codecs[i], CORE_FILL_MIXED, 512);
			core_machine.disk.gone_after = bad;
			assert_int_equal(core_machine_save(), STATUS_IO_ERROR);
		}
	}
}

static void test_flush_errors(void **state)
{
	(void)state;
	for (uint32_t bad = 1; bad <= 2; bad++) {
		core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
		core_machine.disk.bad_flush = bad;
		assert_int_equal(core_machine_save(), STATUS_IO_ERROR);
		/* Behind the error there is no further write: what is durable is not known. */
		assert_int_equal(core_machine.disk.flushes, bad);
	}
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	core_machine_save_valid();
	assert_int_equal(core_machine.disk.flushes, 2);
}

/* --- what would not be accepted later ----------------------------------------------------------------------------- */

static void test_what_the_restore_would_refuse(void **state)
{
	static const uint64_t entries[] = {0, 0x234000, 0x1400800, 0x50000000};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
		core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
		core_machine.session.entry = entries[i];
		assert_int_equal(core_machine_save(), STATUS_CORRUPT);
		assert_non_null(strstr(core_machine.save.reason, "entry"));
	}
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	core_machine.parameters.acpi.gpe0_bytes = 2 * CORE_GPE_BYTES_MAX + 2;
	assert_int_equal(core_machine_save(), STATUS_CORRUPT);
	/* No memory at all, or none with anything in it. */
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	core_machine.range_count = 0;
	assert_int_equal(core_machine_save(), STATUS_CORRUPT);
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	for (uint32_t i = 0; i < CORE_RAM_PAGES; i++)
		memset(core_machine_page(i), 0, PAGE_BYTES);
	assert_int_equal(core_machine_save(), STATUS_UNSUPPORTED);
}

static const struct core *parse_stored(void)
{
	static uint64_t header[128 * 1024];
	static struct core core;
	const struct core_anchor *anchor = core_machine_anchor();
	const char *reason;

	for (uint64_t i = 0; i < anchor->header_bytes / PAGE_BYTES; i++)
		memcpy((uint8_t *)header + i * PAGE_BYTES, core_machine_stored(i), PAGE_BYTES);
	assert_int_equal(core_header_parse(header, anchor, &core, &reason), STATUS_OK);
	return &core;
}

static void test_vmcoreinfo(void **state)
{
	static const char text[] = "OSRELEASE=6.12\nPAGESIZE=4096\n";
	const uint64_t at = 0x1002010;
	const struct core *core;

	(void)state;
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
	memcpy(paddr_to_virt((struct paddr){at}), text, sizeof(text));
	core_machine.parameters.vmcoreinfo = at;
	core_machine.parameters.vmcoreinfo_bytes = sizeof(text) - 1;
	core_machine_save_valid();
	core = parse_stored();
	assert_int_equal(core->vmcoreinfo_bytes, sizeof(text) - 1);
	assert_memory_equal(core->vmcoreinfo, text, sizeof(text) - 1);
	/* Where it is not memory, there is none. */
	for (unsigned i = 0; i < 4; i++) {
		core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 512);
		core_machine.parameters.vmcoreinfo = i == 0 ? 0x13FFFF0 : i == 1 ? UINT64_MAX - 10 : i == 2 ? 0 : at;
		core_machine.parameters.vmcoreinfo_bytes = i == 3 ? 0 : 1000;
		core_machine_save_valid();
		assert_int_equal(parse_stored()->vmcoreinfo_bytes, 0);
	}
}

static void test_the_note(void **state)
{
	const struct core *core;

	(void)state;
	core_machine_make(CORE_LZ4, CORE_FILL_MIXED, 512);
	core_machine_save_valid();
	core = parse_stored();
	assert_int_equal(core->note->codec, CORE_LZ4);
	assert_int_equal(core->note->entry, CORE_ENTRY);
	assert_int_equal(core->note->region_start, MIB);
	assert_int_equal(core->note->region_end, 16 * MIB);
	assert_int_equal(core->note->memory_count, core_machine.range_count);
	assert_memory_equal(core->note->memory, core_machine.parameters.memory, sizeof(core->note->memory));
	assert_memory_equal(&core->note->acpi, &core_machine.parameters.acpi, sizeof(core->note->acpi));
}

/* --- the target --------------------------------------------------------------------------------------------------- */

static void test_the_target_is_the_one_that_was_named(void **state)
{
	struct core_machine *m = &core_machine;

	(void)state;
	core_machine_make(CORE_PLAIN, CORE_FILL_NOTHING, 512);
	m->parameters.target_uuid[15] ^= 1;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->parameters.target_uuid[15] ^= 1;
	m->parameters.anchor_page = 1;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->parameters.anchor_page = CORE_DISK_PAGES - CORE_START_PAGE;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->parameters.anchor_page = UINT64_MAX;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->parameters.anchor_page = 0;
	m->parameters.partition_start += 1;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->parameters.partition_start = CORE_DISK_PAGES * PAGE_BYTES;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->parameters.partition_start = CORE_START_PAGE * PAGE_BYTES;
	m->disk.bad_first = CORE_START_PAGE * 8;
	m->disk.bad_end = m->disk.bad_first + 1;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	m->disk.bad_end = 0;
	((uint8_t *)core_machine_anchor())[3000] ^= 1;
	assert_int_equal(core_machine_save(), STATUS_NOT_FOUND);
	assert_null(m->save.device);
	((uint8_t *)core_machine_anchor())[3000] ^= 1;
	assert_int_equal(core_machine_save(), STATUS_OK);
}

/* A disk without it on either side; then its clone. */
static void test_among_several_disks(void **state)
{
	static struct page others[2][64];
	static struct late_disk disks[2];
	struct core_machine *m = &core_machine;

	(void)state;
	core_machine_make(CORE_PLAIN, CORE_FILL_MIXED, 4096);
	for (uint32_t i = 0; i < 2; i++)
		late_disk_init(&disks[i], others[i], 64 * 8, 512);
	m->registry = (struct block_registry){{&disks[0].device, &m->disk.device, &disks[1].device}, 3};
	/* Another target of its own, in the same place. */
	*(struct core_anchor *)(void *)&others[1][CORE_START_PAGE] = *core_machine_anchor();
	((struct core_anchor *)(void *)&others[1][CORE_START_PAGE])->uuid[0] = 1;
	((struct core_anchor *)(void *)&others[1][CORE_START_PAGE])->extents[0].page_count = 1;
	check_round_trip();
	assert_int_equal(disks[0].writes + disks[0].syncs + disks[1].writes + disks[1].syncs, 0);
	core_machine_make(CORE_PLAIN, CORE_FILL_NOTHING, 512);
	core_machine_set_target(20, 1);
	others[1][CORE_START_PAGE] = m->disk_pages[CORE_START_PAGE];
	m->registry = (struct block_registry){{&m->disk.device, &disks[1].device}, 2};
	assert_int_equal(core_machine_save(), STATUS_AMBIGUOUS);
	assert_int_equal(m->disk.writes + disks[1].writes, 0);
}

static void test_only_an_anchor_that_says_saving(void **state)
{
	(void)state;
	for (uint32_t anchor_state = CORE_ANCHOR_EMPTY; anchor_state <= CORE_ANCHOR_FAILED; anchor_state++) {
		core_machine_make(CORE_PLAIN, CORE_FILL_NOTHING, 512);
		core_machine_anchor()->state = anchor_state;
		core_machine_anchor()->header_bytes = PAGE_BYTES;
		core_machine_anchor()->core_bytes = 2 * PAGE_BYTES;
		core_anchor_seal(core_machine_anchor());
		if (anchor_state == CORE_ANCHOR_SAVING) {
			assert_int_equal(core_machine_save(), STATUS_OK);
			continue;
		}
		assert_int_equal(core_machine_save(), STATUS_INVALID);
		assert_null(core_machine.save.device);
		assert_int_equal(core_machine.disk.writes, 0);
	}
}

static void test_the_mark_is_read_back(void **state)
{
	struct late_disk *disk = &core_machine.disk;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		core_machine_make(CORE_PLAIN, CORE_FILL_NOTHING, i ? 4096 : 512);
		assert_int_equal(core_machine_save(), STATUS_OK);
		disk->lost_sync = 1;
		assert_int_equal(save_target_mark(&core_machine.save, CORE_ANCHOR_VALID), STATUS_IO_ERROR);
		assert_int_equal(core_machine_anchor()->state, CORE_ANCHOR_SAVING);
		assert_int_equal(save_target_mark(&core_machine.save, CORE_ANCHOR_VALID), STATUS_OK);
		assert_int_equal(core_machine_anchor()->state, CORE_ANCHOR_VALID);
		disk->bad_first = CORE_START_PAGE * PAGE_BYTES / disk->device.identity.sector_bytes;
		disk->bad_end = disk->bad_first + 1;
		assert_int_equal(save_target_mark(&core_machine.save, CORE_ANCHOR_FAILED), STATUS_IO_ERROR);
	}
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static void test_which_frames_are_saved(void **state)
{
	const struct memory_range ranges[] = {
		{0, 0x9FC00, MEMORY_RAM},           {0x100000, 0xFFF000, MEMORY_RAM},
		{0xFFF800, 0x1002800, MEMORY_RAM},  {0x1002800, 0x1003000, MEMORY_ACPI_NVS},
		{0x1003000, 0x1003FFF, MEMORY_RAM}, {0x100000800, 0x100002800, MEMORY_RAM},
	};
	static const uint64_t expected[] = {0x1000, 0x1001, 0x100001};
	struct save *save = &core_machine.save;
	struct pfn pfn = {0};

	(void)state;
	memset(save, 0, sizeof(*save));
	assert_int_equal(memory_map_build(ranges, ARRAY_COUNT(ranges), &save->map), STATUS_OK);
	save->data.limit = memory_map_ram_end(&save->map) >> PAGE_SHIFT;
	for (uint64_t i = 1; i < 0x9F; i++, pfn.value++) {
		pfn = save_memory_next(save, pfn);
		assert_int_equal(pfn.value, i);
	}
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++, pfn.value++) {
		pfn = save_memory_next(save, pfn);
		assert_int_equal(pfn.value, expected[i]);
	}
	assert_int_equal(save_memory_next(save, pfn).value, save->data.limit);
	assert_int_equal(save_memory_next(save, (struct pfn){0x500}).value, 0x1000);
}

static void test_what_is_zero(void **state)
{
	(void)state;
	for (uint32_t byte = 0; byte < PAGE_BYTES; byte += byte < 128 ? 1 : 61) {
		struct page *page = core_machine_page(700);

		if (byte == 0)
			core_machine_make(CORE_PLAIN, CORE_FILL_NOTHING, 512);
		memset(page, 0, PAGE_BYTES);
		page->bytes[byte] = 0x80;
		assert_int_equal(core_machine_save(), STATUS_OK);
		assert_int_equal(core_machine.save.data.count, 4);
		assert_int_equal(core_machine.save.ram_pages, CORE_RAM_PAGES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_comes_back),
		cmocka_unit_test(test_one_page_is_an_image),
		cmocka_unit_test(test_chunks_of_any_length),
		cmocka_unit_test(test_frames_beyond_the_devices_reach),
		cmocka_unit_test(test_an_anchor_in_a_file),
		cmocka_unit_test(test_five_levels_are_noted),
		cmocka_unit_test(test_a_target_that_is_full),
		cmocka_unit_test(test_a_largest_size),
		cmocka_unit_test(test_room_for_the_restore),
		cmocka_unit_test(test_write_errors),
		cmocka_unit_test(test_flush_errors),
		cmocka_unit_test(test_what_the_restore_would_refuse),
		cmocka_unit_test(test_vmcoreinfo),
		cmocka_unit_test(test_the_note),
		cmocka_unit_test(test_the_target_is_the_one_that_was_named),
		cmocka_unit_test(test_among_several_disks),
		cmocka_unit_test(test_only_an_anchor_that_says_saving),
		cmocka_unit_test(test_the_mark_is_read_back),
		cmocka_unit_test(test_which_frames_are_saved),
		cmocka_unit_test(test_what_is_zero),
	};

	return cmocka_run_group_tests(tests, core_machine_set_up, core_machine_tear_down);
}
