/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queues of an NVMe controller, polled (NVM Express Base Specification 2.0, sections 3.3 and 4.2). */
#include "drivers/nvme/nvme_internal.h"

#include "drivers/timer.h"
#include "lib/log.h"
#include "lib/string.h"

enum {
	ADMIN_US = 5000000,
	STALL_US = 20000000, /* nothing was completed for so long */
	TRIES_MAX = 3,
};

void nvme_queue_reset(struct nvme_queue *queue, uint32_t id)
{
	memset(queue->commands, 0, PAGE_BYTES);
	memset((void *)(uintptr_t)queue->completions, 0, PAGE_BYTES);
	queue->tail = queue->head = 0;
	queue->phase = 1;
	queue->id = id;
}

/* is_completion: the head of the completion queue, otherwise the tail of the submission queue (3.1.3.24). */
static void doorbell_write(struct nvme_controller *controller, const struct nvme_queue *queue, bool is_completion,
			   uint32_t value)
{
	const uint32_t number = queue->id * 2 + (is_completion ? 1 : 0);

	mmio_write32(controller->registers, NVME_DOORBELLS + number * controller->doorbell_bytes, value);
}

void nvme_queue_send(struct nvme_controller *controller, struct nvme_queue *queue, const struct nvme_command *command)
{
	queue->commands[queue->tail] = *command;
	queue->tail = (queue->tail + 1) % queue->entries;
	doorbell_write(controller, queue, false, queue->tail);
}

bool nvme_queue_receive(struct nvme_controller *controller, struct nvme_queue *queue,
			struct nvme_completion *completion_out)
{
	volatile struct nvme_completion *entry = &queue->completions[queue->head];
	const uint16_t status = entry->status;

	if ((status & NVME_STATUS_PHASE) != queue->phase)
		return false;
	/* The phase is written last, or with the rest: what follows is read after it. */
	__asm__ volatile("" : : : "memory");
	*completion_out = (struct nvme_completion){.id = entry->id, .status = status};
	if (++queue->head == queue->entries) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	doorbell_write(controller, queue, true, queue->head);
	return true;
}

struct admin_wait {
	struct nvme_controller *controller;
	struct nvme_completion completion;
};

static bool is_admin_done(void *context)
{
	struct admin_wait *wait = context;

	return nvme_queue_receive(wait->controller, &wait->controller->admin, &wait->completion);
}

enum status nvme_admin(struct nvme_controller *controller, struct nvme_command *command)
{
	struct admin_wait wait = {.controller = controller};

	command->id = (uint16_t)controller->admin.tail;
	nvme_queue_send(controller, &controller->admin, command);
	TRY(poll_until(is_admin_done, &wait, ADMIN_US));
	if (wait.completion.id != command->id || (wait.completion.status & NVME_STATUS_CODE_MASK) != 0)
		return STATUS_IO_ERROR;
	return STATUS_OK;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void request_issue(struct nvme_controller *controller, struct nvme_request *request)
{
	request->state = NVME_REQUEST_ISSUED;
	request->tries++;
	if (controller->in_flight++ == 0)
		controller->progress_us = timer_now_us();
	nvme_queue_send(controller, &controller->io, &request->command);
}

enum status nvme_request_start(struct nvme_namespace *space, struct nvme_command *command,
			       const struct block_segment *segments, uint32_t count, uint32_t tag)
{
	struct nvme_controller *controller = space->controller;
	struct nvme_request *request;
	uint32_t slot = 0;

	if (controller->is_gone)
		return STATUS_IO_ERROR;
	while (slot < controller->slot_count && controller->requests[slot].state != NVME_REQUEST_FREE)
		slot++;
	if (slot == controller->slot_count)
		return STATUS_AGAIN;
	TRY(nvme_prps_build(command, segments, count, &controller->lists[slot]));
	command->id = (uint16_t)slot;
	command->nsid = space->id;
	request = &controller->requests[slot];
	*request = (struct nvme_request){.device = &space->device, .tag = tag, .command = *command};
	request_issue(controller, request);
	return STATUS_OK;
}

static void request_complete(struct nvme_controller *controller, struct nvme_request *request, uint16_t status)
{
	controller->in_flight--;
	request->state = NVME_REQUEST_DONE;
	request->status = STATUS_OK;
	if ((status & NVME_STATUS_CODE_MASK) == 0)
		return;
	if (request->tries == 1)
		log_line("%s: error %x on command %02x at %lu", request->device->identity.name, status >> 1,
			 request->command.opcode,
			 (uint64_t)request->command.dwords[1] << 32 | request->command.dwords[0]);
	/* A flush is never tried twice: one that succeeds does not bring back what the first one lost. */
	if ((status & NVME_STATUS_DO_NOT_RETRY) == 0 && request->tries < TRIES_MAX &&
	    request->command.opcode != NVME_FLUSH)
		request_issue(controller, request);
	else
		request->status = STATUS_IO_ERROR;
}

void nvme_requests_step(struct nvme_controller *controller)
{
	struct nvme_completion completion;

	while (controller->in_flight > 0 && nvme_queue_receive(controller, &controller->io, &completion)) {
		if (completion.id >= controller->slot_count ||
		    controller->requests[completion.id].state != NVME_REQUEST_ISSUED) {
			nvme_controller_give_up(controller, "it completes what was not asked for", STATUS_IO_ERROR);
			return;
		}
		controller->progress_us = timer_now_us();
		request_complete(controller, &controller->requests[completion.id], completion.status);
	}
	if (controller->in_flight > 0 && timer_now_us() - controller->progress_us >= STALL_US)
		nvme_controller_give_up(controller, "no answer", STATUS_TIMEOUT);
}
