/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The legacy PCI interface of a virtio device: I/O ports in BAR 0 (VIRTIO 1.2, 4.1.4.10; virtio 0.9.5). */
#include "drivers/virtio/virtio_internal.h"

#include "drivers/virtio/virtio_regs.h"

enum {
	QUEUE_SIZE_MAX = 1024, /* the device's choice, the arena's room */
};

static uint64_t legacy_features_read(const struct virtio_transport *transport)
{
	return virtio_window_read(&transport->registers, VIRTIO_LEGACY_DEVICE_FEATURES, 4);
}

static void legacy_features_write(const struct virtio_transport *transport, uint64_t features)
{
	virtio_window_write(&transport->registers, VIRTIO_LEGACY_DRIVER_FEATURES, 4, (uint32_t)features);
}

static uint16_t legacy_queue_size(const struct virtio_transport *transport)
{
	virtio_window_write(&transport->registers, VIRTIO_LEGACY_QUEUE_SELECT, 2, 0);
	return (uint16_t)virtio_window_read(&transport->registers, VIRTIO_LEGACY_QUEUE_SIZE, 2);
}

static enum status legacy_queue_create(struct virtio_transport *transport, const struct virtio_queue *queue)
{
	const uint64_t page = paddr_to_pfn(virt_to_paddr(queue->descriptors)).value;

	if (page > UINT32_MAX)
		return STATUS_UNSUPPORTED;
	transport->notify_offset = VIRTIO_LEGACY_QUEUE_NOTIFY;
	virtio_window_write(&transport->registers, VIRTIO_LEGACY_QUEUE_SELECT, 2, 0);
	virtio_window_write(&transport->registers, VIRTIO_LEGACY_QUEUE_ADDRESS, 4, (uint32_t)page);
	return STATUS_OK;
}

const struct virtio_transport_ops virtio_legacy_ops = {
	.name = "legacy",
	.status_offset = VIRTIO_LEGACY_DEVICE_STATUS,
	.queue_size_max = QUEUE_SIZE_MAX,
	.is_queue_size_fixed = true,
	.features_read = legacy_features_read,
	.features_write = legacy_features_write,
	.queue_size = legacy_queue_size,
	.queue_create = legacy_queue_create,
};
