/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two kinds of partition table share.
 */
#pragma once

#include "disk/partitions.h"
#include "lib/span.h"

/* Reads bytes (at most a page, rounded up to whole sectors) at lba into the reader's scratch page. */
nodiscard enum status partition_sectors_read(const struct disk_reader *reader, uint64_t lba, uint32_t bytes,
					     struct span *span_out);

/* Adds an entry, its texts empty; NULL when it is empty, reaches beyond the disk, or does not fit in the table. */
struct partition *partition_table_add(const struct disk_reader *reader, struct partition_table *table, uint32_t number,
				      uint64_t start_lba, uint64_t sector_count);

/* first: the disk's first sector, in scratch. False: Linux would not take it for a partition table. */
bool mbr_is_table(struct span *first);

/* True when the table only protects a GPT (UEFI 2.10, section 5.2.3; a hybrid MBR too). */
bool mbr_is_protective(struct span *first);

/* Reads the partitions of an MBR whose sector is in scratch; what can't be read is table->damage. */
void mbr_read(const struct disk_reader *reader, struct span *first, struct partition_table *table);

/*
 * Reads the primary, else the backup GPT. STATUS_CORRUPT: neither is valid. STATUS_IO_ERROR, STATUS_TIMEOUT,
 * STATUS_INVALID: from the reader.
 */
nodiscard enum status gpt_read(const struct disk_reader *reader, struct partition_table *table);
