/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GUID partition tables (UEFI 2.10, section 5.3): header and entry array are believed only with the right CRC-32, the
 * backup is tried when the primary is bad. The checks are Linux's (block/partitions/efi.c), entries larger than 128
 * bytes are read too.
 */
#include "disk/partitions_internal.h"

#include "disk/gpt_format.h"
#include "lib/checked.h"
#include "lib/crc32.h"
#include "lib/string.h"

/* Far more than the 16 KiB that every tool writes; bounds what a hostile header makes us read. */
#define GPT_ENTRIES_BYTES_MAX MIB

struct gpt_header {
	uint64_t alternate_lba;
	uint64_t entries_lba;
	uint32_t entry_count;
	uint32_t entry_bytes;
	uint32_t entries_crc32;
};

/* The CRC-32 of a header, its own field taken as 0. bytes: at least the fixed part, within the span. */
static uint32_t header_crc32(const struct span *span, uint32_t bytes)
{
	static const uint8_t zeros[sizeof(uint32_t)];
	uint32_t state = crc32_update(~(uint32_t)0, span->bytes, GPT_HEADER_AT(header_crc32));

	state = crc32_update(state, zeros, sizeof(zeros));
	return ~crc32_update(state, span->bytes + GPT_HEADER_AT(reserved), bytes - GPT_HEADER_AT(reserved));
}

/* STATUS_CORRUPT: no header, or one that is not valid here. */
static enum status header_decode(const struct disk_reader *reader, struct span *span, uint64_t lba,
				 struct gpt_header *header_out)
{
	const uint32_t header_bytes = span_u32(span, GPT_HEADER_AT(header_bytes));
	const uint64_t first_usable = span_u64(span, GPT_HEADER_AT(first_usable_lba));
	const uint64_t last_usable = span_u64(span, GPT_HEADER_AT(last_usable_lba));

	if (memcmp(span->bytes, "EFI PART", 8) != 0 || header_bytes < sizeof(struct gpt_format_header) ||
	    header_bytes > span->size ||
	    header_crc32(span, header_bytes) != span_u32(span, GPT_HEADER_AT(header_crc32)) ||
	    span_u64(span, GPT_HEADER_AT(my_lba)) != lba)
		return STATUS_CORRUPT;
	if (first_usable > last_usable || last_usable >= reader->sector_count)
		return STATUS_CORRUPT;
	*header_out = (struct gpt_header){
		.alternate_lba = span_u64(span, GPT_HEADER_AT(alternate_lba)),
		.entries_lba = span_u64(span, GPT_HEADER_AT(entries_lba)),
		.entry_count = span_u32(span, GPT_HEADER_AT(entry_count)),
		.entry_bytes = span_u32(span, GPT_HEADER_AT(entry_bytes)),
		.entries_crc32 = span_u32(span, GPT_HEADER_AT(entries_crc32)),
	};
	return STATUS_OK;
}

/* Encodes one code point; returns the number of bytes, 1 to 4. */
static size_t utf8_encode(uint32_t code, char *text_out)
{
	if (code < 0x80) {
		text_out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		text_out[0] = (char)(0xc0 | code >> 6);
		text_out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		text_out[0] = (char)(0xe0 | code >> 12);
		text_out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		text_out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	text_out[0] = (char)(0xf0 | code >> 18);
	text_out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	text_out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	text_out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* A name ends at its first 0 unit; a surrogate without its partner becomes U+FFFD. */
static void name_decode(struct span *entry, char label_out[PARTITION_LABEL_BYTES])
{
	size_t length = 0;

	for (size_t i = 0; i < GPT_NAME_UNITS; i++) {
		const size_t at = GPT_ENTRY_AT(name) + 2 * i;
		const uint32_t unit = span_u16(entry, at);
		uint32_t code = unit;

		if (unit == 0)
			break;
		if ((unit & 0xf800) == 0xd800) {
			/* 0 behind the last unit */
			const uint32_t partner = span_u16(entry, at + 2);

			code = 0xfffd;
			if (unit < 0xdc00 && (partner & 0xfc00) == 0xdc00) {
				code = 0x10000 + ((unit & 0x3ff) << 10 | (partner & 0x3ff));
				i++;
			}
		}
		length += utf8_encode(code, label_out + length);
	}
	label_out[length] = '\0';
}

static void entry_decode(const struct disk_reader *reader, struct span *entry, uint32_t number,
			 struct partition_table *table)
{
	static const uint8_t unused_guid[UUID_BYTES];
	const uint64_t first = span_u64(entry, GPT_ENTRY_AT(first_lba));
	const uint64_t last = span_u64(entry, GPT_ENTRY_AT(last_lba));
	struct partition *partition;

	if (memcmp(entry->bytes, unused_guid, sizeof(unused_guid)) == 0)
		return;
	/* A partition that ends before it starts comes out as empty, or as one whose end overflows. */
	partition = partition_table_add(reader, table, number, first, last - first + 1);
	if (partition) {
		guid_format(entry->bytes + GPT_ENTRY_AT(unique_guid), partition->part_uuid);
		name_decode(entry, partition->part_label);
	}
}

/* Reads the entry array once, a page at a time; its partitions are taken back if the CRC turns out wrong. */
static enum status entries_read(const struct disk_reader *reader, const struct gpt_header *header,
				struct partition_table *table)
{
	const uint64_t bytes = (uint64_t)header->entry_count * header->entry_bytes;
	uint32_t state = ~(uint32_t)0, number = 0;
	uint64_t end;

	/* A power of two between an entry's size and a page: no entry crosses a page. */
	if (header->entry_bytes < sizeof(struct gpt_format_entry) || header->entry_bytes > PAGE_BYTES ||
	    (header->entry_bytes & (header->entry_bytes - 1)) != 0 || bytes > GPT_ENTRIES_BYTES_MAX)
		return STATUS_CORRUPT;
	if (!checked_add_u64(header->entries_lba, div_round_up(bytes, reader->sector_bytes), &end) ||
	    end > reader->sector_count)
		return STATUS_CORRUPT;
	for (uint64_t done = 0; done < bytes; done += PAGE_BYTES) {
		const uint32_t chunk = (uint32_t)min_u64(PAGE_BYTES, bytes - done);
		struct span span;

		TRY(partition_sectors_read(reader, header->entries_lba + done / reader->sector_bytes, chunk, &span));
		state = crc32_update(state, span.bytes, chunk);
		for (uint32_t at = 0; at < chunk && number < PARTITIONS_MAX; at += header->entry_bytes) {
			struct span entry = span_part(&span, at, sizeof(struct gpt_format_entry));

			entry_decode(reader, &entry, ++number, table);
		}
	}
	return ~state == header->entries_crc32 ? STATUS_OK : STATUS_CORRUPT;
}

/* Reads the table whose header is at lba. *alternate_lba_out: written as soon as the header is valid. */
static enum status table_read(const struct disk_reader *reader, uint64_t lba, struct partition_table *table,
			      uint64_t *alternate_lba_out)
{
	struct gpt_header header;
	struct span span;
	enum status status;

	TRY(partition_sectors_read(reader, lba, reader->sector_bytes, &span));
	TRY(header_decode(reader, &span, lba, &header));
	*alternate_lba_out = header.alternate_lba;
	status = entries_read(reader, &header, table);
	if (status != STATUS_OK)
		table->count = 0;
	return status;
}

enum status gpt_read(const struct disk_reader *reader, struct partition_table *table)
{
	const uint64_t last_lba = reader->sector_count - 1;
	uint64_t backup_lba = last_lba, ignored;
	enum status primary, backup;

	if (last_lba <= GPT_PRIMARY_LBA)
		return STATUS_CORRUPT;
	primary = table_read(reader, GPT_PRIMARY_LBA, table, &backup_lba);
	/* A disk that does not answer is not asked again. */
	if (primary == STATUS_OK || primary == STATUS_TIMEOUT)
		return primary;
	/* On a disk that has grown the backup is where the primary says, no longer at the end. */
	backup = backup_lba > GPT_PRIMARY_LBA && backup_lba < last_lba ? table_read(reader, backup_lba, table, &ignored)
								       : STATUS_CORRUPT;
	if (backup != STATUS_OK && backup != STATUS_TIMEOUT)
		backup = table_read(reader, last_lba, table, &ignored);
	return backup == STATUS_CORRUPT ? primary : backup;
}
