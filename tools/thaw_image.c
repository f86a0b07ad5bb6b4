/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw verify` and `thaw inspect` of swsusp images: the reader of image/ over pread.
 */
#include "tools/thaw_image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/uuid.h"
#include "image/swsusp_scan.h"
#include "tools/image_way.h"
#include "tools/session_compare.h"
#include "tools/session_words.h"
#include "tools/thaw_progress.h"
#include "tools/thaw_say.h"

/* Around the return point of the kernel, where its constants are. */
#define KERNEL_WINDOW (64 * MIB / PAGE_BYTES)

struct device {
	int descriptor;
	uint64_t pages;
	struct page **directory; /* of the marks of used pages */
	uint64_t directory_entries;
	struct progress progress;
	struct image_facts facts;
	struct here *here;    /* NULL: not asked for */
	struct image_way way; /* verify */
	const struct swsusp_scan *scan;
	/* Of the frames with data: those in which the kernel's banner may be, by index. */
	uint64_t window_start, window_end;
	uint64_t data_frames;
	bool stops_early; /* inspect: when the window is behind us */
	bool is_done;
};

static bool device_open(struct device *device, const struct image_options *options)
{
	off_t bytes;

	memset(device, 0, sizeof(*device));
	device->descriptor = open(options->path, O_RDONLY | O_CLOEXEC);
	/* Works for files and block devices. */
	bytes = device->descriptor >= 0 ? lseek(device->descriptor, 0, SEEK_END) : -1;
	if (bytes < 0) {
		ignore_status((enum status)image_refuse(options, STATUS_IO_ERROR, strerror(errno)));
		if (device->descriptor >= 0)
			close(device->descriptor);
		return false;
	}
	device->pages = (uint64_t)bytes / PAGE_BYTES;
	device->directory_entries = device->pages / (PAGE_BYTES * 8) + 1;
	device->directory = calloc(device->directory_entries, sizeof(struct page *));
	if (device->directory == NULL)
		abort();
	image_facts_begin(&device->facts);
	image_way_begin(&device->way);
	return true;
}

static void marks_forget(struct device *device)
{
	for (uint64_t i = 0; i < device->directory_entries; i++) {
		free(device->directory[i]);
		device->directory[i] = NULL;
	}
}

static void device_close(struct device *device)
{
	marks_forget(device);
	free(device->directory);
	free(device->here);
	image_facts_free(&device->facts);
	image_way_free(&device->way);
	close(device->descriptor);
}

static enum status device_read(void *context, uint64_t device_page, struct page *page_out)
{
	struct device *device = context;
	size_t done = 0;

	if (device->is_done)
		return STATUS_END;
	while (done < sizeof(page_out->bytes)) {
		const off_t offset = (off_t)(device_page * PAGE_BYTES + done);
		ssize_t count;

		if (interrupt_is_wanted())
			return STATUS_IO_ERROR;
		count = pread(device->descriptor, page_out->bytes + done, sizeof(page_out->bytes) - done, offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return STATUS_IO_ERROR;
		done += (size_t)count;
	}
	device->progress.bytes += PAGE_BYTES;
	return STATUS_OK;
}

static struct page *marks_block(void *context)
{
	struct page *block = aligned_alloc(sizeof(struct page), sizeof(struct page));

	(void)context;
	return block != NULL ? memset(block, 0, sizeof(*block)) : NULL;
}

static struct swsusp_page_marks device_marks(const struct device *device)
{
	return (struct swsusp_page_marks){device->directory, device->directory_entries, marks_block, NULL};
}

static void frames_note(void *context, const uint64_t *pfns, uint32_t count)
{
	struct device *device = context;
	const uint64_t kernel = device->scan->reader.info.jump_address_physical / PAGE_BYTES;

	if (!device->stops_early)
		image_way_add_frames(&device->way, &device->scan->reader.info, pfns, count);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t pfn = pfns[i] & ~SWSUSP_PFN_ZERO;
		const bool is_zero = (pfns[i] & SWSUSP_PFN_ZERO) != 0;

		frame_map_add(&device->facts.frames, pfn, 1, is_zero);
		if (device->here != NULL)
			here_note(device->here, pfn, 1);
		if (is_zero)
			continue;
		device->data_frames++;
		if (pfn + KERNEL_WINDOW < kernel)
			device->window_start = device->data_frames;
		if (pfn <= kernel + KERNEL_WINDOW)
			device->window_end = device->data_frames;
	}
	/* The list is complete, and there is nothing to look for. */
	device->is_done = device->stops_early && device->data_frames == device->scan->reader.info.data_pages &&
			  device->window_start >= device->window_end &&
			  device->scan->reader.pfn_pages_decoded == device->scan->reader.info.meta_pages;
}

static void way_note(void *context, uint64_t index, const struct page *page)
{
	struct device *device = context;

	image_way_add_page(&device->way, &device->scan->reader.info, index, page);
}

static void data_note(void *context, uint64_t index, const struct page *page)
{
	struct device *device = context;

	if (index >= device->window_start && index < device->window_end)
		image_facts_find_banner(&device->facts, page);
	if (!device->stops_early)
		way_note(device, index, page);
	device->is_done = device->stops_early && (device->facts.kernel[0] != '\0' || index + 1 >= device->window_end);
}

static void reading_show(void *context, uint64_t done, uint64_t total)
{
	struct device *device = context;

	progress_show(&device->progress, done, total);
}

/* The whole image, or (stops_early) what inspect has to see. scan: STATUS_END there is no error. */
static enum status device_scan(struct device *device, const struct image_options *options, struct swsusp_scan *scan)
{
	enum status status;

	device->scan = scan;
	device->progress = progress_begin_reading(device->stops_early ? "inspect" : "verify", options->is_quiet);
	scan->source = (struct swsusp_scan_source){device_read, device};
	scan->sink = (struct swsusp_scan_sink){frames_note, data_note, reading_show, device};
	status = swsusp_scan_image(scan, options->page, device->pages, device_marks(device));
	progress_clear(&device->progress);
	interrupt_obey();
	return status != STATUS_OK && device->is_done ? STATUS_OK : status;
}

/* The image's page tables, which take another look at it where they are not in ascending order. */
static enum status way_check(struct device *device, const struct image_options *options, struct swsusp_scan *scan)
{
	enum status status = image_way_end(&device->way, &scan->reader.info);

	scan->sink = (struct swsusp_scan_sink){.data = way_note, .progress = reading_show, .context = device};
	for (uint32_t look = 0; look < IMAGE_WAY_TABLES && status == STATUS_AGAIN; look++) {
		marks_forget(device);
		device->progress = progress_begin_reading("page tables", options->is_quiet);
		status = swsusp_scan_image(scan, options->page, device->pages, device_marks(device));
		progress_clear(&device->progress);
		interrupt_obey();
		if (status != STATUS_OK)
			return status;
		status = image_way_end(&device->way, &scan->reader.info);
	}
	if (status != STATUS_OK)
		scan->reader.reason = "its page tables do not lead to its jump address";
	return status;
}

/* All places that the swap map names, without the pages there but those that lead on. */
static enum status extents_find(struct device *device, const struct image_options *options,
				const struct swsusp_header *header, struct swsusp_reader *reader, struct page *page)
{
	static uint64_t pfns[SWSUSP_PFNS_PER_PAGE];
	struct swsusp_read read;
	enum status status;
	uint32_t count;

	marks_forget(device);
	device->is_done = false;
	TRY(swsusp_open(reader, header, options->page, device->pages, device_marks(device)));
	while ((status = swsusp_next_read(reader, UINT32_MAX, &read)) == STATUS_OK) {
		for (uint32_t i = 0; i < read.count && read.kind <= SWSUSP_READ_PFNS; i++) {
			TRY(device_read(device, read.device_page + i, page));
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

/* From the marks: extents, and with them what the image takes on the device. */
static void storage_take(struct device *device, const struct swsusp_info *info)
{
	struct image_facts *facts = &device->facts;

	image_facts_add_marks(facts, device->directory, device->directory_entries);
	facts->stored_pages = 0;
	for (size_t i = 0; i < facts->extent_count; i++)
		facts->stored_pages += facts->extents[i].count;
	facts->unpacked_pages = info->stream_pages;
}

static const char *codec_name(enum swsusp_codec codec)
{
	switch (codec) {
	case SWSUSP_PLAIN:
		return "not compressed";
	case SWSUSP_LZO:
		return "LZO";
	case SWSUSP_LZ4:
		return "LZ4";
	}
	return "";
}

static void header_print(const struct swsusp_header *header)
{
	char uuid[UUID_TEXT_BYTES];

	printf("image        swsusp, %s, %s mode\n", codec_name(header->codec),
	       header->platform ? "platform" : "shutdown");
	uuid_format(header->uuid, uuid);
	printf("swap area    UUID %s", uuid);
	for (size_t i = 0; header->label[i] != '\0'; i++) {
		const char *separator = i == 0 ? ", label " : "";

		printf("%s%c", separator, header->label[i] >= ' ' && header->label[i] <= '~' ? header->label[i] : '?');
	}
	printf(", last page %" PRIu32 "%s\n", header->last_page, header->has_bad_pages ? ", with bad pages" : "");
	if (header->has_hardware_signature)
		printf("hardware     signature %08" PRIx32 "\n", header->hardware_signature);
	printf("swap map     from page %" PRIu64 "\n", header->first_map_page);
}

/* The page again; NULL: said. The caller frees it. */
static struct page *header_read(const struct device *device, const struct image_options *options)
{
	struct page *page = pages_allocate(sizeof(*page));

	if (pread(device->descriptor, page, sizeof(*page), (off_t)(options->page * PAGE_BYTES)) ==
	    (ssize_t)sizeof(*page))
		return page;
	free(page);
	say_error(options->path, "the header can't be read again");
	return NULL;
}

/* Of the filesystems: as text, or into the open object. */
static void record_print(const struct device *device, const struct image_options *options, struct json *json)
{
	struct page *page = header_read(device, options);

	if (page != NULL && options->print.is_json)
		session_words_json(page, json);
	else if (page != NULL)
		session_words_print(page, stdout);
	free(page);
}

/* Likewise of --here. False: the loader would refuse the image here. */
static bool filesystems_fit(const struct device *device, const struct image_options *options,
			    const struct swsusp_info *info, const char **reason_out)
{
	static const struct tree system = {""};
	struct page *page = header_read(device, options);
	struct session_record record;
	bool good = true;

	if (page != NULL && session_record_decode(page, &record) == STATUS_OK &&
	    session_record_is_of(&record, info->jump_address, info->jump_address_physical))
		good = session_compare(&system, &record, options->print.is_json ? NULL : stdout);
	free(page);
	if (!good)
		*reason_out = "a filesystem of the session was written since it hibernated (stale)";
	return good;
}

static void info_print(const struct swsusp_info *info)
{
	printf("jump         %#" PRIx64 ", physical %#" PRIx64 ", page tables %#" PRIx64 "\n", info->jump_address,
	       info->jump_address_physical, info->cr3);
	printf("machine      %" PRIu64 " pages, memory map checksum %08" PRIx32 "\n", info->machine_pages,
	       info->e820_checksum);
	printf("stream       %" PRIu64 " pages: information 1, frame list %" PRIu64 ", data %" PRIu64 " (%" PRIu64
	       " MiB)\n",
	       info->stream_pages, info->meta_pages, info->data_pages, info->data_pages * PAGE_BYTES / MIB);
}

static void scan_print(const struct swsusp_scan *scan)
{
	printf("on disk      %" PRIu64 " pages (%" PRIu64 " MiB) in %" PRIu64 " runs, swap map %" PRIu64
	       ", chunks %" PRIu64 "\n",
	       scan->disk_pages, scan->disk_pages * PAGE_BYTES / MIB, scan->runs, scan->map_pages, scan->chunks);
	if (scan->reader.header.codec != SWSUSP_PLAIN && scan->reader.header.has_crc32)
		printf("checksum     %08" PRIx32 ", correct\n", scan->crc32);
	else
		printf("checksum     unchecked: the image carries none\n");
}

static void frames_print(const struct device *device, const struct swsusp_info *info)
{
	const struct frame_map *frames = &device->facts.frames;

	printf("frames       %" PRIu64 " with data, %" PRIu64 " zero, last %#" PRIx64 "\n", info->data_pages,
	       frames->zero_pages, frames->end > 0 ? frames->end - 1 : 0);
}

static void header_json(const struct swsusp_header *header, const struct swsusp_info *info, struct json *json)
{
	static const char *const codecs[] = {[SWSUSP_PLAIN] = "none", [SWSUSP_LZO] = "lzo", [SWSUSP_LZ4] = "lz4"};
	char uuid[UUID_TEXT_BYTES];

	uuid_format(header->uuid, uuid);
	json_text(json, "kind", "swsusp");
	json_text(json, "compression", codecs[header->codec]);
	json_text(json, "mode", header->platform ? "platform" : "shutdown");
	json_text(json, "uuid", uuid);
	json_text(json, "label", header->label);
	if (header->has_hardware_signature)
		json_hex(json, "hardware_signature", header->hardware_signature);
	json_hex(json, "jump_address", info->jump_address);
	json_hex(json, "jump_address_physical", info->jump_address_physical);
	json_hex(json, "page_tables", info->cr3);
	json_hex(json, "memory_map_checksum", info->e820_checksum);
	json_number(json, "machine_pages", info->machine_pages);
	json_number(json, "data_pages", info->data_pages);
	json_number(json, "list_pages", info->meta_pages);
}

static struct image_machine machine_of(const struct swsusp_scan *scan)
{
	const struct swsusp_header *header = &scan->reader.header;

	return (struct image_machine){true, header->has_hardware_signature, scan->reader.info.e820_checksum,
				      header->hardware_signature};
}

static enum thaw_exit verified_print(struct device *device, const struct image_options *options,
				     const struct swsusp_scan *scan)
{
	const struct image_machine machine = machine_of(scan);
	const struct swsusp_reader *reader = &scan->reader;
	struct json json = json_begin(stdout);
	const char *reason = "";
	bool fits = true;

	if (options->print.is_json) {
		json_open(&json, NULL, '{');
		header_json(&reader->header, &reader->info, &json);
		record_print(device, options, &json);
		image_facts_json(&device->facts, &options->print, &json);
		json_bool(&json, "has_checksum", reader->header.codec != SWSUSP_PLAIN && reader->header.has_crc32);
	} else {
		header_print(&reader->header);
		record_print(device, options, NULL);
		info_print(&reader->info);
		frames_print(device, &reader->info);
		scan_print(scan);
		image_facts_print(&device->facts, &options->print, stdout);
	}
	if (device->here != NULL)
		fits = image_here_end(device->here, &machine, options->print.is_json ? &json : NULL, &reason) &&
		       filesystems_fit(device, options, &reader->info, &reason);
	if (options->print.is_json) {
		json_text(&json, "result", fits ? "ok" : "refused");
		if (!fits)
			json_text(&json, "reason", reason);
		json_close(&json, '{');
	} else if (fits) {
		printf("result       complete\n");
	} else {
		say_error(options->path, "%s", reason);
	}
	return fits ? THAW_EXIT_OK : THAW_EXIT_REFUSED;
}

enum thaw_exit swsusp_verify(const struct image_options *options)
{
	struct swsusp_scan *scan = pages_allocate(sizeof(*scan));
	enum thaw_exit result = THAW_EXIT_TROUBLE;
	struct device device;
	enum status status;

	if (!device_open(&device, options)) {
		free(scan);
		return THAW_EXIT_TROUBLE;
	}
	if (image_here_begin(options, &device.here)) {
		status = device_scan(&device, options, scan);
		if (status == STATUS_OK)
			status = way_check(&device, options, scan);
		if (status == STATUS_OK) {
			storage_take(&device, &scan->reader.info);
			result = verified_print(&device, options, scan);
		} else {
			result = image_refuse(options, status, scan->reader.reason);
		}
	}
	device_close(&device);
	free(scan);
	return result;
}

static enum thaw_exit inspected_print(const struct device *device, const struct image_options *options,
				      const struct swsusp_scan *scan)
{
	const struct swsusp_reader *reader = &scan->reader;
	struct json json = json_begin(stdout);

	if (options->print.is_json) {
		json_open(&json, NULL, '{');
		header_json(&reader->header, &reader->info, &json);
		record_print(device, options, &json);
		image_facts_json(&device->facts, &options->print, &json);
		json_text(&json, "result", "ok");
		json_close(&json, '{');
	} else {
		header_print(&reader->header);
		record_print(device, options, NULL);
		info_print(&reader->info);
		frames_print(device, &reader->info);
		printf("on disk      %" PRIu64 " pages (%" PRIu64 " MiB)\n", device->facts.stored_pages,
		       device->facts.stored_pages * PAGE_BYTES / MIB);
		image_facts_print(&device->facts, &options->print, stdout);
	}
	return image_svg_write(options, &device->facts) ? THAW_EXIT_OK : THAW_EXIT_TROUBLE;
}

/* What is known of an image that is not good. */
static enum thaw_exit inspect_refuse(struct device *device, const struct image_options *options, enum status status,
				     const char *reason, struct page *page)
{
	struct swsusp_header header;
	const char *ignored;

	device->is_done = false;
	if (!options->print.is_json && device_read(device, options->page, page) == STATUS_OK &&
	    swsusp_header_parse(page, &header, &ignored) == STATUS_OK)
		header_print(&header);
	return image_refuse(options, status, reason);
}

enum thaw_exit swsusp_inspect(const struct image_options *options)
{
	struct swsusp_scan *scan = pages_allocate(sizeof(*scan));
	struct swsusp_reader *reader = pages_allocate(sizeof(*reader));
	struct page *page = pages_allocate(sizeof(*page));
	enum thaw_exit result = THAW_EXIT_TROUBLE;
	struct device device;

	if (device_open(&device, options)) {
		const char *reason;
		enum status status;

		device.stops_early = true;
		status = device_scan(&device, options, scan);
		reason = scan->reader.reason;
		if (status == STATUS_OK) {
			status = extents_find(&device, options, &scan->reader.header, reader, page);
			reason = status == STATUS_IO_ERROR ? "a page of the image can't be read" : reader->reason;
			interrupt_obey();
		}
		if (status == STATUS_OK) {
			storage_take(&device, &scan->reader.info);
			result = inspected_print(&device, options, scan);
		} else {
			result = inspect_refuse(&device, options, status, reason, page);
		}
		device_close(&device);
	}
	free(page);
	free(reader);
	free(scan);
	return result;
}
