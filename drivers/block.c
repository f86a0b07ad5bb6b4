/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helpers of the block-device interface: the registry, a synchronous read, and what drivers check
 * (include/block.h). */
#include "include/block.h"

#include "drivers/block_check.h"
#include "drivers/timer.h"

enum {
	SEGMENT_ALIGNMENT = 2,
	SECTOR_UNIT_BYTES = 512,
	READ_SYNC_US =
		300000000, /* beyond what a driver takes to give a request up, which it must: only a safety net */
};

struct sync_read {
	struct block_device *device;
	struct block_completion completion;
	uint32_t count;
};

static bool range_is_on_device(const struct block_identity *identity, struct lba lba, uint64_t bytes)
{
	const uint64_t sectors = bytes / identity->sector_bytes;

	return bytes > 0 && bytes % identity->sector_bytes == 0 && lba.value < identity->sector_count &&
	       sectors <= identity->sector_count - lba.value;
}

static bool memory_is_reachable(const struct block_identity *identity, uint64_t address, uint64_t bytes)
{
	return bytes <= identity->dma_limit && address <= identity->dma_limit - bytes;
}

static bool sync_read_is_done(void *context)
{
	struct sync_read *read = context;

	read->device->ops->poll(read->device, &read->completion, 1, &read->count);
	return read->count > 0;
}

/* --- public ---------------------------------------------------------------------------------------------------- */

enum status block_check_transfer(const struct block_identity *identity, const struct block_segment *segments,
				 uint32_t count, struct lba lba, uint64_t *bytes_out)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct block_segment *segment = &segments[i];
		bytes += segment->bytes;
		/* Checked at once, so that the sum stays small. */
		if (segment->bytes == 0 || segment->bytes % SECTOR_UNIT_BYTES != 0 ||
		    segment->address.value % SEGMENT_ALIGNMENT != 0 || bytes > identity->max_transfer_bytes ||
		    !memory_is_reachable(identity, segment->address.value, segment->bytes))
			return STATUS_INVALID;
	}
	if (!range_is_on_device(identity, lba, bytes))
		return STATUS_INVALID;
	*bytes_out = bytes;
	return STATUS_OK;
}

enum status block_check_write(const struct block_identity *identity, struct lba lba, const void *data, uint32_t bytes)
{
	const uint64_t address = virt_to_paddr(data).value;

	if (bytes > PAGE_BYTES || address % SECTOR_UNIT_BYTES != 0 || !range_is_on_device(identity, lba, bytes) ||
	    !memory_is_reachable(identity, address, bytes))
		return STATUS_INVALID;
	return STATUS_OK;
}

enum status block_registry_add(struct block_registry *registry, struct block_device *device)
{
	if (registry->count >= BLOCK_DEVICES_MAX)
		return STATUS_NO_MEMORY;
	registry->devices[registry->count++] = device;
	return STATUS_OK;
}

enum status block_read_sync(struct block_device *device, struct lba lba, void *buffer, uint64_t bytes)
{
	const struct block_identity *identity = &device->identity;
	uint64_t address = virt_to_paddr(buffer).value;

	/* All of it before the first transfer: a refused read leaves the buffer alone. */
	if (address % SECTOR_UNIT_BYTES != 0 || !range_is_on_device(identity, lba, bytes) ||
	    !memory_is_reachable(identity, address, bytes))
		return STATUS_INVALID;
	while (bytes > 0) {
		const uint32_t part = (uint32_t)min_u64(bytes, identity->max_transfer_bytes);
		const struct block_segment segment = {.address = {address}, .bytes = part};
		struct sync_read read = {.device = device};
		TRY(device->ops->submit_read(device, &segment, 1, lba, 0));
		TRY(poll_until(sync_read_is_done, &read, READ_SYNC_US));
		TRY(read.completion.status);
		address += part;
		bytes -= part;
		lba.value += part / identity->sector_bytes;
	}
	return STATUS_OK;
}
