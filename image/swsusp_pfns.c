/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PFN list of a swsusp image: which frame each data page belongs to, and which frames are all zeroes
 * (kernel/power/snapshot.c, pack_pfns and unpack_orig_pfns; 6.1, and with zero pages 6.6 to 6.12).
 */
#include "image/swsusp_internal.h"

#include "image/swsusp_format.h"
#include "lib/span.h"

/* The entries in front of the end marker: frames in ascending order. */
static enum status entries_accept(struct swsusp_reader *reader, const uint64_t *entries, uint32_t count)
{
	uint64_t lowest = reader->pfns_decoded > 0 ? reader->last_pfn + 1 : 0;
	uint64_t with_data = 0;

	for (uint32_t i = 0; i < count; i++) {
		const uint64_t pfn = entries[i] & ~SWSUSP_PFN_ZERO;

		if (pfn >= SWSUSP_PFN_LIMIT)
			return swsusp_fail(reader, STATUS_CORRUPT, "a frame number is beyond physical memory");
		if (pfn < lowest)
			return swsusp_fail(reader, STATUS_CORRUPT, "the frame numbers do not ascend");
		lowest = pfn + 1;
		with_data += !(entries[i] & SWSUSP_PFN_ZERO);
	}
	if (count > 0)
		reader->last_pfn = lowest - 1;
	reader->pfns_decoded += count;
	reader->pfns_with_data += with_data;
	if (reader->pfns_with_data > reader->info.data_pages)
		return swsusp_fail(reader, STATUS_CORRUPT, "the frame list names more pages than the image has");
	return STATUS_OK;
}

/*
 * The list has as many pages as its entries fill, so the end marker stands in the last page, behind an entry, or
 * nowhere.
 */
static enum status last_page_check(struct swsusp_reader *reader)
{
	const uint64_t whole_pages = reader->info.meta_pages - 1;

	if (reader->pfns_decoded <= whole_pages * SWSUSP_PFNS_PER_PAGE)
		return swsusp_fail(reader, STATUS_CORRUPT, "the frame list is shorter than its pages");
	if (reader->pfns_with_data != reader->info.data_pages)
		return swsusp_fail(reader, STATUS_CORRUPT, "the frame list names fewer pages than the image has");
	return STATUS_OK;
}

enum status swsusp_decode_pfns(struct swsusp_reader *reader, const struct page *page,
			       uint64_t pfns_out[SWSUSP_PFNS_PER_PAGE], uint32_t *count_out)
{
	uint32_t count = 0;
	uint64_t behind = 0;

	TRY(reader->failure);
	if (!reader->info_supplied || reader->pfn_pages_decoded >= reader->info.meta_pages)
		return STATUS_INVALID;
	for (; count < SWSUSP_PFNS_PER_PAGE; count++) {
		pfns_out[count] = load_le64(page->bytes + count * sizeof(uint64_t));
		if (pfns_out[count] == SWSUSP_PFN_LIST_END)
			break;
	}
	TRY(entries_accept(reader, pfns_out, count));
	for (uint32_t i = count + 1; i < SWSUSP_PFNS_PER_PAGE; i++)
		behind |= load_le64(page->bytes + i * sizeof(uint64_t));
	if (behind != 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "data behind the end of the frame list");
	reader->pfn_pages_decoded++;
	if (count < SWSUSP_PFNS_PER_PAGE && reader->pfn_pages_decoded < reader->info.meta_pages)
		return swsusp_fail(reader, STATUS_CORRUPT, "the frame list is shorter than its pages");
	if (reader->pfn_pages_decoded == reader->info.meta_pages)
		TRY(last_page_check(reader));
	*count_out = count;
	return STATUS_OK;
}

enum status swsusp_check_pfns(struct swsusp_reader *reader)
{
	TRY(reader->failure);
	if (!reader->info_supplied || reader->pfn_pages_decoded < reader->info.meta_pages)
		return swsusp_fail(reader, STATUS_CORRUPT, "the frame list is not complete");
	return STATUS_OK;
}
