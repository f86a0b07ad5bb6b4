/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading for `thaw verify` and `thaw inspect`.
 */
#include "tools/thaw_image_reading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/thaw_say.h"

/* Around the return point of the kernel, where its constants are. */
#define KERNEL_WINDOW (64 * MIB / PAGE_BYTES)

bool image_reading_begin(struct image_reading *reading, const struct image_options *options)
{
	off_t bytes;

	memset(reading, 0, sizeof(*reading));
	reading->descriptor = open(options->path, O_RDONLY | O_CLOEXEC);
	/* Works for files and block devices. */
	bytes = reading->descriptor >= 0 ? lseek(reading->descriptor, 0, SEEK_END) : -1;
	if (bytes < 0) {
		(void)image_refuse(options, STATUS_IO_ERROR, strerror(errno));
		if (reading->descriptor >= 0)
			close(reading->descriptor);
		return false;
	}
	reading->pages = (uint64_t)bytes / PAGE_BYTES;
	reading->directory_entries = reading->pages / (PAGE_BYTES * 8) + 1;
	reading->directory = calloc(reading->directory_entries, sizeof(struct page *));
	if (reading->directory == NULL)
		abort();
	image_facts_begin(&reading->facts);
	image_way_begin(&reading->way);
	return true;
}

static void marks_forget(struct image_reading *reading)
{
	for (uint64_t i = 0; i < reading->directory_entries; i++) {
		free(reading->directory[i]);
		reading->directory[i] = NULL;
	}
}

void image_reading_end(struct image_reading *reading)
{
	marks_forget(reading);
	free(reading->directory);
	free(reading->here);
	image_facts_free(&reading->facts);
	image_way_free(&reading->way);
	close(reading->descriptor);
}

enum status image_reading_page(void *context, uint64_t device_page, struct page *page_out)
{
	struct image_reading *reading = context;
	size_t done = 0;

	if (reading->is_done)
		return STATUS_END;
	while (done < sizeof(page_out->bytes)) {
		const off_t offset = (off_t)(device_page * PAGE_BYTES + done);
		ssize_t count;

		if (interrupt_is_wanted())
			return STATUS_IO_ERROR;
		count = pread(reading->descriptor, page_out->bytes + done, sizeof(page_out->bytes) - done, offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return STATUS_IO_ERROR;
		done += (size_t)count;
	}
	reading->progress.bytes += PAGE_BYTES;
	return STATUS_OK;
}

static struct page *marks_block(void *context)
{
	struct page *block = aligned_alloc(sizeof(struct page), sizeof(struct page));

	(void)context;
	return block != NULL ? memset(block, 0, sizeof(*block)) : NULL;
}

static struct swsusp_page_marks marks_of(const struct image_reading *reading)
{
	return (struct swsusp_page_marks){reading->directory, reading->directory_entries, marks_block, NULL};
}

static void frames_note(void *context, const uint64_t *pfns, uint32_t count)
{
	struct image_reading *reading = context;
	const uint64_t kernel = reading->scan->reader.info.jump_address_physical / PAGE_BYTES;

	if (!reading->stops_early)
		image_way_add_frames(&reading->way, &reading->scan->reader.info, pfns, count);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t pfn = pfns[i] & ~SWSUSP_PFN_ZERO;
		const bool is_zero = (pfns[i] & SWSUSP_PFN_ZERO) != 0;

		frame_map_add(&reading->facts.frames, pfn, 1, is_zero);
		if (reading->here != NULL)
			here_note(reading->here, pfn, 1);
		if (is_zero)
			continue;
		reading->data_frames++;
		if (pfn + KERNEL_WINDOW < kernel)
			reading->window_start = reading->data_frames;
		if (pfn <= kernel + KERNEL_WINDOW)
			reading->window_end = reading->data_frames;
	}
	/* The list is complete, and there is nothing to look for. */
	reading->is_done = reading->stops_early && reading->data_frames == reading->scan->reader.info.data_pages &&
			   reading->window_start >= reading->window_end &&
			   reading->scan->reader.pfn_pages_decoded == reading->scan->reader.info.meta_pages;
}

static void way_note(void *context, uint64_t index, const struct page *page)
{
	struct image_reading *reading = context;

	image_way_add_page(&reading->way, &reading->scan->reader.info, index, page);
}

static void data_note(void *context, uint64_t index, const struct page *page)
{
	struct image_reading *reading = context;

	if (index >= reading->window_start && index < reading->window_end)
		image_facts_find_banner(&reading->facts, page);
	if (!reading->stops_early)
		way_note(reading, index, page);
	reading->is_done =
		reading->stops_early && (reading->facts.kernel[0] != '\0' || index + 1 >= reading->window_end);
}

static void reading_show(void *context, uint64_t done, uint64_t total)
{
	struct image_reading *reading = context;

	progress_show(&reading->progress, done, total);
}

enum status image_reading_scan(struct image_reading *reading, const struct image_options *options,
			       struct swsusp_scan *scan)
{
	enum status status;

	reading->scan = scan;
	reading->progress = progress_begin_reading(reading->stops_early ? "inspect" : "verify", options->is_quiet);
	scan->source = (struct swsusp_scan_source){image_reading_page, reading};
	scan->sink = (struct swsusp_scan_sink){frames_note, data_note, reading_show, reading};
	status = swsusp_scan_image(scan, options->page, reading->pages, marks_of(reading));
	progress_clear(&reading->progress);
	interrupt_obey();
	return status != STATUS_OK && reading->is_done ? STATUS_OK : status;
}

enum status image_reading_check_way(struct image_reading *reading, const struct image_options *options,
				    struct swsusp_scan *scan)
{
	enum status status = image_way_end(&reading->way, &scan->reader.info);

	scan->sink = (struct swsusp_scan_sink){.data = way_note, .progress = reading_show, .context = reading};
	for (uint32_t look = 0; look < IMAGE_WAY_TABLES && status == STATUS_AGAIN; look++) {
		marks_forget(reading);
		reading->progress = progress_begin_reading("page tables", options->is_quiet);
		status = swsusp_scan_image(scan, options->page, reading->pages, marks_of(reading));
		progress_clear(&reading->progress);
		interrupt_obey();
		if (status != STATUS_OK)
			return status;
		status = image_way_end(&reading->way, &scan->reader.info);
	}
	if (status != STATUS_OK)
		scan->reader.reason = "its page tables do not lead to its jump address";
	return status;
}

enum status image_reading_find_extents(struct image_reading *reading, const struct image_options *options,
				       const struct swsusp_header *header, struct swsusp_reader *reader,
				       struct page *page)
{
	static uint64_t pfns[SWSUSP_PFNS_PER_PAGE];
	struct swsusp_read read;
	enum status status;
	uint32_t count;

	marks_forget(reading);
	reading->is_done = false;
	TRY(swsusp_open(reader, header, options->page, reading->pages, marks_of(reading)));
	while ((status = swsusp_next_read(reader, UINT32_MAX, &read)) == STATUS_OK) {
		for (uint32_t i = 0; i < read.count && read.kind <= SWSUSP_READ_PFNS; i++) {
			TRY(image_reading_page(reading, read.device_page + i, page));
			if (read.kind == SWSUSP_READ_MAP)
				TRY(swsusp_supply_map(reader, page));
			else if (read.kind == SWSUSP_READ_INFO)
				TRY(swsusp_supply_info(reader, page));
			else
				TRY(swsusp_decode_pfns(reader, page, pfns, &count));
		}
	}
	return status == STATUS_END ? STATUS_OK : status;
}

_Static_assert(
	SWSUSP_READ_MAP<SWSUSP_READ_PFNS && SWSUSP_READ_INFO<SWSUSP_READ_PFNS && SWSUSP_READ_DATA> SWSUSP_READ_PFNS &&
			SWSUSP_READ_CHUNK>
		SWSUSP_READ_PFNS,
	"what leads on comes first");

void image_reading_take_storage(struct image_reading *reading, const struct swsusp_info *info)
{
	struct image_facts *facts = &reading->facts;

	image_facts_add_marks(facts, reading->directory, reading->directory_entries);
	facts->stored_pages = 0;
	for (size_t i = 0; i < facts->extent_count; i++)
		facts->stored_pages += facts->extents[i].count;
	facts->unpacked_pages = info->stream_pages;
}
