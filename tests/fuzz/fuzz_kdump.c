/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Header, sub-header, then descriptors of pages in a file of 1 MiB, each of the same packed bytes. */
#include "image/kdump.h"
#include "lib/string.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t input[8192];
	static struct inflate work;
	static struct page out;
	const uint8_t *sub = input + KDUMP_HEADER_BYTES, *pages = sub + KDUMP_SUB_HEADER_BYTES;
	struct kdump_page page;
	struct kdump kdump;
	const char *reason;
	memcpy(memset(input, 0, sizeof(input)), data, min_u64(size, sizeof(input)));
	if (dump_identify(&out) != DUMP_NONE || kdump_header_parse(input, sub, MIB, &kdump, &reason) != STATUS_OK)
		return 0;
	if (kdump.descriptors_offset > MIB || kdump.frames > 8 * kdump.bitmap_bytes)
		__builtin_trap();
	for (unsigned i = 0; i < 8; i++)
		if (kdump_page_parse(&kdump, pages + i * KDUMP_DESCRIPTOR_BYTES, &page, &reason) == STATUS_OK)
			ignore_status(kdump_page_unpack(&page, pages + 8 * KDUMP_DESCRIPTOR_BYTES, &work, &out));
	return 0;
}
