/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IDE disk as a block device (include/block.h).
 */
#include "drivers/ata/ide_internal.h"
#include "drivers/block_check.h"
#include "drivers/timer.h"

#define QUEUED_TIMEOUT_US       10000000
#define QUEUED_ATTEMPTS         3
#define WRITE_TIMEOUT_US        8000000
#define WRITE_RUN_TIMEOUT_US    10000000
#define WRITE_FLUSH_TIMEOUT_US  18000000 /* in write_sync */
#define FLUSH_TIMEOUT_US        27000000 /* alone */
#define FLUSH_RUN_EXTRA_US      2000000
#define CHECK_RUN_TIMEOUT_US    30000000
#define RESET_HOLD_US           10
#define BUS_MASTER_OFF_ATTEMPTS 3

/* Describes a transfer; its memory is in the request's table already. */
static void request_fill(struct ide_request *request, struct lba lba, uint32_t sector_bytes, bool is_write)
{
	request->lba = lba;
	request->sectors = request->bytes / sector_bytes;
	request->is_write = is_write;
	request->attempts_left = QUEUED_ATTEMPTS;
	request->timeout_us = QUEUED_TIMEOUT_US;
}

static struct ide_request *request_find_free(struct ide_device *device)
{
	for (uint32_t i = 0; i < IDE_QUEUE_DEPTH; i++)
		if (device->requests[i].state == IDE_REQUEST_FREE)
			return &device->requests[i];
	return NULL;
}

static enum status submit(struct block_device *block, const struct block_segment *segments, uint32_t count,
			  struct lba lba, uint32_t tag, bool is_write)
{
	struct ide_device *device = block->driver;
	const struct block_identity *identity = &block->identity;
	struct ide_request *request;
	uint64_t bytes;

	if (device->gone)
		return STATUS_IO_ERROR;
	request = request_find_free(device);
	if (request == NULL)
		return STATUS_AGAIN;
	if (count > identity->max_segments)
		return STATUS_INVALID;
	TRY(block_check_transfer(identity, segments, count, lba, &bytes));
	ide_prds_build(request, segments, count);
	request_fill(request, lba, identity->sector_bytes, is_write);
	request->tag = tag;
	ide_request_queue(device, request);
	return STATUS_OK;
}

static enum status disk_submit_read(struct block_device *block, const struct block_segment *segments, uint32_t count,
				    struct lba lba, uint32_t tag)
{
	return submit(block, segments, count, lba, tag, false);
}

static enum status disk_submit_write(struct block_device *block, const struct block_segment *segments, uint32_t count,
				     struct lba lba, uint32_t tag)
{
	return submit(block, segments, count, lba, tag, true);
}

static void disk_poll(struct block_device *block, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	struct ide_device *device = block->driver;
	uint32_t count = 0;

	ide_controller_advance(device->channel->controller);
	for (uint32_t i = 0; i < IDE_QUEUE_DEPTH && count < capacity; i++) {
		struct ide_request *request = &device->requests[i];

		if (request->state != IDE_REQUEST_DONE)
			continue;
		completions_out[count++] = (struct block_completion){.tag = request->tag, .status = request->status};
		request->state = IDE_REQUEST_FREE;
	}
	*count_out = count;
}

/* STATUS_UNSUPPORTED: there is a cache, but no command for it. */
static enum status flush(struct ide_device *device, uint64_t timeout_us)
{
	struct ide_request *request = &device->sync_request;

	if (ata_flush_build(&device->identity, &request->taskfile) != STATUS_OK)
		return device->identity.write_cache ? STATUS_UNSUPPORTED : STATUS_OK;
	request->sectors = 0;
	request->protocol = IDE_NO_DATA;
	request->attempts_left = 1;
	request->timeout_us = timeout_us;
	return ide_request_run(device, request, timeout_us + FLUSH_RUN_EXTRA_US);
}

static enum status disk_flush_sync(struct block_device *block)
{
	struct ide_device *device = block->driver;

	for (uint32_t i = 0; i < IDE_QUEUE_DEPTH; i++)
		if (device->requests[i].state != IDE_REQUEST_FREE)
			return STATUS_INVALID;
	return flush(device, FLUSH_TIMEOUT_US);
}

static enum status disk_write_sync(struct block_device *block, struct lba lba, const void *data, uint32_t bytes)
{
	struct ide_device *device = block->driver;
	const struct block_segment segment = {virt_to_paddr(data), bytes};
	struct ide_request *request = &device->sync_request;

	/* Before anything is written: what could not be made durable is not begun. */
	if (device->identity.write_cache && ata_flush_build(&device->identity, &request->taskfile) != STATUS_OK)
		return STATUS_UNSUPPORTED;
	TRY(block_check_write(&block->identity, lba, data, bytes));
	ide_prds_build(request, &segment, 1);
	request_fill(request, lba, block->identity.sector_bytes, true);
	request->attempts_left = 1;
	request->timeout_us = WRITE_TIMEOUT_US;
	TRY(ide_request_run(device, request, WRITE_RUN_TIMEOUT_US));
	return flush(device, WRITE_FLUSH_TIMEOUT_US);
}

static enum status disk_rehearse_stop(struct block_device *block)
{
	struct ide_device *device = block->driver;
	const struct block_segment segment = {virt_to_paddr(device->scratch), block->identity.sector_bytes};
	struct ide_request *request = &device->sync_request;

	TRY(ide_channel_settle(device->channel));
	if (ide_bus_master_stop_sync(device->channel) != STATUS_OK) {
		ide_channel_reset(device);
		ignore_status(ide_channel_settle(device->channel));
		return STATUS_TIMEOUT;
	}
	/* It starts again: a sector comes through. */
	ide_prds_build(request, &segment, 1);
	request_fill(request, (struct lba){0}, block->identity.sector_bytes, false);
	return ide_request_run(device, request, CHECK_RUN_TIMEOUT_US);
}

static void disk_quiesce(struct block_device *block)
{
	struct ide_device *device = block->driver;

	ide_controller_quiesce(device->channel->controller);
}

static void channel_quiesce(struct ide_channel *channel)
{
	for (uint32_t i = 0; i < IDE_CHANNEL_DEVICES; i++)
		ide_device_give_up(&channel->devices[i], STATUS_IO_ERROR);
	if (ide_bus_master_stop_sync(channel) != STATUS_OK) {
		/* A device in reset asks for no more data. */
		ide_control_write(channel, ATA_CONTROL_SRST | ATA_CONTROL_NIEN);
		timer_delay_us(RESET_HOLD_US);
		ide_control_write(channel, ATA_CONTROL_NIEN);
		ignore_status(ide_bus_master_stop_sync(channel));
	}
	ide_control_write(channel, ATA_CONTROL_NIEN);
	channel->state = IDE_CHANNEL_IDLE;
}

void ide_controller_quiesce(struct ide_controller *controller)
{
	for (uint32_t i = 0; i < IDE_CHANNELS; i++)
		if (controller->channels[i].is_used)
			channel_quiesce(&controller->channels[i]);
	for (uint32_t i = 0; i < BUS_MASTER_OFF_ATTEMPTS; i++)
		if (pci_bus_master_disable(&controller->function))
			return;
}

void ide_disk_publish(struct ide_device *device)
{
	struct block_identity *identity = &device->block.identity;
	uint64_t transfer_bytes;

	ata_identity_publish(&device->identity, identity);
	transfer_bytes =
		min_u64((uint64_t)ata_sectors_max(&device->identity) * identity->sector_bytes, IDE_TRANSFER_BYTES_MAX);
	identity->max_transfer_bytes = (uint32_t)transfer_bytes;
	identity->max_segments = identity->max_transfer_bytes / PAGE_BYTES;
	identity->queue_depth = IDE_QUEUE_DEPTH;
	identity->controller = pci_address(&device->channel->controller->function);
	identity->dma_limit = IDE_DMA_LIMIT;
	device->block.ops = &ide_block_ops;
	device->block.driver = device;
}

const struct block_ops ide_block_ops = {
	.submit_read = disk_submit_read,
	.submit_write = disk_submit_write,
	.poll = disk_poll,
	.flush_sync = disk_flush_sync,
	.write_sync = disk_write_sync,
	.rehearse_stop = disk_rehearse_stop,
	.quiesce = disk_quiesce,
};
