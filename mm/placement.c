/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Placement of an image's pages: direct, staged or refused.
 */
#include "mm/placement.h"

#include "lib/string.h"

enum status placement_init(struct placement *placement, const struct memory_map *map, struct arena *arena)
{
	const uint64_t frames = memory_map_ram_end(map) >> PAGE_SHIFT;

	*placement = (struct placement){.map = map};
	TRY(frame_set_create(&placement->image, frames, arena));
	return frame_set_create(&placement->zero, frames, arena);
}

enum status placement_keep(struct placement *placement, uint64_t start, uint64_t end)
{
	struct kept_range joined = {align_down(start, PAGE_BYTES), align_up(end, PAGE_BYTES)};
	struct kept_range *kept = placement->kept;
	uint32_t first = 0;
	uint32_t behind;

	while (first < placement->kept_count && kept[first].end < joined.start)
		first++;
	for (behind = first; behind < placement->kept_count && kept[behind].start <= joined.end; behind++) {
		joined.start = min_u64(joined.start, kept[behind].start);
		joined.end = max_u64(joined.end, kept[behind].end);
	}
	if (behind == first && placement->kept_count == PLACEMENT_KEPT_MAX)
		return STATUS_NO_MEMORY;
	memmove(&kept[first + 1], &kept[behind], (placement->kept_count - behind) * sizeof(*kept));
	kept[first] = joined;
	placement->kept_count += 1 - (behind - first);
	return STATUS_OK;
}

void placement_lend(struct placement *placement, uint64_t start, uint64_t end)
{
	placement->lent_cursor = paddr_to_pfn((struct paddr){start});
	placement->lent_end = paddr_to_pfn((struct paddr){end});
}

void placement_lend_zeroes(struct placement *placement)
{
	placement->zeroes_lent = true;
}

/* The first kept range that ends behind the address; kept_count when none does. */
static uint32_t kept_find(const struct placement *placement, uint64_t address)
{
	uint32_t low = 0;
	uint32_t high = placement->kept_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (placement->kept[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The end of the kept range that holds the frame, 0 when none does. */
static uint64_t kept_until(const struct placement *placement, struct pfn pfn)
{
	const uint64_t address = pfn_to_paddr(pfn).value;
	const uint32_t at = kept_find(placement, address);

	if (at == placement->kept_count || placement->kept[at].start > address)
		return 0;
	return placement->kept[at].end;
}

enum status placement_claim(struct placement *placement, struct pfn first, uint64_t count, bool zero)
{
	const uint64_t address = pfn_to_paddr(first).value;

	if (first.value >= placement->image.limit || count > placement->image.limit - first.value ||
	    !memory_map_covers(placement->map, address, address + count * PAGE_BYTES, MEMORY_RAM))
		return STATUS_MISMATCH;
	if (!frame_set_insert_run(&placement->image, first, count))
		return STATUS_CORRUPT;
	if (zero)
		(void)frame_set_insert_run(&placement->zero, first, count);
	return STATUS_OK;
}

void placement_accept(struct placement *placement)
{
	placement->accepted = true;
	placement->free_range = 0;
	placement->free_cursor = (struct pfn){0};
}

/* Moves the cursor to the next safe frame at or behind it. STATUS_NO_MEMORY: there is none. */
static enum status advance_to_free(struct placement *placement)
{
	const struct memory_map *map = placement->map;

	for (; placement->free_range < map->count; placement->free_range++) {
		const struct memory_range *range = &map->ranges[placement->free_range];
		const uint64_t first = div_round_up(range->start, PAGE_BYTES);
		const uint64_t end = range->end >> PAGE_SHIFT;
		struct pfn at = {max_u64(placement->free_cursor.value, first)};

		while (range->type == MEMORY_RAM && at.value < end) {
			const struct pfn absent = frame_set_next_absent(&placement->image, at);
			const uint64_t kept_end = kept_until(placement, absent);

			if (absent.value >= end)
				break;
			if (!kept_end) {
				placement->free_cursor = absent;
				return STATUS_OK;
			}
			at = (struct pfn){kept_end >> PAGE_SHIFT};
		}
	}
	return STATUS_NO_MEMORY;
}

enum status placement_take_frame(struct placement *placement, uint64_t limit, struct pfn *frame_out)
{
	struct pfn *cursor = &placement->free_cursor;

	if (!placement->accepted)
		return STATUS_INVALID;
	if (advance_to_free(placement) != STATUS_OK || pfn_to_paddr(*cursor).value + PAGE_BYTES > limit) {
		cursor = &placement->lent_cursor;
		if (cursor->value >= placement->lent_end.value || pfn_to_paddr(*cursor).value + PAGE_BYTES > limit)
			return STATUS_NO_MEMORY;
	}
	*frame_out = *cursor;
	cursor->value++;
	return STATUS_OK;
}

/* Moves the cursor to the next zero frame at or behind it that no kept range holds. False: there is none. */
static bool advance_to_zero(struct placement *placement)
{
	const struct frame_set *zero = &placement->zero;
	uint64_t kept_end = 0;

	do {
		if (kept_end)
			placement->zero_cursor.value = kept_end >> PAGE_SHIFT;
		placement->zero_cursor = frame_set_next(zero, placement->zero_cursor);
		kept_end = kept_until(placement, placement->zero_cursor);
	} while (placement->zero_cursor.value < zero->limit && kept_end);
	return placement->zero_cursor.value < zero->limit;
}

/* A frame for a staged page. Lent frames come last: plan and tables may lie in no zero frame. */
static enum status take_staging_frame(struct placement *placement, struct pfn *frame_out)
{
	if (!placement->zeroes_lent || advance_to_free(placement) == STATUS_OK || !advance_to_zero(placement))
		return placement_take_frame(placement, UINT64_MAX, frame_out);
	*frame_out = placement->zero_cursor;
	placement->zero_cursor.value++;
	return STATUS_OK;
}

/* An empty page of the plan in a safe frame; NULL: none left. */
static struct plan_page *take_plan_page(struct placement *placement)
{
	struct pfn frame = {0};
	struct plan_page *page;

	if (placement_take_frame(placement, UINT64_MAX, &frame) != STATUS_OK)
		return NULL;
	page = (struct plan_page *)(void *)pfn_to_page(frame);
	if (page)
		page->next = page->count = 0;
	return page;
}

static enum status plan_add(struct placement *placement, struct pfn destination, struct pfn source)
{
	struct plan_page *page = placement->plan_last;

	if (!page || page->count == PLACEMENT_COPIES_PER_PAGE) {
		struct plan_page *fresh = take_plan_page(placement);

		if (!fresh)
			return STATUS_NO_MEMORY;
		if (page)
			page->next = virt_to_paddr(fresh).value;
		else
			placement->plan_first = fresh;
		placement->plan_last = fresh;
		page = fresh;
	}
	page->copies[page->count++] = (struct plan_copy){
		.destination = pfn_to_paddr(destination).value,
		.source = pfn_to_paddr(source).value,
	};
	placement->planned_copies++;
	return STATUS_OK;
}

/* Frames from pfn, which is in no kept range, to the next one that is. */
static uint64_t frames_until_kept(const struct placement *placement, struct pfn pfn)
{
	const uint64_t address = pfn_to_paddr(pfn).value;
	const uint32_t at = kept_find(placement, address);
	const uint64_t nearest = at < placement->kept_count ? placement->kept[at].start : UINT64_MAX;

	return (nearest - address) >> PAGE_SHIFT;
}

enum status placement_place(struct placement *placement, struct pfn first, uint64_t most, struct pfn *frame_out,
			    uint64_t *count_out)
{
	struct pfn staging;

	if (!placement->accepted || !frame_set_contains(&placement->image, first))
		return STATUS_INVALID;
	if (!kept_until(placement, first)) {
		most = min_u64(most, frames_until_kept(placement, first));
		*count_out = frame_set_run_without(&placement->image, &placement->zero, first, most);
		*frame_out = first;
		return *count_out > 0 ? STATUS_OK : STATUS_INVALID;
	}
	TRY(take_staging_frame(placement, &staging));
	TRY(plan_add(placement, first, staging));
	placement->staged_pages++;
	*frame_out = staging;
	*count_out = 1;
	return STATUS_OK;
}

enum status placement_clear_zeroes(struct placement *placement)
{
	const struct frame_set *zero = &placement->zero;
	struct pfn zero_frame = {0};
	bool have_zero_frame = false;

	for (struct pfn pfn = frame_set_next(zero, (struct pfn){0}); pfn.value < zero->limit;
	     pfn = frame_set_next(zero, (struct pfn){pfn.value + 1})) {
		const bool holds_page = pfn.value < placement->zero_cursor.value;

		if (!holds_page && !kept_until(placement, pfn)) {
			memset(pfn_to_page(pfn), 0, PAGE_BYTES);
			continue;
		}
		if (!have_zero_frame) {
			TRY(placement_take_frame(placement, UINT64_MAX, &zero_frame));
			memset(pfn_to_page(zero_frame), 0, PAGE_BYTES);
			have_zero_frame = true;
		}
		TRY(plan_add(placement, pfn, zero_frame));
		placement->staged_pages += !holds_page;
	}
	return STATUS_OK;
}

/* The planned copy to an address, from the one found last on; NULL: there is none. */
static const struct plan_copy *find_copy(struct placement *placement, uint64_t destination)
{
	const struct plan_page *page = placement->found_page ? placement->found_page : placement->plan_first;
	uint64_t index = placement->found_index;

	for (uint64_t left = placement->planned_copies; left > 0; left--) {
		if (index == page->count) {
			page = page->next ? paddr_to_virt((struct paddr){page->next}) : placement->plan_first;
			index = 0;
		}
		if (page->copies[index].destination == destination) {
			placement->found_page = page;
			placement->found_index = index;
			return &page->copies[index];
		}
		index++;
	}
	return NULL;
}

const struct page *placement_find(struct placement *placement, struct pfn pfn)
{
	const struct plan_copy *copy;

	if (!frame_set_contains(&placement->image, pfn))
		return NULL;
	if (!kept_until(placement, pfn))
		return pfn_to_page(pfn);
	copy = find_copy(placement, pfn_to_paddr(pfn).value);
	return copy ? paddr_to_virt((struct paddr){copy->source}) : NULL;
}
