/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An NVMe controller: reset, started with one admin queue and one for I/O, and at the end stopped (NVM Express Base
 * Specification 2.0, section 3.5.1). A firmware that booted from it leaves it running, with queues in memory that an
 * image will overwrite.
 */
#include "drivers/nvme/nvme.h"

#include "drivers/nvme/nvme_internal.h"
#include "drivers/pci_regs.h"
#include "drivers/timer.h"
#include "lib/log.h"

enum {
	CLASS_STORAGE = 0x01,
	SUBCLASS_NVM = 0x08,
	PROG_IF_NVME = 0x02,
	READY_UNIT_US = 500000,
	READY_LEAST_US = 2000000, /* some say less than they need */
	READY_MOST_US = 30000000,
	ENTRY_BYTES_COMMAND_LOG = 6,
	ENTRY_BYTES_COMPLETION_LOG = 4,
	QUEUE_CONTIGUOUS = 1,
};

static uint32_t read32(const struct nvme_controller *controller, uint32_t offset)
{
	return mmio_read32(controller->registers, offset);
}

/* In halves, which every controller takes (3.1.1). */
static uint64_t read64(const struct nvme_controller *controller, uint32_t offset)
{
	const uint64_t low = read32(controller, offset);

	return low | (uint64_t)read32(controller, offset + 4) << 32;
}

static void write32(const struct nvme_controller *controller, uint32_t offset, uint32_t value)
{
	mmio_write32(controller->registers, offset, value);
}

static void write64(const struct nvme_controller *controller, uint32_t offset, uint64_t value)
{
	write32(controller, offset, (uint32_t)value);
	write32(controller, offset + 4, (uint32_t)(value >> 32));
}

/* --- start and stop ---------------------------------------------------------------------------------------------- */

/* A device that is gone reads as all ones. */
static bool is_stopped(void *context)
{
	const uint32_t status = read32(context, NVME_CSTS);

	return status == NVME_GONE || (status & NVME_CSTS_RDY) == 0;
}

static bool is_ready_or_failed(void *context)
{
	return (read32(context, NVME_CSTS) & (NVME_CSTS_RDY | NVME_CSTS_CFS)) != 0;
}

enum status nvme_controller_stop(struct nvme_controller *controller)
{
	const uint32_t configuration = read32(controller, NVME_CC);

	if (configuration == NVME_GONE)
		return STATUS_IO_ERROR;
	if ((configuration & NVME_CC_EN) != 0)
		write32(controller, NVME_CC, configuration & ~NVME_CC_EN);
	TRY(poll_until(is_stopped, controller, controller->ready_us));
	return read32(controller, NVME_CSTS) == NVME_GONE ? STATUS_IO_ERROR : STATUS_OK;
}

static enum status create_io_queues(struct nvme_controller *controller)
{
	const uint32_t size_and_id = (controller->io.entries - 1) << 16 | controller->io.id;
	struct nvme_command features = {.opcode = NVME_ADMIN_SET_FEATURES, .dwords = {NVME_FEATURE_QUEUES, 0}};
	struct nvme_command completions = {
		.opcode = NVME_ADMIN_CREATE_CQ,
		.prp1 = virt_to_paddr((const void *)(uintptr_t)controller->io.completions).value,
		.dwords = {size_and_id, QUEUE_CONTIGUOUS},
	};
	struct nvme_command commands = {
		.opcode = NVME_ADMIN_CREATE_SQ,
		.prp1 = virt_to_paddr(controller->io.commands).value,
		.dwords = {size_and_id, controller->io.id << 16 | QUEUE_CONTIGUOUS},
	};

	/* One pair is what every controller has, whatever it says. */
	if (nvme_admin(controller, &features) == STATUS_TIMEOUT)
		return STATUS_TIMEOUT;
	TRY(nvme_admin(controller, &completions));
	return nvme_admin(controller, &commands);
}

enum status nvme_controller_start(struct nvme_controller *controller)
{
	const uint32_t last = controller->admin.entries - 1;
	uint32_t status;

	TRY(nvme_controller_stop(controller));
	nvme_queue_reset(&controller->admin, 0);
	nvme_queue_reset(&controller->io, 1);
	write32(controller, NVME_INTMS, UINT32_MAX);
	write32(controller, NVME_AQA, last << NVME_AQA_ACQS_SHIFT | last);
	write64(controller, NVME_ASQ, virt_to_paddr(controller->admin.commands).value);
	write64(controller, NVME_ACQ, virt_to_paddr((const void *)(uintptr_t)controller->admin.completions).value);
	write32(controller, NVME_CC,
		ENTRY_BYTES_COMMAND_LOG << NVME_CC_IOSQES_SHIFT | ENTRY_BYTES_COMPLETION_LOG << NVME_CC_IOCQES_SHIFT |
			NVME_CC_EN);
	TRY(poll_until(is_ready_or_failed, controller, controller->ready_us));
	status = read32(controller, NVME_CSTS);
	if (status == NVME_GONE || (status & NVME_CSTS_CFS) != 0)
		return STATUS_IO_ERROR;
	return create_io_queues(controller);
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void switch_off(struct nvme_controller *controller, enum status status)
{
	const bool stopped = nvme_controller_stop(controller) == STATUS_OK;
	const bool silent = pci_bus_master_disable(&controller->function);

	if (!stopped || !silent)
		log_line("nvme%u: %s%s", controller->index, stopped ? "" : "does not stop; ",
			 silent ? "bus mastering is off" : "bus mastering does not go off");
	controller->is_gone = true;
	for (uint32_t slot = 0; slot < controller->slot_count; slot++) {
		struct nvme_request *request = &controller->requests[slot];

		if (request->state != NVME_REQUEST_ISSUED)
			continue;
		request->state = NVME_REQUEST_DONE;
		request->status = status;
	}
	controller->in_flight = 0;
}

void nvme_controller_give_up(struct nvme_controller *controller, const char *why, enum status status)
{
	log_line("nvme%u: %s, given up", controller->index, why);
	switch_off(controller, status);
}

void nvme_controller_quiesce(struct nvme_controller *controller)
{
	if (!controller->is_gone)
		switch_off(controller, STATUS_IO_ERROR);
}

/* --- bringing it up ---------------------------------------------------------------------------------------------- */

static enum status map_registers(struct nvme_controller *controller, const struct driver_environment *environment)
{
	struct pci_bar bar;

	TRY(pci_bar_read(&controller->function, 0, &bar));
	if (bar.is_io || bar.bytes <= NVME_DOORBELLS)
		return STATUS_UNSUPPORTED;
	TRY(environment->map_mmio((struct paddr){bar.base}, bar.bytes));
	controller->registers = (struct mmio){{bar.base}, bar.bytes};
	pci_enable(&controller->function);
	return STATUS_OK;
}

static enum status read_capabilities(struct nvme_controller *controller)
{
	const uint64_t cap = read64(controller, NVME_CAP);
	const uint64_t ready_us = (cap >> NVME_CAP_TO_SHIFT & NVME_CAP_TO_MASK) * READY_UNIT_US;
	const uint32_t entries = (uint32_t)min_u64((cap & NVME_CAP_MQES_MASK) + 1, NVME_ENTRIES_MAX);

	if (cap == UINT64_MAX)
		return STATUS_IO_ERROR;
	controller->doorbell_bytes = 4u << (cap >> NVME_CAP_DSTRD_SHIFT & NVME_CAP_DSTRD_MASK);
	controller->ready_us = min_u64(max_u64(ready_us, READY_LEAST_US), READY_MOST_US);
	controller->admin.entries = controller->io.entries = entries;
	controller->slot_count = (uint32_t)min_u64(NVME_SLOTS_MAX, entries - 1);
	/* Two pairs of doorbells. */
	if (NVME_DOORBELLS + 4ull * controller->doorbell_bytes > controller->registers.bytes || entries < 2)
		return STATUS_UNSUPPORTED;
	if ((cap & NVME_CAP_CSS_NVM) == 0 || (cap >> NVME_CAP_MPSMIN_SHIFT & NVME_CAP_MPSMIN_MASK) != 0)
		return STATUS_UNSUPPORTED;
	return STATUS_OK;
}

static enum status alloc_page(struct arena *arena, void **page_out)
{
	return arena_alloc(arena, PAGE_BYTES, PAGE_BYTES, page_out);
}

static enum status alloc_memory(struct nvme_controller *controller, struct arena *arena)
{
	struct nvme_queue *const queues[] = {&controller->admin, &controller->io};
	void *memory;

	for (size_t i = 0; i < ARRAY_COUNT(queues); i++) {
		TRY(alloc_page(arena, &memory));
		queues[i]->commands = memory;
		TRY(alloc_page(arena, &memory));
		queues[i]->completions = memory;
	}
	TRY(alloc_page(arena, &memory));
	controller->data = memory;
	TRY(arena_alloc(arena, controller->slot_count * sizeof(struct nvme_prp_list), PAGE_BYTES, &memory));
	controller->lists = memory;
	return STATUS_OK;
}

static enum status bring_up(struct nvme_controller *controller, const struct driver_environment *environment)
{
	struct nvme_command identify = {.opcode = NVME_ADMIN_IDENTIFY, .dwords = {NVME_CNS_CONTROLLER}};

	TRY(map_registers(controller, environment));
	TRY(read_capabilities(controller));
	TRY(alloc_memory(controller, environment->arena));
	TRY(nvme_controller_start(controller));
	identify.prp1 = virt_to_paddr(controller->data).value;
	TRY(nvme_admin(controller, &identify));
	nvme_controller_decode(controller->data, &controller->identity);
	log_line("nvme%u: %02x:%02x.%x %04x:%04x, version %x, %u entries", controller->index, controller->function.bus,
		 controller->function.device, controller->function.function, controller->function.vendor_id,
		 controller->function.device_id, read32(controller, NVME_VS), controller->io.entries);
	TRY(nvme_namespaces_add(controller, environment));
	/* Without a disk nobody would quiesce it later. */
	if (controller->namespace_count == 0)
		nvme_controller_quiesce(controller);
	return STATUS_OK;
}

static bool matches(const struct pci_function *function)
{
	return function->class_code == CLASS_STORAGE && function->subclass == SUBCLASS_NVM &&
	       function->prog_if == PROG_IF_NVME;
}

static enum status probe(const struct driver_environment *environment, const struct pci_function *function,
			 uint32_t controller_index)
{
	struct nvme_controller *controller;
	enum status status;
	void *memory;

	TRY(arena_alloc(environment->arena, sizeof(*controller), _Alignof(struct nvme_controller), &memory));
	controller = memory;
	controller->function = *function;
	controller->index = controller_index;
	status = bring_up(controller, environment);
	if (status != STATUS_OK && controller->registers.bytes != 0 && controller->namespace_count == 0)
		switch_off(controller, status);
	return controller->namespace_count > 0 ? STATUS_OK : status;
}

const struct block_driver nvme_driver = {.name = "nvme", .matches = matches, .probe = probe};
