/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring the image of a kexec jump: what is wrong with it, or with today's machine, is said before anything that
 * can't be undone; what the jump needs is there although the image takes all memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/cpu.h"
#include "lib/crc32.h"
#include "tests/unit/core_machine.h"

static const enum core_codec codecs[] = {CORE_PLAIN, CORE_LZO, CORE_LZ4};

static void make(enum core_codec codec)
{
	core_machine_make(codec, CORE_FILL_MIXED, 512);
	core_machine_save_valid();
}

/* Refused with this status before any memory but the arena was written. */
static void expect_untouched(enum status status, const char *reason)
{
	assert_int_equal(core_machine_restore(), status);
	assert_non_null(strstr(core_machine.reason, reason));
	for (uint32_t i = 0; i < CORE_RAM_PAGES; i++) {
		const struct page *page = core_machine_page(i);
		const uint8_t junk = (uint8_t)(paddr_to_pfn(virt_to_paddr(page)).value | 1);

		assert_int_equal(page->bytes[0], junk);
		assert_memory_equal(page->bytes, page->bytes + 1, PAGE_BYTES - 1);
	}
}

/* --- the header, changed --------------------------------------------------------------------------------------- */

static uint8_t header[512 * 1024] __attribute__((aligned(4096)));

static struct core_note *header_load(void)
{
	static struct core core;
	const struct core_anchor *anchor = core_machine_anchor();
	const char *reason;

	for (uint64_t i = 0; i < anchor->header_bytes / PAGE_BYTES; i++)
		memcpy(header + i * PAGE_BYTES, core_machine_stored(i), PAGE_BYTES);
	assert_int_equal(core_header_parse(header, anchor, &core, &reason), STATUS_OK);
	return (struct core_note *)(void *)(header + ((const uint8_t *)core.note - header));
}

/* With right checksums. */
static void header_store(void)
{
	struct core_anchor *anchor = core_machine_anchor();

	anchor->header_crc32 = crc32_zlib(header, anchor->header_bytes);
	core_anchor_seal(anchor);
	for (uint64_t i = 0; i < anchor->header_bytes / PAGE_BYTES; i++)
		memcpy(core_machine_stored(i), header + i * PAGE_BYTES, PAGE_BYTES);
}

/* --- what is right ------------------------------------------------------------------------------------------------ */

static const struct page *any_frame(void *context, struct pfn pfn)
{
	(void)context;
	return pfn_to_page(pfn);
}

/* Everything that the jump uses lies where no page of the image goes, below 4 GiB. */
static void test_the_plan_of_the_jump(void **state)
{
	const struct sealed_plan *plan = &core_machine.plan;
	const struct handoff_image *sealed;
	uint64_t physical;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		make(codecs[i]);
		assert_int_equal(core_machine_restore(), STATUS_OK);
		core_machine_check_memory();
		sealed = plan->sealed;
		assert_in_range(plan->frame.value, CORE_ARENA_BASE, CORE_ARENA_BASE + CORE_ARENA_BYTES - 1);
		assert_in_range(sealed->jump_root, CORE_ARENA_BASE, CORE_ARENA_BASE + CORE_ARENA_BYTES - 1);
		assert_memory_equal(paddr_to_virt(plan->frame), handoff_image_code, handoff_image_code_bytes);
		assert_int_equal(sealed->levels, 4);
		assert_int_equal(sealed->jump_address, CORE_ENTRY);
		assert_int_equal(sealed->reentry, CORE_REENTRY);
		assert_int_equal(sealed->stack, virt_to_paddr(&sealed->reentry).value);
		assert_int_equal(sealed->image_cr3, 0);
		/* The entry's page, the re-entry's address and the copied code at VA = PA. */
		assert_int_equal(
			page_tables_walk(sealed->jump_root, 4, sealed->jump_address, any_frame, NULL, &physical),
			STATUS_OK);
		assert_int_equal(physical, CORE_ENTRY);
		assert_int_equal(page_tables_walk(sealed->jump_root, 4, sealed->stack, any_frame, NULL, &physical),
				 STATUS_OK);
		assert_int_equal(physical, sealed->stack);
		assert_int_equal(page_tables_walk(sealed->copy_root, 4, plan->frame.value, any_frame, NULL, &physical),
				 STATUS_OK);
		assert_int_equal(physical, plan->frame.value);
		/* Low memory is staged, all else is in place. */
		assert_in_range(core_machine.result.staged_pages, 40, 143);
	}
}

static void test_a_session_comes_back_by_its_entry(void **state)
{
	struct sealed_plan plan;

	(void)state;
	make(CORE_PLAIN);
	assert_int_equal(core_machine_restore(), STATUS_OK);
	plan = core_machine.plan;
	assert_int_equal(seal_finish_session(&plan, 0x50000000, 4, 1), STATUS_CORRUPT);
	assert_int_equal(seal_finish_session(&plan, 0x1400000, 4, 1), STATUS_CORRUPT);
	if (!cpu_has_la57()) {
		assert_int_equal(seal_finish_session(&plan, CORE_ENTRY, 5, 1), STATUS_UNSUPPORTED);
		return;
	}
	assert_int_equal(seal_finish_session(&plan, CORE_ENTRY, 5, 1), STATUS_OK);
	assert_int_equal(plan.sealed->levels, 5);
	assert_int_not_equal(plan.sealed->jump_root, plan.sealed->copy_root);
}

static void test_five_levels_need_the_cpu(void **state)
{
	struct core_note *note;

	(void)state;
	make(CORE_PLAIN);
	note = header_load();
	note->levels = 5;
	header_store();
	if (cpu_has_la57()) {
		uint64_t physical;

		assert_int_equal(core_machine_restore(), STATUS_OK);
		assert_int_equal(page_tables_walk(core_machine.plan.sealed->jump_root, 5, CORE_ENTRY, any_frame, NULL,
						  &physical),
				 STATUS_OK);
		assert_int_equal(physical, CORE_ENTRY);
	} else {
		assert_int_equal(core_machine_restore(), STATUS_UNSUPPORTED);
		assert_non_null(strstr(core_machine.reason, "five-level"));
	}
}

/* A boot module lies over pages of the image: they are staged, and the module stays until the jump. */
static void test_modules_are_staged_around(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		make(codecs[i]);
		core_machine.boot.module_count = 1;
		core_machine.boot.modules[0].start = 0x1100000;
		core_machine.boot.modules[0].end = 0x1110010;
		assert_int_equal(core_machine_restore(), STATUS_OK);
		for (uint64_t at = 0x1100000; at < 0x1111000; at++)
			assert_int_equal(*(uint8_t *)paddr_to_virt((struct paddr){at}), (at >> PAGE_SHIFT | 1) & 0xFF);
		core_machine_check_memory();
		/* More pages with data than what is lent: frames that the session has zeroes in hold the others. */
		make(codecs[i]);
		core_machine.boot.module_count = 1;
		core_machine.boot.modules[0].start = 0x1000000;
		core_machine.boot.modules[0].end = 0x1600000;
		assert_int_equal(core_machine_restore(), STATUS_OK);
		core_machine_check_memory();
	}
	/* More than what there is of both. */
	make(CORE_PLAIN);
	core_machine.boot.module_count = 1;
	core_machine.boot.modules[0].start = 0x1000000;
	core_machine.boot.modules[0].end = 0x40200000;
	assert_int_equal(core_machine_restore(), STATUS_NO_MEMORY);
}

/* --- another machine ---------------------------------------------------------------------------------------------- */

static void set_map(const struct memory_range *ranges, uint32_t count)
{
	assert_int_equal(memory_map_build(ranges, count, &core_machine.boot.memory), STATUS_OK);
}

static void test_another_memory_map_is_refused(void **state)
{
	struct memory_range ranges[8];

	(void)state;
	make(CORE_LZ4);
	memcpy(ranges, core_machine.ranges, sizeof(ranges));
	ranges[core_machine.range_count - 1].type = MEMORY_ACPI_NVS;
	set_map(ranges, core_machine.range_count);
	expect_untouched(STATUS_MISMATCH, "memory map");
	core_machine.relaxed = true;
	assert_int_equal(core_machine_restore(), STATUS_OK);
	core_machine_check_memory();
	/* Less RAM: even then. */
	ranges[3].end -= PAGE_BYTES;
	set_map(ranges, core_machine.range_count);
	expect_untouched(STATUS_MISMATCH, "not RAM");
	/* More RAM, that is free. */
	ranges[3].end += PAGE_BYTES;
	ranges[2].end = 0x1600000;
	ranges[4].type = MEMORY_RAM;
	set_map(ranges, core_machine.range_count);
	core_machine.relaxed = false;
	expect_untouched(STATUS_MISMATCH, "memory map");
}

static void test_a_map_that_makes_no_sense(void **state)
{
	(void)state;
	make(CORE_PLAIN);
	header_load()->memory[0].bytes = UINT64_MAX;
	header_store();
	expect_untouched(STATUS_CORRUPT, "memory map");
}

/* What is lent comes from our own place, which an image that was saved from another one may fill. */
static void test_an_image_around_another_place_is_refused(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct core_note *note;

		make(CORE_PLAIN);
		note = header_load();
		note->region_start += i == 0 ? PAGE_BYTES : 0;
		note->region_end -= i == 1 ? PAGE_BYTES : 0;
		note->region_start -= i == 2 ? PAGE_BYTES : 0;
		header_store();
		if (i < 2)
			expect_untouched(STATUS_UNSUPPORTED, "elsewhere");
		else
			assert_int_equal(core_machine_restore(), STATUS_OK);
	}
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

static void test_damage_to_the_header(void **state)
{
	uint64_t bytes;

	(void)state;
	make(CORE_LZO);
	bytes = core_machine_anchor()->header_bytes;
	for (uint64_t at = 0; at < bytes; at += 97) {
		uint8_t *byte = &core_machine_stored(at / PAGE_BYTES)->bytes[at % PAGE_BYTES];

		*byte ^= (uint8_t)BIT(at % 8);
		assert_int_equal(core_machine_restore(), STATUS_CORRUPT);
		assert_non_null(strstr(core_machine.reason, "header"));
		*byte ^= (uint8_t)BIT(at % 8);
	}
	assert_int_equal(core_machine_restore(), STATUS_OK);
	core_machine_stored(0)->bytes[0] ^= 1;
	expect_untouched(STATUS_CORRUPT, "header");
}

static void test_damage_to_the_anchor(void **state)
{
	(void)state;
	make(CORE_PLAIN);
	for (uint32_t at = 0; at < PAGE_BYTES; at += at < 256 ? 3 : 97) {
		uint8_t *byte = (uint8_t *)core_machine_anchor() + at;

		*byte ^= 4;
		assert_int_not_equal(core_machine_restore(), STATUS_OK);
		*byte ^= 4;
	}
	assert_int_equal(core_machine_restore(), STATUS_OK);
}

/* In every chunk, first and last byte of all among them. */
static void test_damage_to_the_data(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		uint64_t first, pages;

		make(codecs[i]);
		first = core_machine_anchor()->header_bytes / PAGE_BYTES;
		pages = core_machine_anchor()->core_bytes / PAGE_BYTES;
		for (uint64_t page = first; page < pages; page += page + 31 < pages || page + 1 == pages ? 31 : 1) {
			uint8_t *byte = &core_machine_stored(page)->bytes[page + 1 == pages ? 0 : page * 71 % 4000];

			if (codecs[i] != CORE_PLAIN && page + 1 != pages)
				byte = core_machine_stored(page)->bytes; /* never behind the packed bytes */
			*byte ^= 0x10;
			assert_int_equal(core_machine_restore(), STATUS_CORRUPT);
			assert_non_null(strstr(core_machine.reason, "checksum of a chunk"));
			*byte ^= 0x10;
		}
		assert_int_equal(core_machine_restore(), STATUS_OK);
		core_machine_check_memory();
	}
}

/* Right checksums over what does not unpack. */
static void test_a_chunk_that_does_not_unpack(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_COUNT(codecs); i++) {
		const struct core_anchor *anchor;
		struct core_note *note;
		struct core_chunk *chunks;
		uint64_t page, index = 0;

		make(codecs[i]);
		anchor = core_machine_anchor();
		note = header_load();
		chunks = (struct core_chunk *)(void *)(header + note->chunk_table);
		page = anchor->header_bytes / PAGE_BYTES;
		while (chunks[index].stored_bytes == CORE_CHUNK_PAGES * PAGE_BYTES)
			page += div_round_up(chunks[index++].stored_bytes, PAGE_BYTES);
		assert_true(index < note->chunk_count);
		memset(core_machine_stored(page), 0xFF, 64);
		{
			uint32_t crc32 = ~(uint32_t)0;

			for (uint32_t left = chunks[index].stored_bytes, part; left > 0; left -= part, page++) {
				part = (uint32_t)min_u64(left, PAGE_BYTES);
				crc32 = crc32_update(crc32, core_machine_stored(page), part);
			}
			chunks[index].crc32 = ~crc32;
		}
		header_store();
		assert_int_equal(core_machine_restore(), STATUS_CORRUPT);
		assert_non_null(strstr(core_machine.reason, "unpack"));
	}
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static void test_read_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		uint64_t pages;

		make(codecs[i]);
		pages = core_machine_anchor()->core_bytes / PAGE_BYTES;
		for (uint64_t page = 0; page < pages; page += page < 3 || page + 14 > pages ? 1 : 13) {
			const uint64_t lba = (uint64_t)(core_machine_stored(page) - core_machine.disk_pages) * 8;

			core_machine.disk.seed = (uint32_t)page;
			core_machine.disk.bad_first = lba + page % 8;
			core_machine.disk.bad_end = lba + page % 8 + 1;
			assert_int_equal(core_machine_restore(), STATUS_IO_ERROR);
		}
	}
}

static void test_little_room(void **state)
{
	(void)state;
	for (uint64_t bytes = 64 * KIB; bytes < 6 * MIB; bytes += 300 * KIB) {
		make(CORE_LZ4);
		core_machine.arena_bytes = bytes;
		if (core_machine_restore() == STATUS_OK)
			core_machine_check_memory();
		else
			expect_untouched(STATUS_NO_MEMORY, "");
	}
}

/* The mark is somebody else's. */
static void test_restoring_writes_nothing_to_the_disk(void **state)
{
	(void)state;
	make(CORE_LZO);
	core_machine.disk.writes = core_machine.disk.syncs = core_machine.disk.flushes = 0;
	assert_int_equal(core_machine_restore(), STATUS_OK);
	assert_int_equal(core_machine.disk.writes + core_machine.disk.syncs + core_machine.disk.flushes, 0);
	assert_int_equal(core_machine_anchor()->state, CORE_ANCHOR_VALID);
}

static void test_who_looks_may_end_it(void **state)
{
	struct fake_watch watch = {.idle_calls = 20};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		make(codecs[i]);
		core_machine.watch = &watch;
		watch.end_at = 0;
		assert_int_equal(core_machine_restore(), STATUS_OK);
		core_machine_check_memory();
		assert_int_equal(watch.total, core_machine.result.pages);
		assert_true(watch.looks > 3 && watch.done > watch.total / 2);
		for (watch.end_at = 1; core_machine_restore() != STATUS_OK; watch.end_at++)
			assert_int_equal(watch.looks, watch.end_at);
		assert_true(watch.end_at > 3);
	}
	core_machine.watch = NULL;
}

static void test_an_anchor_without_an_image(void **state)
{
	(void)state;
	make(CORE_PLAIN);
	core_machine_anchor()->state = CORE_ANCHOR_FAILED;
	core_anchor_seal(core_machine_anchor());
	assert_int_equal(core_machine_restore(), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_plan_of_the_jump),
		cmocka_unit_test(test_a_session_comes_back_by_its_entry),
		cmocka_unit_test(test_five_levels_need_the_cpu),
		cmocka_unit_test(test_modules_are_staged_around),
		cmocka_unit_test(test_another_memory_map_is_refused),
		cmocka_unit_test(test_a_map_that_makes_no_sense),
		cmocka_unit_test(test_an_image_around_another_place_is_refused),
		cmocka_unit_test(test_damage_to_the_header),
		cmocka_unit_test(test_damage_to_the_anchor),
		cmocka_unit_test(test_damage_to_the_data),
		cmocka_unit_test(test_a_chunk_that_does_not_unpack),
		cmocka_unit_test(test_read_errors),
		cmocka_unit_test(test_little_room),
		cmocka_unit_test(test_restoring_writes_nothing_to_the_disk),
		cmocka_unit_test(test_who_looks_may_end_it),
		cmocka_unit_test(test_an_anchor_without_an_image),
	};

	return cmocka_run_group_tests(tests, core_machine_set_up, core_machine_tear_down);
}
