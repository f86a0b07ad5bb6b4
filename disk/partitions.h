/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Partition tables: MBR with logical partitions (EBR chains) and GPT (UEFI 2.10, chapter 5; header and entry-array CRC,
 * backup header when the primary is bad). Numbering, PARTUUID and order are Linux's (block/partitions/msdos.c, efi.c).
 */
#pragma once

#include "disk/reader.h"
#include "disk/uuid.h"

#define PARTITIONS_MAX 256

/* A GPT name has 36 UTF-16 units; each takes at most 3 bytes of UTF-8 (a pair takes 4). */
#define PARTITION_LABEL_BYTES (36 * 3 + 1)

struct partition {
	uint32_t number;    /* as in /dev/sda5; 0: the whole disk, without a table */
	uint64_t start_lba; /* device sectors */
	uint64_t sector_count;
	char part_uuid[UUID_TEXT_BYTES];        /* "xxxxxxxx-nn" (MBR) or a GPT GUID in lower case; empty: none */
	char part_label[PARTITION_LABEL_BYTES]; /* GPT name as UTF-8; empty: none */
};

enum partition_table_kind { PARTITION_TABLE_NONE, PARTITION_TABLE_MBR, PARTITION_TABLE_GPT };

/* About 45 KiB: from the arena, not on the stack. */
struct partition_table {
	enum partition_table_kind kind;
	/*
	 * STATUS_OK, or why partitions may be missing: STATUS_IO_ERROR or STATUS_TIMEOUT (an EBR can't be read),
	 * STATUS_CORRUPT (an EBR chain that loops, breaks off or never ends; a protective MBR without any valid GPT).
	 */
	enum status damage;
	uint32_t count;
	struct partition partitions[PARTITIONS_MAX];
};

/*
 * STATUS_OK also when there is no table (kind NONE, count 0). Partitions that reach beyond the disk or are empty are
 * left out; they may overlap. A looping EBR chain gives each of its partitions once. Bounded: fewer than 1000 reads of
 * at most a page, normally one to nine. Errors: STATUS_IO_ERROR, STATUS_TIMEOUT, STATUS_INVALID from the reader,
 * *table_out then has no partitions.
 */
nodiscard enum status partition_table_read(const struct disk_reader *reader, struct partition_table *table_out);
