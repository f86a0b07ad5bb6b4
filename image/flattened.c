/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * makedumpfile's flattened format (makedumpfile.h, struct makedumpfile_header and _data_header; 1.7): big endian.
 * Descriptors and pages of a dump are written in turns, so that the writes are not in order.
 */
#include "image/flattened.h"

#define HEADER_TYPE_OFFSET    16
#define HEADER_VERSION_OFFSET 24
#define HEADER_BYTES          4096
#define TYPE_FLATTENED        1
#define VERSION_FLATTENED     1
#define OFFSET_LIMIT          BIT64(62)

static uint64_t load_be64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < sizeof(value); i++)
		value = value << 8 | bytes[i];
	return value;
}

enum status flattened_open(const struct page *header, struct flattened_write *writes, uint32_t capacity,
			   struct flattened *index_out)
{
	if (load_be64(header->bytes + HEADER_TYPE_OFFSET) != TYPE_FLATTENED ||
	    load_be64(header->bytes + HEADER_VERSION_OFFSET) != VERSION_FLATTENED)
		return STATUS_UNSUPPORTED;
	*index_out = (struct flattened){.writes = writes, .capacity = capacity, .next = HEADER_BYTES};
	return STATUS_OK;
}

/* Shell's, with gaps of Knuth's: no more than n^1.5 steps. */
static void sort(struct flattened_write *writes, uint32_t count)
{
	uint32_t gap = 1;

	while (gap < count / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (uint32_t i = gap; i < count; i++) {
			const struct flattened_write write = writes[i];
			uint32_t at = i;

			for (; at >= gap && writes[at - gap].offset > write.offset; at -= gap)
				writes[at] = writes[at - gap];
			writes[at] = write;
		}
}

/*
 * Puts a write behind those before it, which are disjoint and begin no later. Where it meets the last of them, the
 * later write of the two holds. False: the earlier one shows on both sides of the later one, which makedumpfile does
 * not do.
 */
static bool keep(struct flattened *index, struct flattened_write write)
{
	struct flattened_write *last = index->count > 0 ? &index->writes[index->count - 1] : NULL;

	if (last && index->bytes > write.offset && last->place < write.place) {
		if (index->bytes > write.offset + write.bytes || last->offset > write.offset)
			return false;
		last->bytes = write.offset - last->offset;
	} else if (index->bytes > write.offset) {
		const uint64_t hidden = min_u64(index->bytes - write.offset, write.bytes);

		write.offset += hidden;
		write.place += hidden;
		write.bytes -= hidden;
	}
	if (write.bytes > 0) {
		index->writes[index->count++] = write;
		index->bytes = write.offset + write.bytes;
	}
	return true;
}

/* All are there: in order, and no byte twice. */
static enum status finish(struct flattened *index)
{
	const uint32_t count = index->count;

	sort(index->writes, count);
	index->count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (!keep(index, index->writes[i]))
			return STATUS_CORRUPT;
	return STATUS_END;
}

enum status flattened_add(struct flattened *index, const uint8_t record[FLATTENED_RECORD_BYTES], uint64_t file_bytes)
{
	const uint64_t offset = load_be64(record);
	const uint64_t bytes = load_be64(record + sizeof(offset));
	const uint64_t place = index->next + FLATTENED_RECORD_BYTES;

	if (offset == UINT64_MAX && bytes == UINT64_MAX)
		return finish(index);
	if (place > file_bytes || bytes > file_bytes - place || offset > OFFSET_LIMIT)
		return STATUS_CORRUPT;
	if (index->count == index->capacity)
		return STATUS_NO_MEMORY;
	index->writes[index->count++] = (struct flattened_write){offset, place, bytes};
	index->next = place + bytes;
	return STATUS_OK;
}

bool flattened_find(const struct flattened *index, uint64_t offset, uint64_t *place_out, uint64_t *run_out)
{
	uint32_t low = 0, high = index->count; /* the last write that begins at or before offset is in [low, high) */
	uint64_t within;

	while (high - low > 1) {
		const uint32_t middle = low + (high - low) / 2;

		if (index->writes[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	if (high == 0 || offset < index->writes[low].offset)
		return false;
	within = offset - index->writes[low].offset;
	if (within >= index->writes[low].bytes)
		return false;
	*place_out = index->writes[low].place + within;
	*run_out = index->writes[low].bytes - within;
	return true;
}
