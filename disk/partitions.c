/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which partition table a disk has. As in Linux (block/partitions/check.c) a GPT counts only behind a protective MBR,
 * and then wins over whatever else the MBR lists.
 */
#include "disk/partitions.h"

#include "disk/partitions_internal.h"
#include "lib/checked.h"
#include "lib/string.h"

enum status partition_sectors_read(const struct disk_reader *reader, uint64_t lba, uint32_t bytes,
				   struct span *span_out)
{
	const uint32_t count = (uint32_t)div_round_up(bytes, reader->sector_bytes);

	if (lba >= reader->sector_count || count > reader->sector_count - lba)
		return STATUS_INVALID;
	TRY(reader->read(reader->context, (struct lba){lba}, count, reader->scratch));
	*span_out = span_of(reader->scratch->bytes, (size_t)count * reader->sector_bytes);
	return STATUS_OK;
}

struct partition *partition_table_add(const struct disk_reader *reader, struct partition_table *table, uint32_t number,
				      uint64_t start_lba, uint64_t sector_count)
{
	struct partition *partition;
	uint64_t end;

	if (table->count == PARTITIONS_MAX || sector_count == 0 || !checked_add_u64(start_lba, sector_count, &end) ||
	    end > reader->sector_count)
		return NULL;
	partition = &table->partitions[table->count++];
	memset(partition, 0, sizeof(*partition));
	partition->number = number;
	partition->start_lba = start_lba;
	partition->sector_count = sector_count;
	return partition;
}

enum status partition_table_read(const struct disk_reader *reader, struct partition_table *table_out)
{
	struct span first;
	enum status status;

	table_out->kind = PARTITION_TABLE_NONE;
	table_out->damage = STATUS_OK;
	table_out->count = 0;
	if (reader->sector_bytes != 512 && reader->sector_bytes != PAGE_BYTES)
		return STATUS_INVALID;
	TRY(partition_sectors_read(reader, 0, reader->sector_bytes, &first));
	if (!mbr_is_protective(&first)) {
		if (mbr_is_table(&first)) {
			table_out->kind = PARTITION_TABLE_MBR;
			mbr_read(reader, &first, table_out);
		}
		return STATUS_OK;
	}
	table_out->kind = PARTITION_TABLE_GPT;
	status = gpt_read(reader, table_out);
	if (status == STATUS_CORRUPT) {
		table_out->damage = status;
		return STATUS_OK;
	}
	return status;
}
