/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modern PCI interface of a virtio device: its common configuration structure (VIRTIO 1.2, 4.1.4.3 and 4.1.4.4). */
#include "drivers/virtio/virtio_internal.h"

#include "drivers/virtio/virtio_regs.h"

enum {
	QUEUE_SIZE_MAX = 512, /* enough for a request of VIRTIO_BLK_PAGES_MAX */
	NOTIFY_BYTES = 2,
};

static uint32_t read(const struct virtio_transport *transport, uint32_t offset, unsigned width_bytes)
{
	return virtio_window_read(&transport->registers, offset, width_bytes);
}

static void write(const struct virtio_transport *transport, uint32_t offset, unsigned width_bytes, uint32_t value)
{
	virtio_window_write(&transport->registers, offset, width_bytes, value);
}

static void write_address(const struct virtio_transport *transport, uint32_t offset, const void *memory)
{
	const uint64_t address = virt_to_paddr(memory).value;

	write(transport, offset, 4, (uint32_t)address);
	write(transport, offset + 4, 4, (uint32_t)(address >> 32));
}

static uint64_t modern_features_read(const struct virtio_transport *transport)
{
	uint64_t features = 0;

	for (uint32_t half = 0; half < 2; half++) {
		write(transport, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, half);
		features |= (uint64_t)read(transport, VIRTIO_COMMON_DEVICE_FEATURE, 4) << (32 * half);
	}
	return features;
}

static void modern_features_write(const struct virtio_transport *transport, uint64_t features)
{
	for (uint32_t half = 0; half < 2; half++) {
		write(transport, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, half);
		write(transport, VIRTIO_COMMON_DRIVER_FEATURE, 4, (uint32_t)(features >> (32 * half)));
	}
}

static uint16_t modern_queue_size(const struct virtio_transport *transport)
{
	write(transport, VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
	return (uint16_t)read(transport, VIRTIO_COMMON_QUEUE_SIZE, 2);
}

static enum status modern_queue_create(struct virtio_transport *transport, const struct virtio_queue *queue)
{
	write(transport, VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
	const uint64_t offset =
		(uint64_t)read(transport, VIRTIO_COMMON_QUEUE_NOTIFY_OFF, 2) * transport->notify_multiplier;
	if (offset % NOTIFY_BYTES != 0 || offset + NOTIFY_BYTES > transport->notify.bytes)
		return STATUS_UNSUPPORTED;
	transport->notify_offset = (uint32_t)offset;
	write(transport, VIRTIO_COMMON_QUEUE_SIZE, 2, queue->size);
	write_address(transport, VIRTIO_COMMON_QUEUE_DESC, queue->descriptors);
	write_address(transport, VIRTIO_COMMON_QUEUE_DRIVER, queue->available);
	write_address(transport, VIRTIO_COMMON_QUEUE_DEVICE, queue->used);
	write(transport, VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	return STATUS_OK;
}

const struct virtio_transport_ops virtio_modern_ops = {
	.name = "modern",
	.status_offset = VIRTIO_COMMON_DEVICE_STATUS,
	.queue_size_max = QUEUE_SIZE_MAX,
	.has_features_ok = true,
	.features_read = modern_features_read,
	.features_write = modern_features_write,
	.queue_size = modern_queue_size,
	.queue_create = modern_queue_create,
};
