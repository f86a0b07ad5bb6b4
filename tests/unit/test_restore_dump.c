/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring from memory dumps: every frame gets its page, what is in Thaw's own place is passed over, and whatever is
 * wrong ends with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dump_image.h"
#include "tests/unit/restore_machine.h"

#define FIRST        ((uint64_t)MACHINE_BASE / PAGE_BYTES)
#define FRAMES       (FIRST + 1200)
#define HEADER_PAGE  5 /* on the device, as resume_offset= says */
#define ENTRY_FRAME  (FIRST + 700)
#define ENTRY        (ENTRY_FRAME * PAGE_BYTES + 0xF2)
#define DEVICE_BYTES (DUMP_FILE_BYTES + HEADER_PAGE * (uint64_t)PAGE_BYTES)

static struct dump_image dump;
static uint8_t device[DEVICE_BYTES];
static uint64_t entry;
static const char *reason;
static uint64_t data_pages, zero_pages;

/* Frames of the low MiB and of other programs' memory are not in this machine; those of the hole do not matter. */
static char frame_kind(uint64_t frame)
{
	const uint64_t index = frame - FIRST;

	if (frame >= 300 && frame < 340)
		return frame % 3 == 0 ? 'Z' : 'D';
	if (frame < FIRST || index % 97 == 13)
		return 0;
	if (index % 50 > 40)
		return 'Z';
	if (index % 11 == 5)
		return 'R';
	return index % 23 == 8 ? 'z' : 'D';
}

/* The same with long runs: an ELF core has a program header for each. */
static char segment_kind(uint64_t frame)
{
	const uint64_t index = frame - FIRST;

	if (frame >= 300 && frame < 340)
		return 'D';
	if (frame < FIRST || index % 300 == 13)
		return 0;
	return "DRZ"[index / 100 % 3];
}

static enum status restore(dump_frame_kind *kind)
{
	struct restore_job job = {.found = &machine.found, .boot = &machine.boot, .entry = entry, .levels = 4};
	struct arena arena;
	enum status status;

	memcpy(device + HEADER_PAGE * PAGE_BYTES, dump.file, DUMP_FILE_BYTES);
	fake_disk_init(&machine.disk, device, sizeof(device) / 512, 512);
	machine.found = (struct found_image){
		.device = &machine.disk.device,
		.device_pages = DEVICE_BYTES / PAGE_BYTES,
		.header_page = HEADER_PAGE,
		.kind = IMAGE_DUMP,
	};
	memcpy(&machine.found.header_bytes, dump.file, PAGE_BYTES);
	machine_refill();
	memset(paddr_to_virt((struct paddr){ARENA_BASE}), 0xAA, ARENA_BYTES);
	arena_init(&arena, paddr_to_virt((struct paddr){ARENA_BASE}), ARENA_BYTES);
	job.arena = &arena;
	job.watch = machine.watch ? fake_watch_begin(machine.watch) : NULL;
	data_pages = zero_pages = 0;
	for (uint64_t frame = FIRST; frame < FRAMES; frame++) {
		data_pages += kind(frame) && kind(frame) != 'Z';
		zero_pages += kind(frame) == 'Z';
	}
	status = restore_image(&job, &machine.plan, &machine.result, &reason);
	assert_int_equal(machine.disk.done_count, 0);
	assert_true((status == STATUS_OK) == !*reason);
	return status;
}

static void run_plan(void)
{
	const struct plan_page *page = paddr_to_virt((struct paddr){machine.plan.sealed->plan});

	for (; page; page = paddr_to_virt((struct paddr){page->next}))
		for (uint64_t i = 0; i < page->count; i++)
			memcpy(paddr_to_virt((struct paddr){page->copies[i].destination}),
			       paddr_to_virt((struct paddr){page->copies[i].source}), PAGE_BYTES);
}

static void check_restored(dump_frame_kind *kind)
{
	struct page expected;

	assert_int_equal(restore(kind), STATUS_OK);
	assert_int_equal(machine.result.pages, data_pages);
	assert_int_equal(machine.result.zero_pages, zero_pages);
	assert_true(machine.result.staged_pages > 0 && machine.result.staged_pages < 100);
	assert_false(machine.result.checked);
	run_plan();
	for (uint64_t frame = FIRST; frame < FRAMES; frame++) {
		if (!kind(frame))
			continue;
		dump_frame_fill(&expected, frame, kind(frame) == 'Z' ? 'z' : kind(frame));
		assert_memory_equal(pfn_to_page((struct pfn){frame}), &expected, PAGE_BYTES);
	}
	assert_int_equal(machine.plan.sealed->jump_address, ENTRY);
	assert_int_equal(machine.plan.sealed->levels, 4);
}

static void make(dump_frame_kind *kind, enum dump_codec codec)
{
	dump_image_free(&dump);
	if (kind == segment_kind)
		dump_image_elf(&dump, kind, FRAMES, codec == PACK_RAW ? 8192 : 5432);
	else
		dump_image_kdump(&dump, kind, FRAMES, codec);
	machine_make(SWSUSP_PLAIN, false);
	machine_set_module(690, 30); /* over the entry's frame, too */
	entry = ENTRY;
}

static void expect(enum status status, const char *said)
{
	assert_int_equal(restore(frame_kind), status);
	if (!strstr(reason, said))
		fail_msg("the reason is \"%s\", not \"%s\"", reason, said);
}

static void test_every_codec_is_restored(void **state)
{
	(void)state;
	for (enum dump_codec codec = PACK_RAW; codec <= PACK_LZO; codec++) {
		make(frame_kind, codec);
		check_restored(frame_kind);
		dump_image_flatten(&dump, SIZE_MAX);
		check_restored(frame_kind);
	}
}

static void test_elf_is_restored(void **state)
{
	(void)state;
	for (enum dump_codec codec = PACK_RAW; codec <= PACK_ZLIB; codec++) {
		make(segment_kind, codec);
		check_restored(segment_kind);
		dump_image_flatten(&dump, SIZE_MAX);
		check_restored(segment_kind);
	}
}

static void test_the_entry_must_be_in_the_dump(void **state)
{
	static const uint64_t entries[] = {(FIRST + 13) * PAGE_BYTES, (FIRST + 45) * PAGE_BYTES,
					   303 * PAGE_BYTES,          0x1000,
					   FRAMES * PAGE_BYTES,       BIT64(51),
					   (FIRST - 1) * PAGE_BYTES};

	(void)state;
	make(frame_kind, PACK_LZO);
	for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
		entry = entries[i];
		expect(STATUS_CORRUPT, "nothing at the address");
	}
}

static void test_headers_that_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		unsigned bytes;
		enum status status;
		const char *said;
	} cases[] = {
		{0x08, 5, 4, STATUS_UNSUPPORTED, "another version"},
		{0x110, 'i', 1, STATUS_UNSUPPORTED, "another version or machine"},
		{0x1A8, 0x0A, 4, STATUS_CORRUPT, "not complete"},
		{0x1A8, 0x04, 4, STATUS_UNSUPPORTED, "snappy"},
		{0x1A8, 0x20, 4, STATUS_UNSUPPORTED, "zstd"},
		{0x1A8, 0x12, 4, STATUS_UNSUPPORTED, "left out"},
		{0x1A8, 0x42, 4, STATUS_UNSUPPORTED, "not known"},
		{0x1AC, 8192, 4, STATUS_UNSUPPORTED, "another version"},
		{0x1B0, 0, 4, STATUS_CORRUPT, "contradict"},
		{0x1B0, UINT32_MAX, 4, STATUS_CORRUPT, "contradict"},
		{0x1B4, 11, 4, STATUS_CORRUPT, "contradict"},
		{0x1B4, 8, 4, STATUS_CORRUPT, "contradict"},
		{0x1B4, UINT32_MAX - 1, 4, STATUS_CORRUPT, "contradict"},
		{0x1008, 2, 4, STATUS_UNSUPPORTED, "left out"},
		{0x1008, 31, 4, STATUS_UNSUPPORTED, "left out"},
		{0x100C, 1, 4, STATUS_UNSUPPORTED, "split"},
		{0x1048, 1, 8, STATUS_UNSUPPORTED, "left out"},
		{0x1060, 0, 8, STATUS_CORRUPT, "contradict"},
		{0x1060, UINT64_MAX, 8, STATUS_CORRUPT, "contradict"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		make(frame_kind, PACK_LZO);
		dump_put(&dump, cases[i].at, cases[i].value, cases[i].bytes);
		expect(cases[i].status, cases[i].said);
	}
}

/* Level 16 leaves out free pages: they may hold anything. The machine's name may be missing. */
static void test_what_is_allowed_besides(void **state)
{
	(void)state;
	make(frame_kind, PACK_LZO);
	dump_put(&dump, 0x1008, 17, 4);
	dump_put(&dump, 0x110, 0, 8);
	check_restored(frame_kind);
}

static void test_descriptors_that_are_refused(void **state)
{
	static const struct {
		size_t at; /* in a descriptor */
		uint64_t value;
		unsigned bytes;
		enum status status;
		const char *said;
	} cases[] = {
		{0, UINT64_MAX, 8, STATUS_CORRUPT, "descriptor"},
		{0, DUMP_FILE_BYTES - 1, 8, STATUS_CORRUPT, "descriptor"},
		{0, 4096, 8, STATUS_CORRUPT, "descriptor"},
		{8, 0, 4, STATUS_CORRUPT, "descriptor"},
		{8, 4097, 4, STATUS_CORRUPT, "descriptor"},
		{12, 0, 4, STATUS_CORRUPT, "descriptor"}, /* raw, but of another size */
		{12, 3, 4, STATUS_CORRUPT, "descriptor"},
		{12, 4, 4, STATUS_UNSUPPORTED, "snappy"},
		{12, 0x20, 4, STATUS_UNSUPPORTED, "zstd"},
		{12, 1, 4, STATUS_CORRUPT, "does not unpack"},
		{8, 30, 4, STATUS_CORRUPT, "does not unpack"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		make(frame_kind, PACK_LZO);
		/* Behind the descriptors of the hole. */
		dump_put(&dump, dump.descriptors_at + 24 * 100 + cases[i].at, cases[i].value, cases[i].bytes);
		expect(cases[i].status, cases[i].said);
	}
}

static void test_bitmaps_must_fit_the_machine(void **state)
{
	(void)state;
	make(frame_kind, PACK_LZO);
	dump.file[2 * PAGE_BYTES + (FIRST + 16) / 8] = 0;
	expect(STATUS_CORRUPT, "its machine did not have");
	make(frame_kind, PACK_LZO);
	dump.file[2 * PAGE_BYTES + 31] |= 0x80; /* frame 255, just in front of the hole */
	expect(STATUS_MISMATCH, "not RAM today");
	make(frame_kind, PACK_LZO);
	dump.file[2 * PAGE_BYTES + 32] |= 0x01;  /* frame 256, its first */
	dump.file[2 * PAGE_BYTES + 511] |= 0x80; /* frame 4095, its last */
	check_restored(frame_kind);
	dump.file[2 * PAGE_BYTES + 512] |= 0x01; /* frame 4096, just behind it */
	expect(STATUS_MISMATCH, "not RAM today");
	make(frame_kind, PACK_LZO);
	machine_set_memory(400);
	expect(STATUS_MISMATCH, "not RAM today");
}

static void test_flattened_files_that_are_refused(void **state)
{
	(void)state;
	make(frame_kind, PACK_ZLIB);
	dump_image_flatten(&dump, dump.descriptors_at + 24 * 500);
	expect(STATUS_CORRUPT, "a part of the dump is missing");
	make(frame_kind, PACK_ZLIB);
	dump_image_flatten(&dump, SIZE_MAX);
	dump.file[24] = 1;
	expect(STATUS_UNSUPPORTED, "flattened dump is of another version");
	make(frame_kind, PACK_ZLIB);
	dump_image_flatten(&dump, SIZE_MAX);
	memset(dump.file + dump.bytes - 16, 0x11, 16);
	expect(STATUS_CORRUPT, "no end");
	make(frame_kind, PACK_ZLIB);
	memcpy(dump.file, "KDUMB   ", 8);
	dump_image_flatten(&dump, SIZE_MAX);
	expect(STATUS_UNSUPPORTED, "no memory dump");
}

static void test_elf_that_is_refused(void **state)
{
	(void)state;
	make(segment_kind, PACK_RAW);
	dump_put(&dump, 64 + 24, 0x1000000, 8); /* the hole's segment, moved to just behind it */
	expect(STATUS_MISMATCH, "not RAM today");
	make(segment_kind, PACK_RAW);
	dump_put(&dump, 64 + 8, DUMP_FILE_BYTES, 8);
	expect(STATUS_CORRUPT, "beyond the end");
	make(segment_kind, PACK_RAW);
	dump_put(&dump, 16, 2, 2);
	expect(STATUS_UNSUPPORTED, "no core");
}

static void test_who_looks_may_end_it(void **state)
{
	struct fake_watch watch = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		dump_frame_kind *kind = i ? segment_kind : frame_kind;

		make(kind, PACK_RAW);
		machine.watch = &watch;
		watch.end_at = 0;
		check_restored(kind);
		assert_int_equal(watch.total, data_pages);
		assert_true(watch.looks > 3 && watch.done > 0);
		for (watch.end_at = 1; restore(kind) != STATUS_OK; watch.end_at++)
			assert_int_equal(watch.looks, watch.end_at);
		assert_true(watch.end_at > 3);
	}
	machine.watch = NULL;
}

static void test_errors_of_the_disk(void **state)
{
	(void)state;
	make(frame_kind, PACK_ZLIB);
	assert_int_equal(restore(frame_kind), STATUS_OK);
	for (uint64_t page = 0; page * PAGE_BYTES < dump.bytes; page += 20) {
		struct restore_job job = {.found = &machine.found, .boot = &machine.boot, .entry = entry, .levels = 4};
		struct arena arena;

		machine.disk.bad_lba_first = (HEADER_PAGE + page) * 8;
		machine.disk.bad_lba_end = machine.disk.bad_lba_first + 1;
		arena_init(&arena, paddr_to_virt((struct paddr){ARENA_BASE}), ARENA_BYTES);
		job.arena = &arena;
		assert_int_equal(restore_image(&job, &machine.plan, &machine.result, &reason), STATUS_IO_ERROR);
		assert_true(*reason);
	}
}

static int tear_down(void **state)
{
	dump_image_free(&dump);
	return machine_tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_codec_is_restored),
		cmocka_unit_test(test_elf_is_restored),
		cmocka_unit_test(test_the_entry_must_be_in_the_dump),
		cmocka_unit_test(test_headers_that_are_refused),
		cmocka_unit_test(test_what_is_allowed_besides),
		cmocka_unit_test(test_descriptors_that_are_refused),
		cmocka_unit_test(test_bitmaps_must_fit_the_machine),
		cmocka_unit_test(test_flattened_files_that_are_refused),
		cmocka_unit_test(test_elf_that_is_refused),
		cmocka_unit_test(test_errors_of_the_disk),
		cmocka_unit_test(test_who_looks_may_end_it),
	};

	return cmocka_run_group_tests(tests, machine_set_up, tear_down);
}
