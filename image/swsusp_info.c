/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The information page of a swsusp image: how to go back, and how many pages of which kind follow
 * (kernel/power/power.h, struct swsusp_info; arch/x86/power/hibernate.c, struct restore_data_record; 6.1 to 6.12).
 */
#include "image/swsusp_internal.h"

#include "image/swsusp_format.h"
#include "lib/checked.h"
#include "lib/span.h"

#define PHYSICAL_LIMIT     BIT64(52) /* the architecture's bound on a physical address */
#define LARGE_PAGE_MASK    (2 * MIB - 1)
#define KERNEL_HALF        0xff /* the top bits of every kernel address, with 4 and with 5 levels */
#define KERNEL_HALF_SHIFT  56
#define PAGES_BESIDE_IMAGE 2 /* the header and at least one map page */

static bool bytes_zero(const struct span *span, size_t start, size_t end)
{
	uint8_t seen = 0;

	for (size_t i = start; i < end; i++)
		seen |= span->bytes[i];
	return seen == 0;
}

/* The format has no version: what these kernels leave zero is the only sign of fields that are not known here. */
static bool unknown_fields(const struct span *span)
{
	return !bytes_zero(span, SWSUSP_INFO_AT(unused_release), SWSUSP_INFO_AT(machine_pages)) ||
	       !bytes_zero(span, SWSUSP_INFO_AT(unused_cpus), SWSUSP_INFO_AT(data_pages)) ||
	       !bytes_zero(span, SWSUSP_INFO_AT(unused_tail), sizeof(struct swsusp_format_info));
}

static enum status jump_decode(struct swsusp_reader *reader, struct span *span, struct swsusp_info *info)
{
	const uint64_t checksum = span_u64(span, SWSUSP_INFO_AT(e820_checksum));

	info->jump_address = span_u64(span, SWSUSP_INFO_AT(jump_address));
	info->jump_address_physical = span_u64(span, SWSUSP_INFO_AT(jump_address_physical));
	info->cr3 = span_u64(span, SWSUSP_INFO_AT(cr3));
	if (info->jump_address >> KERNEL_HALF_SHIFT != KERNEL_HALF)
		return swsusp_fail(reader, STATUS_CORRUPT, "the jump address is not a kernel address");
	if (info->jump_address_physical >= PHYSICAL_LIMIT)
		return swsusp_fail(reader, STATUS_CORRUPT, "the jump address lies beyond physical memory");
	if (((info->jump_address ^ info->jump_address_physical) & LARGE_PAGE_MASK) != 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "the two jump addresses are not congruent");
	if (info->cr3 == 0 || info->cr3 >= PHYSICAL_LIMIT || info->cr3 % PAGE_BYTES != 0)
		return swsusp_fail(reader, STATUS_CORRUPT, "the page table address is not valid");
	if (checksum > UINT32_MAX)
		return swsusp_fail(reader, STATUS_CORRUPT, "the memory map checksum is not valid");
	info->e820_checksum = (uint32_t)checksum;
	return STATUS_OK;
}

/* The fewest pages on disk that can hold the whole stream. */
static uint64_t disk_pages_least(const struct swsusp_reader *reader, uint64_t stream_pages)
{
	if (reader->header.codec == SWSUSP_PLAIN)
		return stream_pages;
	return 1 + div_round_up(stream_pages - 1, SWSUSP_CHUNK_PAGES);
}

static enum status counts_decode(struct swsusp_reader *reader, struct span *span, struct swsusp_info *info)
{
	const uint64_t size_bytes = span_u64(span, SWSUSP_INFO_AT(size_bytes));
	uint64_t expected_bytes;

	info->machine_pages = span_u64(span, SWSUSP_INFO_AT(machine_pages));
	info->data_pages = span_u64(span, SWSUSP_INFO_AT(data_pages));
	info->stream_pages = span_u64(span, SWSUSP_INFO_AT(stream_pages));
	if (!checked_mul_u64(info->stream_pages, PAGE_BYTES, &expected_bytes) || size_bytes != expected_bytes)
		return swsusp_fail(reader, STATUS_CORRUPT, "image size and page count contradict each other");
	if (info->data_pages == 0 || info->stream_pages == 0 || info->data_pages >= info->stream_pages - 1)
		return swsusp_fail(reader, STATUS_CORRUPT, "the page counts contradict each other");
	info->meta_pages = info->stream_pages - info->data_pages - 1;
	if (info->meta_pages < div_round_up(info->data_pages, SWSUSP_PFNS_PER_PAGE) ||
	    info->meta_pages > SWSUSP_PFN_LIMIT / SWSUSP_PFNS_PER_PAGE)
		return swsusp_fail(reader, STATUS_CORRUPT, "the page counts contradict each other");
	if (disk_pages_least(reader, info->stream_pages) + PAGES_BESIDE_IMAGE > reader->page_limit)
		return swsusp_fail(reader, STATUS_CORRUPT, "the image is larger than the swap area");
	return STATUS_OK;
}

enum status swsusp_supply_info(struct swsusp_reader *reader, const struct page *page)
{
	struct span span = span_of(page->bytes, sizeof(page->bytes));
	struct swsusp_info info = {0};

	TRY(reader->failure);
	if (reader->entries_taken == 0 || reader->info_supplied)
		return STATUS_INVALID;
	if (span_u64(&span, SWSUSP_INFO_AT(magic)) != SWSUSP_INFO_MAGIC)
		return swsusp_fail(reader, STATUS_UNSUPPORTED, "unknown magic in the information page");
	if (unknown_fields(&span))
		return swsusp_fail(reader, STATUS_UNSUPPORTED, "unknown fields in the information page");
	TRY(jump_decode(reader, &span, &info));
	TRY(counts_decode(reader, &span, &info));
	reader->info = info;
	reader->info_supplied = true;
	return STATUS_OK;
}

uint64_t swsusp_unpacked_bytes(const struct swsusp_info *info)
{
	return (info->stream_pages - 1) * PAGE_BYTES;
}
