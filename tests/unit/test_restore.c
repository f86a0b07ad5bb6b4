/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring, as a whole: every frame gets its page; whatever goes wrong ends with a reason, with modules and what is
 * not RAM as they were, and with no read in flight.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loader/read_queue.h"
#include "tests/unit/restore_machine.h"

/* --- what is right ---------------------------------------------------------------------------------------------- */

static void test_every_codec_is_restored(void **state)
{
	static const enum swsusp_codec codecs[] = {SWSUSP_PLAIN, SWSUSP_LZO, SWSUSP_LZ4};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(codecs); i++) {
		machine_make(codecs[i / 2], i % 2);
		machine_check_restored();
		assert_int_equal(machine.result.checked, codecs[i / 2] != SWSUSP_PLAIN);
		machine.arena_bytes = SMALL_ARENA;
		machine_check_restored();
	}
}

static void test_frames_beyond_the_devices_reach_are_bounced(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		machine_make(SWSUSP_PLAIN, i % 2);
		machine.disk.device.identity.dma_limit = i < 2 ? MACHINE_BASE : machine_data_address(180);
		machine.arena_bytes = SMALL_ARENA;
		machine_check_restored();
	}
}

static void test_an_image_all_in_kept_frames_is_staged(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		machine_make(i ? SWSUSP_LZO : SWSUSP_PLAIN, true);
		machine_set_module(0, 4250);
		machine_check_restored();
		assert_int_equal(machine.result.staged_pages, DATA_PAGES + ZERO_PAGES);
	}
}

/* Of a device where small requests are dear, a map comes with the pages in front of it. */
static void test_maps_come_with_the_pages_before_them(void **state)
{
	static const enum swsusp_codec codecs[] = {SWSUSP_PLAIN, SWSUSP_LZO, SWSUSP_LZ4};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		machine_make_strided(codecs[i], false, 1);
		assert_int_equal(machine.image.map_count, codecs[i] == SWSUSP_PLAIN ? 3 : 2);
		machine.disk.device.identity.max_transfer_bytes = 4 * MIB;
		machine.disk.device.identity.max_segments = READ_QUEUE_SEGMENTS_MAX;
		machine.disk.watched_lba = machine.image.maps[machine.image.map_count - 1] * PAGE_BYTES / 512;
		machine_check_restored();
		assert_int_equal(machine.disk.watched_reads, 1);
		machine.disk.device.identity.is_serial = true;
		machine_check_restored();
		assert_int_equal(machine.disk.watched_reads, 1);
	}
}

/* In any order of pages, with any room; frames that do not follow each other. */
static void test_maps_that_do_not_follow_are_read_alone(void **state)
{
	static const enum swsusp_codec codecs[] = {SWSUSP_PLAIN, SWSUSP_LZO, SWSUSP_LZ4};

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_COUNT(codecs); i++) {
		machine_make_strided(codecs[i / 4], i % 2, i / 2 % 2 ? 1 : 3);
		machine.disk.device.identity.is_serial = true;
		machine_check_restored();
		machine.arena_bytes = SMALL_ARENA;
		machine_check_restored();
		machine.disk.device.identity.dma_limit = machine_data_address(180);
		machine_check_restored();
	}
}

/* Staging takes low frames first; what the jump needs below 4 GiB must be safe from that. */
static void test_the_jump_needs_no_frame_later(void **state)
{
	struct placement placement;
	struct swsusp_info info;
	struct arena arena;
	struct pfn frame;

	(void)state;
	machine_make(SWSUSP_PLAIN, false);
	machine_refill();
	arena_init(&arena, paddr_to_virt((struct paddr){ARENA_BASE}), ARENA_BYTES);
	assert_int_equal(placement_init(&placement, &machine.boot.memory, &arena), STATUS_OK);
	for (uint64_t i = 0; i < DATA_PAGES; i++) {
		const struct pfn pfn = paddr_to_pfn((struct paddr){machine_data_address(i)});

		assert_int_equal(placement_claim(&placement, pfn, 1, false), STATUS_OK);
		*pfn_to_page(pfn) = machine.image.pages[machine.image.meta_pages + i];
	}
	placement_accept(&placement);
	assert_int_equal(seal_prepare(&machine.plan, &placement), STATUS_OK);
	while (placement_take_frame(&placement, UINT64_MAX, &frame) == STATUS_OK)
		memset(pfn_to_page(frame), 0xEE, PAGE_BYTES);
	info = (struct swsusp_info){
		.jump_address = KERNEL_BASE + (machine_data_address(JUMP_PAGE) + JUMP_OFFSET) % (2 * MIB),
		.jump_address_physical = machine_data_address(JUMP_PAGE) + JUMP_OFFSET,
		.cr3 = machine_data_address(TABLES_FIRST),
	};
	assert_int_equal(seal_finish(&machine.plan, &info), STATUS_OK);
}

/* Looked at all the time, by somebody who also thinks for long: nothing is lost, and the end is the total. */
static void test_who_looks_does_no_harm(void **state)
{
	static const enum swsusp_codec codecs[] = {SWSUSP_PLAIN, SWSUSP_LZO, SWSUSP_LZ4};
	struct fake_watch watch = {.idle_calls = 50};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(codecs); i++) {
		machine_make(codecs[i / 2], i % 2);
		if (codecs[i / 2] == SWSUSP_PLAIN && i % 2)
			machine.disk.device.identity.dma_limit = machine_data_address(180);
		machine.watch = &watch;
		machine_check_restored();
		assert_true(watch.looks > 10);
		assert_int_equal(watch.total, DATA_PAGES + machine.image.meta_pages);
		assert_true(watch.done > watch.total / 2);
	}
	machine.watch = NULL;
}

/* --- what is wrong ---------------------------------------------------------------------------------------------- */

static void test_without_free_frames_it_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < 60; i++) {
		machine_make(i % 2 ? SWSUSP_LZO : SWSUSP_PLAIN, false);
		machine_set_module(i * 7, MACHINE_PAGES - i * 14);
		if (machine_restore() == STATUS_OK)
			machine_check_memory();
		else
			machine_check_refused(STATUS_NO_MEMORY, false);
	}
	machine_make(SWSUSP_LZO, false);
	machine_set_module(0, MACHINE_PAGES);
	machine_check_refused(STATUS_NO_MEMORY, true);
	machine.arena_bytes = 256 * KIB;
	machine_check_refused(STATUS_NO_MEMORY, true);
}

static void test_another_machine_is_refused(void **state)
{
	(void)state;
	machine_make(SWSUSP_LZO, false);
	forge_put(&machine.image, machine.image.stream[0], INFO_CHECKSUM, 12345, 8);
	machine_check_refused(STATUS_MISMATCH, true);
	machine.relaxed = true;
	machine_check_restored();
	machine_set_memory(200); /* over image pages */
	machine_check_refused(STATUS_MISMATCH, true);
	machine_make(SWSUSP_LZO, false);
	forge_put(&machine.image, 0, HEADER_FLAGS, 4 | 8, 4);
	forge_put(&machine.image, 0, HEADER_SIG, 0x1234, 4);
	machine_check_refused(STATUS_MISMATCH, true);
}

static void test_the_jump_is_proved(void **state)
{
	static const size_t fields[] = {INFO_JUMP, INFO_JUMP_PHYS, INFO_CR3};

	(void)state;
	machine_make(SWSUSP_PLAIN, false);
	for (size_t field = 0; field < ARRAY_COUNT(fields); field++) {
		for (unsigned bit = 0; bit < 64; bit++) {
			uint8_t *byte = &machine.image.device[machine.image.stream[0]].bytes[fields[field] + bit / 8];

			*byte ^= (uint8_t)BIT(bit % 8);
			machine_check_refused(STATUS_CORRUPT, false);
			*byte ^= (uint8_t)BIT(bit % 8);
		}
	}
	/* Mapped by the image's tables, but to a frame that it does not fill. */
	machine_edit_pages(machine_data_address(JUMP_PAGE) + PAGE_BYTES + JUMP_OFFSET);
	machine_check_refused(STATUS_CORRUPT, false);
}

static void test_read_errors_end_it_wherever_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		machine_make(i ? SWSUSP_LZO : SWSUSP_PLAIN, true);
		for (uint64_t place = 0; place < machine.image.stream_count; place += place < 4 ? 1 : 13) {
			machine.disk.bad_lba_first = machine.image.stream[place] * 8 + place % 8;
			machine.disk.bad_lba_end = machine.disk.bad_lba_first + 1;
			machine_check_refused(STATUS_IO_ERROR, place < 2);
		}
	}
}

static void test_a_list_that_ends_early_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		machine_make(i ? SWSUSP_LZ4 : SWSUSP_PLAIN, false);
		if (i) /* without the checksum, which would see it as well */
			forge_put(&machine.image, 0, HEADER_FLAGS, 16, 4);
		for (uint64_t count = machine.image.stream_count - 1; count > 0; count--) {
			machine_list(count, 0);
			if (count % 11 == 1 || count + SWSUSP_CHUNK_DISK_PAGES + 3 > machine.image.stream_count)
				machine_check_refused(STATUS_CORRUPT, false);
		}
	}
}

/* One more page than the chunks fill. */
static void test_a_list_that_goes_on_is_refused(void **state)
{
	(void)state;
	machine_make(SWSUSP_LZO, false);
	forge_put(&machine.image, machine.image.free_pages[machine.image.free_next], 0, 100, 8);
	machine_list(machine.image.stream_count, machine.image.free_pages[machine.image.free_next]);
	machine_check_refused(STATUS_CORRUPT, false);
}

/* Any byte of any page of a compressed image: refused, or it does not matter. */
static void test_damage_does_no_harm(void **state)
{
	uint32_t refused = 0;

	(void)state;
	srand(11);
	for (unsigned round = 0; round < 150; round++) {
		const uint32_t choice = (uint32_t)rand();
		uint64_t page;

		machine_make(round % 2 ? SWSUSP_LZO : SWSUSP_LZ4, round % 3);
		page = choice % 4 == 0
			       ? machine.image.maps[0]
			       : machine.image.stream[choice % 4 == 1 ? 0 : choice % machine.image.stream_count];
		/* Mostly where a map's entries and a chunk's length are. */
		machine.image.device[page].bytes[rand() % (round % 5 ? 4096 : 8)] ^= (uint8_t)BIT(choice % 8);
		if (machine_restore() == STATUS_OK)
			machine_check_memory();
		else
			refused++;
	}
	assert_true(refused > 75);
}

/* At whatever moment: no read is in flight, and modules are as they were (machine_restore sees to it). */
static void test_it_can_be_ended_at_any_moment(void **state)
{
	static const enum swsusp_codec codecs[] = {SWSUSP_PLAIN, SWSUSP_LZO};
	struct fake_watch watch = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		machine_make(codecs[i], true);
		machine.watch = &watch;
		for (watch.end_at = 1; machine_restore() != STATUS_OK; watch.end_at += watch.end_at < 8 ? 1 : 7) {
			assert_int_equal(watch.looks, watch.end_at);
			machine_check_refused(STATUS_USER, watch.end_at == 1);
		}
		assert_true(watch.end_at > 10);
		machine_check_memory();
	}
	machine.watch = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_codec_is_restored),
		cmocka_unit_test(test_maps_come_with_the_pages_before_them),
		cmocka_unit_test(test_maps_that_do_not_follow_are_read_alone),
		cmocka_unit_test(test_frames_beyond_the_devices_reach_are_bounced),
		cmocka_unit_test(test_an_image_all_in_kept_frames_is_staged),
		cmocka_unit_test(test_the_jump_needs_no_frame_later),
		cmocka_unit_test(test_who_looks_does_no_harm),
		cmocka_unit_test(test_it_can_be_ended_at_any_moment),
		cmocka_unit_test(test_without_free_frames_it_ends),
		cmocka_unit_test(test_another_machine_is_refused),
		cmocka_unit_test(test_the_jump_is_proved),
		cmocka_unit_test(test_read_errors_end_it_wherever_they_are),
		cmocka_unit_test(test_a_list_that_ends_early_is_refused),
		cmocka_unit_test(test_a_list_that_goes_on_is_refused),
		cmocka_unit_test(test_damage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, machine_set_up, machine_tear_down);
}
