/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MBR partition tables with logical partitions, numbered as Linux numbers them (block/partitions/msdos.c): 1-4 by slot,
 * logical ones from 5 in the order of their chain, a number used up also for a partition that is then left out.
 */
#include "disk/partitions_internal.h"

#include "disk/mbr_format.h"
#include "lib/format.h"

#define LOGICAL_FIRST 5u

/* Chains are bounded, whatever they say; no disk with that many logical partitions can be numbered by Linux either. */
#define EBR_LINKS_MAX (PARTITIONS_MAX + 64)

struct mbr_entry {
	uint8_t boot_indicator;
	uint8_t type;
	uint32_t start_lba; /* relative, in an EBR */
	uint32_t sector_count;
};

struct mbr_sector {
	struct mbr_entry entries[MBR_ENTRIES];
};

struct mbr_walk {
	const struct disk_reader *reader;
	struct partition_table *table;
	uint32_t disk_signature;
	uint32_t next_number; /* of the next logical partition */
	uint32_t links;
};

/* [first, first + count) in sectors. */
struct extent {
	uint64_t first;
	uint64_t count;
};

static struct mbr_sector mbr_decode(struct span *span)
{
	struct mbr_sector sector;

	for (size_t i = 0; i < MBR_ENTRIES; i++) {
		const size_t at = MBR_AT(entries) + i * sizeof(struct mbr_format_entry);

		sector.entries[i] = (struct mbr_entry){
			.boot_indicator = span_u8(span, at + MBR_ENTRY_AT(boot_indicator)),
			.type = span_u8(span, at + MBR_ENTRY_AT(type)),
			.start_lba = span_u32(span, at + MBR_ENTRY_AT(start_lba)),
			.sector_count = span_u32(span, at + MBR_ENTRY_AT(sector_count)),
		};
	}
	return sector;
}

static bool mbr_is_signed(struct span *span)
{
	return span_u16(span, MBR_AT(signature)) == MBR_SIGNATURE;
}

static bool entry_is_extended(const struct mbr_entry *entry)
{
	return entry->sector_count != 0 && (entry->type == MBR_TYPE_EXTENDED || entry->type == MBR_TYPE_EXTENDED_LBA ||
					    entry->type == MBR_TYPE_EXTENDED_LINUX);
}

static void walk_add(struct mbr_walk *walk, uint32_t number, uint64_t start_lba, uint64_t sector_count)
{
	struct partition *partition = partition_table_add(walk->reader, walk->table, number, start_lba, sector_count);

	if (partition)
		(void)format_text(partition->part_uuid, sizeof(partition->part_uuid), "%08x-%02x",
				  (unsigned)walk->disk_signature, (unsigned)number);
}

/* True when this logical partition is already there: the chain has come back to an EBR it was at before. */
static bool walk_has_logical(const struct mbr_walk *walk, uint64_t start_lba, uint64_t sector_count)
{
	for (uint32_t i = 0; i < walk->table->count; i++) {
		const struct partition *partition = &walk->table->partitions[i];

		if (partition->number >= LOGICAL_FIRST && partition->start_lba == start_lba &&
		    partition->sector_count == sector_count)
			return true;
	}
	return false;
}

/* The third and fourth entry of an EBR are often garbage: they must lie inside. */
static bool entry_lies_inside(const struct mbr_entry *entry, struct extent ebr, struct extent extended)
{
	const uint64_t start = ebr.first + entry->start_lba;

	return (uint64_t)entry->start_lba + entry->sector_count <= ebr.count &&
	       start + entry->sector_count <= extended.first + extended.count;
}

/* Adds the logical partitions of one EBR, normally one. False: it was here before, or there are no more numbers. */
static bool walk_add_logicals(struct mbr_walk *walk, const struct mbr_sector *sector, struct extent ebr,
			      struct extent extended)
{
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *entry = &sector->entries[i];
		const uint64_t start = ebr.first + entry->start_lba;

		if (entry->sector_count == 0 || entry_is_extended(entry) ||
		    (i >= 2 && !entry_lies_inside(entry, ebr, extended)))
			continue;
		if (walk->next_number >= PARTITIONS_MAX || walk_has_logical(walk, start, entry->sector_count))
			return false;
		walk_add(walk, walk->next_number++, start, entry->sector_count);
	}
	return true;
}

/* Follows a chain of EBRs to its end. STATUS_CORRUPT: it loops, breaks off, or never ends. */
static enum status walk_extended(struct mbr_walk *walk, struct extent extended)
{
	struct extent ebr = extended;

	for (; walk->links < EBR_LINKS_MAX; walk->links++) {
		struct span span;
		struct mbr_sector sector;
		uint32_t next = 0;

		if (ebr.first >= walk->reader->sector_count)
			return STATUS_CORRUPT;
		TRY(partition_sectors_read(walk->reader, ebr.first, walk->reader->sector_bytes, &span));
		if (!mbr_is_signed(&span))
			return STATUS_CORRUPT;
		sector = mbr_decode(&span);
		if (!walk_add_logicals(walk, &sector, ebr, extended))
			return STATUS_CORRUPT;
		while (next < MBR_ENTRIES && !entry_is_extended(&sector.entries[next]))
			next++;
		if (next == MBR_ENTRIES)
			return STATUS_OK;
		ebr.first = extended.first + sector.entries[next].start_lba;
		ebr.count = sector.entries[next].sector_count;
	}
	return STATUS_CORRUPT;
}

/*
 * A boot sector of a filesystem is signed too; its code where the entries would be gives it away by boot indicators
 * that no partition has.
 */
bool mbr_is_table(struct span *first)
{
	const struct mbr_sector sector = mbr_decode(first);

	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		if ((sector.entries[i].boot_indicator & ~MBR_INDICATOR_ACTIVE) != 0)
			return false;
	}
	return mbr_is_signed(first);
}

bool mbr_is_protective(struct span *first)
{
	const struct mbr_sector sector = mbr_decode(first);

	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		if (sector.entries[i].type == MBR_TYPE_GPT && sector.entries[i].start_lba == MBR_GPT_START_LBA)
			return mbr_is_signed(first);
	}
	return false;
}

void mbr_read(const struct disk_reader *reader, struct span *first, struct partition_table *table)
{
	const struct mbr_sector sector = mbr_decode(first);
	struct mbr_walk walk = {
		.reader = reader,
		.table = table,
		.disk_signature = span_u32(first, MBR_AT(disk_signature)),
		.next_number = LOGICAL_FIRST,
	};

	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *entry = &sector.entries[i];

		if (!entry_is_extended(entry))
			walk_add(&walk, i + 1, entry->start_lba, entry->sector_count);
	}
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *entry = &sector.entries[i];

		if (entry_is_extended(entry) && table->damage == STATUS_OK)
			table->damage = walk_extended(&walk, (struct extent){entry->start_lba, entry->sector_count});
	}
}
