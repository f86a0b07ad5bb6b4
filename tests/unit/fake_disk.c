/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device in memory.
 */
#include "tests/unit/fake_disk.h"

#include <string.h>

static bool is_bad(const struct fake_disk *disk, uint64_t lba, uint64_t sectors)
{
	return (disk->reads_fail_after_write && disk->writes) ||
	       (lba < disk->bad_lba_end && lba + sectors > disk->bad_lba_first);
}

static enum status check(const struct block_device *device, const struct block_segment *segments, uint32_t count,
			 struct lba lba, uint64_t *bytes_out)
{
	const struct fake_disk *disk = device->driver;
	const uint32_t sector_bytes = device->identity.sector_bytes;
	uint64_t bytes = 0;

	if (disk->done_count == device->identity.queue_depth)
		return STATUS_AGAIN;
	for (uint32_t i = 0; i < count; i++) {
		if (segments[i].address.value + segments[i].bytes > device->identity.dma_limit)
			return STATUS_INVALID;
		bytes += segments[i].bytes;
	}
	if (!bytes || bytes > device->identity.max_transfer_bytes || bytes % sector_bytes ||
	    lba.value * sector_bytes + bytes > device->identity.sector_count * sector_bytes ||
	    count > device->identity.max_segments)
		return STATUS_INVALID;
	*bytes_out = bytes;
	return STATUS_OK;
}

static void complete(struct fake_disk *disk, uint32_t tag, enum status status)
{
	disk->done[disk->done_count].tag = tag;
	disk->done[disk->done_count++].status = status;
}

static enum status submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
			       struct lba lba, uint32_t tag)
{
	struct fake_disk *disk = device->driver;
	const uint32_t sector_bytes = device->identity.sector_bytes;
	uint64_t offset = lba.value * sector_bytes;
	uint64_t bytes;

	TRY(check(device, segments, count, lba, &bytes));
	disk->reads++;
	disk->watched_reads += lba.value == disk->watched_lba;
	disk->largest_read_bytes = max_u64(disk->largest_read_bytes, bytes);
	complete(disk, tag, is_bad(disk, lba.value, bytes / sector_bytes) ? STATUS_IO_ERROR : STATUS_OK);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(paddr_to_virt(segments[i].address), disk->bytes + offset, segments[i].bytes);
		offset += segments[i].bytes;
	}
	return STATUS_OK;
}

static enum status submit_write(struct block_device *device, const struct block_segment *segments, uint32_t count,
				struct lba lba, uint32_t tag)
{
	struct fake_disk *disk = device->driver;
	const uint32_t sector_bytes = device->identity.sector_bytes;
	uint64_t offset = lba.value * sector_bytes;
	uint64_t bytes;

	TRY(check(device, segments, count, lba, &bytes));
	disk->submitted_writes++;
	disk->unflushed_writes++;
	if (lba.value < disk->bad_write_end && lba.value + bytes / sector_bytes > disk->bad_write_first) {
		complete(disk, tag, STATUS_IO_ERROR);
		return STATUS_OK;
	}
	complete(disk, tag, STATUS_OK);
	for (uint32_t i = 0; i < count && !disk->write_lost; i++) {
		memcpy(disk->bytes + offset, paddr_to_virt(segments[i].address), segments[i].bytes);
		offset += segments[i].bytes;
	}
	return STATUS_OK;
}

static enum status flush_sync(struct block_device *device)
{
	struct fake_disk *disk = device->driver;

	if (disk->done_count > 0)
		return STATUS_INVALID;
	disk->flushes++;
	if (disk->flush_status == STATUS_OK)
		disk->unflushed_writes = 0;
	return disk->flush_status;
}

static void poll_disk(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	struct fake_disk *disk = device->driver;

	for (*count_out = 0; *count_out < capacity && *count_out < 2 && disk->done_count; (*count_out)++) {
		disk->done_count--;
		completions_out[*count_out] = (struct block_completion){
			.tag = disk->done[disk->done_count].tag,
			.status = disk->done[disk->done_count].status,
		};
	}
}

static enum status write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	struct fake_disk *disk = device->driver;

	disk->writes++;
	if (!disk->write_lost)
		memcpy(disk->bytes + lba.value * device->identity.sector_bytes, data,
		       disk->write_torn ? bytes / 2 : bytes);
	if (disk->write_status == STATUS_OK)
		disk->flushed_writes++;
	return disk->write_status;
}

static enum status rehearse_stop(struct block_device *device)
{
	(void)device;
	return STATUS_OK;
}

static void quiesce(struct block_device *device)
{
	struct fake_disk *disk = device->driver;

	disk->quiesced++;
}

static const struct block_ops ops = {
	.submit_read = submit_read,
	.submit_write = submit_write,
	.poll = poll_disk,
	.flush_sync = flush_sync,
	.write_sync = write_sync,
	.rehearse_stop = rehearse_stop,
	.quiesce = quiesce,
};

void fake_disk_init(struct fake_disk *disk, void *bytes, uint64_t sector_count, uint32_t sector_bytes)
{
	*disk = (struct fake_disk){.bytes = bytes};
	disk->device = (struct block_device){
		.ops = &ops,
		.driver = disk,
		.identity =
			{
				.name = "fake0.0",
				.sector_bytes = sector_bytes,
				.sector_count = sector_count,
				.max_segments = 16,
				.max_transfer_bytes = 64 * 1024,
				.queue_depth = FAKE_DISK_DEPTH,
				.dma_limit = UINT64_MAX,
			},
	};
}
