/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The split virtqueue (VIRTIO 1.2, 2.7). x86 keeps stores in order, and loads in order, so that only the compiler has
 * to be held back; but a load may pass an older store to another place, and there a fence is needed.
 */
#include "drivers/virtio/virtio_internal.h"

#include "lib/string.h"

static void compiler_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

static void full_barrier(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

/* Where the used ring begins: at the next multiple of VIRTQ_ALIGNMENT behind descriptors and available ring. */
static uint32_t used_offset(uint16_t size)
{
	const uint32_t end = (uint32_t)(size * sizeof(struct virtq_desc) + sizeof(struct virtq_avail) +
					size * sizeof(uint16_t) + VIRTQ_EVENT_BYTES);

	return (uint32_t)align_up(end, VIRTQ_ALIGNMENT);
}

static uint32_t used_bytes(uint16_t size)
{
	return (uint32_t)(sizeof(struct virtq_used) + size * sizeof(struct virtq_used_element) + VIRTQ_EVENT_BYTES);
}

uint32_t virtio_queue_bytes(uint16_t size)
{
	return used_offset(size) + used_bytes(size);
}

void virtio_queue_init(struct virtio_queue *queue, const struct virtio_transport *transport, void *memory,
		       uint16_t size)
{
	uint8_t *bytes = memory;

	*queue = (struct virtio_queue){
		.transport = transport,
		.size = size,
		.descriptors = memory,
		.available = (void *)(bytes + size * sizeof(struct virtq_desc)),
		.used = (void *)(bytes + used_offset(size)),
	};
	virtio_queue_clear(queue);
}

void virtio_queue_clear(struct virtio_queue *queue)
{
	queue->in_flight = 0;
	queue->available_index = 0;
	queue->used_index = 0;
	memset(queue->used, 0, used_bytes(queue->size));
	queue->available->index = 0;
	queue->available->flags = VIRTQ_AVAIL_F_NO_INTERRUPT;
	compiler_barrier();
}

void virtio_queue_push(struct virtio_queue *queue, uint16_t head)
{
	const struct virtio_transport *transport = queue->transport;

	queue->available->ring[queue->available_index & (queue->size - 1)] = head;
	/* The chain and its place in the ring before the index that publishes them. */
	compiler_barrier();
	queue->available->index = ++queue->available_index;
	queue->in_flight++;
	/* The device clears the flag, then looks for more: one of us two sees the other. */
	full_barrier();
	if ((queue->used->flags & VIRTQ_USED_F_NO_NOTIFY) == 0)
		virtio_window_write(&transport->notify, transport->notify_offset, 2, 0);
}

bool virtio_queue_pop(struct virtio_queue *queue, uint32_t *head_out)
{
	if (queue->used->index == queue->used_index)
		return false;
	/* The index before what it publishes: the element, the request's status, its data. */
	compiler_barrier();
	*head_out = queue->used->ring[queue->used_index & (queue->size - 1)].id;
	queue->used_index++;
	queue->in_flight--;
	return true;
}
