/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PFN list of a swsusp image: which frame each data page belongs to, and which frames are all zeroes
 * (kernel/power/snapshot.c, pack_pfns and unpack_orig_pfns; 6.1, and with zero pages 6.6 to 6.12).
 */
#include "image/swsusp_internal.h"

#include "image/swsusp_format.h"
#include "lib/span.h"

/* One entry that is not the end marker. */
static enum status pfn_accept(struct swsusp_reader *reader, uint64_t entry)
{
	const uint64_t pfn = entry & ~SWSUSP_PFN_ZERO;

	if (pfn >= SWSUSP_PFN_LIMIT)
		return swsusp_fail(reader, STATUS_CORRUPT, "a frame number is beyond physical memory");
	if (reader->pfns_decoded > 0 && pfn <= reader->last_pfn)
		return swsusp_fail(reader, STATUS_CORRUPT, "the frame numbers do not ascend");
	reader->last_pfn = pfn;
	reader->pfns_decoded++;
	if ((entry & SWSUSP_PFN_ZERO) == 0)
		reader->pfns_with_data++;
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
	struct span span = span_of(page->bytes, sizeof(page->bytes));
	uint32_t count = 0;

	TRY(reader->failure);
	if (!reader->info_supplied || reader->pfn_pages_decoded >= reader->info.meta_pages)
		return STATUS_INVALID;
	for (uint32_t i = 0; i < SWSUSP_PFNS_PER_PAGE; i++) {
		const uint64_t entry = span_u64(&span, i * sizeof(uint64_t));

		if (reader->pfns_ended) {
			if (entry != 0)
				return swsusp_fail(reader, STATUS_CORRUPT, "data behind the end of the frame list");
		} else if (entry == SWSUSP_PFN_LIST_END) {
			reader->pfns_ended = true;
		} else {
			TRY(pfn_accept(reader, entry));
			pfns_out[count++] = entry;
		}
	}
	reader->pfn_pages_decoded++;
	if (reader->pfns_ended && reader->pfn_pages_decoded < reader->info.meta_pages)
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
