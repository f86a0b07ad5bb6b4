/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the disks of an IDE channel: software reset, signature, IDENTIFY DEVICE (ATA/ATAPI-7 volume 2, sections 9.3
 * and 9.16). An empty channel costs milliseconds: its bus floats, or its status stays 0.
 */
#include "drivers/ata/ide_internal.h"
#include "drivers/timer.h"
#include "lib/log.h"
#include "lib/string.h"

#define RESET_HOLD_US             10
#define RESET_SETTLE_US           2000
#define BUSY_TIMEOUT_US           5000000
#define IDENTIFY_TIMEOUT_US       5000000
#define IDENTIFY_RUN_TIMEOUT_US   15000000
#define IDENTIFY_ATTEMPTS         2
#define TRANSFER_MODE_MULTIWORD_0 0x20

static bool channel_floats(const struct ide_channel *channel)
{
	return ide_status_read(channel) == IDE_FLOATING;
}

static bool channel_is_not_busy(void *context)
{
	return channel_floats(context) || (ide_status_read(context) & ATA_STATUS_BSY) == 0;
}

/* True for a disk that is ready to be asked who it is. */
static bool device_is_disk(struct ide_device *device)
{
	struct ide_channel *channel = device->channel;
	uint32_t signature;
	enum ata_kind kind;

	ide_device_select(channel, device->number);
	if (channel_floats(channel))
		return false;
	if (poll_until(channel_is_not_busy, channel, BUSY_TIMEOUT_US) != STATUS_OK) {
		log_line("%s: stays busy, passed over", device->block.identity.name);
		return false;
	}
	signature = (uint32_t)ide_command_read(channel, IDE_LBA_HIGH) << 24 |
		    (uint32_t)ide_command_read(channel, IDE_LBA_MIDDLE) << 16 |
		    (uint32_t)ide_command_read(channel, IDE_LBA_LOW) << 8 | ide_command_read(channel, IDE_COUNT);
	kind = ata_kind_of_signature(signature);
	if (kind == ATA_KIND_ATAPI)
		log_line("%s: %s, passed over", device->block.identity.name, ata_kind_text(kind));
	/* A lone device 0 answers in device 1's place with its own signature and status 0. */
	return kind == ATA_KIND_DISK && ide_status_read(channel) != 0;
}

static enum status device_memory(struct ide_device *device, struct arena *arena)
{
	void *memory;

	TRY(arena_alloc(arena, PAGE_BYTES, PAGE_BYTES, &memory));
	device->scratch = memory;
	TRY(arena_alloc(arena, IDE_PRD_TABLE_BYTES, IDE_PRD_TABLE_BYTES, &memory));
	device->sync_request.prds = memory;
	for (uint32_t i = 0; i < IDE_QUEUE_DEPTH; i++) {
		TRY(arena_alloc(arena, IDE_PRD_TABLE_BYTES, IDE_PRD_TABLE_BYTES, &memory));
		device->requests[i].prds = memory;
	}
	if (virt_to_paddr(memory).value + IDE_PRD_TABLE_BYTES > IDE_DMA_LIMIT)
		return STATUS_NO_MEMORY;
	return STATUS_OK;
}

static enum status device_identify(struct ide_device *device)
{
	const struct block_segment segment = {virt_to_paddr(device->scratch), ATA_IDENTIFY_BYTES};
	struct ide_request *request = &device->sync_request;

	ide_prds_build(request, &segment, 1);
	request->taskfile = ata_identify_build();
	request->sectors = 0;
	request->protocol = IDE_PIO_READ;
	request->block_bytes = ATA_IDENTIFY_BYTES;
	request->attempts_left = IDENTIFY_ATTEMPTS;
	request->timeout_us = IDENTIFY_TIMEOUT_US;
	TRY(ide_request_run(device, request, IDENTIFY_RUN_TIMEOUT_US));
	return ata_identify_decode(device->scratch, &device->identity);
}

/*
 * The firmware chose a mode and set the controller's timing for it; that is kept. Where it chose none, the slowest
 * mode is asked for, which fits the timing that controllers have after a reset.
 */
static bool device_choose_dma(struct ide_device *device)
{
	const struct ata_identity *identity = &device->identity;
	struct ide_request *request = &device->sync_request;

	if (device->channel->bus_master_port == 0 || !identity->dma)
		return false;
	if (identity->ultra_selected != 0 || identity->multiword_selected != 0)
		return true;
	if (identity->multiword_modes == 0)
		return false;
	request->taskfile = ata_transfer_mode_build(TRANSFER_MODE_MULTIWORD_0);
	request->protocol = IDE_NO_DATA;
	request->attempts_left = IDENTIFY_ATTEMPTS;
	return ide_request_run(device, request, IDENTIFY_RUN_TIMEOUT_US) == STATUS_OK;
}

static enum status disk_detect(struct ide_device *device, struct arena *arena)
{
	const size_t mark = arena_mark(arena);
	enum status status;

	TRY(device_memory(device, arena));
	status = device_identify(device);
	if (status != STATUS_OK) {
		log_line("%s: IDENTIFY DEVICE: %s, passed over", device->block.identity.name, status_text(status));
		arena_rewind(arena, mark);
		return STATUS_OK;
	}
	device->use_dma = device_choose_dma(device);
	device->present = true;
	return STATUS_OK;
}

enum status ide_channel_detect(struct ide_channel *channel, struct arena *arena)
{
	bool is_disk[IDE_CHANNEL_DEVICES];
	bool is_empty = true;

	/* Device 0 last: it is the one that a reset leaves selected. */
	for (uint8_t i = IDE_CHANNEL_DEVICES; i > 0; i--) {
		ide_device_select(channel, (uint8_t)(i - 1));
		is_empty = is_empty && channel_floats(channel);
	}
	if (is_empty)
		return STATUS_OK;
	channel->is_used = true;
	ide_bus_master_adopt(channel);
	ide_control_write(channel, ATA_CONTROL_SRST | ATA_CONTROL_NIEN);
	timer_delay_us(RESET_HOLD_US);
	ide_control_write(channel, ATA_CONTROL_NIEN);
	timer_delay_us(RESET_SETTLE_US);
	/* A busy channel takes no selection. Device 0 is busy for both; if it stays so, nothing is to be had here. */
	if (poll_until(channel_is_not_busy, channel, BUSY_TIMEOUT_US) != STATUS_OK) {
		log_line("%s: stays busy, channel passed over", channel->devices[0].block.identity.name);
		return STATUS_OK;
	}
	/* Both signatures first: a command's registers are written in both devices. */
	for (uint8_t number = 0; number < IDE_CHANNEL_DEVICES; number++)
		is_disk[number] = device_is_disk(&channel->devices[number]);
	for (uint8_t number = 0; number < IDE_CHANNEL_DEVICES; number++)
		if (is_disk[number])
			TRY(disk_detect(&channel->devices[number], arena));
	return STATUS_OK;
}
