/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over all disks and their volumes.
 */
#include "loader/volumes.h"

#include "lib/log.h"
#include "lib/string.h"

/* A disk with so many read errors is given up; each may have cost the driver's retries. */
#define READ_ERRORS_MAX 4

enum status volumes_init(struct volumes *volumes, const struct block_registry *registry, struct arena *arena)
{
	void *memory;

	*volumes = (struct volumes){.registry = registry, .arena = arena};
	TRY(arena_alloc(arena, sizeof(*volumes->table), _Alignof(struct partition_table), &memory));
	volumes->table = memory;
	TRY(arena_alloc(arena, sizeof(struct page), PAGE_BYTES, &memory));
	volumes->scratch = memory;
	return STATUS_OK;
}

static enum status disk_read(void *context, struct lba lba, uint32_t count, void *buffer)
{
	struct block_device *disk = context;

	return block_read_sync(disk, lba, buffer, (uint64_t)count * disk->identity.sector_bytes);
}

static void log_table(const struct block_identity *identity, const struct partition_table *table)
{
	static const char *const kinds[] = {
		[PARTITION_TABLE_NONE] = "no partition table",
		[PARTITION_TABLE_MBR] = "MBR",
		[PARTITION_TABLE_GPT] = "GPT",
	};

	log_line("%s: %lu MiB, %s, partitions: %u%s%s", identity->name,
		 identity->sector_count / (MIB / identity->sector_bytes), kinds[table->kind], table->count,
		 table->damage == STATUS_OK ? "" : "; the table is damaged: ",
		 table->damage == STATUS_OK ? "" : status_text(table->damage));
}

/* Reads the table, or takes a disk without one as a single volume. */
static enum status read_table(struct volumes *volumes, struct block_device *disk, const struct volume_visitor *visitor)
{
	const struct block_identity *identity = &disk->identity;
	const struct disk_reader reader = {disk_read, disk, identity->sector_bytes, identity->sector_count,
					   volumes->scratch};
	struct partition_table *table = volumes->table;

	TRY(partition_table_read(&reader, table));
	if (!volumes->is_quiet)
		log_table(identity, table);
	if (table->damage == STATUS_TIMEOUT)
		return table->damage;
	if (table->damage == STATUS_IO_ERROR)
		visitor->unreadable(visitor->context, identity->name, table->damage);
	if (table->count == 0) {
		memset(&table->partitions[0], 0, sizeof(table->partitions[0]));
		table->partitions[0].sector_count = identity->sector_count;
		table->count = 1;
	}
	return STATUS_OK;
}

/* STATUS_END: the visitor has seen enough. */
static enum status visit_disk(struct volumes *volumes, struct block_device *disk, const struct volume_visitor *visitor)
{
	enum status status = read_table(volumes, disk, visitor);
	uint32_t errors = 0;

	if (status != STATUS_OK) {
		visitor->unreadable(visitor->context, disk->identity.name, status);
		return STATUS_OK;
	}
	for (uint32_t i = 0; i < volumes->table->count; i++) {
		const struct partition *partition = &volumes->table->partitions[i];
		const struct volume volume = {disk, partition->number, partition->start_lba, partition->sector_count};

		status = visitor->visit(visitor->context, &volume, volumes->table, partition, NULL);
		if (status == STATUS_END)
			return status;
		if (status == STATUS_TIMEOUT || (status != STATUS_OK && ++errors == READ_ERRORS_MAX)) {
			log_line("%s: given up", disk->identity.name);
			break;
		}
	}
	return STATUS_OK;
}

static enum status visit_logical(void *context, const struct logical_volume *logical)
{
	const struct volume_visitor *visitor = context;
	struct block_device *disk = logical->linear ? &logical->linear->device : NULL;
	const struct volume volume = {disk, 0, 0, disk ? disk->identity.sector_count : 0};

	return visitor->visit(visitor->context, &volume, NULL, NULL, logical);
}

void volumes_visit(struct volumes *volumes, const struct volume_visitor *visitor)
{
	const size_t mark = arena_mark(volumes->arena);

	volumes->logical = (struct logical_volumes){.physical_count = 0};
	for (uint32_t i = 0; i < volumes->registry->count; i++)
		if (visit_disk(volumes, volumes->registry->devices[i], visitor) != STATUS_OK)
			return;
	if (volumes->logical.physical_count > 0)
		logical_volumes_visit(&volumes->logical, volumes->arena, visit_logical, (void *)(uintptr_t)visitor);
	arena_rewind(volumes->arena, mark);
}

void volumes_note_physical(struct volumes *volumes, const struct volume *volume)
{
	logical_volumes_note(&volumes->logical, volume);
}
