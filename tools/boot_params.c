/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e820_table of struct boot_params (arch/x86/include/uapi/asm/bootparam.h).
 */
#include "tools/boot_params.h"

#include "lib/checked.h"
#include "lib/span.h"

enum boot_params_layout {
	E820_ENTRIES_AT = 0x1E8,
	E820_TABLE_AT = 0x2D0,
	E820_ENTRY_BYTES = 20,
	E820_BYTES_AT = 8,
	E820_TYPE_AT = 16,
};

enum status boot_params_memory(const void *data, size_t bytes, struct core_memory_entry *entries_out,
			       uint32_t *count_out, const char **reason_out)
{
	struct span params = span_of(data, bytes);
	const uint8_t count = span_u8(&params, E820_ENTRIES_AT);
	bool has_ram = false;

	*reason_out = "it is too short";
	if (!span_has(&params, E820_TABLE_AT, (size_t)count * E820_ENTRY_BYTES))
		return STATUS_CORRUPT;
	*reason_out = "its memory map has too many entries";
	if (count > CORE_MEMORY_ENTRIES_MAX)
		return STATUS_CORRUPT;
	for (uint32_t i = 0; i < count; i++) {
		const size_t at = E820_TABLE_AT + (size_t)i * E820_ENTRY_BYTES;
		const struct core_memory_entry entry = {.address = span_u64(&params, at),
							.bytes = span_u64(&params, at + E820_BYTES_AT),
							.type = span_u32(&params, at + E820_TYPE_AT)};
		uint64_t end;

		*reason_out = "an entry of its memory map wraps around";
		if (!checked_add_u64(entry.address, entry.bytes, &end))
			return STATUS_CORRUPT;
		has_ram |= entry.type == BOOT_PARAMS_E820_RAM && entry.bytes >= PAGE_BYTES;
		entries_out[i] = entry;
	}
	*reason_out = "its memory map lists no RAM";
	if (!has_ram)
		return STATUS_CORRUPT;
	*count_out = count;
	return STATUS_OK;
}

static uint64_t pages_between(uint64_t start, uint64_t end)
{
	start = div_round_up(start, PAGE_BYTES);
	end /= PAGE_BYTES;
	return end > start ? end - start : 0;
}

uint64_t boot_params_ram_pages(const struct core_memory_entry *entries, uint32_t count, uint64_t region_start,
			       uint64_t region_end)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < count; i++) {
		const uint64_t start = entries[i].address;
		const uint64_t end = start + entries[i].bytes;

		if (entries[i].type != BOOT_PARAMS_E820_RAM)
			continue;
		pages += pages_between(start, end);
		pages -= pages_between(max_u64(start, region_start), min_u64(end, region_end));
	}
	return pages;
}
