/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw export`: an image as the plain ELF64 core file that readelf, gdb, crash and makedumpfile open: what an
 * uncompressed save would have written, and with it what the session had in Thaw's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "image/core_layout.h"
#include "lib/crc32.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_core.h"
#include "tools/thaw_device.h"
#include "tools/thaw_progress.h"
#include "tools/thaw_region.h"
#include "tools/thaw_say.h"

static const char help[] =
	"usage: thaw export TARGET OUT [--offset=PAGES]\n"
	"\n"
	"  Writes the image in TARGET, a partition or file as of `thaw format`, to the new file OUT, as an ELF core "
	"file\n"
	"  that readelf, gdb, crash and makedumpfile open. OUT holds all of the session's memory: keep it to "
	"yourself.\n"
	"\n"
	"  --offset=PAGES    where the anchor is, when TARGET is the partition that holds the file (resume_offset=)\n"
	"\n"
	"Exit status: 0 done, 1 the image is damaged or OUT can't be written, 2 refused: there is no image, or OUT "
	"exists.\n";

static bool room_is_there(const char *path, int descriptor, uint64_t bytes)
{
	struct statvfs filesystem;
	uint64_t available;

	if (fstatvfs(descriptor, &filesystem) != 0)
		return true;
	available = (uint64_t)filesystem.f_bavail * filesystem.f_frsize;
	if (available < bytes)
		return say_error(path, "%" PRIu64 " MiB are needed, the filesystem has %" PRIu64 " MiB left",
				 div_round_up(bytes, MIB), available / MIB);
	return true;
}

static bool out_write(const char *path, int descriptor, const void *bytes, size_t count, uint64_t offset)
{
	return write_at(descriptor, bytes, count, offset) || say_error(path, "%s", strerror(errno));
}

/* The image's data. */
static bool data_copy(const struct core_out *out, const char *path)
{
	const struct core_file *file = out->file;
	struct core_file_chunk *chunk = pages_allocate(sizeof(*chunk));
	struct progress progress = progress_begin();
	struct core_chunk_cursor cursor = {0};
	uint64_t at = out->header_bytes;
	const char *reason;
	enum status status;
	bool good = true;

	while (good && (status = core_file_next(file, &cursor, chunk, &reason)) != STATUS_END) {
		const uint32_t bytes = chunk->place.raw_pages * PAGE_BYTES;

		if (status != STATUS_OK) {
			good = say_error(file->path, "%s", reason);
			break;
		}
		good = out_write(path, out->descriptor, chunk->raw, bytes, at);
		core_chunk_set(file->header, chunk->place.index, bytes, crc32_zlib(chunk->raw, bytes));
		at += bytes;
		progress_show(&progress, cursor.index, file->core.chunk_count);
	}
	progress_clear(&progress);
	free(chunk);
	return good;
}

/* The header last: what was broken off is no core file. */
static bool core_copy(const struct core_out *out, const char *path)
{
	struct pfn first;
	uint64_t pages;
	uint8_t *header;
	bool good;

	if (!data_copy(out, path) || !region_write(out, path, &first, &pages))
		return false;
	header = region_header_make(out, first, pages);
	good = out_write(path, out->descriptor, header, out->header_bytes, 0) &&
	       (fsync(out->descriptor) == 0 || say_error(path, "%s", strerror(errno)));
	free(header);
	return good;
}

static int core_export(const struct core_file *file, const char *path)
{
	const struct core_note *note = file->core.note;
	struct core_out out = {.file = file, .descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
	int result = COMMAND_FAILED;
	uint64_t bytes;

	if (out.descriptor < 0) {
		say_error(path, "%s", strerror(errno));
		return COMMAND_REFUSED;
	}
	region_places_set(&out);
	bytes = out.data_end + (note->region_end - note->region_start);
	if (room_is_there(path, out.descriptor, bytes) && core_copy(&out, path)) {
		printf("%s: %" PRIu64 " MiB, %" PRIu64 " pages with data\n", path, bytes / MIB, file->core.data_pages);
		result = COMMAND_OK;
	}
	close(out.descriptor);
	if (result != COMMAND_OK && unlink(path) == 0)
		say_error(path, "removed again");
	return result;
}

static bool options_parse(int argc, char **argv, const char *paths_out[2], uint64_t *anchor_page_out)
{
	uint32_t count = 0;

	*anchor_page_out = 0;
	for (int i = 0; i < argc; i++) {
		const char *offset = option_value(argv[i], "--offset=");

		if (offset != NULL) {
			if (!pages_parse(offset, anchor_page_out)) {
				say_error(argv[i], "not a number of pages");
				return false;
			}
		} else if (argv[i][0] == '-' || count == 2) {
			say_error(argv[i], "not understood; see `thaw export --help`");
			return false;
		} else {
			paths_out[count++] = argv[i];
		}
	}
	if (count < 2)
		say_refusal("target and output are needed; see `thaw export --help`");
	return count == 2;
}

int thaw_export(int argc, char **argv)
{
	const char *paths[2];
	int result = COMMAND_REFUSED;
	struct core_file file;
	uint64_t anchor_page;
	const char *reason;
	enum status status;

	if (command_wants_help(argc, argv, help))
		return COMMAND_OK;
	if (!options_parse(argc, argv, paths, &anchor_page))
		return COMMAND_REFUSED;
	status = core_file_open(&file, paths[0], anchor_page, &reason);
	if (status != STATUS_OK)
		say_error(paths[0], "%s", reason);
	else if (file.header == NULL)
		say_error(paths[0], "it holds no image");
	else
		result = core_export(&file, paths[1]);
	if (status == STATUS_CORRUPT)
		result = COMMAND_FAILED;
	core_file_close(&file);
	return result;
}
