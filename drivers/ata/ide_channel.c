/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command engine of an IDE channel: one command at a time for its two devices, as a state machine that never
 * waits (ATA/ATAPI-7 volume 2, section 9: command protocols, software reset). Completion is seen by the alternate
 * status with the device's interrupt disabled, and then by the bus master's own end. A failed command is repeated; a
 * device or an engine that does not end is reset first, and given up if that does not help.
 */
#include "drivers/ata/ide_internal.h"
#include "drivers/timer.h"
#include "lib/log.h"

#define SELECT_DELAY_US         1 /* 400 ns until the status is valid */
#define SELECT_TIMEOUT_US       1000000
#define ENGINE_DRAIN_TIMEOUT_US 1000000 /* the device is done, its last bytes are on their way to memory */
#define RESET_HOLD_US           10      /* at least 5 */
#define RESET_SETTLE_US         2000
#define RESET_TIMEOUT_US        5000000
#define SETTLE_TIMEOUT_US       30000000
#define STEPS_MAX               64 /* in one go, so that a poll stays short */
#define DMA_FAILURES_MAX        2
#define TIMEOUTS_MAX            3

/* Why an attempt failed, which says what is done about it. */
enum failure {
	FAILURE_DEVICE,    /* the device says so, and is ready for the next command */
	FAILURE_TRANSPORT, /* bus, engine or protocol: reset */
	FAILURE_TIMEOUT,   /* reset */
};

uint8_t ide_command_read(const struct ide_channel *channel, enum ide_command_register reg)
{
	return port_read8((uint16_t)(channel->command_port + reg));
}

static void command_write(const struct ide_channel *channel, enum ide_command_register reg, uint64_t value)
{
	port_write8((uint16_t)(channel->command_port + reg), (uint8_t)value);
}

void ide_control_write(const struct ide_channel *channel, uint32_t bits)
{
	port_write8(channel->control_port, (uint8_t)bits);
}

/* The alternate status: reading it has no side effect. */
uint8_t ide_status_read(const struct ide_channel *channel)
{
	return port_read8(channel->control_port);
}

static uint32_t device_bits(uint8_t number)
{
	return IDE_DEVICE_OBSOLETE | (number != 0 ? ATA_DEVICE_SECOND : 0);
}

void ide_device_select(const struct ide_channel *channel, uint8_t number)
{
	command_write(channel, IDE_DEVICE, device_bits(number));
	timer_delay_us(SELECT_DELAY_US);
}

static void taskfile_write(const struct ide_channel *channel, const struct ata_taskfile *taskfile)
{
	if (taskfile->is_48bit) {
		command_write(channel, IDE_FEATURE, taskfile->feature >> 8);
		command_write(channel, IDE_COUNT, taskfile->count >> 8);
		command_write(channel, IDE_LBA_LOW, taskfile->lba >> 24);
		command_write(channel, IDE_LBA_MIDDLE, taskfile->lba >> 32);
		command_write(channel, IDE_LBA_HIGH, taskfile->lba >> 40);
	}
	command_write(channel, IDE_FEATURE, taskfile->feature);
	command_write(channel, IDE_COUNT, taskfile->count);
	command_write(channel, IDE_LBA_LOW, taskfile->lba);
	command_write(channel, IDE_LBA_MIDDLE, taskfile->lba >> 8);
	command_write(channel, IDE_LBA_HIGH, taskfile->lba >> 16);
	command_write(channel, IDE_DEVICE, taskfile->device | device_bits(channel->active->number));
	command_write(channel, IDE_COMMAND, taskfile->command);
	timer_delay_us(SELECT_DELAY_US);
}

/* --- the ends of an attempt ------------------------------------------------------------------------------------ */

static void request_end(struct ide_request *request, enum status status)
{
	request->status = status;
	request->state = IDE_REQUEST_DONE;
}

static bool request_is_pending(const struct ide_request *request)
{
	return request->state == IDE_REQUEST_QUEUED || request->state == IDE_REQUEST_ACTIVE;
}

static void reset_begin(struct ide_channel *channel)
{
	ide_bus_master_stop(channel);
	ide_control_write(channel, ATA_CONTROL_SRST | ATA_CONTROL_NIEN);
	channel->request = NULL;
	channel->state = IDE_CHANNEL_RESET_HOLD;
	channel->deadline_us = timer_now_us() + RESET_HOLD_US;
}

void ide_device_give_up(struct ide_device *device, enum status status)
{
	struct ide_channel *channel = device->channel;

	device->gone = true;
	if (channel->active == device && channel->request != NULL)
		reset_begin(channel);
	for (uint32_t i = 0; i < IDE_QUEUE_DEPTH; i++)
		if (request_is_pending(&device->requests[i]))
			request_end(&device->requests[i], status);
	if (request_is_pending(&device->sync_request))
		request_end(&device->sync_request, status);
}

static void attempt_succeeded(struct ide_channel *channel)
{
	/* Reading the status proper ends an interrupt that is pending in the device. */
	(void)ide_command_read(channel, IDE_STATUS);
	channel->active->timeouts = 0;
	if (channel->request->protocol == IDE_DMA_READ || channel->request->protocol == IDE_DMA_WRITE)
		channel->active->dma_failures = 0;
	request_end(channel->request, STATUS_OK);
	channel->request = NULL;
	channel->state = IDE_CHANNEL_IDLE;
}

/* After several failures in a row that are not the medium's, the next attempts do without DMA. */
static void dma_failure_count(struct ide_device *device, const struct ide_request *request)
{
	if (request->protocol != IDE_DMA_READ && request->protocol != IDE_DMA_WRITE)
		return;
	if (++device->dma_failures < DMA_FAILURES_MAX || !device->use_dma)
		return;
	device->use_dma = false;
	log_line("%s: DMA does not work, going on with PIO", device->block.identity.name);
}

static void attempt_failed(struct ide_channel *channel, enum failure failure)
{
	struct ide_device *device = channel->active;
	struct ide_request *request = channel->request;

	log_line("%s: command %02x at %lu %s (status %02x, error %02x)", device->block.identity.name,
		 request->taskfile.command, (unsigned long)request->lba.value,
		 failure == FAILURE_TIMEOUT ? "timed out" : "failed", ide_status_read(channel),
		 ide_command_read(channel, IDE_ERROR));
	ide_bus_master_stop(channel);
	if (failure != FAILURE_DEVICE)
		dma_failure_count(device, request);
	if (--request->attempts_left > 0)
		request->state = IDE_REQUEST_QUEUED;
	else
		request_end(request, failure == FAILURE_TIMEOUT ? STATUS_TIMEOUT : STATUS_IO_ERROR);
	channel->request = NULL;
	channel->state = IDE_CHANNEL_IDLE;
	if (failure == FAILURE_TIMEOUT && ++device->timeouts >= TIMEOUTS_MAX)
		ide_device_give_up(device, STATUS_TIMEOUT);
	if (failure != FAILURE_DEVICE || ide_bus_master_is_active(channel))
		reset_begin(channel);
}

/* The deadline is looked at only after the hardware: whoever polls late still gets what was done in time. */
static bool wait_more(struct ide_channel *channel)
{
	if (timer_now_us() < channel->deadline_us)
		return false;
	attempt_failed(channel, FAILURE_TIMEOUT);
	return true;
}

static void device_failed(struct ide_channel *channel, uint8_t status)
{
	const bool is_fault = (status & ATA_STATUS_DF) != 0;
	const bool is_bus = (ide_command_read(channel, IDE_ERROR) & ATA_ERROR_ICRC) != 0;

	attempt_failed(channel, is_fault || is_bus ? FAILURE_TRANSPORT : FAILURE_DEVICE);
}

/* --- a command runs -------------------------------------------------------------------------------------------- */

/* One DRQ block through the data port. */
static void pio_move_block(struct ide_channel *channel)
{
	const struct ide_request *request = channel->request;
	uint32_t left = request->block_bytes;

	channel->bytes_left -= left;
	while (left > 0) {
		const struct ide_prd *prd = &request->prds[channel->prd_index];
		const uint32_t room = ide_prd_bytes(prd) - channel->prd_offset;
		const uint32_t bytes = left < room ? left : room;
		uint8_t *memory = paddr_to_virt((struct paddr){(uint64_t)prd->address + channel->prd_offset});

		if (request->protocol == IDE_PIO_READ)
			port_read16_many(channel->command_port, memory, bytes / 2);
		else
			port_write16_many(channel->command_port, memory, bytes / 2);
		left -= bytes;
		channel->prd_offset += bytes;
		if (bytes == room) {
			channel->prd_index++;
			channel->prd_offset = 0;
		}
	}
	timer_delay_us(SELECT_DELAY_US);
}

static bool step_without_dma(struct ide_channel *channel, uint8_t status)
{
	if ((status & (ATA_STATUS_ERR | ATA_STATUS_DF)) != 0) {
		device_failed(channel, status);
	} else if ((status & ATA_STATUS_DRQ) != 0 && channel->bytes_left > 0) {
		pio_move_block(channel);
	} else if ((status & ATA_STATUS_DRQ) == 0 && channel->bytes_left == 0) {
		attempt_succeeded(channel);
	} else {
		/* More data wanted than asked for, or less given. */
		attempt_failed(channel, FAILURE_TRANSPORT);
	}
	return true;
}

static bool step_dma(struct ide_channel *channel, uint8_t status)
{
	if ((status & (ATA_STATUS_ERR | ATA_STATUS_DF)) != 0) {
		device_failed(channel, status);
		return true;
	}
	if ((status & ATA_STATUS_DRQ) != 0)
		return wait_more(channel);
	if (ide_bus_master_has_failed(channel)) {
		attempt_failed(channel, FAILURE_TRANSPORT);
		return true;
	}
	if (ide_bus_master_is_active(channel)) {
		channel->deadline_us = min_u64(channel->deadline_us, timer_now_us() + ENGINE_DRAIN_TIMEOUT_US);
		return wait_more(channel);
	}
	ide_bus_master_stop(channel);
	attempt_succeeded(channel);
	return true;
}

static bool step_command(struct ide_channel *channel)
{
	const uint8_t status = ide_status_read(channel);

	if ((status & ATA_STATUS_BSY) != 0)
		return wait_more(channel);
	if (channel->request->protocol == IDE_DMA_READ || channel->request->protocol == IDE_DMA_WRITE)
		return step_dma(channel, status);
	return step_without_dma(channel, status);
}

/* --- a command begins ------------------------------------------------------------------------------------------ */

static struct ide_request *oldest_queued(struct ide_device *device)
{
	struct ide_request *oldest = NULL;

	if (device->sync_request.state == IDE_REQUEST_QUEUED)
		oldest = &device->sync_request;
	for (uint32_t i = 0; i < IDE_QUEUE_DEPTH; i++) {
		struct ide_request *request = &device->requests[i];

		if (request->state == IDE_REQUEST_QUEUED && (oldest == NULL || request->sequence < oldest->sequence))
			oldest = request;
	}
	return oldest;
}

/* A simplex controller transfers on one channel at a time; the channels take turns. */
static bool must_yield(struct ide_channel *channel)
{
	struct ide_controller *controller = channel->controller;
	struct ide_channel *other = &controller->channels[channel == &controller->channels[0] ? 1 : 0];

	if (!controller->is_simplex || !other->is_used)
		return false;
	if (other->state != IDE_CHANNEL_IDLE)
		return true;
	return controller->last_channel == channel &&
	       (oldest_queued(&other->devices[0]) != NULL || oldest_queued(&other->devices[1]) != NULL);
}

static bool step_idle(struct ide_channel *channel)
{
	if (must_yield(channel))
		return false;
	for (uint8_t i = 0; i < IDE_CHANNEL_DEVICES; i++) {
		struct ide_device *device = &channel->devices[(channel->turn + i) % IDE_CHANNEL_DEVICES];
		struct ide_request *request = oldest_queued(device);

		if (request == NULL)
			continue;
		channel->turn = (uint8_t)(1 - device->number);
		channel->controller->last_channel = channel;
		channel->active = device;
		channel->request = request;
		request->state = IDE_REQUEST_ACTIVE;
		ide_device_select(channel, device->number);
		channel->state = IDE_CHANNEL_SELECT;
		channel->deadline_us = timer_now_us() + SELECT_TIMEOUT_US;
		return true;
	}
	return false;
}

/* Chooses command and protocol of a transfer by what works today. */
static enum status transfer_build(const struct ide_device *device, struct ide_request *request)
{
	static const enum ata_transfer transfers[2][2] = {
		{ATA_READ_BY_PIO, ATA_READ_BY_DMA},
		{ATA_WRITE_BY_PIO, ATA_WRITE_BY_DMA},
	};
	static const enum ide_protocol protocols[2][2] = {
		{IDE_PIO_READ, IDE_DMA_READ},
		{IDE_PIO_WRITE, IDE_DMA_WRITE},
	};

	if (request->sectors == 0)
		return STATUS_OK;
	request->protocol = protocols[request->is_write][device->use_dma];
	request->block_bytes = device->identity.sector_bytes;
	return ata_transfer_build(&device->identity, transfers[request->is_write][device->use_dma], request->lba,
				  request->sectors, &request->taskfile);
}

static void command_issue(struct ide_channel *channel)
{
	struct ide_request *request = channel->request;
	const bool is_dma = request->protocol == IDE_DMA_READ || request->protocol == IDE_DMA_WRITE;

	channel->prd_index = 0;
	channel->prd_offset = 0;
	channel->bytes_left = request->protocol == IDE_NO_DATA ? 0 : request->bytes;
	channel->deadline_us = timer_now_us() + request->timeout_us;
	channel->state = IDE_CHANNEL_COMMAND;
	if (is_dma)
		ide_bus_master_prepare(channel, request);
	taskfile_write(channel, &request->taskfile);
	if (is_dma)
		ide_bus_master_start(channel, request);
}

static bool step_select(struct ide_channel *channel)
{
	const uint8_t status = ide_status_read(channel);

	if ((status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0 || (status & ATA_STATUS_DRDY) == 0)
		return wait_more(channel);
	if (transfer_build(channel->active, channel->request) != STATUS_OK) {
		request_end(channel->request, STATUS_INVALID);
		channel->request = NULL;
		channel->state = IDE_CHANNEL_IDLE;
		return true;
	}
	if (ide_bus_master_is_active(channel)) {
		attempt_failed(channel, FAILURE_TRANSPORT);
		return true;
	}
	command_issue(channel);
	return true;
}

/* --- software reset -------------------------------------------------------------------------------------------- */

static bool step_reset_hold(struct ide_channel *channel)
{
	if (timer_now_us() < channel->deadline_us)
		return false;
	ide_control_write(channel, ATA_CONTROL_NIEN);
	channel->state = IDE_CHANNEL_RESET_SETTLE;
	channel->deadline_us = timer_now_us() + RESET_SETTLE_US;
	return true;
}

static bool step_reset_settle(struct ide_channel *channel)
{
	if (timer_now_us() < channel->deadline_us)
		return false;
	channel->state = IDE_CHANNEL_RESET_WAIT;
	channel->deadline_us = timer_now_us() + RESET_TIMEOUT_US;
	return true;
}

/* A busy channel takes no selection: first whoever is selected, then the device that was reset. */
static bool step_reset_wait(struct ide_channel *channel)
{
	const uint8_t status = ide_status_read(channel);
	const bool is_absent = channel->state == IDE_CHANNEL_RESET_WAIT && status == IDE_FLOATING;

	if ((status & ATA_STATUS_BSY) == 0 || is_absent) {
		if (channel->state == IDE_CHANNEL_RESET_READY) {
			channel->state = IDE_CHANNEL_IDLE;
			return true;
		}
		ide_device_select(channel, channel->active->number);
		channel->state = IDE_CHANNEL_RESET_READY;
		return true;
	}
	if (timer_now_us() < channel->deadline_us)
		return false;
	log_line("%s: no answer after a reset, given up", channel->active->block.identity.name);
	ide_device_give_up(channel->active, STATUS_TIMEOUT);
	channel->state = IDE_CHANNEL_IDLE;
	return true;
}

/* --- the engine ------------------------------------------------------------------------------------------------ */

/* True when something was done and more may be possible at once. */
static bool channel_step(struct ide_channel *channel)
{
	switch (channel->state) {
	case IDE_CHANNEL_IDLE:
		return step_idle(channel);
	case IDE_CHANNEL_SELECT:
		return step_select(channel);
	case IDE_CHANNEL_COMMAND:
		return step_command(channel);
	case IDE_CHANNEL_RESET_HOLD:
		return step_reset_hold(channel);
	case IDE_CHANNEL_RESET_SETTLE:
		return step_reset_settle(channel);
	case IDE_CHANNEL_RESET_WAIT:
	case IDE_CHANNEL_RESET_READY:
		return step_reset_wait(channel);
	}
	return false;
}

void ide_controller_advance(struct ide_controller *controller)
{
	for (uint32_t i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *channel = &controller->channels[i];

		for (uint32_t steps = 0; channel->is_used && steps < STEPS_MAX && channel_step(channel); steps++)
			continue;
	}
}

void ide_request_queue(struct ide_device *device, struct ide_request *request)
{
	request->sequence = device->next_sequence++;
	request->state = IDE_REQUEST_QUEUED;
	ide_controller_advance(device->channel->controller);
}

struct request_wait {
	struct ide_controller *controller;
	const struct ide_request *request;
};

static bool request_is_done(void *context)
{
	const struct request_wait *wait = context;

	ide_controller_advance(wait->controller);
	return wait->request->state == IDE_REQUEST_DONE;
}

enum status ide_request_run(struct ide_device *device, struct ide_request *request, uint64_t timeout_us)
{
	struct request_wait wait = {device->channel->controller, request};

	if (device->gone)
		return STATUS_IO_ERROR;
	ide_request_queue(device, request);
	if (poll_until(request_is_done, &wait, timeout_us) != STATUS_OK)
		ide_device_give_up(device, STATUS_TIMEOUT);
	request->state = IDE_REQUEST_FREE;
	return request->status;
}

static bool channel_is_settled(void *context)
{
	struct ide_channel *channel = context;

	ide_controller_advance(channel->controller);
	return channel->state == IDE_CHANNEL_IDLE;
}

void ide_channel_reset(struct ide_device *device)
{
	device->channel->active = device;
	reset_begin(device->channel);
}

enum status ide_channel_settle(struct ide_channel *channel)
{
	return poll_until(channel_is_settled, channel, SETTLE_TIMEOUT_US);
}
