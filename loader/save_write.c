/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session's memory on its way to the target: chunk by chunk, from the frames themselves where they are stored as
 * they are and the device reaches them.
 */
#include "image/core_layout.h"
#include "include/cpu.h"
#include "lib/crc32.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/memory.h"
#include "loader/restore_core.h"
#include "loader/save_internal.h"

#define BUFFERS      16
#define BUFFER_PAGES (CORE_PACK_OUT_BYTES / PAGE_BYTES)

/* Chunks that do not go to the disk from where they lie. */
struct buffers {
	struct page *pages;     /* BUFFERS times BUFFER_PAGES */
	uint64_t ends[BUFFERS]; /* of the core: until which page the buffer's last contents must be written */
	uint32_t next;
};

/* The frames of one chunk. */
struct chunk {
	struct core_data_run runs[CORE_CHUNK_PAGES];
	uint32_t run_count;
	uint32_t pages;
	bool in_reach; /* of the device */
};

struct core_writer {
	struct save *save;
	struct core_layout layout;
	struct core_note note;
	struct core core;
	uint8_t *header;
	uint64_t header_bytes;
	struct buffers buffers;
	void *work;
	struct chunk chunk; /* the one at hand */
	uint64_t chunk_number;
};

static bool next_run(void *context, struct pfn from, struct core_run *run_out)
{
	const struct save *save = context;
	const struct pfn first = save_memory_next(save, from);
	const bool zero = !frame_set_contains(&save->data, first);
	struct pfn end = first;

	if (first.value >= save->data.limit)
		return false;
	do
		end.value++;
	while (save_memory_next(save, end).value == end.value && frame_set_contains(&save->data, end) != zero &&
	       end.value < save->data.limit);
	*run_out = (struct core_run){first, end.value - first.value, zero};
	return true;
}

static void fill_note(struct core_writer *writer)
{
	const struct save_parameters *parameters = writer->save->parameters;
	struct core_note *note = &writer->note;

	note->version = CORE_NOTE_VERSION;
	note->codec = parameters->codec;
	note->levels = (writer->save->session->cr4 & CR4_LA57) != 0 ? 5 : 4;
	note->entry = writer->save->session->entry;
	note->region_start = MIB;
	note->region_end = 16 * MIB;
	note->acpi = writer->save->acpi;
	note->memory_count = parameters->memory_count;
	memcpy(note->memory, parameters->memory, sizeof(note->memory));
}

static const char *vmcoreinfo(const struct save *save)
{
	const struct save_parameters *parameters = save->parameters;

	if (parameters->vmcoreinfo == 0 || parameters->vmcoreinfo_bytes == 0 ||
	    parameters->vmcoreinfo > UINT64_MAX - parameters->vmcoreinfo_bytes ||
	    !memory_map_covers(&save->map, parameters->vmcoreinfo,
			       parameters->vmcoreinfo + parameters->vmcoreinfo_bytes, MEMORY_RAM))
		return NULL;
	return paddr_to_virt((struct paddr){parameters->vmcoreinfo});
}

static enum status build_header(struct core_writer *writer)
{
	struct save *save = writer->save;
	const struct core_source source = {next_run, save};
	struct core_build build = {&source, &writer->layout, &writer->note, vmcoreinfo(save), 0};
	void *memory;

	build.vmcoreinfo_bytes = build.vmcoreinfo ? save->parameters->vmcoreinfo_bytes : 0;
	TRY(core_layout_plan(&source, CORE_SEGMENTS_MAX, &writer->layout));
	writer->header_bytes = core_header_bytes(&writer->layout, build.vmcoreinfo_bytes);
	if (restore_core_room(writer->header_bytes, save->data.limit) > save->room_bytes)
		return save_refuse(save, STATUS_NO_MEMORY, "Thaw would have no room to restore so much memory");
	TRY(arena_alloc(save->arena, writer->header_bytes, PAGE_BYTES, &memory));
	writer->header = memory;
	fill_note(writer);
	return core_header_build(writer->header, &build, &writer->core);
}

static enum status make_buffers(struct core_writer *writer)
{
	struct arena *arena = writer->save->arena;
	void *memory;

	TRY(arena_alloc(arena, (size_t)BUFFERS * BUFFER_PAGES * PAGE_BYTES, PAGE_BYTES, &memory));
	writer->buffers.pages = memory;
	TRY(arena_alloc(arena, CORE_PACK_WORK_BYTES, PAGE_BYTES, &memory));
	writer->work = memory;
	return STATUS_OK;
}

static bool take_chunk(struct core_writer *writer, struct core_data_cursor *cursor)
{
	const uint64_t reach = writer->save->device->identity.dma_limit >> PAGE_SHIFT;
	struct chunk *chunk = &writer->chunk;

	chunk->run_count = chunk->pages = 0;
	chunk->in_reach = true;
	while (chunk->pages < CORE_CHUNK_PAGES) {
		struct core_data_run *run = &chunk->runs[chunk->run_count];

		if (!core_data_next(&writer->core, cursor, CORE_CHUNK_PAGES - chunk->pages, run))
			break;
		chunk->in_reach &= run->first.value + run->pages <= reach;
		chunk->pages += (uint32_t)run->pages;
		chunk->run_count++;
	}
	return chunk->pages > 0;
}

/* A buffer that nobody reads any more. */
static enum status take_buffer(struct core_writer *writer, uint32_t *index_out)
{
	struct buffers *buffers = &writer->buffers;

	*index_out = buffers->next;
	buffers->next = (buffers->next + 1) % BUFFERS;
	return write_queue_wait(&writer->save->queue, buffers->ends[*index_out]);
}

static struct page *side_by_side(const struct chunk *chunk)
{
	struct pfn frames[CORE_CHUNK_PAGES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < chunk->run_count; i++)
		for (uint64_t k = 0; k < chunk->runs[i].pages; k++)
			frames[count++].value = chunk->runs[i].first.value + k;
	return memory_window_map(frames, count);
}

/* Sends bytes of a buffer: whole pages, the rest of the last one as zeroes. */
static enum status send_buffer(struct core_writer *writer, uint32_t index, uint32_t bytes)
{
	struct write_queue *queue = &writer->save->queue;
	struct page *pages = &writer->buffers.pages[(size_t)index * BUFFER_PAGES];
	const uint64_t count = div_round_up(bytes, PAGE_BYTES);

	memset((uint8_t *)pages + bytes, 0, count * PAGE_BYTES - bytes);
	TRY(write_queue_add(queue, virt_to_paddr(pages), count));
	writer->buffers.ends[index] = queue->next_page;
	return STATUS_OK;
}

/* *stored_out: bytes in the buffer that takes the chunk's place; as many as it has: the chunk is stored as it is. */
static enum status send_through_buffer(struct core_writer *writer, const struct chunk *chunk, uint32_t *stored_out,
				       uint32_t *crc32_out)
{
	const struct page *raw = side_by_side(chunk);
	const uint32_t raw_bytes = chunk->pages * PAGE_BYTES;
	uint8_t *packed;
	uint32_t index;

	TRY(take_buffer(writer, &index));
	packed = writer->buffers.pages[(size_t)index * BUFFER_PAGES].bytes;
	*stored_out = core_chunk_pack(writer->note.codec, raw->bytes, raw_bytes, packed, writer->work);
	if (*stored_out == raw_bytes) {
		*crc32_out = crc32_zlib(raw, raw_bytes);
		if (chunk->in_reach)
			return STATUS_OK;
		memcpy(packed, raw, raw_bytes);
	} else {
		*crc32_out = crc32_zlib(packed, *stored_out);
	}
	return send_buffer(writer, index, *stored_out);
}

static enum status send_frames(struct core_writer *writer, const struct chunk *chunk)
{
	for (uint32_t i = 0; i < chunk->run_count; i++)
		TRY(write_queue_add(&writer->save->queue, pfn_to_paddr(chunk->runs[i].first), chunk->runs[i].pages));
	return STATUS_OK;
}

static uint32_t crc32_of_frames(const struct chunk *chunk)
{
	uint32_t crc32 = ~(uint32_t)0;

	for (uint32_t i = 0; i < chunk->run_count; i++)
		crc32 = crc32_update(crc32, pfn_to_page(chunk->runs[i].first), chunk->runs[i].pages * PAGE_BYTES);
	return ~crc32;
}

static enum status write_chunk(struct core_writer *writer)
{
	const struct chunk *chunk = &writer->chunk;
	const uint32_t raw_bytes = chunk->pages * PAGE_BYTES;
	uint32_t stored = raw_bytes;
	uint32_t crc32;

	if (writer->note.codec == CORE_PLAIN && chunk->in_reach) {
		TRY(send_frames(writer, chunk));
		crc32 = crc32_of_frames(chunk);
	} else {
		TRY(send_through_buffer(writer, chunk, &stored, &crc32));
		if (stored == raw_bytes && chunk->in_reach)
			TRY(send_frames(writer, chunk));
	}
	core_chunk_set(writer->header, writer->chunk_number++, stored, crc32);
	return STATUS_OK;
}

static enum status check_room(struct core_writer *writer)
{
	const struct save *save = writer->save;
	const uint64_t bytes = save->queue.next_page * PAGE_BYTES;

	if (save->parameters->max_bytes && bytes > save->parameters->max_bytes)
		return save_refuse(writer->save, STATUS_NO_MEMORY, "the image becomes larger than --max-size");
	return STATUS_OK;
}

static enum status write_data(struct core_writer *writer)
{
	struct core_data_cursor cursor = {0, 0};

	while (take_chunk(writer, &cursor)) {
		TRY(write_chunk(writer));
		TRY(check_room(writer));
	}
	return STATUS_OK;
}

/* The header part, behind the data that it describes; only one that the restore will accept. */
static enum status write_header(struct core_writer *writer, uint64_t data_pages)
{
	struct save *save = writer->save;
	struct core core;

	core_anchor_complete(save->anchor, writer->header, writer->header_bytes, data_pages);
	TRY(core_header_decode(writer->header, writer->header_bytes, save->anchor->core_bytes, &core, &save->reason));
	write_queue_init(&save->queue, save->device, save->start_lba, save->anchor, 0);
	TRY(write_queue_add(&save->queue, virt_to_paddr(writer->header), writer->header_bytes / PAGE_BYTES));
	TRY(write_queue_finish(&save->queue));
	return save->device->ops->flush_sync(save->device);
}

static enum status write_all(struct core_writer *writer)
{
	struct save *save = writer->save;
	const uint64_t header_pages = writer->header_bytes / PAGE_BYTES;
	uint64_t data_pages;
	enum status status;

	write_queue_init(&save->queue, save->device, save->start_lba, save->anchor, header_pages);
	status = write_data(writer);
	TRY(status == STATUS_OK ? write_queue_finish(&save->queue) : status);
	data_pages = save->queue.next_page - header_pages;
	save->stored_bytes = save->queue.next_page * PAGE_BYTES;
	TRY(save->device->ops->flush_sync(save->device));
	return write_header(writer, data_pages);
}

enum status save_core_write(struct save *save)
{
	struct core_writer *writer;
	enum status status;
	void *memory;

	TRY(arena_alloc(save->arena, sizeof(*writer), _Alignof(struct core_writer), &memory));
	writer = memory;
	writer->save = save;
	TRY(build_header(writer));
	TRY(make_buffers(writer));
	status = write_all(writer);
	if (status == STATUS_NO_MEMORY && !save->reason)
		save->reason = "the target is too small for the image";
	if (save->queue.device)
		ignore_status(write_queue_finish(&save->queue));
	return status;
}
