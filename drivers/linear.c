/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A linear block device (include/block.h) over others.
 */
#include "drivers/linear.h"

#include "drivers/block_check.h"
#include "lib/format.h"
#include "lib/string.h"

/* Of the parts of a crossing read; no caller's. */
#define PART_TAG UINT32_MAX

static struct linear_disk *linear_of(struct block_device *device)
{
	return device->driver;
}

/* The extent of a sector and the sector's place on it; NULL beyond the end. */
static const struct linear_extent *extent_find(const struct linear_disk *disk, uint64_t lba, uint64_t *offset_out)
{
	for (uint32_t i = 0; i < disk->extent_count; i++) {
		if (lba < disk->extents[i].sector_count) {
			*offset_out = lba;
			return &disk->extents[i];
		}
		lba -= disk->extents[i].sector_count;
	}
	return NULL;
}

/* --- a read on several extents ----------------------------------------------------------------------------------- */

/* The segments' bytes [start, start + bytes). Returns their number. */
static uint32_t segments_cut(const struct linear_crossing *crossing, uint64_t start, uint64_t bytes,
			     struct block_segment *segments_out)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < crossing->segment_count && bytes > 0; i++) {
		const struct block_segment *segment = &crossing->segments[i];
		const uint64_t skipped = min_u64(start, segment->bytes);
		const uint64_t taken = min_u64(bytes, segment->bytes - skipped);

		start -= skipped;
		bytes -= taken;
		if (taken > 0)
			segments_out[used++] =
				(struct block_segment){{segment->address.value + skipped}, (uint32_t)taken};
	}
	return used;
}

static enum status part_submit(struct linear_disk *disk)
{
	struct linear_crossing *crossing = &disk->crossing;
	const struct linear_extent *extent;
	uint64_t offset = 0;
	uint32_t count;

	extent = extent_find(disk, crossing->lba, &offset);
	if (!extent)
		return STATUS_INVALID;
	crossing->part_bytes = (uint32_t)min_u64(crossing->bytes - crossing->bytes_done,
						 (extent->sector_count - offset) * disk->device.identity.sector_bytes);
	count = segments_cut(crossing, crossing->bytes_done, crossing->part_bytes, disk->part_segments);
	return extent->device->ops->submit_read(extent->device, disk->part_segments, count,
						(struct lba){extent->start_lba + offset}, PART_TAG);
}

/* Starts the next part, if the device takes it now. */
static void crossing_step(struct linear_disk *disk)
{
	struct linear_crossing *crossing = &disk->crossing;
	enum status status;

	if (!crossing->active || crossing->part_in_flight || crossing->bytes_done == crossing->bytes)
		return;
	status = part_submit(disk);
	if (status == STATUS_AGAIN)
		return;
	crossing->part_in_flight = status == STATUS_OK;
	if (status != STATUS_OK) {
		crossing->status = status;
		crossing->bytes_done = crossing->bytes;
	}
}

/* A part is done; after an error the others are not read. */
static void crossing_part_done(struct linear_disk *disk, enum status status)
{
	struct linear_crossing *crossing = &disk->crossing;

	crossing->part_in_flight = false;
	crossing->bytes_done += crossing->part_bytes;
	crossing->lba += crossing->part_bytes / disk->device.identity.sector_bytes;
	if (status != STATUS_OK) {
		crossing->status = status;
		crossing->bytes_done = crossing->bytes;
	}
}

static enum status crossing_begin(struct linear_disk *disk, const struct block_segment *segments, uint32_t count,
				  struct lba lba, uint64_t bytes, uint32_t tag)
{
	struct linear_crossing *crossing = &disk->crossing;

	if (crossing->active)
		return STATUS_AGAIN;
	if (count > LINEAR_SEGMENTS_MAX)
		return STATUS_INVALID;
	for (uint32_t i = 0; i < count; i++)
		crossing->segments[i] = segments[i];
	crossing->segment_count = count;
	crossing->tag = tag;
	crossing->lba = lba.value;
	crossing->bytes = bytes;
	crossing->bytes_done = 0;
	crossing->status = STATUS_OK;
	crossing->active = true;
	crossing_step(disk);
	return STATUS_OK;
}

/* --- block_ops --------------------------------------------------------------------------------------------------- */

static enum status linear_submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
				      struct lba lba, uint32_t tag)
{
	struct linear_disk *disk = linear_of(device);
	const struct linear_extent *extent;
	uint64_t offset = 0;
	uint64_t bytes;

	if (tag == PART_TAG)
		return STATUS_INVALID;
	TRY(block_check_transfer(&device->identity, segments, count, lba, &bytes));
	extent = extent_find(disk, lba.value, &offset);
	if (!extent)
		return STATUS_INVALID;
	if (bytes / device->identity.sector_bytes > extent->sector_count - offset)
		return crossing_begin(disk, segments, count, lba, bytes, tag);
	return extent->device->ops->submit_read(extent->device, segments, count,
						(struct lba){extent->start_lba + offset}, tag);
}

static void linear_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
			uint32_t *count_out)
{
	struct linear_disk *disk = linear_of(device);
	struct linear_crossing *crossing = &disk->crossing;
	uint32_t used = 0;

	for (uint32_t i = 0; i < disk->device_count && used < capacity; i++) {
		uint32_t count;

		disk->devices[i]->ops->poll(disk->devices[i], completions_out + used, capacity - used, &count);
		for (uint32_t k = used, end = used + count; k < end; k++) {
			if (completions_out[k].tag == PART_TAG)
				crossing_part_done(disk, completions_out[k].status);
			else
				completions_out[used++] = completions_out[k];
		}
	}
	crossing_step(disk);
	if (crossing->active && crossing->bytes_done == crossing->bytes && used < capacity) {
		completions_out[used++] = (struct block_completion){crossing->tag, crossing->status};
		crossing->active = false;
	}
	*count_out = used;
}

/* Nobody needs it: an image that Thaw writes lies on one disk. */
static enum status linear_submit_write(struct block_device *device, const struct block_segment *segments,
				       uint32_t count, struct lba lba, uint32_t tag)
{
	(void)device, (void)segments, (void)count, (void)lba, (void)tag;
	return STATUS_UNSUPPORTED;
}

static enum status linear_flush_sync(struct block_device *device)
{
	(void)device;
	return STATUS_UNSUPPORTED;
}

static enum status linear_write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	const struct linear_extent *extent;
	uint64_t offset = 0;

	TRY(block_check_write(&device->identity, lba, data, bytes));
	extent = extent_find(linear_of(device), lba.value, &offset);
	if (!extent || bytes / device->identity.sector_bytes > extent->sector_count - offset)
		return STATUS_INVALID;
	return extent->device->ops->write_sync(extent->device, (struct lba){extent->start_lba + offset}, data, bytes);
}

static enum status linear_rehearse_stop(struct block_device *device)
{
	struct block_device *anchor = linear_of(device)->anchor;

	return anchor->ops->rehearse_stop(anchor);
}

static void linear_quiesce(struct block_device *device)
{
	struct linear_disk *disk = linear_of(device);

	for (uint32_t i = 0; i < disk->device_count; i++)
		disk->devices[i]->ops->quiesce(disk->devices[i]);
}

static const struct block_ops linear_ops = {
	.submit_read = linear_submit_read,
	.submit_write = linear_submit_write,
	.poll = linear_poll,
	.flush_sync = linear_flush_sync,
	.write_sync = linear_write_sync,
	.rehearse_stop = linear_rehearse_stop,
	.quiesce = linear_quiesce,
};

/* --- making one -------------------------------------------------------------------------------------------------- */

static enum status device_add(struct linear_disk *disk, struct block_device *device)
{
	struct block_identity *identity = &disk->device.identity;

	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->devices[i] == device)
			return STATUS_OK;
	if (disk->device_count == LINEAR_DEVICES_MAX || device->identity.sector_bytes != identity->sector_bytes)
		return STATUS_UNSUPPORTED;
	disk->devices[disk->device_count++] = device;
	identity->max_segments = (uint32_t)min_u64(identity->max_segments, device->identity.max_segments);
	identity->max_transfer_bytes =
		(uint32_t)min_u64(identity->max_transfer_bytes, device->identity.max_transfer_bytes);
	identity->queue_depth = (uint32_t)min_u64(identity->queue_depth, device->identity.queue_depth);
	identity->dma_limit = min_u64(identity->dma_limit, device->identity.dma_limit);
	identity->is_serial |= device->identity.is_serial;
	return STATUS_OK;
}

static enum status extent_add(struct linear_disk *disk, const struct linear_extent *extent)
{
	const struct block_identity *below = &extent->device->identity;
	const uint64_t page_sectors = PAGE_BYTES / below->sector_bytes;

	if (extent->sector_count == 0 || extent->sector_count % page_sectors != 0 ||
	    extent->start_lba >= below->sector_count || extent->sector_count > below->sector_count - extent->start_lba)
		return STATUS_UNSUPPORTED;
	TRY(device_add(disk, extent->device));
	disk->extents[disk->extent_count++] = *extent;
	disk->device.identity.sector_count += extent->sector_count;
	return STATUS_OK;
}

enum status linear_disk_init(struct linear_disk *disk, const char *name, const struct linear_extent *extents,
			     uint32_t count, uint64_t anchor_lba)
{
	struct block_identity *identity = &disk->device.identity;
	const struct linear_extent *anchor;
	uint64_t offset;

	if (count == 0 || count > LINEAR_EXTENTS_MAX)
		return STATUS_UNSUPPORTED;
	memset(disk, 0, sizeof(*disk));
	disk->device = (struct block_device){.ops = &linear_ops, .driver = disk};
	*identity = (struct block_identity){
		.sector_bytes = extents[0].device->identity.sector_bytes,
		.max_segments = LINEAR_SEGMENTS_MAX,
		.max_transfer_bytes = LINEAR_SEGMENTS_MAX * PAGE_BYTES,
		.queue_depth = UINT32_MAX,
		.dma_limit = UINT64_MAX,
	};
	(void)format_text(identity->name, sizeof(identity->name), "%s", name);
	for (uint32_t i = 0; i < count; i++)
		TRY(extent_add(disk, &extents[i]));
	anchor = extent_find(disk, anchor_lba, &offset);
	disk->anchor = anchor ? anchor->device : extents[0].device;
	identity->controller = disk->anchor->identity.controller;
	return STATUS_OK;
}

enum status linear_disk_copy(struct linear_disk *disk, const struct linear_disk *from, uint64_t anchor_lba)
{
	return linear_disk_init(disk, from->device.identity.name, from->extents, from->extent_count, anchor_lba);
}
