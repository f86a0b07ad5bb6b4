/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An AHCI controller: taken over from the firmware, reset, its ports brought up side by side, and at the end silenced
 * (Serial ATA AHCI 1.3.1, sections 3.1, 10.1, 10.4.3 and 10.6). The firmware leaves ports running whose lists may lie
 * in memory that an image will overwrite: they are stopped and the controller is reset before anything else.
 */
#include "drivers/ata/ahci.h"

#include "drivers/ata/ahci_internal.h"
#include "drivers/ata/ahci_regs.h"
#include "drivers/pci_regs.h"
#include "drivers/timer.h"
#include "lib/log.h"

enum {
	CLASS_STORAGE = 0x01,
	SUBCLASS_SATA = 0x06,
	PROG_IF_AHCI = 0x01,
	HANDOFF_US = 25000,        /* the firmware lets go, or says that it is busy (10.6.3) */
	HANDOFF_BUSY_US = 2000000, /* and then has so long */
	ENABLE_US = 50000,
	RESET_US = 1000000,           /* 10.4.3 */
	SETTLE_ALL_US = 30000000,     /* beyond the sum of a port's own deadlines */
	PORT_MEMORY_ALIGNMENT = 1024, /* 3.3.1 */
};

#define DMA_LIMIT_32BIT (4 * GIB)
#define DMA_LIMIT_43BIT BIT64(43)
#define VENDOR_INTEL    0x8086

/* What a controller promises and does not keep. */
struct quirk {
	uint16_t vendor_id, device_first, device_last;
	uint64_t dma_limit; /* 0: as CAP.S64A says */
	bool no_ncq;
	bool has_pcs; /* ports need enabling in the PCS register; on later chips another register is in its place */
};

static const struct quirk quirks[] = {
	{.vendor_id = 0x1B21,
	 .device_first = 0x0601,
	 .device_last = 0x0625,
	 .dma_limit = DMA_LIMIT_43BIT}, /* ASMedia */
	{.vendor_id = 0x1002,
	 .device_first = 0x4380,
	 .device_last = 0x4381,
	 .dma_limit = DMA_LIMIT_32BIT},                                                              /* ATI SB600 */
	{.vendor_id = 0x1106, .device_first = 0x3349, .device_last = 0x3349, .no_ncq = true},        /* VIA VT8251 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x2652, .device_last = 0x2653, .has_pcs = true}, /* ICH6 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x2681, .device_last = 0x2683, .has_pcs = true}, /* ESB2 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x27C1, .device_last = 0x27C6, .has_pcs = true}, /* ICH7 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x2821, .device_last = 0x282A, .has_pcs = true}, /* ICH8 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x2922, .device_last = 0x292F, .has_pcs = true}, /* ICH9 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x3A02, .device_last = 0x3A25, .has_pcs = true}, /* ICH10 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x3B22, .device_last = 0x3B2F, .has_pcs = true}, /* series 5 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x1C02, .device_last = 0x1C07, .has_pcs = true}, /* series 6 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x1E02, .device_last = 0x1E0F, .has_pcs = true}, /* series 7 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x8C02, .device_last = 0x8C0F, .has_pcs = true}, /* series 8 */
	{.vendor_id = VENDOR_INTEL, .device_first = 0x9C02, .device_last = 0x9C0F, .has_pcs = true}, /* series 8 LP */
};

static const struct quirk no_quirk;

static const struct quirk *quirk_find(const struct pci_function *function)
{
	for (size_t i = 0; i < ARRAY_COUNT(quirks); i++) {
		if (quirks[i].vendor_id == function->vendor_id && quirks[i].device_first <= function->device_id &&
		    function->device_id <= quirks[i].device_last)
			return &quirks[i];
	}
	return &no_quirk;
}

static uint32_t host_read(const struct ahci_controller *controller, uint32_t offset)
{
	return mmio_read32(controller->registers, offset);
}

static void host_write(const struct ahci_controller *controller, uint32_t offset, uint32_t value)
{
	mmio_write32(controller->registers, offset, value);
}

static struct mmio port_registers(const struct ahci_controller *controller, uint32_t index)
{
	return (struct mmio){
		.base = {controller->registers.base.value + AHCI_PORTS_OFFSET + index * AHCI_PORT_BYTES},
		.bytes = AHCI_PORT_BYTES,
	};
}

/* --- waits ----------------------------------------------------------------------------------------------------- */

static bool is_handed_over(void *context)
{
	return (host_read(context, AHCI_BOHC) & AHCI_BOHC_BOS) == 0;
}

static bool is_handed_over_or_busy(void *context)
{
	const uint32_t value = host_read(context, AHCI_BOHC);

	return (value & AHCI_BOHC_BOS) == 0 || (value & AHCI_BOHC_BB) != 0;
}

/* Some controllers take several writes until AE sticks. */
static bool is_enabled(void *context)
{
	if ((host_read(context, AHCI_GHC) & AHCI_GHC_AE) == 0)
		host_write(context, AHCI_GHC, AHCI_GHC_AE);
	return (host_read(context, AHCI_GHC) & AHCI_GHC_AE) != 0;
}

static bool is_reset(void *context)
{
	return (host_read(context, AHCI_GHC) & AHCI_GHC_HR) == 0;
}

static bool are_bits_clear_on_all_ports(const struct ahci_controller *controller, uint32_t bits)
{
	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		if ((controller->ports_implemented & BIT(i)) != 0 &&
		    (mmio_read32(port_registers(controller, i), AHCI_PX_CMD) & bits) != 0)
			return false;
	}
	return true;
}

static bool are_lists_stopped(void *context)
{
	return are_bits_clear_on_all_ports(context, AHCI_PX_CMD_CR);
}

static bool are_receivers_stopped(void *context)
{
	return are_bits_clear_on_all_ports(context, AHCI_PX_CMD_FR);
}

static bool are_ports_settled(void *context)
{
	struct ahci_controller *controller = context;
	bool is_settled = true;

	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		if (controller->ports[i] == NULL)
			continue;
		ahci_port_step(controller->ports[i]);
		is_settled = is_settled && ahci_port_is_settled(controller->ports[i]);
	}
	return is_settled;
}

/* --- stopping and resetting ------------------------------------------------------------------------------------ */

static void clear_on_all_ports(const struct ahci_controller *controller, uint32_t bits)
{
	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		if ((controller->ports_implemented & BIT(i)) == 0)
			continue;
		const struct mmio port = port_registers(controller, i);
		mmio_write32(port, AHCI_PX_CMD, mmio_read32(port, AHCI_PX_CMD) & ~bits);
	}
}

/* All ports together, in the order that 10.1.2 demands. */
static enum status ports_stop(struct ahci_controller *controller)
{
	clear_on_all_ports(controller, AHCI_PX_CMD_ST);
	TRY(poll_until(are_lists_stopped, controller, AHCI_ENGINE_STOP_US));
	clear_on_all_ports(controller, AHCI_PX_CMD_FRE);
	return poll_until(are_receivers_stopped, controller, AHCI_ENGINE_STOP_US);
}

/* What the firmware wrote once to registers that the operating system only reads; some forget it in a reset. */
static void firmware_values_restore(const struct ahci_controller *controller)
{
	if (host_read(controller, AHCI_CAP) != controller->cap)
		host_write(controller, AHCI_CAP, controller->cap);
	if (host_read(controller, AHCI_PI) != controller->ports_implemented)
		host_write(controller, AHCI_PI, controller->ports_implemented);
}

static void pcs_enable(const struct ahci_controller *controller)
{
	const uint16_t wanted = controller->ports_implemented & INTEL_PCS_PORTS_MASK;
	const uint16_t value = pci_read16(&controller->function, INTEL_PCS);

	if ((value & wanted) != wanted)
		pci_write16(&controller->function, INTEL_PCS, value | wanted);
}

static enum status controller_reset(struct ahci_controller *controller)
{
	host_write(controller, AHCI_GHC, AHCI_GHC_AE | AHCI_GHC_HR);
	TRY(poll_until(is_reset, controller, RESET_US));
	TRY(poll_until(is_enabled, controller, ENABLE_US));
	firmware_values_restore(controller);
	if (quirk_find(&controller->function)->has_pcs)
		pcs_enable(controller);
	return STATUS_OK;
}

/* 10.6.3. If the firmware does not let go, it is passed over: its engine is stopped and reset in any case. */
static void firmware_handoff(struct ahci_controller *controller)
{
	if ((host_read(controller, AHCI_CAP2) & AHCI_CAP2_BOH) == 0)
		return;
	const uint32_t value = host_read(controller, AHCI_BOHC) & ~AHCI_BOHC_OOC;
	host_write(controller, AHCI_BOHC, value | AHCI_BOHC_OOS);
	enum status status = poll_until(is_handed_over_or_busy, controller, HANDOFF_US);
	if (status == STATUS_OK)
		status = poll_until(is_handed_over, controller, HANDOFF_BUSY_US);
	if (status != STATUS_OK)
		log_line("ahci%u: the firmware does not let go, taken over", controller->index);
}

/* --- bringing up ----------------------------------------------------------------------------------------------- */

static enum status registers_map(struct ahci_controller *controller, const struct driver_environment *environment)
{
	const struct pci_function *function = &controller->function;
	struct pci_bar bar;

	TRY(pci_bar_read(function, AHCI_ABAR_INDEX, &bar));
	if (bar.is_io || bar.bytes < AHCI_PORTS_OFFSET + AHCI_PORT_BYTES)
		return STATUS_UNSUPPORTED;
	TRY(environment->map_mmio((struct paddr){bar.base}, bar.bytes));
	controller->registers = (struct mmio){.base = {bar.base}, .bytes = bar.bytes};
	/* Not bus mastering yet: the firmware's lists are still set. */
	const uint16_t command = pci_read16(function, PCI_COMMAND);
	if ((command & PCI_COMMAND_MEMORY) == 0)
		pci_write16(function, PCI_COMMAND, command | (uint16_t)PCI_COMMAND_MEMORY);
	return STATUS_OK;
}

/* Ports that the firmware declared, and whose registers lie in the BAR. */
static uint32_t ports_find(const struct ahci_controller *controller)
{
	const uint64_t room = (controller->registers.bytes - AHCI_PORTS_OFFSET) / AHCI_PORT_BYTES;
	const uint32_t count = (controller->cap & AHCI_CAP_NP_MASK) + 1;
	uint32_t ports = host_read(controller, AHCI_PI);

	if (ports == 0)
		ports = (uint32_t)(BIT64(count) - 1);
	if (room < AHCI_PORTS_MAX)
		ports &= (uint32_t)(BIT64(room) - 1);
	return ports;
}

static uint32_t linked_ports_find(const struct ahci_controller *controller)
{
	uint32_t ports = 0;

	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		if ((controller->ports_implemented & BIT(i)) != 0 &&
		    (mmio_read32(port_registers(controller, i), AHCI_PX_SSTS) & AHCI_PX_SSTS_DET_MASK) != 0)
			ports |= BIT(i);
	}
	return ports;
}

static void capabilities_read(struct ahci_controller *controller)
{
	const struct quirk *quirk = quirk_find(&controller->function);

	controller->ports_implemented = ports_find(controller);
	controller->ports_linked = linked_ports_find(controller);
	controller->slot_count = ((controller->cap >> AHCI_CAP_NCS_SHIFT) & AHCI_CAP_NCS_MASK) + 1;
	controller->has_ncq = (controller->cap & AHCI_CAP_SNCQ) != 0 && !quirk->no_ncq;
	controller->dma_limit = (controller->cap & AHCI_CAP_S64A) != 0 ? UINT64_MAX : DMA_LIMIT_32BIT;
	if (quirk->dma_limit != 0)
		controller->dma_limit = min_u64(controller->dma_limit, quirk->dma_limit);
}

/* From whatever the firmware left to a controller that is reset and quiet, all ports stopped. */
static enum status controller_take_over(struct ahci_controller *controller)
{
	controller->cap = host_read(controller, AHCI_CAP);
	if (controller->cap == AHCI_ALL_ONES)
		return STATUS_IO_ERROR;
	firmware_handoff(controller);
	TRY(poll_until(is_enabled, controller, ENABLE_US));
	controller->cap = host_read(controller, AHCI_CAP);
	capabilities_read(controller);
	/* Gently first; the reset stops what does not obey. */
	if (ports_stop(controller) != STATUS_OK)
		log_line("ahci%u: a port of the firmware's does not stop", controller->index);
	TRY(controller_reset(controller));
	/* A receiver that stays on (seen on real controllers) points to our memory soon, and is seen to again at the
	 * end. */
	if (ports_stop(controller) != STATUS_OK)
		log_line("ahci%u: a port does not stop after the reset", controller->index);
	return STATUS_OK;
}

static enum status ports_allocate(struct ahci_controller *controller, struct arena *arena)
{
	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		void *state;
		void *memory;
		if ((controller->ports_implemented & BIT(i)) == 0)
			continue;
		TRY(arena_alloc(arena, sizeof(struct ahci_port), _Alignof(struct ahci_port), &state));
		TRY(arena_alloc(arena, sizeof(struct ahci_port_memory), PORT_MEMORY_ALIGNMENT, &memory));
		struct ahci_port *port = state;
		port->controller = controller;
		port->index = i;
		port->registers = port_registers(controller, i);
		port->memory = memory;
		port->was_empty = controller->ports_linked != 0 && (controller->ports_linked & BIT(i)) == 0;
		controller->ports[i] = port;
	}
	return STATUS_OK;
}

/* The controller is reset. Whoever is not settled in the end never will be. */
static void ports_bring_up(struct ahci_controller *controller)
{
	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		if (controller->ports[i] != NULL)
			ahci_port_attach(controller->ports[i]);
	}
	pci_enable(&controller->function);
	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		if (controller->ports[i] != NULL)
			ahci_port_begin(controller->ports[i]);
	}
	if (poll_until(are_ports_settled, controller, SETTLE_ALL_US) != STATUS_OK)
		ahci_controller_fail(controller, "its ports do not settle");
}

/* Adds the disks; how many there are. */
static uint32_t disks_add(struct ahci_controller *controller, const struct driver_environment *environment)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		struct ahci_port *port = controller->ports[i];
		if (port == NULL || port->state != AHCI_PORT_RUNNING)
			continue;
		const enum status status = ahci_disk_add(port, environment);
		if (status == STATUS_OK)
			count++;
		else
			log_line("ahci%u.%u: left out: %s", controller->index, i, status_text(status));
	}
	return count;
}

static enum status controller_start(struct ahci_controller *controller, const struct driver_environment *environment)
{
	TRY(registers_map(controller, environment));
	TRY(controller_take_over(controller));
	TRY(ports_allocate(controller, environment->arena));
	log_line("ahci%u: %02x:%02x.%x %04x:%04x, ports %x, %u slots%s%s", controller->index, controller->function.bus,
		 controller->function.device, controller->function.function, controller->function.vendor_id,
		 controller->function.device_id, controller->ports_implemented, controller->slot_count,
		 controller->has_ncq ? ", queued" : "", controller->dma_limit == UINT64_MAX ? ", 64-bit" : "");
	ports_bring_up(controller);
	/* Without a disk nobody would quiesce it later. */
	if (disks_add(controller, environment) == 0)
		ahci_controller_quiesce(controller);
	return STATUS_OK;
}

static bool matches(const struct pci_function *function)
{
	return function->class_code == CLASS_STORAGE && function->subclass == SUBCLASS_SATA &&
	       function->prog_if == PROG_IF_AHCI;
}

static enum status probe(const struct driver_environment *environment, const struct pci_function *function,
			 uint32_t controller_index)
{
	void *memory;

	enum status status = arena_alloc(environment->arena, sizeof(struct ahci_controller),
					 _Alignof(struct ahci_controller), &memory);
	if (status == STATUS_OK) {
		struct ahci_controller *controller = memory;
		controller->function = *function;
		controller->index = controller_index;
		status = controller_start(controller, environment);
	}
	if (status != STATUS_OK && !pci_bus_master_disable(function))
		log_line("ahci%u: bus mastering does not go off", controller_index);
	return status;
}

/* --- for the other layers -------------------------------------------------------------------------------------- */

static void ports_give_up(struct ahci_controller *controller)
{
	for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
		struct ahci_port *port = controller->ports[i];
		if (port != NULL)
			port->state = port->is_identified ? AHCI_PORT_GONE : AHCI_PORT_OFF;
	}
}

void ahci_controller_fail(struct ahci_controller *controller, const char *why)
{
	const bool is_off = pci_bus_master_disable(&controller->function);

	log_line("ahci%u: %s, given up%s", controller->index, why, is_off ? "" : "; bus mastering does not go off");
	ports_give_up(controller);
}

void ahci_controller_restart(struct ahci_controller *controller)
{
	if (controller_reset(controller) != STATUS_OK) {
		ahci_controller_fail(controller, "it can't be reset");
		return;
	}
	ports_bring_up(controller);
}

void ahci_controller_quiesce(struct ahci_controller *controller)
{
	if (controller->is_quiesced)
		return;
	controller->is_quiesced = true;
	const bool is_stopped = ports_stop(controller) == STATUS_OK;
	const bool is_off = pci_bus_master_disable(&controller->function);

	/* Never both in vain: where one of the two failed, the reset ends what is under way. */
	if (!is_stopped || !is_off) {
		host_write(controller, AHCI_GHC, AHCI_GHC_AE | AHCI_GHC_HR);
		(void)!poll_until(is_reset, controller, RESET_US);
		(void)!pci_bus_master_disable(&controller->function);
	}
	ports_give_up(controller);
}

const struct block_driver ahci_driver = {.name = "ahci", .matches = matches, .probe = probe};
