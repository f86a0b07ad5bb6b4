/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio block device: bringing it up (VIRTIO 1.2, 3.1.1 and 5.2) and what it offers (include/block.h). */
#include "drivers/virtio/virtio_blk.h"

#include "drivers/block_check.h"
#include "drivers/timer.h"
#include "drivers/virtio/virtio_internal.h"
#include "drivers/virtio/virtio_regs.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"

enum {
	CONFIG_US = 100000,
	ID_US = 2000000,
	/* write_sync or flush_sync in all: at most 30 s, five of them for a reset. */
	WRITE_AND_FLUSH_US = 24000000,
	WRITE_US = 8000000,
	WRITE_TRIES = 2,
	SLOTS_FEW =
		4, /* for later disks, when the arena gets tight; and for a queue that is filled by a few requests */
	REQUEST_MEMORY_ALIGNMENT = 64,
};

#define CAPACITY_MAX      (UINT64_MAX / VIRTIO_BLK_SECTOR_BYTES)
#define REQUEST_BYTES_MAX ((uint32_t)(VIRTIO_BLK_PAGES_MAX * PAGE_BYTES))

/* All that we understand. ACCESS_PLATFORM: our addresses are physical, as every device of this machine gets them;
 * ORDER_PLATFORM: the barriers of virtio_queue.c are the machine's. */
#define FEATURES_WANTED                                                                                                \
	(VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH | \
	 VIRTIO_F_INDIRECT_DESC | VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_ORDER_PLATFORM)

/* The device's configuration, as far as we negotiated it. */
struct config {
	const struct virtio_blk *blk;
	uint64_t capacity;
	uint32_t piece_bytes; /* size_max */
	uint32_t pieces;      /* seg_max */
	uint32_t sector_bytes;
};

static struct virtio_blk *blk_of(struct block_device *device)
{
	return device->driver;
}

static bool has(const struct virtio_blk *blk, uint64_t feature)
{
	return (blk->features & feature) != 0;
}

/* --- bringing it up --------------------------------------------------------------------------------------------- */

/* The device is reset. wanted: of what it offers. */
static enum status features_negotiate(struct virtio_blk *blk, uint64_t wanted)
{
	const struct virtio_transport *transport = &blk->transport;
	uint8_t status = VIRTIO_STATUS_ACKNOWLEDGE;

	virtio_status_write(transport, status);
	status |= VIRTIO_STATUS_DRIVER;
	virtio_status_write(transport, status);
	blk->features = transport->ops->features_read(transport) & wanted;
	transport->ops->features_write(transport, blk->features);
	if (!transport->ops->has_features_ok)
		return STATUS_OK;
	status |= VIRTIO_STATUS_FEATURES_OK;
	virtio_status_write(transport, status);
	if (has(blk, VIRTIO_F_VERSION_1) && (virtio_status_read(transport) & VIRTIO_STATUS_FEATURES_OK) != 0)
		return STATUS_OK;
	log_line("%s: it refuses features %llx", blk->device.identity.name, (unsigned long long)blk->features);
	return STATUS_UNSUPPORTED;
}

/* The rings are empty. */
static enum status device_go(struct virtio_blk *blk)
{
	const uint8_t status = virtio_status_read(&blk->transport);

	TRY(blk->transport.ops->queue_create(&blk->transport, &blk->queue));
	virtio_status_write(&blk->transport, status | (uint8_t)VIRTIO_STATUS_DRIVER_OK);
	blk->state = VIRTIO_BLK_RUNNING;
	return STATUS_OK;
}

enum status virtio_blk_restart(struct virtio_blk *blk)
{
	const struct virtio_transport *transport = &blk->transport;
	const uint64_t features = blk->features;

	TRY(features_negotiate(blk, features));
	const uint16_t size = transport->ops->queue_size(transport);
	if (blk->features != features || size < blk->queue.size ||
	    (transport->ops->is_queue_size_fixed && size != blk->queue.size))
		return STATUS_UNSUPPORTED;
	virtio_queue_clear(&blk->queue);
	return device_go(blk);
}

static uint32_t config_field(const struct virtio_blk *blk, uint32_t offset)
{
	return virtio_window_read(&blk->transport.config, offset, 4);
}

static uint64_t config_capacity(const struct virtio_blk *blk)
{
	return config_field(blk, VIRTIO_BLK_CONFIG_CAPACITY) |
	       (uint64_t)config_field(blk, VIRTIO_BLK_CONFIG_CAPACITY + 4) << 32;
}

/* False: the one field that takes two reads changed meanwhile. (The legacy interface has no generation.) */
static bool config_read(void *context)
{
	struct config *config = context;
	const struct virtio_blk *blk = config->blk;

	config->capacity = config_capacity(blk);
	config->piece_bytes = REQUEST_BYTES_MAX;
	/* A device that names no limit is sure to take one. */
	config->pieces = 1;
	config->sector_bytes = VIRTIO_BLK_SECTOR_BYTES;
	if (has(blk, VIRTIO_BLK_F_SIZE_MAX))
		config->piece_bytes = config_field(blk, VIRTIO_BLK_CONFIG_SIZE_MAX);
	if (has(blk, VIRTIO_BLK_F_SEG_MAX))
		config->pieces = config_field(blk, VIRTIO_BLK_CONFIG_SEG_MAX);
	if (has(blk, VIRTIO_BLK_F_BLK_SIZE))
		config->sector_bytes = config_field(blk, VIRTIO_BLK_CONFIG_BLK_SIZE);
	return config_capacity(blk) == config->capacity;
}

static uint32_t config_bytes_needed(const struct virtio_blk *blk)
{
	if (has(blk, VIRTIO_BLK_F_BLK_SIZE))
		return VIRTIO_BLK_CONFIG_BLK_SIZE + 4;
	if (has(blk, VIRTIO_BLK_F_SEG_MAX))
		return VIRTIO_BLK_CONFIG_SEG_MAX + 4;
	if (has(blk, VIRTIO_BLK_F_SIZE_MAX))
		return VIRTIO_BLK_CONFIG_SIZE_MAX + 4;
	return VIRTIO_BLK_CONFIG_CAPACITY + 8;
}

static enum status config_get(struct virtio_blk *blk, struct config *config)
{
	struct block_identity *identity = &blk->device.identity;

	*config = (struct config){.blk = blk};
	if (config_bytes_needed(blk) > blk->transport.config.bytes)
		return STATUS_UNSUPPORTED;
	TRY(poll_until(config_read, config, CONFIG_US));
	identity->sector_bytes = config->sector_bytes;
	blk->piece_bytes_max =
		(uint32_t)align_down(min_u64(config->piece_bytes, REQUEST_BYTES_MAX), VIRTIO_BLK_SECTOR_BYTES);
	if ((config->sector_bytes != 512 && config->sector_bytes != 4096) || blk->piece_bytes_max == 0) {
		log_line("%s: sectors of %u bytes, pieces of %u", identity->name, config->sector_bytes,
			 config->piece_bytes);
		return STATUS_UNSUPPORTED;
	}
	identity->sector_count = config->capacity / (config->sector_bytes / VIRTIO_BLK_SECTOR_BYTES);
	return identity->sector_count > 0 && config->capacity <= CAPACITY_MAX ? STATUS_OK : STATUS_UNSUPPORTED;
}

/* How many requests, and of how many descriptors, a queue of this size takes. */
static enum status chains_choose(struct virtio_blk *blk, uint32_t size, uint32_t pieces, const struct arena *arena)
{
	const uint32_t page_pieces = (uint32_t)div_round_up(PAGE_BYTES, blk->piece_bytes_max);
	const uint32_t chain_least = page_pieces + VIRTIO_BLK_CHAIN_EXTRAS;
	const uint32_t wanted = (uint32_t)max_u64(min_u64(pieces, (uint64_t)VIRTIO_BLK_PAGES_MAX * page_pieces), 1);
	/* No chain may be longer than the queue, indirect or not (2.7.5.3.1). */
	uint64_t chain = min_u64(wanted + VIRTIO_BLK_CHAIN_EXTRAS, size);
	uint64_t slots = size;

	if (chain < chain_least)
		return STATUS_UNSUPPORTED;
	if (has(blk, VIRTIO_F_INDIRECT_DESC)) {
		/* The arena belongs to the image's bitmaps, too. */
		slots = min_u64(slots, VIRTIO_BLK_SLOTS_MAX);
		if (slots * chain * sizeof(struct virtq_desc) > arena_free_bytes(arena) / 8)
			slots = min_u64(slots, SLOTS_FEW);
	} else {
		slots = max_u64(size / chain, min_u64(SLOTS_FEW, size / chain_least));
		slots = min_u64(slots, VIRTIO_BLK_SLOTS_MAX);
		chain = min_u64(chain, size / slots);
	}
	blk->slot_count = (uint32_t)slots;
	blk->chain_max = (uint32_t)chain;
	return STATUS_OK;
}

static enum status queue_allocate(struct virtio_blk *blk, uint32_t pieces, struct arena *arena)
{
	const struct virtio_transport *transport = &blk->transport;
	uint16_t size = transport->ops->queue_size(transport);
	const bool is_too_large = transport->ops->is_queue_size_fixed && size > transport->ops->queue_size_max;
	void *memory;

	if (size == 0 || (size & (size - 1)) != 0 || is_too_large) {
		log_line("%s: a queue of %u", blk->device.identity.name, size);
		return STATUS_UNSUPPORTED;
	}
	size = (uint16_t)min_u64(size, transport->ops->queue_size_max);
	TRY(chains_choose(blk, size, pieces, arena));
	TRY(arena_alloc(arena, virtio_queue_bytes(size), VIRTQ_ALIGNMENT, &memory));
	virtio_queue_init(&blk->queue, transport, memory, size);
	TRY(arena_alloc(arena, blk->slot_count * sizeof(*blk->memory), REQUEST_MEMORY_ALIGNMENT, &memory));
	blk->memory = memory;
	if (has(blk, VIRTIO_F_INDIRECT_DESC)) {
		TRY(arena_alloc(arena, (size_t)blk->slot_count * blk->chain_max * sizeof(struct virtq_desc),
				sizeof(struct virtq_desc), &memory));
		blk->tables = memory;
	}
	return STATUS_OK;
}

/*
 * The rest of the identity follows from the chains. n segments of b bytes in all take at most n + (b - 1) / piece
 * descriptors, whatever their sizes are: so many must there be for the most segments and the most bytes together.
 * They are chosen so that a page for each of the segments is among the bytes.
 */
static void limits_publish(struct virtio_blk *blk)
{
	struct block_identity *identity = &blk->device.identity;
	const uint64_t piece_bytes = blk->piece_bytes_max;
	const uint64_t pieces = blk->chain_max - VIRTIO_BLK_CHAIN_EXTRAS;
	const uint64_t segments = (pieces + 1) * piece_bytes / (PAGE_BYTES + piece_bytes);
	const uint64_t bytes = (pieces - segments + 1) * piece_bytes;

	identity->max_segments = (uint32_t)segments;
	identity->max_transfer_bytes = (uint32_t)align_down(min_u64(bytes, REQUEST_BYTES_MAX), PAGE_BYTES);
	identity->queue_depth = blk->slot_count;
	identity->controller = pci_address(&blk->transport.function);
	identity->dma_limit = UINT64_MAX;
}

/* Optional: a device may not know it. Printable and trimmed. */
static enum status serial_get(struct virtio_blk *blk, struct arena *arena)
{
	char *serial = blk->device.identity.serial;
	uint32_t length = 0;
	void *memory;

	TRY(arena_alloc(arena, VIRTIO_BLK_ID_BYTES, REQUEST_MEMORY_ALIGNMENT, &memory));
	const char *id = memory;
	if (virtio_request_command(blk, VIRTIO_BLK_T_GET_ID, 0, id, VIRTIO_BLK_ID_BYTES, ID_US) != STATUS_OK)
		return blk->state == VIRTIO_BLK_RUNNING ? STATUS_OK : virtio_request_settle(blk);
	for (uint32_t i = 0; i < VIRTIO_BLK_ID_BYTES && id[i] != '\0'; i++) {
		const bool is_printable = id[i] >= ' ' && id[i] <= '~';
		if (length > 0 || id[i] != ' ')
			serial[length++] = is_printable ? id[i] : '?';
	}
	while (length > 0 && serial[length - 1] == ' ')
		length--;
	serial[length] = '\0';
	return STATUS_OK;
}

static enum status device_start(struct virtio_blk *blk, struct arena *arena)
{
	struct config config;

	TRY(virtio_reset(&blk->transport));
	pci_enable(&blk->transport.function);
	TRY(features_negotiate(blk, FEATURES_WANTED));
	TRY(config_get(blk, &config));
	TRY(queue_allocate(blk, config.pieces, arena));
	limits_publish(blk);
	TRY(device_go(blk));
	return serial_get(blk, arena);
}

/* --- block_ops -------------------------------------------------------------------------------------------------- */

static enum status disk_submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
				    struct lba lba, uint32_t tag)
{
	return virtio_request_submit(blk_of(device), VIRTIO_BLK_T_IN, segments, count, lba, tag);
}

static enum status disk_submit_write(struct block_device *device, const struct block_segment *segments, uint32_t count,
				     struct lba lba, uint32_t tag)
{
	if (has(blk_of(device), VIRTIO_BLK_F_RO))
		return STATUS_IO_ERROR;
	return virtio_request_submit(blk_of(device), VIRTIO_BLK_T_OUT, segments, count, lba, tag);
}

static void disk_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	virtio_request_poll(blk_of(device), completions_out, capacity, count_out);
}

static uint64_t time_left_us(uint64_t end_us)
{
	const uint64_t now_us = timer_now_us();

	return now_us < end_us ? end_us - now_us : 0;
}

/*
 * Without the feature every write is durable when it is done (5.2.6.2). Never flushed twice: a second flush that
 * succeeds does not bring back what the first one lost.
 */
static enum status flush(struct virtio_blk *blk, uint64_t end_us)
{
	if (!has(blk, VIRTIO_BLK_F_FLUSH))
		return STATUS_OK;
	return virtio_request_command(blk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, time_left_us(end_us));
}

static enum status disk_flush_sync(struct block_device *device)
{
	if (!virtio_request_is_idle(blk_of(device)))
		return STATUS_INVALID;
	return flush(blk_of(device), timer_now_us() + WRITE_AND_FLUSH_US);
}

static enum status disk_write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	struct virtio_blk *blk = blk_of(device);
	const uint64_t end_us = timer_now_us() + WRITE_AND_FLUSH_US;
	enum status status = STATUS_IO_ERROR;

	TRY(block_check_write(&device->identity, lba, data, bytes));
	if (!virtio_request_is_idle(blk))
		return STATUS_INVALID;
	if (has(blk, VIRTIO_BLK_F_RO))
		return STATUS_IO_ERROR;
	const uint64_t sector = lba.value * (device->identity.sector_bytes / VIRTIO_BLK_SECTOR_BYTES);
	for (unsigned i = 0; i < WRITE_TRIES && status == STATUS_IO_ERROR; i++)
		status = virtio_request_command(blk, VIRTIO_BLK_T_OUT, sector, data, bytes, WRITE_US);
	return status == STATUS_OK ? flush(blk, end_us) : status;
}

static enum status disk_rehearse_stop(struct block_device *device)
{
	struct virtio_blk *blk = blk_of(device);

	if (!virtio_request_is_idle(blk))
		return STATUS_INVALID;
	TRY(virtio_request_settle(blk));
	enum status status = virtio_reset(&blk->transport);
	if (status == STATUS_OK)
		status = virtio_blk_restart(blk);
	if (status == STATUS_OK)
		return STATUS_OK;
	virtio_blk_give_up(blk, status, "it can't be stopped and started");
	return status == STATUS_TIMEOUT ? STATUS_TIMEOUT : STATUS_IO_ERROR;
}

static void disk_quiesce(struct block_device *device)
{
	struct virtio_blk *blk = blk_of(device);

	if (blk->is_quiesced)
		return;
	blk->is_quiesced = true;
	const bool is_reset = virtio_reset(&blk->transport) == STATUS_OK;
	/* Never both in vain: where one of the two failed, the other is tried again. */
	if (!pci_bus_master_disable(&blk->transport.function) || !is_reset) {
		ignore_status(virtio_reset(&blk->transport));
		(void)!pci_bus_master_disable(&blk->transport.function);
	}
	virtio_blk_retire(blk, STATUS_IO_ERROR);
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

/* --- the driver ------------------------------------------------------------------------------------------------- */

static enum status disk_add(struct virtio_blk *blk, const struct driver_environment *environment)
{
	const struct block_identity *identity = &blk->device.identity;

	blk->device.ops = &disk_ops;
	blk->device.driver = blk;
	TRY(block_registry_add(environment->registry, &blk->device));
	log_line("%s: %02x:%02x.%x, %s, %llu MiB, %u-byte sectors, depth %u, %u pages%s", identity->name,
		 blk->transport.function.bus, blk->transport.function.device, blk->transport.function.function,
		 blk->transport.ops->name,
		 (unsigned long long)(identity->sector_count / (MIB / identity->sector_bytes)), identity->sector_bytes,
		 identity->queue_depth, identity->max_segments, has(blk, VIRTIO_BLK_F_RO) ? ", read-only" : "");
	return STATUS_OK;
}

static bool matches(const struct pci_function *function)
{
	return function->vendor_id == VIRTIO_PCI_VENDOR &&
	       (function->device_id == VIRTIO_PCI_BLK_TRANSITIONAL || function->device_id == VIRTIO_PCI_BLK_MODERN);
}

static enum status blk_start(const struct driver_environment *environment, const struct pci_function *function,
			     uint32_t index)
{
	void *memory;

	TRY(arena_alloc(environment->arena, sizeof(struct virtio_blk), _Alignof(struct virtio_blk), &memory));
	struct virtio_blk *blk = memory;
	format_text(blk->device.identity.name, sizeof(blk->device.identity.name), "virtio%u", index);
	format_text(blk->device.identity.model, sizeof(blk->device.identity.model), "virtio-blk");
	TRY(virtio_transport_open(&blk->transport, function, environment));
	enum status status = device_start(blk, environment->arena);
	if (status == STATUS_OK)
		status = disk_add(blk, environment);
	if (status != STATUS_OK)
		virtio_status_write(&blk->transport, 0);
	return status;
}

static enum status probe(const struct driver_environment *environment, const struct pci_function *function,
			 uint32_t controller_index)
{
	const enum status status = blk_start(environment, function, controller_index);

	if (status != STATUS_OK && !pci_bus_master_disable(function))
		log_line("virtio%u: bus mastering does not go off", controller_index);
	return status;
}

const struct block_driver virtio_blk_driver = {.name = "virtio", .matches = matches, .probe = probe};
