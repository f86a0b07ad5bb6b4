/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first 8 pages of an ELF core of 1 GiB. What is accepted has its data in the file. */
#include "image/core.h"
#include "lib/string.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct page pages[8];
	struct core_data_cursor cursor = {0};
	struct core_data_run run;
	struct core core;
	const char *reason;
	uint64_t bytes;
	memcpy(memset(pages, 0, sizeof(pages)), data, min_u64(size, sizeof(pages)));
	if (core_elf_header_bytes(pages, GIB, &bytes, &reason) != STATUS_OK || bytes > sizeof(pages) ||
	    core_elf_parse(pages, GIB, &core, &reason) != STATUS_OK)
		return 0;
	while (core_data_next(&core, &cursor, UINT64_MAX, &run))
		if (run.offset + run.pages * PAGE_BYTES > GIB || run.first.value + run.pages > BIT64(40))
			__builtin_trap();
	return 0;
}
