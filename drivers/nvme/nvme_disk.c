/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVMe namespaces as block devices (include/block.h). */
#include "drivers/block_check.h"
#include "drivers/nvme/nvme_internal.h"
#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/span.h"
#include "lib/string.h"

enum {
	TRANSFER_BYTES_MAX = NVME_PRPS_MAX * PAGE_BYTES, /* PRP1 besides takes what begins inside a page */
	SECTORS_MAX = 65536,                             /* NLB has 16 bits */
	WRITE_US = 14000000,                             /* in write_sync, and as much for its flush */
	FLUSH_US = 28000000,                             /* alone; a controller in silence ends before */
	LIST_ENTRIES = PAGE_BYTES / 4,
};

static struct nvme_namespace *namespace_of(struct block_device *device)
{
	return device->driver;
}

/* --- block_ops --------------------------------------------------------------------------------------------------- */

static struct nvme_command transfer(enum nvme_opcode opcode, struct lba lba, uint64_t sectors)
{
	return (struct nvme_command){
		.opcode = (uint8_t)opcode,
		.dwords = {(uint32_t)lba.value, (uint32_t)(lba.value >> 32), (uint32_t)(sectors - 1)},
	};
}

static enum status submit(struct block_device *device, enum nvme_opcode opcode, const struct block_segment *segments,
			  uint32_t count, struct lba lba, uint32_t tag)
{
	struct nvme_command command;
	uint64_t bytes;

	TRY(block_check_transfer(&device->identity, segments, count, lba, &bytes));
	command = transfer(opcode, lba, bytes / device->identity.sector_bytes);
	return nvme_request_start(namespace_of(device), &command, segments, count, tag);
}

static enum status disk_submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
				    struct lba lba, uint32_t tag)
{
	return submit(device, NVME_READ, segments, count, lba, tag);
}

static enum status disk_submit_write(struct block_device *device, const struct block_segment *segments, uint32_t count,
				     struct lba lba, uint32_t tag)
{
	return submit(device, NVME_WRITE, segments, count, lba, tag);
}

static void disk_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	struct nvme_controller *controller = namespace_of(device)->controller;
	uint32_t count = 0;

	nvme_requests_step(controller);
	for (uint32_t slot = 0; slot < controller->slot_count && count < capacity; slot++) {
		struct nvme_request *request = &controller->requests[slot];

		if (request->state != NVME_REQUEST_DONE || request->device != device)
			continue;
		completions_out[count++] = (struct block_completion){request->tag, request->status};
		request->state = NVME_REQUEST_FREE;
	}
	*count_out = count;
}

struct one_request {
	struct block_device *device;
	struct block_completion completion;
	uint32_t count;
};

static bool is_done(void *context)
{
	struct one_request *one = context;

	disk_poll(one->device, &one->completion, 1, &one->count);
	return one->count > 0;
}

/* Nothing in flight on any namespace, and nothing to be reported. */
static bool is_idle(const struct nvme_controller *controller)
{
	for (uint32_t slot = 0; slot < controller->slot_count; slot++) {
		if (controller->requests[slot].state != NVME_REQUEST_FREE)
			return false;
	}
	return true;
}

/* segment: NULL for none. */
static enum status run(struct nvme_namespace *space, struct nvme_command *command, const struct block_segment *segment,
		       uint64_t timeout_us)
{
	struct one_request one = {.device = &space->device};
	enum status status;

	TRY(nvme_request_start(space, command, segment, segment != NULL, 0));
	status = poll_until(is_done, &one, timeout_us);
	if (status == STATUS_OK)
		return one.completion.status;
	nvme_controller_give_up(space->controller, "a write is not answered", status);
	return status;
}

static enum status flush(struct nvme_namespace *space, uint64_t timeout_us)
{
	struct nvme_command command = {.opcode = NVME_FLUSH};

	return space->controller->identity.has_write_cache ? run(space, &command, NULL, timeout_us) : STATUS_OK;
}

static enum status disk_flush_sync(struct block_device *device)
{
	struct nvme_namespace *space = namespace_of(device);

	if (!is_idle(space->controller))
		return STATUS_INVALID;
	return flush(space, FLUSH_US);
}

static enum status disk_write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	struct nvme_namespace *space = namespace_of(device);
	const struct block_segment segment = {virt_to_paddr(data), bytes};
	struct nvme_command write;

	TRY(block_check_write(&device->identity, lba, data, bytes));
	if (!is_idle(space->controller))
		return STATUS_INVALID;
	write = transfer(NVME_WRITE, lba, bytes / device->identity.sector_bytes);
	TRY(run(space, &write, &segment, WRITE_US));
	return flush(space, WRITE_US);
}

static enum status disk_rehearse_stop(struct block_device *device)
{
	struct nvme_controller *controller = namespace_of(device)->controller;
	enum status status;

	if (controller->is_gone)
		return STATUS_IO_ERROR;
	if (controller->in_flight > 0)
		return STATUS_INVALID;
	/* It stops, and starts again. */
	status = nvme_controller_start(controller);
	if (status == STATUS_OK)
		return STATUS_OK;
	nvme_controller_give_up(controller, "it does not stop, or not start again", status);
	return STATUS_TIMEOUT;
}

static void disk_quiesce(struct block_device *device)
{
	nvme_controller_quiesce(namespace_of(device)->controller);
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

/* --- finding namespaces ------------------------------------------------------------------------------------------ */

static void identity_fill(struct nvme_namespace *space, uint32_t sector_bytes, uint64_t sector_count)
{
	const struct nvme_controller *controller = space->controller;
	struct block_identity *identity = &space->device.identity;
	const uint64_t most = min_u64(controller->identity.transfer_bytes_max, (uint64_t)SECTORS_MAX * sector_bytes);

	(void)format_text(identity->name, sizeof(identity->name), "nvme%un%u", controller->index, space->id);
	memcpy(identity->model, controller->identity.model, sizeof(identity->model));
	memcpy(identity->serial, controller->identity.serial, sizeof(identity->serial));
	identity->sector_bytes = sector_bytes;
	identity->sector_count = sector_count;
	identity->max_transfer_bytes = (uint32_t)min_u64(TRANSFER_BYTES_MAX, most);
	identity->max_segments = identity->max_transfer_bytes / PAGE_BYTES;
	identity->queue_depth = controller->slot_count;
	identity->controller = pci_address(&controller->function);
	identity->dma_limit = UINT64_MAX;
}

/* One namespace; what Thaw can't read is logged and left out. */
static enum status namespace_add(struct nvme_controller *controller, uint32_t id,
				 const struct driver_environment *environment)
{
	struct nvme_command identify = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.nsid = id,
		.prp1 = virt_to_paddr(controller->data).value,
		.dwords = {NVME_CNS_NAMESPACE},
	};
	struct nvme_namespace *space;
	uint32_t sector_bytes;
	uint64_t sector_count;
	enum status status;
	void *memory;

	TRY(nvme_admin(controller, &identify));
	status = nvme_namespace_decode(controller->data, &sector_bytes, &sector_count);
	if (status == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (status != STATUS_OK || controller->namespace_count == NVME_NAMESPACES_MAX) {
		log_line("nvme%un%u: left out: %s", controller->index, id, status_text(status));
		return STATUS_OK;
	}
	TRY(arena_alloc(environment->arena, sizeof(*space), _Alignof(struct nvme_namespace), &memory));
	space = memory;
	space->controller = controller;
	space->id = id;
	space->device.ops = &disk_ops;
	space->device.driver = space;
	identity_fill(space, sector_bytes, sector_count);
	TRY(block_registry_add(environment->registry, &space->device));
	controller->namespaces[controller->namespace_count++] = space;
	log_line("%s: %s, %lu MiB, %u-byte sectors, depth %u", space->device.identity.name,
		 space->device.identity.model, sector_count / (MIB / sector_bytes), sector_bytes,
		 controller->slot_count);
	return STATUS_OK;
}

/* The ids of active namespaces, in ascending order. Controllers of version 1.0 do not tell: 1, 2, … then. */
static void list_ids(struct nvme_controller *controller, uint32_t ids_out[NVME_NAMESPACES_MAX])
{
	struct nvme_command identify = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.prp1 = virt_to_paddr(controller->data).value,
		.dwords = {NVME_CNS_ACTIVE_LIST},
	};
	const uint32_t count = (uint32_t)min_u64(controller->identity.namespaces_max, NVME_NAMESPACES_MAX);
	struct span span = span_of(controller->data, sizeof(*controller->data));

	if (nvme_admin(controller, &identify) == STATUS_OK) {
		for (uint32_t i = 0; i < NVME_NAMESPACES_MAX; i++)
			ids_out[i] = span_u32(&span, i * sizeof(uint32_t));
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		ids_out[i] = i + 1;
}

enum status nvme_namespaces_add(struct nvme_controller *controller, const struct driver_environment *environment)
{
	uint32_t ids[NVME_NAMESPACES_MAX] = {0};

	list_ids(controller, ids);
	for (uint32_t i = 0; i < NVME_NAMESPACES_MAX && ids[i] != 0; i++)
		TRY(namespace_add(controller, ids[i], environment));
	return STATUS_OK;
}
