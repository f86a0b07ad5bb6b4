/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LVM2's label and metadata areas.
 */
#include "disk/lvm.h"

#include "lib/crc32.h"
#include "lib/span.h"
#include "lib/string.h"

#define CRC_SEED 0xF597A6CFu /* INITIAL_CRC of lib/misc/crc.h */

#define SECTOR_BYTES  512u /* of LVM2, whatever the disk's are */
#define LABEL_SECTORS 4u

enum label_layout {
	LABEL_ID = 0,
	LABEL_SECTOR = 8,
	LABEL_CRC = 16,
	LABEL_OFFSET = 20, /* of the physical volume's header; the checksum covers from here on */
	LABEL_TYPE = 24,
	LABEL_BYTES = 32,
};

enum pv_layout {
	PV_UUID = 0,
	PV_UUID_CHARS = 32,
	PV_AREAS = 40, /* pairs of offset and size: data areas, a zero pair, metadata areas, a zero pair */
	PV_AREA_BYTES = 16,
};

enum mda_layout {
	MDA_CRC = 0,
	MDA_MAGIC = 4,
	MDA_VERSION = 20,
	MDA_START = 24,
	MDA_SIZE = 32,
	MDA_TEXT_OFFSET = 40, /* the first location: the text in use */
	MDA_TEXT_BYTES = 48,
	MDA_TEXT_CRC = 56,
	MDA_TEXT_FLAGS = 60,
	MDA_HEADER_BYTES = 512,
};

#define MDA_FLAG_IGNORED BIT(0)

static const char mda_magic[16] = {' ', 'L', 'V', 'M', '2', ' ', 'x', '[', '5', 'A', '%', 'r', '0', 'N', '*', '>'};

/* Bytes of the partition, by way of the reader's scratch page. */
static enum status read_bytes(const struct disk_reader *reader, uint64_t offset, uint64_t bytes, char *bytes_out)
{
	while (bytes > 0) {
		const uint64_t skipped = offset % reader->sector_bytes;
		const uint64_t taken = min_u64(bytes, PAGE_BYTES - skipped);
		const uint32_t sectors = (uint32_t)div_round_up(skipped + taken, reader->sector_bytes);

		TRY(reader->read(reader->context, (struct lba){offset / reader->sector_bytes}, sectors,
				 reader->scratch));
		memcpy(bytes_out, reader->scratch->bytes + skipped, taken);
		bytes_out += taken;
		offset += taken;
		bytes -= taken;
	}
	return STATUS_OK;
}

static enum status fail(enum status status, const char *reason, const char **reason_out)
{
	*reason_out = reason;
	return status;
}

/* --- the label --------------------------------------------------------------------------------------------------- */

/* A pair of zeroes ends each of the two lists. */
static enum status parse_areas(struct span *label, size_t at, uint64_t partition_bytes, struct lvm_pv *pv,
			       const char **reason_out)
{
	for (uint32_t list = 0; list < 2; at += PV_AREA_BYTES) {
		const struct lvm_area area = {span_u64(label, at), span_u64(label, at + 8)};

		if (!span_ok(label))
			return fail(STATUS_CORRUPT, "the list of areas in its label has no end", reason_out);
		if (area.start == 0) {
			list++;
			continue;
		}
		if (list == 0)
			continue;
		if (area.start % SECTOR_BYTES != 0 || area.start >= partition_bytes ||
		    area.bytes > partition_bytes - area.start || area.bytes < 2 * (uint64_t)MDA_HEADER_BYTES)
			return fail(STATUS_CORRUPT, "a metadata area is not inside the partition", reason_out);
		if (pv->area_count == LVM_AREAS_MAX)
			return fail(STATUS_UNSUPPORTED, "it has more metadata areas than Thaw reads", reason_out);
		pv->areas[pv->area_count++] = area;
	}
	return STATUS_OK;
}

static enum status parse_label(struct span *label, uint32_t sector, uint64_t partition_bytes, struct lvm_pv *pv,
			       const char **reason_out)
{
	const uint32_t at = span_u32(label, LABEL_OFFSET);

	if (crc32_update(CRC_SEED, label->bytes + LABEL_OFFSET, SECTOR_BYTES - LABEL_OFFSET) !=
	    span_u32(label, LABEL_CRC))
		return fail(STATUS_CORRUPT, "the checksum of its label is wrong", reason_out);
	if (span_u64(label, LABEL_SECTOR) != sector || at < LABEL_BYTES || !span_has(label, at, PV_AREAS))
		return fail(STATUS_CORRUPT, "its label contradicts itself", reason_out);
	memcpy(pv->uuid, label->bytes + at + PV_UUID, PV_UUID_CHARS);
	return parse_areas(label, (size_t)at + PV_AREAS, partition_bytes, pv, reason_out);
}

enum status lvm_pv_read(const struct disk_reader *reader, struct lvm_pv *pv_out, const char **reason_out)
{
	char sectors[SECTOR_BYTES];
	enum status status;

	for (uint32_t i = 0; i < LABEL_SECTORS; i++) {
		struct lvm_pv pv = {.uuid = ""};
		struct span label = span_of(sectors, sizeof(sectors));

		status = read_bytes(reader, (uint64_t)i * SECTOR_BYTES, SECTOR_BYTES, sectors);
		if (status != STATUS_OK)
			return fail(status, "its label can't be read", reason_out);
		if (memcmp(sectors + LABEL_ID, "LABELONE", 8) != 0 || memcmp(sectors + LABEL_TYPE, "LVM2 001", 8) != 0)
			continue;
		TRY(parse_label(&label, i, reader->sector_count * reader->sector_bytes, &pv, reason_out));
		*pv_out = pv;
		return STATUS_OK;
	}
	return fail(STATUS_NOT_FOUND, "it has no label", reason_out);
}

/* --- a metadata area --------------------------------------------------------------------------------------------- */

/* The text in a metadata area. */
struct text_place {
	uint64_t offset; /* from the area's start */
	uint64_t bytes;
	uint32_t crc;
};

static enum status parse_header(struct span *header, const struct lvm_area *area, struct text_place *place_out,
				const char **reason_out)
{
	const struct text_place place = {span_u64(header, MDA_TEXT_OFFSET), span_u64(header, MDA_TEXT_BYTES),
					 span_u32(header, MDA_TEXT_CRC)};

	if (crc32_update(CRC_SEED, header->bytes + MDA_MAGIC, MDA_HEADER_BYTES - MDA_MAGIC) !=
	    span_u32(header, MDA_CRC))
		return fail(STATUS_CORRUPT, "the checksum of its metadata area is wrong", reason_out);
	if (memcmp(header->bytes + MDA_MAGIC, mda_magic, sizeof(mda_magic)) != 0 ||
	    span_u64(header, MDA_START) != area->start || span_u64(header, MDA_SIZE) != area->bytes)
		return fail(STATUS_CORRUPT, "its metadata area contradicts its label", reason_out);
	if (span_u32(header, MDA_VERSION) != 1)
		return fail(STATUS_UNSUPPORTED, "its metadata area has a version that Thaw does not know", reason_out);
	if (place.offset == 0 || (span_u32(header, MDA_TEXT_FLAGS) & MDA_FLAG_IGNORED) != 0)
		return fail(STATUS_NOT_FOUND, "its metadata area is not in use", reason_out);
	if (place.offset < MDA_HEADER_BYTES || place.offset >= area->bytes ||
	    place.bytes > area->bytes - MDA_HEADER_BYTES)
		return fail(STATUS_CORRUPT, "its metadata is not inside its area", reason_out);
	if (place.bytes > LVM_TEXT_BYTES_MAX)
		return fail(STATUS_UNSUPPORTED, "it has more metadata than Thaw reads", reason_out);
	*place_out = place;
	return STATUS_OK;
}

/* The area behind its header is a ring. */
static enum status read_text(const struct disk_reader *reader, const struct lvm_area *area,
			     const struct text_place *place, char *chars_out)
{
	const uint64_t first = min_u64(place->bytes, area->bytes - place->offset);

	TRY(read_bytes(reader, area->start + place->offset, first, chars_out));
	return read_bytes(reader, area->start + MDA_HEADER_BYTES, place->bytes - first, chars_out + first);
}

enum status lvm_area_read(const struct disk_reader *reader, const struct lvm_area *area, char *chars_out,
			  size_t *bytes_out, const char **reason_out)
{
	struct span header = span_of(chars_out, MDA_HEADER_BYTES);
	struct text_place place;

	*reason_out = "its metadata can't be read";
	TRY(read_bytes(reader, area->start, MDA_HEADER_BYTES, chars_out));
	TRY(parse_header(&header, area, &place, reason_out));
	*reason_out = "its metadata can't be read";
	TRY(read_text(reader, area, &place, chars_out));
	if (crc32_update(CRC_SEED, chars_out, place.bytes) != place.crc)
		return fail(STATUS_CORRUPT, "the checksum of its metadata is wrong", reason_out);
	*bytes_out = place.bytes;
	return STATUS_OK;
}
