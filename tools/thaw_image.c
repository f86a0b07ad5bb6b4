/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw verify` and `thaw inspect` of swsusp images: what they say.
 */
#include "tools/thaw_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk/uuid.h"
#include "tools/session_compare.h"
#include "tools/session_words.h"
#include "tools/thaw_image_reading.h"
#include "tools/thaw_say.h"

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
static struct page *header_read(const struct image_reading *reading, const struct image_options *options)
{
	struct page *page = pages_allocate(sizeof(*page));

	if (pread(reading->descriptor, page, sizeof(*page), (off_t)(options->page * PAGE_BYTES)) ==
	    (ssize_t)sizeof(*page))
		return page;
	free(page);
	say_error(options->path, "the header can't be read again");
	return NULL;
}

/* Of the filesystems: as text, or into the open object. */
static void record_print(const struct image_reading *reading, const struct image_options *options, struct json *json)
{
	struct page *page = header_read(reading, options);

	if (page != NULL && options->print.is_json)
		session_words_json(page, json);
	else if (page != NULL)
		session_words_print(page, stdout);
	free(page);
}

/* Likewise of --here. False: the loader would refuse the image here. */
static bool filesystems_fit(const struct image_reading *reading, const struct image_options *options,
			    const struct swsusp_info *info, const char **reason_out)
{
	static const struct tree system = {""};
	struct page *page = header_read(reading, options);
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

static void frames_print(const struct image_reading *reading, const struct swsusp_info *info)
{
	const struct frame_map *frames = &reading->facts.frames;

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

static enum thaw_exit verified_print(struct image_reading *reading, const struct image_options *options,
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
		record_print(reading, options, &json);
		image_facts_json(&reading->facts, &options->print, &json);
		json_bool(&json, "has_checksum", reader->header.codec != SWSUSP_PLAIN && reader->header.has_crc32);
	} else {
		header_print(&reader->header);
		record_print(reading, options, NULL);
		info_print(&reader->info);
		frames_print(reading, &reader->info);
		scan_print(scan);
		image_facts_print(&reading->facts, &options->print, stdout);
	}
	if (reading->here != NULL)
		fits = image_here_end(reading->here, &machine, options->print.is_json ? &json : NULL, &reason) &&
		       filesystems_fit(reading, options, &reader->info, &reason);
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
	struct image_reading reading;
	enum status status;

	if (!image_reading_begin(&reading, options)) {
		free(scan);
		return THAW_EXIT_TROUBLE;
	}
	if (image_here_begin(options, &reading.here)) {
		status = image_reading_scan(&reading, options, scan);
		if (status == STATUS_OK)
			status = image_reading_check_way(&reading, options, scan);
		if (status == STATUS_OK) {
			image_reading_take_storage(&reading, &scan->reader.info);
			result = verified_print(&reading, options, scan);
		} else {
			result = image_refuse(options, status, scan->reader.reason);
		}
	}
	image_reading_end(&reading);
	free(scan);
	return result;
}

static enum thaw_exit inspected_print(const struct image_reading *reading, const struct image_options *options,
				      const struct swsusp_scan *scan)
{
	const struct swsusp_reader *reader = &scan->reader;
	struct json json = json_begin(stdout);

	if (options->print.is_json) {
		json_open(&json, NULL, '{');
		header_json(&reader->header, &reader->info, &json);
		record_print(reading, options, &json);
		image_facts_json(&reading->facts, &options->print, &json);
		json_text(&json, "result", "ok");
		json_close(&json, '{');
	} else {
		header_print(&reader->header);
		record_print(reading, options, NULL);
		info_print(&reader->info);
		frames_print(reading, &reader->info);
		printf("on disk      %" PRIu64 " pages (%" PRIu64 " MiB)\n", reading->facts.stored_pages,
		       reading->facts.stored_pages * PAGE_BYTES / MIB);
		image_facts_print(&reading->facts, &options->print, stdout);
	}
	return image_svg_write(options, &reading->facts) ? THAW_EXIT_OK : THAW_EXIT_TROUBLE;
}

/* What is known of an image that is not good. */
static enum thaw_exit inspect_refuse(struct image_reading *reading, const struct image_options *options,
				     enum status status, const char *reason, struct page *page)
{
	struct swsusp_header header;
	const char *ignored;

	reading->is_done = false;
	if (!options->print.is_json && image_reading_page(reading, options->page, page) == STATUS_OK &&
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
	struct image_reading reading;

	if (image_reading_begin(&reading, options)) {
		const char *reason;
		enum status status;

		reading.stops_early = true;
		status = image_reading_scan(&reading, options, scan);
		reason = scan->reader.reason;
		if (status == STATUS_OK) {
			status = image_reading_find_extents(&reading, options, &scan->reader.header, reader, page);
			reason = status == STATUS_IO_ERROR ? "a page of the image can't be read" : reader->reason;
			interrupt_obey();
		}
		if (status == STATUS_OK) {
			image_reading_take_storage(&reading, &scan->reader.info);
			result = inspected_print(&reading, options, scan);
		} else {
			result = inspect_refuse(&reading, options, status, reason, page);
		}
		image_reading_end(&reading);
	}
	free(page);
	free(reader);
	free(scan);
	return result;
}
