/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading images of a kexec jump.
 */
#define _GNU_SOURCE
#include "tools/thaw_core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32.h"
#include "tools/thaw_device.h"
#include "tools/thaw_say.h"

/* Past the page cache where that is possible: what Thaw wrote behind Linux's back is to be seen. */
static int image_open(const char *path)
{
	const int descriptor = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	return descriptor >= 0 || errno != EINVAL ? descriptor : open(path, O_RDONLY | O_CLOEXEC);
}

bool core_file_is_there(const char *path, uint64_t anchor_page)
{
	struct page *page = pages_allocate(sizeof(*page));
	const int descriptor = image_open(path);
	bool found = false;

	if (descriptor >= 0) {
		found = read_at(descriptor, page, sizeof(*page), anchor_page * PAGE_BYTES) &&
			memcmp(page->bytes, CORE_ANCHOR_MAGIC, strlen(CORE_ANCHOR_MAGIC)) == 0;
		close(descriptor);
	}
	free(page);
	return found;
}

/* Pages of the stored core. */
static bool stored_read(const struct core_file *file, uint64_t first, uint64_t count, uint8_t *out)
{
	while (count > 0) {
		uint64_t page = first + 1;
		uint64_t run = count;

		if (!file->is_linear && !core_extents_find(file->anchor, first, &page, &run))
			return false;
		run = min_u64(run, count);
		if (!read_at(file->descriptor, out, run * PAGE_BYTES, page * PAGE_BYTES))
			return false;
		out += run * PAGE_BYTES;
		first += run;
		count -= run;
	}
	return true;
}

static enum status header_read(struct core_file *file, const char **reason_out)
{
	/* core_anchor_parse bounds it by the target, whose length may still be a lie. */
	if (file->anchor->header_bytes > 256 * MIB) {
		*reason_out = "the anchor says that the header part is impossibly long";
		return STATUS_CORRUPT;
	}
	file->header = pages_allocate(file->anchor->header_bytes);
	*reason_out = "the header part can't be read";
	if (!stored_read(file, 0, file->anchor->header_bytes / PAGE_BYTES, file->header))
		return STATUS_IO_ERROR;
	TRY(core_header_parse(file->header, file->anchor, &file->core, reason_out));
	file->codec = (enum core_codec)file->core.note->codec;
	return STATUS_OK;
}

enum status core_file_open(struct core_file *file, const char *path, uint64_t anchor_page, const char **reason_out)
{
	struct page *page = pages_allocate(sizeof(*page));
	enum status status = STATUS_IO_ERROR;
	struct stat kind;
	off_t bytes;

	*file = (struct core_file){.path = path, .anchor_page = anchor_page, .descriptor = image_open(path)};
	file->anchor = pages_allocate(sizeof(*file->anchor));
	*reason_out = strerror(errno);
	if (file->descriptor >= 0 && fstat(file->descriptor, &kind) == 0) {
		bytes = lseek(file->descriptor, 0, SEEK_END);
		file->is_linear = S_ISREG(kind.st_mode) && anchor_page == 0;
		file->partition_pages = file->is_linear || bytes < 0 ? BIT64(51) : (uint64_t)bytes / PAGE_BYTES;
		*reason_out = "the anchor can't be read";
		if (read_at(file->descriptor, page, sizeof(*page), anchor_page * PAGE_BYTES))
			status = core_anchor_parse(page, anchor_page, file->partition_pages, file->anchor, reason_out);
	}
	free(page);
	if (status == STATUS_OK && core_anchor_has_core(file->anchor))
		status = header_read(file, reason_out);
	return status;
}

void core_file_close(struct core_file *file)
{
	if (file->descriptor >= 0)
		close(file->descriptor);
	free(file->anchor);
	free(file->header);
}

enum status core_file_next(const struct core_file *file, struct core_chunk_cursor *cursor,
			   struct core_file_chunk *chunk, const char **reason_out)
{
	if (!core_chunk_next(&file->core, cursor, &chunk->place))
		return STATUS_END;
	*reason_out = "a page of the image can't be read";
	if (!stored_read(file, chunk->place.stored_page, chunk->place.stored_pages, chunk->stored))
		return STATUS_IO_ERROR;
	*reason_out = "a chunk's checksum is wrong";
	if (crc32_zlib(chunk->stored, chunk->place.stored_bytes) != chunk->place.crc32)
		return STATUS_CORRUPT;
	*reason_out = "a chunk can't be unpacked";
	return core_chunk_unpack(file->codec, chunk->stored, chunk->place.stored_bytes, chunk->raw,
				 chunk->place.raw_pages * PAGE_BYTES);
}
