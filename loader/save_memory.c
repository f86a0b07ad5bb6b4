/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which frames of the session there are, and which of them hold anything.
 */
#include "loader/memory.h"
#include "loader/save_internal.h"

#define REGION_START MIB
#define REGION_END   (16 * MIB) /* linker.ld */

/* Thaw's own place comes back by the session's own hand; page 0 belongs to the firmware (Linux never uses it). */
static bool is_saved(struct pfn pfn)
{
	const uint64_t address = pfn_to_paddr(pfn).value;

	return address != 0 && (address < REGION_START || address >= REGION_END);
}

static bool is_zero(const struct page *page)
{
	const uint64_t *words = (const uint64_t *)(const void *)page;

	for (uint32_t i = 0; i < PAGE_BYTES / sizeof(uint64_t); i += 8)
		if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3] | words[i + 4] | words[i + 5] |
		     words[i + 6] | words[i + 7]) != 0)
			return false;
	return true;
}

enum status save_memory_scan(struct save *save)
{
	TRY(frame_set_create(&save->data, memory_map_ram_end(&save->map) >> PAGE_SHIFT, save->arena));
	for (struct pfn pfn = save_memory_next(save, (struct pfn){0}); pfn.value < save->data.limit;
	     pfn = save_memory_next(save, (struct pfn){pfn.value + 1})) {
		save->ram_pages++;
		if (!is_zero(pfn_to_page(pfn)))
			(void)frame_set_insert(&save->data, pfn);
	}
	return save->ram_pages > 0 ? STATUS_OK : save_refuse(save, STATUS_CORRUPT, "there is no memory to save");
}

struct pfn save_memory_next(const struct save *save, struct pfn from)
{
	for (uint32_t i = 0; i < save->map.count; i++) {
		const struct memory_range *range = &save->map.ranges[i];
		const uint64_t end = range->end >> PAGE_SHIFT;
		struct pfn pfn = {max_u64(from.value, div_round_up(range->start, PAGE_BYTES))};

		if (range->type != MEMORY_RAM)
			continue;
		while (pfn.value < end && !is_saved(pfn))
			pfn.value++;
		if (pfn.value < end)
			return pfn;
	}
	return (struct pfn){save->data.limit};
}
