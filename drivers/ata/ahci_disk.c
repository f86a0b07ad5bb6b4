/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ATA disk on an AHCI port as a block device (include/block.h). */
#include "drivers/ata/ahci_internal.h"

#include "drivers/block_check.h"
#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"

enum {
	TRANSFER_BYTES_MAX = AHCI_PRDS * 4096,
	TABLE_ALIGNMENT = 128,
	SLOTS_FEW = 4, /* for later disks, when the arena gets tight */
	/* write_sync or flush_sync in all: at most 30 s, the last three of them for recovery. */
	WRITE_AND_FLUSH_US = 27000000,
	WRITE_US = 8000000,
	WRITE_TRIES = 2,
	RECOVERY_US = 3000000,
	REHEARSE_SETTLE_US = 15000000,
};

static struct ahci_port *port_of(struct block_device *device)
{
	return device->driver;
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static uint64_t time_left_us(uint64_t end_us)
{
	const uint64_t now_us = timer_now_us();

	return now_us < end_us ? end_us - now_us : 0;
}

static enum status write_sectors(struct ahci_port *port, struct lba lba, const void *data, uint32_t bytes,
				 uint64_t end_us)
{
	struct ata_taskfile taskfile;
	enum status status = STATUS_IO_ERROR;

	TRY(ata_transfer_build(&port->ata, ATA_WRITE_BY_DMA, lba, bytes / port->ata.sector_bytes, &taskfile));
	for (unsigned i = 0; i < WRITE_TRIES; i++) {
		TRY(ahci_port_settle(port, min_u64(RECOVERY_US, time_left_us(end_us))));
		status = ahci_port_command(port, &taskfile, virt_to_paddr(data), bytes,
					   min_u64(WRITE_US, time_left_us(end_us)));
		if (status != STATUS_IO_ERROR)
			break;
	}
	return status;
}

/* Never tried twice: a second flush that succeeds does not bring back what the first one lost. */
static enum status flush_cache(struct ahci_port *port, uint64_t end_us)
{
	struct ata_taskfile taskfile;

	if (ata_flush_build(&port->ata, &taskfile) != STATUS_OK)
		return port->ata.write_cache ? STATUS_IO_ERROR : STATUS_OK;
	TRY(ahci_port_settle(port, time_left_us(end_us)));
	return ahci_port_command(port, &taskfile, (struct paddr){0}, 0, time_left_us(end_us));
}

/* Ready for the read that must follow an error; if it is not so soon, the next polls go on with it. */
static enum status recovered(struct ahci_port *port, enum status status)
{
	if (status != STATUS_OK && ahci_port_settle(port, RECOVERY_US) != STATUS_OK)
		log_line("%s: not back after a failed write", port->device.identity.name);
	return status;
}

/* --- block_ops ------------------------------------------------------------------------------------------------- */

static enum status disk_submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
				    struct lba lba, uint32_t tag)
{
	return ahci_queue_submit(port_of(device), ATA_READ_BY_DMA, segments, count, lba, tag);
}

static enum status disk_submit_write(struct block_device *device, const struct block_segment *segments, uint32_t count,
				     struct lba lba, uint32_t tag)
{
	return ahci_queue_submit(port_of(device), ATA_WRITE_BY_DMA, segments, count, lba, tag);
}

static void disk_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	ahci_queue_poll(port_of(device), completions_out, capacity, count_out);
}

static enum status disk_flush_sync(struct block_device *device)
{
	struct ahci_port *port = port_of(device);

	if (!ahci_queue_is_idle(port))
		return STATUS_INVALID;
	return recovered(port, flush_cache(port, timer_now_us() + WRITE_AND_FLUSH_US));
}

static enum status disk_write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	struct ahci_port *port = port_of(device);
	const uint64_t end_us = timer_now_us() + WRITE_AND_FLUSH_US;

	TRY(block_check_write(&device->identity, lba, data, bytes));
	if (!ahci_queue_is_idle(port))
		return STATUS_INVALID;
	enum status status = write_sectors(port, lba, data, bytes, end_us);
	if (status == STATUS_OK)
		status = flush_cache(port, end_us);
	return recovered(port, status);
}

static enum status disk_rehearse_stop(struct block_device *device)
{
	struct ahci_port *port = port_of(device);

	if (!ahci_queue_is_idle(port))
		return STATUS_INVALID;
	TRY(ahci_port_settle(port, REHEARSE_SETTLE_US));
	if (ahci_port_stop(port) == STATUS_OK) {
		ahci_port_start(port);
		return STATUS_OK;
	}
	log_line("%s: the engine does not stop, controller reset", device->identity.name);
	ahci_controller_restart(port->controller);
	return STATUS_TIMEOUT;
}

static void disk_quiesce(struct block_device *device)
{
	ahci_controller_quiesce(port_of(device)->controller);
}

static const struct block_ops disk_ops = {
	.submit_read = disk_submit_read,
	.submit_write = disk_submit_write,
	.poll = disk_poll,
	.flush_sync = disk_flush_sync,
	.write_sync = disk_write_sync,
	.rehearse_stop = disk_rehearse_stop,
	.quiesce = disk_quiesce,
};

/* --- bringing a disk up ---------------------------------------------------------------------------------------- */

static uint32_t slots_choose(const struct ahci_port *port, const struct arena *arena)
{
	uint64_t slots = port->controller->slot_count;

	if (port->queue.uses_ncq)
		slots = min_u64(slots, port->ata.ncq_depth);
	/* The arena belongs to the image's bitmaps, too. */
	if (slots * sizeof(struct ahci_transfer_table) > arena_free_bytes(arena) / 8)
		slots = min_u64(slots, SLOTS_FEW);
	return (uint32_t)slots;
}

static void identity_fill(struct ahci_port *port)
{
	struct block_identity *identity = &port->device.identity;
	const uint64_t most = (uint64_t)ata_sectors_max(&port->ata) * port->ata.sector_bytes;

	ata_identity_publish(&port->ata, identity);
	format_text(identity->name, sizeof(identity->name), "ahci%u.%u", port->controller->index, port->index);
	identity->max_transfer_bytes = (uint32_t)min_u64(TRANSFER_BYTES_MAX, most);
	identity->max_segments = identity->max_transfer_bytes / PAGE_BYTES;
	identity->queue_depth = port->queue.slot_count;
	identity->controller = pci_address(&port->controller->function);
	identity->dma_limit = port->controller->dma_limit;
}

enum status ahci_disk_add(struct ahci_port *port, const struct driver_environment *environment)
{
	struct ahci_queue *queue = &port->queue;
	void *tables;

	queue->uses_ncq = port->ata.ncq && port->controller->has_ncq;
	queue->slot_count = slots_choose(port, environment->arena);
	TRY(arena_alloc(environment->arena, queue->slot_count * sizeof(struct ahci_transfer_table), TABLE_ALIGNMENT,
			&tables));
	queue->tables = tables;
	identity_fill(port);
	port->device.ops = &disk_ops;
	port->device.driver = port;
	TRY(block_registry_add(environment->registry, &port->device));
	log_line("%s: %s, %llu MiB, %u-byte sectors, %s depth %u", port->device.identity.name, port->ata.model,
		 (unsigned long long)(port->ata.sector_count / (MIB / port->ata.sector_bytes)), port->ata.sector_bytes,
		 queue->uses_ncq ? "queued" : "not queued,", queue->slot_count);
	return STATUS_OK;
}
