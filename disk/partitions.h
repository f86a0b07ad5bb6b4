/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Partition tables: MBR with logical partitions (EBR chains) and GPT (UEFI 2.10, chapter 5; header and entry-array CRC,
 * backup header when the primary is bad). Numbering, PARTUUID and order are Linux's (block/partitions/msdos.c, efi.c).
 */
#pragma once

#include "disk/reader.h"

#define PARTITIONS_MAX 256

struct partition {
	uint32_t number;       /* as in /dev/sda5; 0: the whole disk, without a table */
	uint64_t start_lba;    /* device sectors */
	uint64_t sector_count;
	char part_uuid[37];    /* "xxxxxxxx-nn" (MBR) or a GPT GUID in lower case; empty: none */
	char part_label[73 * 3];   /* GPT name as UTF-8; empty: none */
};

enum partition_table_kind { PARTITION_TABLE_NONE, PARTITION_TABLE_MBR, PARTITION_TABLE_GPT };

struct partition_table {
	enum partition_table_kind kind;
	uint32_t count;
	struct partition partitions[PARTITIONS_MAX];
};

/*
 * STATUS_OK also when there is no table (kind NONE, count 0). Partitions that reach beyond the disk, are empty, or lie
 * in a looping EBR chain are left out. STATUS_IO_ERROR, STATUS_TIMEOUT: from the reader.
 */
nodiscard enum status partition_table_read(const struct disk_reader *reader, struct partition_table *table_out);
