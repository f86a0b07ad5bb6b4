/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw verify` and `thaw inspect`: the reader of image/ over pread.
 */
#include "tools/thaw_image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/swsusp_scan.h"
#include "tools/thaw_say.h"

struct device {
	const char *path;
	int descriptor;
	uint64_t pages;
	struct page **directory; /* of the marks of used pages */
	uint64_t directory_entries;
	uint64_t zero_frames;
	uint64_t last_frame;
	struct progress progress;
};

static bool device_open(struct device *device, const char *path)
{
	off_t bytes;

	memset(device, 0, sizeof(*device));
	device->path = path;
	device->descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (device->descriptor < 0) {
		fprintf(stderr, "thaw: %s: %s\n", path, strerror(errno));
		return false;
	}
	/* Works for files and block devices. */
	bytes = lseek(device->descriptor, 0, SEEK_END);
	if (bytes < 0) {
		fprintf(stderr, "thaw: %s: %s\n", path, strerror(errno));
		close(device->descriptor);
		return false;
	}
	device->pages = (uint64_t)bytes / PAGE_BYTES;
	device->directory_entries = device->pages / (PAGE_BYTES * 8) + 1;
	device->directory = calloc(device->directory_entries, sizeof(struct page *));
	device->progress = progress_begin();
	if (device->directory == NULL)
		abort();
	return true;
}

static void device_close(struct device *device)
{
	for (uint64_t i = 0; i < device->directory_entries; i++)
		free(device->directory[i]);
	free(device->directory);
	close(device->descriptor);
}

static enum status device_read(void *context, uint64_t device_page, struct page *page_out)
{
	const struct device *device = context;
	size_t done = 0;

	while (done < sizeof(page_out->bytes)) {
		const off_t offset = (off_t)(device_page * PAGE_BYTES + done);
		const ssize_t count =
			pread(device->descriptor, page_out->bytes + done, sizeof(page_out->bytes) - done, offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return STATUS_IO_ERROR;
		done += (size_t)count;
	}
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

	for (uint32_t i = 0; i < count; i++) {
		device->zero_frames += (pfns[i] & SWSUSP_PFN_ZERO) != 0;
		device->last_frame = pfns[i] & ~SWSUSP_PFN_ZERO;
	}
}

static void reading_show(void *context, uint64_t done, uint64_t total)
{
	struct device *device = context;

	progress_show(&device->progress, done, total);
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
	const uint8_t *u = header->uuid;

	printf("image        swsusp, %s, %s mode\n", codec_name(header->codec),
	       header->platform ? "platform" : "shutdown");
	printf("swap area    UUID %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
	       u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	for (size_t i = 0; header->label[i] != '\0'; i++) {
		const char *separator = i == 0 ? ", label " : "";

		printf("%s%c", separator, header->label[i] >= ' ' && header->label[i] <= '~' ? header->label[i] : '?');
	}
	printf(", last page %" PRIu32 "%s\n", header->last_page, header->has_bad_pages ? ", with bad pages" : "");
	if (header->has_hardware_signature)
		printf("hardware     signature %08" PRIx32 "\n", header->hardware_signature);
	printf("swap map     from page %" PRIu64 "\n", header->first_map_page);
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

static void scan_print(const struct device *device, const struct swsusp_scan *scan)
{
	printf("frames       %" PRIu64 " with data, %" PRIu64 " zero, last %#" PRIx64 "\n",
	       scan->reader.info.data_pages, device->zero_frames, device->last_frame);
	printf("on disk      %" PRIu64 " pages (%" PRIu64 " MiB) in %" PRIu64 " runs, swap map %" PRIu64
	       ", chunks %" PRIu64 "\n",
	       scan->disk_pages, scan->disk_pages * PAGE_BYTES / MIB, scan->runs, scan->map_pages, scan->chunks);
	if (scan->reader.header.codec != SWSUSP_PLAIN && scan->reader.header.has_crc32)
		printf("checksum     %08" PRIx32 ", correct\n", scan->crc32);
	else
		printf("checksum     unchecked: the image carries none\n");
}

/* Says why there is nothing good, and what that means for the caller. */
static enum thaw_exit refuse(const struct device *device, enum status status, const char *reason)
{
	fflush(stdout);
	fprintf(stderr, "thaw: %s: %s\n", device->path, reason);
	if (status == STATUS_NOT_FOUND)
		return THAW_EXIT_NO_IMAGE;
	if (status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED)
		return THAW_EXIT_REFUSED;
	return THAW_EXIT_TROUBLE;
}

enum thaw_exit swsusp_verify(const char *path, uint64_t header_page)
{
	struct swsusp_scan *scan = aligned_alloc(sizeof(struct page), sizeof(*scan));
	enum thaw_exit result = THAW_EXIT_OK;
	struct device device;
	enum status status;

	if (scan == NULL)
		abort();
	if (!device_open(&device, path)) {
		free(scan);
		return THAW_EXIT_TROUBLE;
	}
	scan->source = (struct swsusp_scan_source){device_read, &device};
	scan->sink = (struct swsusp_scan_sink){frames_note, NULL, reading_show, &device};
	status = swsusp_scan_image(scan, header_page, device.pages, device_marks(&device));
	progress_clear(&device.progress);
	if (status == STATUS_OK) {
		header_print(&scan->reader.header);
		info_print(&scan->reader.info);
		scan_print(&device, scan);
		printf("result       complete\n");
	} else {
		result = refuse(&device, status, scan->reader.reason);
	}
	device_close(&device);
	free(scan);
	return result;
}

/* Follows the map as far as the information page. */
static enum status info_find(struct device *device, struct swsusp_reader *reader)
{
	static struct page page;
	struct swsusp_read read;

	for (;;) {
		TRY(swsusp_next_read(reader, 1, &read));
		TRY(device_read(device, read.device_page, &page));
		if (read.kind == SWSUSP_READ_INFO)
			return swsusp_supply_info(reader, &page);
		TRY(swsusp_supply_map(reader, &page));
	}
}

enum thaw_exit swsusp_inspect(const char *path, uint64_t header_page)
{
	static struct swsusp_reader reader;
	static struct page page;
	struct swsusp_header header;
	const char *reason = "the header page can't be read";
	struct device device;
	enum thaw_exit result = THAW_EXIT_OK;
	enum status status;

	if (!device_open(&device, path))
		return THAW_EXIT_TROUBLE;
	status = device_read(&device, header_page, &page);
	if (status == STATUS_OK)
		status = swsusp_header_parse(&page, &header, &reason);
	if (status == STATUS_OK) {
		header_print(&header);
		status = swsusp_open(&reader, &header, header_page, device.pages, device_marks(&device));
		if (status == STATUS_OK)
			status = info_find(&device, &reader);
		reason = status == STATUS_IO_ERROR ? "a page of the image can't be read" : reader.reason;
	}
	if (status == STATUS_OK)
		info_print(&reader.info);
	else
		result = refuse(&device, status, reason);
	device_close(&device);
	return result;
}
