/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments for kexec_load, and symbols, of ELF files made here.
 */
#include "tools/elf_plan.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADERS_MAX 20
#define DATA_AT     4096
#define DATA_BYTES  8192

/* Headers, then data: byte i is i % 251 + 1, so that nothing in it is zero. */
static struct {
	Elf64_Ehdr header;
	Elf64_Phdr loads[HEADERS_MAX];
	Elf64_Shdr sections[4];
	Elf64_Sym symbols[4];
	char strings[64];
	uint8_t padding[DATA_AT - sizeof(Elf64_Ehdr) - HEADERS_MAX * sizeof(Elf64_Phdr) - 4 * sizeof(Elf64_Shdr) -
			4 * sizeof(Elf64_Sym) - 64];
	uint8_t data[DATA_BYTES];
} elf;

_Static_assert(sizeof(elf) == DATA_AT + DATA_BYTES, "no holes");

static int elf_make(void **state)
{
	(void)state;
	memset(&elf, 0, sizeof(elf));
	memcpy(elf.header.e_ident, "\177ELF\2\1\1", 7);
	elf.header.e_type = ET_EXEC;
	elf.header.e_machine = EM_X86_64;
	elf.header.e_phoff = sizeof(Elf64_Ehdr);
	elf.header.e_phentsize = sizeof(Elf64_Phdr);
	for (uint32_t i = 0; i < DATA_BYTES; i++)
		elf.data[i] = (uint8_t)(i % 251 + 1);
	return 0;
}

static void load_add(uint64_t address, uint64_t offset, uint64_t file_bytes, uint64_t memory_bytes)
{
	elf.loads[elf.header.e_phnum++] = (Elf64_Phdr){.p_type = PT_LOAD,
						       .p_offset = DATA_AT + offset,
						       .p_paddr = address,
						       .p_vaddr = 0xDEAD000,
						       .p_filesz = file_bytes,
						       .p_memsz = memory_bytes};
}

/* From a copy of exactly that size, so that the sanitizer sees a byte too many. */
static enum status plan_make(size_t bytes, struct elf_plan *plan)
{
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
	const char *reason = NULL;
	enum status status;

	assert_non_null(copy);
	memcpy(copy, &elf, bytes);
	status = elf_plan_make(copy, bytes, plan, &reason);
	free(copy);
	if (status != STATUS_OK)
		assert_non_null(reason);
	return status;
}

static void expect_segment(const struct elf_plan *plan, uint32_t index, uint64_t start, uint64_t end, uint64_t data)
{
	assert_true(index < plan->count);
	assert_int_equal(plan->segments[index].start, start);
	assert_int_equal(plan->segments[index].end, end);
	assert_int_equal(plan->segments[index].data_bytes, data);
}

static void segments_are_whole_pages(void **state)
{
	struct elf_plan plan;
	uint8_t *out = malloc(0x210);
	uint8_t *second = malloc(0x1001);

	(void)state;
	assert_non_null(out);
	assert_non_null(second);
	load_add(0x100010, 0, 0x200, 0x200);
	load_add(0x102000, 0x200, 0x1001, 0xEFE000);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan.count, 2);
	expect_segment(&plan, 0, 0x100000, 0x101000, 0x210);
	expect_segment(&plan, 1, 0x102000, 0x1000000, 0x1001);
	assert_int_equal(plan.start, 0x100000);
	assert_int_equal(plan.end, 0x1000000);
	elf_plan_copy(&elf, sizeof(elf), &plan.segments[1], second);
	assert_memory_equal(second, elf.data + 0x200, 0x1001);
	memset(out, 0xEE, 0x210);
	elf_plan_copy(&elf, sizeof(elf), &plan.segments[0], out);
	for (uint32_t i = 0; i < 0x10; i++)
		assert_int_equal(out[i], 0);
	assert_memory_equal(out + 0x10, elf.data, 0x200);
	free(out);
	free(second);
}

static void segments_of_one_page_are_joined(void **state)
{
	struct elf_plan plan;
	uint8_t *out = malloc(0x1920);

	(void)state;
	assert_non_null(out);
	/* Not in order. */
	load_add(0x101900, 0x1000, 0x20, 0x800);
	load_add(0x100000, 0, 0x1000, 0x1200);
	load_add(0x103000, 0x1800, 0, 0x1000);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan.count, 2);
	expect_segment(&plan, 0, 0x100000, 0x103000, 0x1920);
	expect_segment(&plan, 1, 0x103000, 0x104000, 0);
	memset(out, 0xEE, 0x1920);
	elf_plan_copy(&elf, sizeof(elf), &plan.segments[0], out);
	assert_memory_equal(out, elf.data, 0x1000);
	for (uint32_t i = 0x1000; i < 0x1900; i++)
		assert_int_equal(out[i], 0);
	assert_memory_equal(out + 0x1900, elf.data + 0x1000, 0x20);
	free(out);
}

static void a_joined_segment_without_data_adds_none(void **state)
{
	struct elf_plan plan;

	(void)state;
	load_add(0x100000, 0, 0x100, 0x2800);
	load_add(0x102900, 0, 0, 0x1000);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan.count, 1);
	expect_segment(&plan, 0, 0x100000, 0x104000, 0x100);
	/* Nor does one that lies in another make it shorter. */
	elf.loads[1].p_paddr = 0x100800;
	elf.loads[1].p_memsz = 0x10;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan.count, 1);
	expect_segment(&plan, 0, 0x100000, 0x103000, 0x100);
}

static void other_headers_and_empty_ones_are_passed_over(void **state)
{
	struct elf_plan plan;

	(void)state;
	load_add(0x100000, 0, 0x100, 0x100);
	load_add(0x300000, 0, 0, 0);
	load_add(0x400000, 0, 0x100, 0x100);
	elf.loads[2].p_type = PT_NOTE;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan.count, 1);
	elf.loads[0].p_type = PT_NOTE;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
}

static void as_many_segments_as_kexec_takes(void **state)
{
	struct elf_plan plan;

	(void)state;
	for (uint32_t i = 0; i < ELF_PLAN_SEGMENTS_MAX; i++)
		load_add(0x100000 + 0x2000 * (uint64_t)(ELF_PLAN_SEGMENTS_MAX - i), 0, 0x10, 0x10);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan.count, ELF_PLAN_SEGMENTS_MAX);
	for (uint32_t i = 1; i < plan.count; i++)
		assert_true(plan.segments[i].start > plan.segments[i - 1].start);
	load_add(0x100000, 0, 0x10, 0x10);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_UNSUPPORTED);
}

static void contradictions_are_refused(void **state)
{
	struct elf_plan plan;

	(void)state;
	load_add(0x100000, 0, DATA_BYTES, DATA_BYTES);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	assert_int_equal(plan_make(sizeof(elf) - 1, &plan), STATUS_CORRUPT);
	assert_int_equal(plan_make(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) - 1, &plan), STATUS_CORRUPT);
	assert_int_equal(plan_make(sizeof(Elf64_Ehdr) - 1, &plan), STATUS_CORRUPT);
	elf.loads[0].p_memsz = DATA_BYTES - 1;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.loads[0].p_memsz = (uint64_t)1 << 52;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.loads[0].p_memsz = UINT64_MAX;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.loads[0].p_memsz = DATA_BYTES;
	elf.loads[0].p_offset = UINT64_MAX - 10;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.loads[0].p_offset = DATA_AT;
	/* The second program header lies behind the end. */
	memcpy(elf.data + DATA_BYTES - sizeof(Elf64_Phdr), &elf.loads[0], sizeof(Elf64_Phdr));
	elf.header.e_phoff = sizeof(elf) - sizeof(Elf64_Phdr);
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_OK);
	elf.header.e_phnum = 2;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.header.e_phoff = UINT64_MAX - sizeof(Elf64_Phdr) + 1;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
}

static void other_files_are_refused(void **state)
{
	struct elf_plan plan;

	(void)state;
	load_add(0x100000, 0, 0x100, 0x100);
	for (uint32_t i = 0; i < 7; i++) {
		elf.header.e_ident[i] ^= 1;
		assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
		elf.header.e_ident[i] ^= 1;
	}
	elf.header.e_type = ET_DYN;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.header.e_type = ET_EXEC;
	elf.header.e_machine = EM_386;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
	elf.header.e_machine = EM_X86_64;
	elf.header.e_phentsize = 32;
	assert_int_equal(plan_make(sizeof(elf), &plan), STATUS_CORRUPT);
}

/* Sections: none, something else, symbols, strings. */
static void symbols_make(void)
{
	memcpy(elf.strings, "\0thaw_save\0thaw_save_entry\0other", 33);
	elf.symbols[1] = (Elf64_Sym){.st_name = 1, .st_shndx = 1, .st_value = 0x111, .st_size = 1};
	elf.symbols[2] = (Elf64_Sym){.st_name = 11, .st_shndx = 1, .st_value = 0x123456, .st_size = 0x99};
	elf.symbols[3] = (Elf64_Sym){.st_name = 27, .st_shndx = SHN_UNDEF, .st_value = 0x222};
	elf.sections[1].sh_type = SHT_PROGBITS;
	elf.sections[2].sh_type = SHT_SYMTAB;
	elf.sections[2].sh_offset = (size_t)((const uint8_t *)elf.symbols - (const uint8_t *)&elf);
	elf.sections[2].sh_size = sizeof(elf.symbols);
	elf.sections[2].sh_link = 3;
	elf.sections[3].sh_type = SHT_STRTAB;
	elf.sections[3].sh_offset = (size_t)((const uint8_t *)elf.strings - (const uint8_t *)&elf);
	elf.sections[3].sh_size = 33;
	elf.header.e_shoff = (size_t)((const uint8_t *)elf.sections - (const uint8_t *)&elf);
	elf.header.e_shnum = 4;
	elf.header.e_shentsize = sizeof(Elf64_Shdr);
}

static enum status symbol_find(const char *name, struct elf_symbol *symbol)
{
	uint8_t *copy = malloc(sizeof(elf));
	enum status status;

	assert_non_null(copy);
	memcpy(copy, &elf, sizeof(elf));
	status = elf_symbol_find(copy, sizeof(elf), name, symbol);
	free(copy);
	return status;
}

static void symbols_are_found_by_their_whole_name(void **state)
{
	struct elf_symbol symbol = {0};

	(void)state;
	symbols_make();
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_OK);
	assert_int_equal(symbol.address, 0x123456);
	assert_int_equal(symbol.bytes, 0x99);
	assert_int_equal(symbol_find("thaw_save", &symbol), STATUS_OK);
	assert_int_equal(symbol.address, 0x111);
	assert_int_equal(symbol_find("thaw_sav", &symbol), STATUS_NOT_FOUND);
	assert_int_equal(symbol_find("save_entry_", &symbol), STATUS_NOT_FOUND);
	/* Not defined here. */
	assert_int_equal(symbol_find("other", &symbol), STATUS_NOT_FOUND);
}

static void wrong_symbol_tables_are_refused(void **state)
{
	struct elf_symbol symbol;

	(void)state;
	symbols_make();
	elf.symbols[1].st_name = 0xFFFFFFFF;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_OK);
	elf.sections[3].sh_size = 26;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_NOT_FOUND);
	elf.sections[3].sh_size = sizeof(elf);
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
	symbols_make();
	elf.sections[2].sh_link = 1;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
	elf.sections[2].sh_link = 3;
	elf.header.e_shnum = 3;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
	symbols_make();
	elf.sections[2].sh_link = 4;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
	symbols_make();
	elf.sections[2].sh_offset = UINT64_MAX;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
	symbols_make();
	elf.header.e_shoff = UINT64_MAX - 100;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
	symbols_make();
	elf.header.e_shnum = 0;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_NOT_FOUND);
	elf.header.e_ident[0] = 0;
	assert_int_equal(symbol_find("thaw_save_entry", &symbol), STATUS_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(segments_are_whole_pages, elf_make),
		cmocka_unit_test_setup(segments_of_one_page_are_joined, elf_make),
		cmocka_unit_test_setup(a_joined_segment_without_data_adds_none, elf_make),
		cmocka_unit_test_setup(other_headers_and_empty_ones_are_passed_over, elf_make),
		cmocka_unit_test_setup(as_many_segments_as_kexec_takes, elf_make),
		cmocka_unit_test_setup(contradictions_are_refused, elf_make),
		cmocka_unit_test_setup(other_files_are_refused, elf_make),
		cmocka_unit_test_setup(symbols_are_found_by_their_whole_name, elf_make),
		cmocka_unit_test_setup(wrong_symbol_tables_are_refused, elf_make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
