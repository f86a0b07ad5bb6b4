/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading images of a kexec jump, and what `thaw verify` and `thaw inspect` say of them.
 */
#define _GNU_SOURCE
#include "tools/thaw_core.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/uuid.h"
#include "lib/crc32.h"
#include "tools/boot_params.h"
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

static const char *state_text(enum core_anchor_state state)
{
	switch (state) {
	case CORE_ANCHOR_EMPTY:
		return "empty";
	case CORE_ANCHOR_SAVING:
		return "a save began and did not end";
	case CORE_ANCHOR_VALID:
		return "valid: a session that may be restored, once";
	case CORE_ANCHOR_USED:
		return "used: the session was restored";
	case CORE_ANCHOR_SNAPSHOT:
		return "snapshot: the session went on after the save";
	case CORE_ANCHOR_FAILED:
		return "the last save failed";
	}
	return "";
}

static const char *codec_text(enum core_codec codec)
{
	switch (codec) {
	case CORE_PLAIN:
		return "not compressed";
	case CORE_LZO:
		return "LZO";
	case CORE_LZ4:
		return "LZ4";
	}
	return "";
}

static void anchor_print(const struct core_file *file)
{
	const struct core_anchor *anchor = file->anchor;
	char uuid[UUID_TEXT_BYTES];

	uuid_format(anchor->uuid, uuid);
	printf("image        kexec jump%s%s\n", file->header != NULL ? ", " : "",
	       file->header != NULL ? codec_text(file->codec) : "");
	printf("state        %s\n", state_text((enum core_anchor_state)anchor->state));
	if (anchor->state == CORE_ANCHOR_SNAPSHOT && anchor->could_write)
		printf("             it could write to disks: not to be restored\n");
	printf("target       UUID %s, %" PRIu64 " pages (%" PRIu64 " MiB) in %" PRIu32 " piece%s\n", uuid,
	       anchor->target_pages, anchor->target_pages * PAGE_BYTES / MIB, anchor->extent_count,
	       anchor->extent_count == 1 ? "" : "s");
	if (core_anchor_has_core(anchor))
		printf("saved        in %" PRIu32 " ms\n", anchor->save_ms);
	if (anchor->state == CORE_ANCHOR_USED)
		printf("restored     %" PRIu32 " pages in %" PRIu32 " ms\n", anchor->restore_pages, anchor->restore_ms);
}

static void core_print(const struct core_file *file)
{
	const struct core *core = &file->core;
	const struct core_note *note = core->note;

	printf("jump         physical %#" PRIx64 ", %" PRIu32 "-level paging\n", note->entry, note->levels);
	printf("machine      %" PRIu64 " pages of RAM in %" PRIu32 " entries, without %#" PRIx64 "-%#" PRIx64 "\n",
	       boot_params_ram_pages(note->memory, note->memory_count, note->region_start, note->region_end),
	       note->memory_count, note->region_start, note->region_end);
	printf("frames       %" PRIu64 " with data, %" PRIu64 " zero, in %" PRIu32 " segments\n", core->data_pages,
	       core->zero_pages, core->segment_count);
	printf("on disk      %" PRIu64 " pages (%" PRIu64 " MiB): header %" PRIu64 ", chunks %" PRIu64 "\n",
	       core->stored_pages, core->stored_pages * PAGE_BYTES / MIB, file->anchor->header_bytes / PAGE_BYTES,
	       core->chunk_count);
	printf("notes        VMCOREINFO %s, S5 sleep types %#x %#x\n", core->vmcoreinfo != NULL ? "yes" : "no",
	       note->acpi.sleep_type_a, note->acpi.sleep_type_b);
}

/* The end of both commands: what the state and the status mean to the caller. */
static enum thaw_exit conclude(struct core_file *file, enum status status, const char *reason)
{
	const enum core_anchor_state state = (enum core_anchor_state)file->anchor->state;
	enum thaw_exit result = THAW_EXIT_NO_IMAGE;

	if (status != STATUS_OK) {
		say_error(file->path, "%s", reason);
		result = status == STATUS_IO_ERROR ? THAW_EXIT_TROUBLE : THAW_EXIT_REFUSED;
	} else if (state == CORE_ANCHOR_VALID || state == CORE_ANCHOR_SNAPSHOT) {
		result = THAW_EXIT_OK;
	} else {
		say_error(file->path, "no image to restore: %s", state_text(state));
	}
	core_file_close(file);
	return result;
}

enum thaw_exit core_inspect(const char *path, uint64_t anchor_page)
{
	struct core_file file;
	const char *reason;
	const enum status status = core_file_open(&file, path, anchor_page, &reason);

	if (status == STATUS_OK) {
		anchor_print(&file);
		if (file.header != NULL)
			core_print(&file);
	}
	return conclude(&file, status, reason);
}

enum thaw_exit core_verify(const char *path, uint64_t anchor_page)
{
	struct core_file_chunk *chunk = pages_allocate(sizeof(*chunk));
	struct progress progress = progress_begin();
	struct core_chunk_cursor cursor = {0};
	struct core_file file;
	const char *reason;
	enum status status = core_file_open(&file, path, anchor_page, &reason);

	if (status == STATUS_OK && file.header != NULL) {
		do {
			status = core_file_next(&file, &cursor, chunk, &reason);
			progress_show(&progress, cursor.index, file.core.chunk_count);
		} while (status == STATUS_OK);
		progress_clear(&progress);
		if (status == STATUS_END) {
			status = STATUS_OK;
			anchor_print(&file);
			core_print(&file);
			printf("checksum     header %08" PRIx32 " and %" PRIu64 " chunks, correct\n",
			       file.anchor->header_crc32, file.core.chunk_count);
			printf("result       complete\n");
		}
	} else if (status == STATUS_OK) {
		anchor_print(&file);
	}
	free(chunk);
	return conclude(&file, status, reason);
}
