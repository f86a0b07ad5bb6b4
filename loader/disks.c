/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of disk drivers, and bus mastering of everything else (PCI Local Bus Specification 3.0, 6.2.2).
 */
#include "loader/disks.h"

#include "drivers/ata/ahci.h"
#include "drivers/ata/ide.h"
#include "drivers/driver.h"
#include "drivers/nvme/nvme.h"
#include "drivers/virtio/virtio_blk.h"
#include "lib/log.h"
#include "loader/memory.h"

#define PCI_COMMAND            0x04
#define PCI_COMMAND_BUS_MASTER BIT(2)
#define PCI_CLASS_DISPLAY      0x03
#define PCI_CLASS_BRIDGE       0x06
#define SILENCED_MAX           256

static const struct block_driver *const drivers[] = {&ahci_driver, &ide_driver, &nvme_driver, &virtio_blk_driver};

struct discovery {
	struct driver_environment environment;
	uint32_t controllers[ARRAY_COUNT(drivers)];
};

/* The controller that a driver is bringing up: should that end in an exception, it is nobody's yet. */
static struct pci_function probed;
static bool is_probing;

static struct pci_function silenced[SILENCED_MAX];
static uint32_t silenced_count;

static enum status visit_disk(void *context, const struct pci_function *function)
{
	struct discovery *discovery = context;

	for (size_t i = 0; i < ARRAY_COUNT(drivers); i++) {
		enum status status;

		if (!drivers[i]->matches(function))
			continue;
		probed = *function;
		is_probing = true;
		status = drivers[i]->probe(&discovery->environment, function, discovery->controllers[i]++);
		is_probing = false;
		if (status != STATUS_OK)
			log_line("%s: controller at %02x:%02x.%u: %s", drivers[i]->name, function->bus,
				 function->device, function->function, status_text(status));
		return STATUS_OK;
	}
	return STATUS_OK;
}

void disks_find(struct block_registry *registry, struct arena *arena)
{
	struct discovery discovery = {.environment = {arena, registry, memory_map_mmio}};

	ignore_status(pci_scan(visit_disk, &discovery));
}

static enum status silence(void *context, const struct pci_function *function)
{
	const struct block_device *keep = context;

	if (function->class_code == PCI_CLASS_BRIDGE || function->class_code == PCI_CLASS_DISPLAY ||
	    pci_address(function) == keep->identity.controller)
		return STATUS_OK;
	if (!(pci_read16(function, PCI_COMMAND) & PCI_COMMAND_BUS_MASTER))
		return STATUS_OK;
	if (silenced_count == SILENCED_MAX)
		return STATUS_NO_MEMORY;
	if (!pci_bus_master_disable(function))
		return STATUS_IO_ERROR;
	silenced[silenced_count++] = *function;
	return STATUS_OK;
}

/* Thaw's own drivers bring up all. */
bool disks_find_more(void)
{
	return false;
}

enum status disks_quiesce_others(struct block_registry *registry, struct block_device *keep)
{
	for (uint32_t i = 0; i < registry->count; i++)
		if (registry->devices[i]->identity.controller != keep->identity.controller)
			registry->devices[i]->ops->quiesce(registry->devices[i]);
	TRY(pci_scan(silence, keep));
	return keep->ops->rehearse_stop(keep);
}

void disks_restore_bus_masters(void)
{
	for (uint32_t i = 0; i < silenced_count; i++)
		pci_write16(&silenced[i], PCI_COMMAND, pci_read16(&silenced[i], PCI_COMMAND) | PCI_COMMAND_BUS_MASTER);
	silenced_count = 0;
}

void disks_quiesce_all(struct block_registry *registry)
{
	for (uint32_t i = 0; i < registry->count; i++)
		registry->devices[i]->ops->quiesce(registry->devices[i]);
	if (is_probing && !pci_bus_master_disable(&probed))
		log_line("%02x:%02x.%u: bus mastering does not go off", probed.bus, probed.device, probed.function);
}
