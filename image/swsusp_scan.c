/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The synchronous scan of a swsusp image (docs/swsusp-format.md).
 */
#include "image/swsusp_scan.h"

#include "image/swsusp_format.h"
#include "image/swsusp_internal.h"
#include "lib/crc32.h"

static enum status page_read(struct swsusp_scan *scan, const struct swsusp_read *read, struct page *page_out)
{
	const enum status status = scan->source.read_page(scan->source.context, read->device_page, page_out);

	if (status != STATUS_OK)
		return swsusp_fail(&scan->reader, status, "a page of the image can't be read");
	scan->disk_pages++;
	if (read->kind == SWSUSP_READ_MAP) {
		scan->map_pages++;
		return STATUS_OK;
	}
	if (scan->runs == 0 || read->device_page != scan->last_device_page + 1)
		scan->runs++;
	scan->last_device_page = read->device_page;
	return STATUS_OK;
}

static enum status pfns_take(struct swsusp_scan *scan, const struct page *page)
{
	uint32_t count = 0;

	TRY(swsusp_decode_pfns(&scan->reader, page, scan->pfns, &count));
	if (scan->sink.pfns != NULL)
		scan->sink.pfns(scan->sink.context, scan->pfns, count);
	return STATUS_OK;
}

/* The next page of the stream behind the information page, as it was before it was packed. */
static enum status stream_page_take(struct swsusp_scan *scan, const struct page *page)
{
	const uint64_t number = scan->unpacked_pages++;
	const uint64_t meta_pages = scan->reader.info.meta_pages;

	if (number < meta_pages)
		return pfns_take(scan, page);
	if (scan->sink.data != NULL)
		scan->sink.data(scan->sink.context, number - meta_pages, page);
	return STATUS_OK;
}

static void progress_report(const struct swsusp_scan *scan)
{
	if (scan->sink.progress != NULL)
		scan->sink.progress(scan->sink.context, scan->unpacked_pages + 1, scan->reader.info.stream_pages);
}

static enum status chunk_unpack(struct swsusp_scan *scan, uint32_t packed_bytes)
{
	const uint64_t pages_left = scan->reader.info.stream_pages - 1 - scan->unpacked_pages;
	const uint32_t pages = (uint32_t)min_u64(pages_left, SWSUSP_CHUNK_PAGES);
	const uint8_t *packed = scan->packed[0].bytes + SWSUSP_CHUNK_LENGTH_BYTES;
	uint8_t *unpacked = scan->unpacked[0].bytes;

	if (swsusp_chunk_unpack(scan->reader.header.codec, packed, packed_bytes, unpacked, pages * PAGE_BYTES) !=
	    STATUS_OK)
		return swsusp_fail(&scan->reader, STATUS_CORRUPT, "a chunk can't be unpacked");
	scan->crc32 = crc32_update(scan->crc32, unpacked, pages * PAGE_BYTES);
	scan->chunks++;
	scan->packed_pages = 0;
	for (uint32_t i = 0; i < pages; i++)
		TRY(stream_page_take(scan, &scan->unpacked[i]));
	progress_report(scan);
	return STATUS_OK;
}

/* One more page of packed chunks; unpacks when it completes one. */
static enum status chunk_page_take(struct swsusp_scan *scan, const struct swsusp_read *read)
{
	uint32_t packed_bytes = 0;
	uint32_t disk_pages = 0;

	if (scan->unpacked_pages == scan->reader.info.stream_pages - 1)
		return swsusp_fail(&scan->reader, STATUS_CORRUPT, "pages follow the last chunk");
	TRY(page_read(scan, read, &scan->packed[scan->packed_pages]));
	scan->packed_pages++;
	if (swsusp_chunk_frame(scan->packed[0].bytes, &packed_bytes, &disk_pages) != STATUS_OK)
		return swsusp_fail(&scan->reader, STATUS_CORRUPT, "the length of a chunk is not valid");
	return scan->packed_pages == disk_pages ? chunk_unpack(scan, packed_bytes) : STATUS_OK;
}

static enum status wanted_take(struct swsusp_scan *scan, const struct swsusp_read *read)
{
	if (read->kind == SWSUSP_READ_CHUNK)
		return chunk_page_take(scan, read);
	TRY(page_read(scan, read, &scan->page));
	switch (read->kind) {
	case SWSUSP_READ_MAP:
		return swsusp_supply_map(&scan->reader, &scan->page);
	case SWSUSP_READ_INFO:
		return swsusp_supply_info(&scan->reader, &scan->page);
	case SWSUSP_READ_PFNS:
	case SWSUSP_READ_DATA:
		TRY(stream_page_take(scan, &scan->page));
		progress_report(scan);
		return STATUS_OK;
	case SWSUSP_READ_CHUNK:
		break;
	}
	return STATUS_INVALID;
}

static enum status end_check(struct swsusp_scan *scan)
{
	const struct swsusp_header *header = &scan->reader.header;

	if (scan->unpacked_pages != scan->reader.info.stream_pages - 1)
		return swsusp_fail(&scan->reader, STATUS_CORRUPT, "the swap map ends inside the image");
	TRY(swsusp_check_pfns(&scan->reader));
	if (header->codec != SWSUSP_PLAIN && header->has_crc32 && header->crc32 != scan->crc32)
		return swsusp_fail(&scan->reader, STATUS_CORRUPT, "the checksum is wrong");
	return STATUS_OK;
}

static void scan_reset(struct swsusp_scan *scan)
{
	scan->reader.reason = "the header page can't be read";
	scan->disk_pages = 0;
	scan->map_pages = 0;
	scan->runs = 0;
	scan->chunks = 0;
	scan->crc32 = 0;
	scan->last_device_page = 0;
	scan->unpacked_pages = 0;
	scan->packed_pages = 0;
}

enum status swsusp_scan_image(struct swsusp_scan *scan, uint64_t header_page, uint64_t device_pages,
			      struct swsusp_page_marks marks)
{
	struct swsusp_header header;
	struct swsusp_read read;
	const char *reason = "";
	enum status status;

	scan_reset(scan);
	TRY(scan->source.read_page(scan->source.context, header_page, &scan->page));
	status = swsusp_header_parse(&scan->page, &header, &reason);
	if (status != STATUS_OK)
		return swsusp_fail(&scan->reader, status, reason);
	TRY(swsusp_open(&scan->reader, &header, header_page, device_pages, marks));
	for (;;) {
		status = swsusp_next_read(&scan->reader, 1, &read);
		if (status == STATUS_END)
			return end_check(scan);
		TRY(status); /* never STATUS_AGAIN: nothing is under way here */
		TRY(wanted_take(scan, &read));
	}
}
