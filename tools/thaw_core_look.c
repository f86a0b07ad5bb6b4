/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `thaw verify` and `thaw inspect` say of images of a kexec jump.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk/uuid.h"
#include "tools/boot_params.h"
#include "tools/thaw_core.h"
#include "tools/thaw_progress.h"
#include "tools/thaw_say.h"

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

static void facts_take(const struct core_file *file, struct here *here, struct image_facts *facts)
{
	const struct core *core = &file->core;
	uint64_t left = core->stored_pages;

	for (uint32_t i = 0; i < core->segment_count; i++) {
		const struct core_segment segment = core_segment(core, i);

		frame_map_add(&facts->frames, segment.first.value, segment.data_pages, false);
		frame_map_add(&facts->frames, segment.first.value + segment.data_pages, segment.zero_pages, true);
		if (here != NULL)
			here_note(here, segment.first.value, segment.data_pages + segment.zero_pages);
	}
	if (core->vmcoreinfo != NULL)
		image_facts_find_release(facts, core->vmcoreinfo, core->vmcoreinfo_bytes);
	facts->unpacked_pages = core->data_pages;
	facts->stored_pages = core->stored_pages + 1;
	if (file->is_linear) {
		image_facts_add_extent(facts, 0, facts->stored_pages);
		return;
	}
	image_facts_add_extent(facts, file->anchor_page, 1);
	for (uint32_t i = 0; i < file->anchor->extent_count && left > 0; i++) {
		const uint64_t part = min_u64(left, file->anchor->extents[i].page_count);

		image_facts_add_extent(facts, file->anchor->extents[i].start_page, part);
		left -= part;
	}
}

static void core_json(const struct core_file *file, struct json *json)
{
	static const char *const states[] = {"empty", "saving", "valid", "used", "snapshot", "failed"};
	static const char *const codecs[] = {[CORE_PLAIN] = "none", [CORE_LZO] = "lzo", [CORE_LZ4] = "lz4"};
	const struct core_anchor *anchor = file->anchor;
	char uuid[UUID_TEXT_BYTES];

	uuid_format(anchor->uuid, uuid);
	json_text(json, "kind", "kexec-jump");
	json_text(json, "state", anchor->state < ARRAY_COUNT(states) ? states[anchor->state] : "unknown");
	json_text(json, "uuid", uuid);
	json_number(json, "target_pages", anchor->target_pages);
	if (file->header == NULL)
		return;
	json_text(json, "compression", codecs[file->codec]);
	json_number(json, "save_ms", anchor->save_ms);
	json_hex(json, "jump_address_physical", file->core.note->entry);
	json_number(json, "paging_levels", file->core.note->levels);
	json_number(json, "machine_pages",
		    boot_params_ram_pages(file->core.note->memory, file->core.note->memory_count,
					  file->core.note->region_start, file->core.note->region_end));
	json_number(json, "data_pages", file->core.data_pages);
	json_number(json, "chunks", file->core.chunk_count);
}

/* Whether the state lets it be restored. */
static bool state_is_restorable(const struct core_file *file)
{
	return file->anchor->state == CORE_ANCHOR_VALID || file->anchor->state == CORE_ANCHOR_SNAPSHOT;
}

/* A state that nothing can be restored from has its words instead of a result. */
static enum thaw_exit state_conclude(const struct core_file *file, const struct image_options *options, bool fits,
				     const char *reason, struct json *json)
{
	const bool is_there = state_is_restorable(file);

	if (options->print.is_json) {
		json_text(json, "result", !is_there ? "no-image" : fits ? "ok" : "refused");
		if (is_there && !fits)
			json_text(json, "reason", reason);
		json_close(json, '{');
	} else if (!is_there) {
		say_error(options->path, "no image to restore: %s",
			  state_text((enum core_anchor_state)file->anchor->state));
	} else if (!fits) {
		say_error(options->path, "%s", reason);
	}
	if (!is_there)
		return THAW_EXIT_NO_IMAGE;
	return fits ? THAW_EXIT_OK : THAW_EXIT_REFUSED;
}

/* is_verified: all chunks were read. */
static enum thaw_exit file_print(const struct core_file *file, const struct image_options *options,
				 const struct image_facts *facts, const struct here *here, bool is_verified)
{
	const struct image_machine machine = {.has_checksum = false};
	struct json json = json_begin(stdout);
	const char *reason = "";
	bool fits = true;

	if (options->print.is_json) {
		json_open(&json, NULL, '{');
		core_json(file, &json);
		if (file->header != NULL)
			image_facts_json(facts, &options->print, &json);
	} else {
		anchor_print(file);
		if (file->header != NULL) {
			core_print(file);
			image_facts_print(facts, &options->print, stdout);
		}
		if (is_verified)
			printf("checksum     header %08" PRIx32 " and %" PRIu64 " chunks, correct\n",
			       file->anchor->header_crc32, file->core.chunk_count);
	}
	if (file->anchor->state == CORE_ANCHOR_SNAPSHOT && file->anchor->could_write) {
		fits = false;
		reason = "the session could write to disks when it went on: restoring this would destroy what it wrote";
	}
	if (fits && here != NULL && file->header != NULL)
		fits = image_here_end(here, &machine, options->print.is_json ? &json : NULL, &reason);
	if (!options->print.is_json && is_verified && fits)
		printf("result       complete\n");
	return state_conclude(file, options, fits, reason, &json);
}

/* Images without VMCOREINFO: the kernel's constants are among the pages. */
static void banner_find(const struct core_file_chunk *chunk, struct image_facts *facts)
{
	const struct page *pages = (const struct page *)(const void *)chunk->raw;

	for (uint32_t i = 0; i < chunk->place.raw_pages && facts->kernel[0] == '\0'; i++)
		image_facts_find_banner(facts, &pages[i]);
}

static enum status chunks_check(const struct core_file *file, const struct image_options *options,
				struct image_facts *facts, const char **reason_out)
{
	struct core_file_chunk *chunk = pages_allocate(sizeof(*chunk));
	struct progress progress = progress_begin_reading("verify", options->is_quiet);
	struct core_chunk_cursor cursor = {0};
	enum status status;

	while ((status = core_file_next(file, &cursor, chunk, reason_out)) == STATUS_OK && !interrupt_is_wanted()) {
		progress.bytes += (uint64_t)chunk->place.stored_pages * PAGE_BYTES;
		banner_find(chunk, facts);
		progress_show(&progress, cursor.index, file->core.chunk_count);
	}
	progress_clear(&progress);
	interrupt_obey();
	free(chunk);
	return status == STATUS_END ? STATUS_OK : status;
}

static enum thaw_exit core_look(const struct image_options *options, bool verifies)
{
	struct image_facts *facts = pages_allocate(sizeof(*facts));
	struct here *here = NULL;
	enum thaw_exit result = THAW_EXIT_TROUBLE;
	struct core_file file;
	const char *reason;
	enum status status = core_file_open(&file, options->path, options->page, &reason);

	image_facts_begin(facts);
	if (status == STATUS_OK && image_here_begin(options, &here)) {
		if (file.header != NULL)
			facts_take(&file, here, facts);
		if (verifies && file.header != NULL)
			status = chunks_check(&file, options, facts, &reason);
		if (status == STATUS_OK)
			result = file_print(&file, options, facts, here, verifies && file.header != NULL);
		if (status == STATUS_OK && file.header != NULL && !image_svg_write(options, facts))
			result = THAW_EXIT_TROUBLE;
	}
	if (status != STATUS_OK)
		result = image_refuse(options, status, reason);
	free(here);
	image_facts_free(facts);
	free(facts);
	core_file_close(&file);
	return result;
}

enum thaw_exit core_inspect(const struct image_options *options)
{
	return core_look(options, false);
}

enum thaw_exit core_verify(const struct image_options *options)
{
	return core_look(options, true);
}
