/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF cores of other programs, with what /proc/vmcore, makedumpfile and QEMU are known to do: segments in any order,
 * frames in part, the kernel's text a second time, data anywhere in the file. Offsets are written out on purpose.
 */
#include "image/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FILE_BYTES 0x100000
#define TEXT       0xffffffff81000000u
#define DIRECT     0xffff888000000000u
#define LOAD       1
#define NOTE       4

struct load {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz, memsz;
};

static struct {
	struct page pages[1];
} file;
static const char *reason;

static void put(size_t offset, uint64_t value, size_t bytes)
{
	memcpy(file.pages[0].bytes + offset, &value, bytes);
}

static void file_make(const struct load *loads, uint32_t count)
{
	memset(&file, 0, sizeof(file));
	memcpy(file.pages, "\177ELF\2\1\1", 7);
	put(16, 4, 2);
	put(18, 62, 2);
	put(20, 1, 4);
	put(32, 64, 8);
	put(52, 64, 2);
	put(54, 56, 2);
	put(56, count, 2);
	for (size_t i = 0; i < count; i++) {
		put(64 + 56 * i, loads[i].type, 4);
		put(64 + 56 * i + 8, loads[i].offset, 8);
		put(64 + 56 * i + 16, loads[i].vaddr, 8);
		put(64 + 56 * i + 24, loads[i].paddr, 8);
		put(64 + 56 * i + 32, loads[i].filesz, 8);
		put(64 + 56 * i + 40, loads[i].memsz, 8);
	}
}

static enum status parse(struct core *core)
{
	uint64_t bytes = 0;
	enum status status;

	reason = "";
	status = core_elf_header_bytes(file.pages, FILE_BYTES, &bytes, &reason);
	if (status != STATUS_OK)
		return status;
	assert_true(bytes <= sizeof(file));
	return core_elf_parse(file.pages, FILE_BYTES, core, &reason);
}

/* Writes "first+data+zero@offset" of every segment that is not empty. */
static const char *draw(const struct core *core)
{
	static char text[400];
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);

		if (segment.data_pages + segment.zero_pages != 0)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%x+%x+%x@%x ",
						   (unsigned)segment.first.value, (unsigned)segment.data_pages,
						   (unsigned)segment.zero_pages, (unsigned)segment.offset);
	}
	return text;
}

struct example {
	struct load loads[5];
	const char *segments; /* NULL: refused */
	enum status status;
	const char *reason;
};

static const struct example examples[] = {
	/* One segment; zeroes behind the data; several, with a note among them. */
	{{{LOAD, 0x1000, 0, 0x2000, 0x3000, 0x3000}}, "2+3+0@1000 ", 0, ""},
	{{{LOAD, 0x1000, 0, 0x2000, 0x1000, 0x3000}}, "2+1+2@1000 ", 0, ""},
	{{{LOAD, 0x1000, 0, 0x2000, 0x1000, 0x1000}, {NOTE, 0, 0, 0, 9, 9}, {LOAD, 0x3000, 0, 0x9000, 0, 0x2000}},
	 "2+1+0@1000 9+0+2@3000 ",
	 0,
	 ""},
	/* In any order. */
	{{{LOAD, 0x1000, 0, 0x9000, 0x1000, 0x1000},
	  {LOAD, 0x3000, 0, 0x2000, 0x1000, 0x2000},
	  {LOAD, 0x2000, 0, 0x4000, 0x1000, 0x1000}},
	 "9+1+0@1000 2+1+1@3000 4+1+0@2000 ",
	 0,
	 ""},
	/* Low memory that ends within a frame, as below an EBDA; one that begins within one; nothing whole; nothing. */
	{{{LOAD, 0x1000, 0, 0x1000, 0x9ec00, 0x9ec00}}, "1+9e+0@1000 ", 0, ""},
	{{{LOAD, 0x1000, 0, 0x1400, 0x2c00, 0x2c00}}, "2+2+0@1c00 ", 0, ""},
	{{{LOAD, 0x1000, 0, 0x1400, 0xc00, 0x2c00}}, NULL, STATUS_CORRUPT, "the core has no data"},
	{{{LOAD, 0x1000, 0, 0x1400, 0, 0x2c00}, {LOAD, 0x1000, 0, 0x8000, 0x1000, 0x1000}},
	 "2+0+2@1c00 8+1+0@1000 ",
	 0,
	 ""},
	{{{LOAD, 0x1000, 0, 0x1400, 0xb00, 0xb00}, {LOAD, 0x1000, 0, 0x8000, 0x1000, 0x1000}}, "8+1+0@1000 ", 0, ""},
	{{{LOAD, ~0ull, 0, ~0ull, 0, 0}, {LOAD, 0x1000, 0, 0x8000, 0x1000, 0x1000}}, "8+1+0@1000 ", 0, ""},
	{{{LOAD, 0x1000, 0, 0x1000, 0x1800, 0x3000}},
	 NULL,
	 STATUS_UNSUPPORTED,
	 "the data of a segment ends within a page"},
	/* The kernel's text once more; on the border of two segments; not all of it; alone, it is a segment as any. */
	{{{LOAD, 0x1000, TEXT, 0x3000, 0x2000, 0x2000}, {LOAD, 0x3000, DIRECT, 0, 0x8000, 0x8000}},
	 "0+8+0@3000 ",
	 0,
	 ""},
	{{{LOAD, 0x3000, DIRECT, 0, 0x4000, 0x4000},
	  {LOAD, 0x1000, TEXT, 0x3000, 0x2000, 0x2000},
	  {LOAD, 0x7000, DIRECT, 0x4000, 0, 0x4000}},
	 "0+4+0@3000 4+0+4@7000 ",
	 0,
	 ""},
	{{{LOAD, 0x1000, TEXT, 0x3000, 0x2000, 0x2000}, {LOAD, 0x3000, DIRECT, 0, 0x4000, 0x4000}},
	 NULL,
	 STATUS_UNSUPPORTED,
	 "the kernel's text is only in its own mapping"},
	{{{LOAD, 0x1000, TEXT, 0x3000, 0x2000, 0x2000}}, "3+2+0@1000 ", 0, ""},
	/* Sizes, ends, overlaps. */
	{{{LOAD, 0x1000, 0, 0x2000, 0x3000, 0x2000}}, NULL, STATUS_CORRUPT, "the size of a segment is not valid"},
	{{{LOAD, 0x1000, 0, 0xffffffffff000, 0x1000, 0x1000}}, "ffffffff+1+0@1000 ", 0, ""},
	{{{LOAD, 0x1000, 0, 0xffffffffff000, 0x1000, 0x2000}},
	 NULL,
	 STATUS_CORRUPT,
	 "a segment lies beyond physical memory"},
	{{{LOAD, 0x1000, 0, ~0xfffull, 0x1000, 0x2000}}, NULL, STATUS_CORRUPT, "a segment lies beyond physical memory"},
	{{{LOAD, FILE_BYTES - 0x1000, 0, 0, 0x1000, 0x1000}}, "0+1+0@ff000 ", 0, ""},
	{{{LOAD, FILE_BYTES - 0xfff, 0, 0, 0x1000, 0x1000}},
	 NULL,
	 STATUS_CORRUPT,
	 "the data of a segment lies beyond the end of the file"},
	{{{LOAD, ~0xffull, 0, 0, 0x1000, 0x1000}},
	 NULL,
	 STATUS_CORRUPT,
	 "the data of a segment lies beyond the end of the file"},
	{{{LOAD, 0x1000, 0, 0x2000, 0x2000, 0x2000}, {LOAD, 0x1000, 0, 0x3000, 0x2000, 0x2000}},
	 NULL,
	 STATUS_CORRUPT,
	 "segments overlap"},
	{{{LOAD, 0x1000, 0, 0x2000, 0x1000, 0x3000},
	  {LOAD, 0x1000, 0, 0x8000, 0x2000, 0x2000},
	  {LOAD, 0x1000, 0, 0x4000, 0x2000, 0x2000}},
	 NULL,
	 STATUS_CORRUPT,
	 "segments overlap"},
	{{{LOAD, 0x1000, 0, 0x2000, 0, 0x3000}}, NULL, STATUS_CORRUPT, "the core has no data"},
	{{{LOAD, 0x1000, 0, 0x5000, 0x1000, 0x1000}, {LOAD, 0x1000, 0, 0x2000, 0x1000, 0x5000}},
	 NULL,
	 STATUS_CORRUPT,
	 "segments overlap"},
	{{{LOAD, 0x1000, 0, 0x8000, 0x2000, 0x2000},
	  {LOAD, 0x1000, 0, 0x2000, 0x2000, 0x2000},
	  {LOAD, 0x1000, 0, 0x9000, 0x2000, 0x2000}},
	 NULL,
	 STATUS_CORRUPT,
	 "segments overlap"},
	/* What is no PT_LOAD may say anything. */
	{{{NOTE, ~0ull, 0, 0x1000, 0x9000, 0x3000}, {LOAD, 0x1000, 0, 0x2000, 0x1000, 0x1000}}, "2+1+0@1000 ", 0, ""},
	{{{NOTE, 0, 0, 0, 0, 0}}, NULL, STATUS_CORRUPT, "the core has no data"},
};

static void segments_are_taken_as_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
		const struct example *example = &examples[i];
		struct core core;
		enum status status;

		file_make(example->loads, ARRAY_COUNT(example->loads));
		status = parse(&core);
		if (status != example->status)
			print_error("example %zu: %s\n", i, reason);
		assert_int_equal(status, example->status);
		assert_string_equal(reason, example->reason);
		if (example->segments != NULL)
			assert_string_equal(draw(&core), example->segments);
	}
}

static void counts_and_places_are_told(void **state)
{
	const struct load loads[] = {{LOAD, 0x1234, 0, 0x8000, 0x1000, 0x3000},
				     {LOAD, 0x3000, 0, 0x2000, 0x2000, 0x2000}};
	struct core_chunk_cursor chunks = {0};
	struct core_data_cursor cursor = {0};
	struct core_chunk_place place;
	struct core_data_run run;
	struct core core;

	(void)state;
	file_make(loads, 2);
	assert_int_equal(parse(&core), STATUS_OK);
	assert_null(core.note);
	assert_null(core.vmcoreinfo);
	assert_int_equal(core.data_pages, 3);
	assert_int_equal(core.zero_pages, 2);
	assert_int_equal(core.stored_pages, FILE_BYTES / 4096);
	assert_false(core.data_aligned);
	assert_false(core_chunk_next(&core, &chunks, &place));
	assert_true(core_data_next(&core, &cursor, 9, &run));
	assert_int_equal(run.first.value, 8);
	assert_int_equal(run.pages, 1);
	assert_int_equal(run.offset, 0x1234);
	assert_true(core_data_next(&core, &cursor, 1, &run));
	assert_true(core_data_next(&core, &cursor, 9, &run));
	assert_int_equal(run.first.value, 3);
	assert_int_equal(run.offset, 0x4000);
	assert_false(core_data_next(&core, &cursor, 9, &run));
	assert_true(core_has_data(&core, 0x8123));
	assert_false(core_has_data(&core, 0x9123));
	put(64 + 8, 0x2000, 8);
	assert_int_equal(parse(&core), STATUS_OK);
	assert_true(core.data_aligned);
	/* Where nothing is read, the place does not matter. */
	put(64 + 32, 0, 8);
	put(64 + 8, 0x1234, 8);
	assert_int_equal(parse(&core), STATUS_OK);
	assert_true(core.data_aligned);
}

struct mutant {
	size_t offset;
	uint64_t value;
	size_t bytes;
	enum status status;
	const char *reason;
};

static void other_files_are_refused(void **state)
{
	static const char machine[] = "the ELF file is not of an x86-64 machine";
	static const char place[] = "program headers in an unusual place";
	static const struct mutant mutants[] = {
		{0, 'E', 1, STATUS_NOT_FOUND, "no ELF file"},
		{3, 'Z', 1, STATUS_NOT_FOUND, "no ELF file"},
		{4, 1, 1, STATUS_UNSUPPORTED, machine},
		{5, 2, 1, STATUS_UNSUPPORTED, machine},
		{6, 0, 1, STATUS_UNSUPPORTED, machine},
		{18, 3, 2, STATUS_UNSUPPORTED, machine},
		{16, 2, 2, STATUS_UNSUPPORTED, "the ELF file is no core"},
		{54, 64, 2, STATUS_UNSUPPORTED, "the ELF file is no core"},
		{56, 4097, 2, STATUS_UNSUPPORTED, "too many segments"},
		{56, 0xffff, 2, STATUS_UNSUPPORTED, "too many segments"},
		{32, 56, 8, STATUS_UNSUPPORTED, place},
		{32, 68, 8, STATUS_UNSUPPORTED, place},
		{32, 0x100008, 8, STATUS_UNSUPPORTED, place},
		{32, ~7ull, 8, STATUS_UNSUPPORTED, place},
		{32, 0x100000, 8, STATUS_CORRUPT, "the program headers lie beyond the end of the file"},
	};
	const struct load load = {LOAD, 0x1000, 0, 0x2000, 0x3000, 0x3000};
	struct core core;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(mutants); i++) {
		file_make(&load, 1);
		assert_int_equal(parse(&core), STATUS_OK);
		put(mutants[i].offset, mutants[i].value, mutants[i].bytes);
		assert_int_equal(parse(&core), mutants[i].status);
		assert_string_equal(reason, mutants[i].reason);
	}
	/* Program headers elsewhere. */
	file_make(&load, 1);
	memmove(file.pages[0].bytes + 1024, file.pages[0].bytes + 64, 56);
	memset(file.pages[0].bytes + 64, 0, 56);
	put(32, 1024, 8);
	assert_int_equal(parse(&core), STATUS_OK);
	assert_int_equal(core.data_pages, 3);
	assert_int_equal(core_elf_header_bytes(file.pages, FILE_BYTES, &bytes, &reason), STATUS_OK);
	assert_int_equal(bytes, 1024 + 56);
	assert_int_equal(core_elf_header_bytes(file.pages, 1024 + 56, &bytes, &reason), STATUS_OK);
	assert_int_equal(core_elf_header_bytes(file.pages, 1024 + 55, &bytes, &reason), STATUS_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_taken_as_they_come),
		cmocka_unit_test(counts_and_places_are_told),
		cmocka_unit_test(other_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
