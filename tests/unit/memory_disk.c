/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory, see memory_disk.h.
 */
#include "memory_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crc32.h"

static enum status disk_move(struct memory_disk *disk, struct lba lba, uint32_t count, void *buffer, bool is_write)
{
	const uint64_t start = lba.value * disk->sector_bytes;
	const uint64_t end = start + (uint64_t)count * disk->sector_bytes;

	if (lba.value >= disk->sector_count || count > disk->sector_count - lba.value || count == 0)
		return STATUS_INVALID;
	if (start < disk->bad_end && disk->bad_start < end)
		return disk->bad_status;
	memcpy(is_write ? disk->bytes + start : buffer, is_write ? buffer : disk->bytes + start, end - start);
	return STATUS_OK;
}

static enum status disk_read(void *context, struct lba lba, uint32_t count, void *buffer)
{
	struct memory_disk *disk = context;

	disk->reads++;
	return disk_move(disk, lba, count, buffer, false);
}

static enum status disk_write(void *context, struct lba lba, uint32_t count, void *buffer)
{
	struct memory_disk *disk = context;

	disk->writes++;
	return disk_move(disk, lba, count, buffer, true);
}

static enum status device_submit(struct memory_disk *disk, const struct block_segment *segments, uint32_t count,
				 struct lba lba, uint32_t tag, bool is_write)
{
	enum status status = STATUS_OK;

	if (disk->completed)
		return STATUS_AGAIN;
	for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
		const uint32_t sectors = segments[i].bytes / disk->sector_bytes;

		status = (is_write ? disk_write : disk_read)(disk, lba, sectors, paddr_to_virt(segments[i].address));
		lba.value += sectors;
	}
	if (status == STATUS_INVALID)
		return status;
	disk->completion = (struct block_completion){tag, status};
	disk->completed = true;
	return STATUS_OK;
}

static enum status device_submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
				      struct lba lba, uint32_t tag)
{
	return device_submit(device->driver, segments, count, lba, tag, false);
}

static enum status device_submit_write(struct block_device *device, const struct block_segment *segments,
				       uint32_t count, struct lba lba, uint32_t tag)
{
	return device_submit(device->driver, segments, count, lba, tag, true);
}

static enum status device_flush_sync(struct block_device *device)
{
	struct memory_disk *disk = device->driver;

	if (disk->completed)
		return STATUS_INVALID;
	disk->flushes++;
	return disk->flush_status;
}

static void device_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
			uint32_t *count_out)
{
	struct memory_disk *disk = device->driver;

	*count_out = disk->completed && capacity > 0;
	if (*count_out) {
		completions_out[0] = disk->completion;
		disk->completed = false;
	}
}

static const struct block_ops device_ops = {
	.submit_read = device_submit_read,
	.submit_write = device_submit_write,
	.poll = device_poll,
	.flush_sync = device_flush_sync,
};

struct memory_disk *memory_disk_new(const char *name, uint32_t sector_bytes, uint64_t bytes)
{
	struct memory_disk *disk = aligned_alloc(_Alignof(struct memory_disk), sizeof(*disk));

	memset(disk, 0, sizeof(*disk));
	disk->bytes = calloc(1, bytes);
	disk->sector_bytes = sector_bytes;
	disk->sector_count = bytes / sector_bytes;
	disk->device.ops = &device_ops;
	disk->device.driver = disk;
	snprintf(disk->device.identity.name, sizeof(disk->device.identity.name), "%s", name);
	disk->device.identity.sector_bytes = sector_bytes;
	disk->device.identity.sector_count = disk->sector_count;
	disk->device.identity.max_segments = 8;
	disk->device.identity.max_transfer_bytes = 8 * PAGE_BYTES;
	disk->device.identity.queue_depth = 1;
	disk->device.identity.dma_limit = UINT64_MAX;
	return disk;
}

void memory_disk_free(struct memory_disk *disk)
{
	free(disk->bytes);
	free(disk);
}

struct disk_reader memory_disk_reader(struct memory_disk *disk)
{
	return (struct disk_reader){disk_read, disk, disk->sector_bytes, disk->sector_count, &disk->scratch};
}

void memory_disk_break(struct memory_disk *disk, uint64_t start, uint64_t end, enum status status)
{
	disk->bad_start = start;
	disk->bad_end = end;
	disk->bad_status = status;
}

uint8_t *memory_disk_sector(struct memory_disk *disk, uint64_t lba)
{
	return disk->bytes + lba * disk->sector_bytes;
}

void memory_put_le(void *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		((uint8_t *)at)[i] = (uint8_t)(value >> (8 * i));
}

void memory_disk_mbr_entry(struct memory_disk *disk, uint64_t lba, unsigned slot, uint8_t type, uint32_t start,
			   uint32_t count)
{
	uint8_t *entry = memory_disk_sector(disk, lba) + 446 + 16 * slot;

	entry[4] = type;
	memory_put_le(entry + 8, start, 4);
	memory_put_le(entry + 12, count, 4);
	memory_put_le(memory_disk_sector(disk, lba) + 510, 0xaa55, 2);
}

static uint64_t load_le(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

void memory_disk_gpt_seal(struct memory_disk *disk, uint64_t lba)
{
	uint8_t *header = memory_disk_sector(disk, lba);
	const uint8_t *array = memory_disk_sector(disk, load_le(header + 72, 8));

	memory_put_le(header + 88, crc32_zlib(array, load_le(header + 80, 4) * load_le(header + 84, 4)), 4);
	memory_put_le(header + 16, 0, 4);
	memory_put_le(header + 16, crc32_zlib(header, load_le(header + 12, 4)), 4);
}

static void gpt_write(struct memory_disk *disk, const struct gpt_entry *entries, uint32_t count, uint32_t entry_bytes,
		      uint64_t lba)
{
	const uint64_t last = disk->sector_count - 1;
	const uint64_t array_sectors = div_round_up((uint64_t)count * entry_bytes, disk->sector_bytes);
	const uint64_t array_lba = lba == 1 ? 2 : last - array_sectors;
	uint8_t *header = memory_disk_sector(disk, lba);

	memcpy(header, "EFI PART\0\0\1\0\x5c\0\0\0", 16);
	memory_put_le(header + 24, lba, 8);
	memory_put_le(header + 32, lba == 1 ? last : 1, 8);
	memory_put_le(header + 40, 2 + array_sectors, 8);
	memory_put_le(header + 48, last - array_sectors - 1, 8);
	memory_put_le(header + 72, array_lba, 8);
	memory_put_le(header + 80, count, 4);
	memory_put_le(header + 84, entry_bytes, 4);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *entry = memory_disk_sector(disk, array_lba) + (size_t)i * entry_bytes;

		if (entries[i].last_lba == 0)
			continue;
		memset(entry, 0xaf, 16);
		for (unsigned byte = 0; byte < 16; byte++)
			entry[16 + byte] = (uint8_t)(entries[i].unique + byte);
		memory_put_le(entry + 32, entries[i].first_lba, 8);
		memory_put_le(entry + 40, entries[i].last_lba, 8);
		for (unsigned unit = 0; entries[i].name && entries[i].name[unit] != '\0'; unit++)
			entry[56 + 2 * unit] = (uint8_t)entries[i].name[unit];
	}
	memory_disk_gpt_seal(disk, lba);
}

void memory_disk_gpt(struct memory_disk *disk, const struct gpt_entry *entries, uint32_t count, uint32_t entry_bytes)
{
	memory_disk_mbr_entry(disk, 0, 0, 0xee, 1, (uint32_t)(disk->sector_count - 1));
	gpt_write(disk, entries, count, entry_bytes, 1);
	gpt_write(disk, entries, count, entry_bytes, disk->sector_count - 1);
}
