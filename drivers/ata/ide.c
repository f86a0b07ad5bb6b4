/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IDE controller as a PCI function (PCI IDE Controller Specification 1.0): where its channels' registers are.
 */
#include "drivers/ata/ide.h"

#include "drivers/ata/ide_internal.h"
#include "lib/format.h"
#include "lib/log.h"

#define PORTS_END        0x10000
#define BUS_MASTER_PORTS (IDE_CHANNELS * BMIDE_CHANNEL_PORTS)

static const uint16_t legacy_command_ports[IDE_CHANNELS] = {IDE_LEGACY_PRIMARY_COMMAND, IDE_LEGACY_SECONDARY_COMMAND};
static const uint16_t legacy_control_ports[IDE_CHANNELS] = {IDE_LEGACY_PRIMARY_CONTROL, IDE_LEGACY_SECONDARY_CONTROL};
static const uint32_t native_bits[IDE_CHANNELS] = {IDE_INTERFACE_PRIMARY_NATIVE, IDE_INTERFACE_SECONDARY_NATIVE};

static bool ide_matches(const struct pci_function *function)
{
	return function->class_code == IDE_PCI_CLASS && function->subclass == IDE_PCI_SUBCLASS;
}

/* STATUS_NOT_FOUND: no I/O BAR of that size. */
static enum status ports_read(const struct pci_function *function, unsigned index, uint32_t count, uint16_t *port_out)
{
	struct pci_bar bar;

	TRY(pci_bar_read(function, index, &bar));
	if (!bar.is_io || bar.bytes < count || bar.base > PORTS_END - count)
		return STATUS_NOT_FOUND;
	*port_out = (uint16_t)bar.base;
	return STATUS_OK;
}

static enum status channel_locate(struct ide_channel *channel, const struct pci_function *function, unsigned index)
{
	uint16_t base;

	if ((function->prog_if & native_bits[index]) == 0) {
		channel->command_port = legacy_command_ports[index];
		channel->control_port = legacy_control_ports[index];
		return STATUS_OK;
	}
	TRY(ports_read(function, IDE_BAR_COMMAND(index), IDE_COMMAND_PORTS, &channel->command_port));
	TRY(ports_read(function, IDE_BAR_CONTROL(index), IDE_NATIVE_CONTROL_PORTS, &base));
	channel->control_port = (uint16_t)(base + IDE_NATIVE_CONTROL_OFFSET);
	return STATUS_OK;
}

static void bus_master_locate(struct ide_controller *controller)
{
	uint16_t base;

	if ((controller->function.prog_if & IDE_INTERFACE_BUS_MASTER) == 0)
		return;
	if (ports_read(&controller->function, IDE_BAR_BUS_MASTER, BUS_MASTER_PORTS, &base) != STATUS_OK)
		return;
	for (uint32_t i = 0; i < IDE_CHANNELS; i++)
		controller->channels[i].bus_master_port = (uint16_t)(base + i * BMIDE_CHANNEL_PORTS);
}

/* Two functions in compatibility mode would show the same disks twice. */
static bool channel_is_known(const struct block_registry *registry, const struct ide_channel *channel)
{
	for (uint32_t i = 0; i < registry->count; i++) {
		const struct ide_device *device = registry->devices[i]->driver;

		if (registry->devices[i]->ops == &ide_block_ops &&
		    device->channel->command_port == channel->command_port)
			return true;
	}
	return false;
}

static void channel_init(struct ide_controller *controller, uint32_t controller_index, uint32_t index)
{
	struct ide_channel *channel = &controller->channels[index];

	channel->controller = controller;
	for (uint8_t number = 0; number < IDE_CHANNEL_DEVICES; number++) {
		struct ide_device *device = &channel->devices[number];

		device->channel = channel;
		device->number = number;
		format_text(device->block.identity.name, sizeof(device->block.identity.name), "ide%u.%u",
			    controller_index, index * IDE_CHANNEL_DEVICES + number);
	}
}

static enum status channel_probe(const struct driver_environment *environment, struct ide_channel *channel,
				 uint32_t *found)
{
	TRY(ide_channel_detect(channel, environment->arena));
	for (uint32_t i = 0; i < IDE_CHANNEL_DEVICES; i++) {
		struct ide_device *device = &channel->devices[i];

		if (!device->present)
			continue;
		ide_disk_publish(device);
		TRY(block_registry_add(environment->registry, &device->block));
		(*found)++;
	}
	return STATUS_OK;
}

static enum status ide_probe(const struct driver_environment *environment, const struct pci_function *function,
			     uint32_t controller_index)
{
	struct ide_controller *controller;
	enum status status = STATUS_OK;
	uint32_t found = 0;
	void *memory;

	TRY(arena_alloc(environment->arena, sizeof(*controller), _Alignof(struct ide_controller), &memory));
	controller = memory;
	controller->function = *function;
	bus_master_locate(controller);
	for (uint32_t i = 0; i < IDE_CHANNELS && status == STATUS_OK; i++) {
		struct ide_channel *channel = &controller->channels[i];

		channel_init(controller, controller_index, i);
		if (channel_locate(channel, function, i) != STATUS_OK)
			continue;
		if (channel_is_known(environment->registry, channel))
			continue;
		pci_enable(function);
		status = channel_probe(environment, channel, &found);
	}
	/* A disk that is registered already stays known to the loader, but answers no more. */
	if (status != STATUS_OK || found == 0)
		ide_controller_quiesce(controller);
	return status;
}

const struct block_driver ide_driver = {
	.name = "ide",
	.matches = ide_matches,
	.probe = ide_probe,
};
