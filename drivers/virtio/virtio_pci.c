/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a virtio device's registers are: vendor capabilities that point into BARs (VIRTIO 1.2, 4.1.4), or BAR 0 of a
 * legacy or transitional device; and its status.
 */
#include "drivers/virtio/virtio_internal.h"

#include "drivers/pci_regs.h"
#include "drivers/timer.h"
#include "drivers/virtio/virtio_regs.h"
#include "lib/log.h"

#define IO_SPACE_END      0x10000
#define REGISTERS_ALIGNED 4
#define NOTIFY_ALIGNED    2 /* 4.1.4.4.1 */

/* --- windows ---------------------------------------------------------------------------------------------------- */

uint32_t virtio_window_read(const struct virtio_window *window, uint32_t offset, unsigned width_bytes)
{
	const struct mmio region = {.base = {window->base}, .bytes = window->bytes};
	const uint16_t port = (uint16_t)(window->base + offset);

	switch (width_bytes) {
	case 1:
		return window->is_io ? port_read8(port) : mmio_read8(region, offset);
	case 2:
		return window->is_io ? port_read16(port) : mmio_read16(region, offset);
	default:
		return window->is_io ? port_read32(port) : mmio_read32(region, offset);
	}
}

static void window_write_port(uint16_t port, unsigned width_bytes, uint32_t value)
{
	switch (width_bytes) {
	case 1:
		port_write8(port, (uint8_t)value);
		break;
	case 2:
		port_write16(port, (uint16_t)value);
		break;
	default:
		port_write32(port, value);
		break;
	}
}

void virtio_window_write(const struct virtio_window *window, uint32_t offset, unsigned width_bytes, uint32_t value)
{
	const struct mmio region = {.base = {window->base}, .bytes = window->bytes};

	if (window->is_io) {
		window_write_port((uint16_t)(window->base + offset), width_bytes, value);
		return;
	}
	switch (width_bytes) {
	case 1:
		mmio_write8(region, offset, (uint8_t)value);
		break;
	case 2:
		mmio_write16(region, offset, (uint16_t)value);
		break;
	default:
		mmio_write32(region, offset, value);
		break;
	}
}

/* [offset, offset + bytes) of a BAR. STATUS_UNSUPPORTED: it does not lie in there, or the BAR out of reach. */
static enum status window_open(const struct pci_function *function, const struct driver_environment *environment,
			       unsigned bar_index, struct virtio_window *window, uint32_t offset)
{
	struct pci_bar bar;

	if (pci_bar_read(function, bar_index, &bar) != STATUS_OK)
		return STATUS_UNSUPPORTED;
	if ((uint64_t)offset + window->bytes > bar.bytes)
		return STATUS_UNSUPPORTED;
	if (bar.is_io ? bar.base + bar.bytes > IO_SPACE_END
		      : environment->map_mmio((struct paddr){bar.base}, bar.bytes) != STATUS_OK)
		return STATUS_UNSUPPORTED;
	window->is_io = bar.is_io;
	window->base = bar.base + offset;
	return STATUS_OK;
}

/* --- the modern interface --------------------------------------------------------------------------------------- */

/* The place for the structure that a capability of this type points to; *bytes_out: so much of it is needed. */
static struct virtio_window *window_of_type(struct virtio_transport *transport, uint8_t type, uint32_t *bytes_out)
{
	switch (type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		*bytes_out = VIRTIO_COMMON_BYTES;
		return &transport->registers;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		*bytes_out = 2;
		return &transport->notify;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		*bytes_out = 1;
		return &transport->config;
	default:
		return NULL;
	}
}

/* Of several capabilities of a type the first that makes sense counts. */
static void capability_take(struct virtio_transport *transport, const struct pci_function *function,
			    const struct driver_environment *environment, uint8_t capability)
{
	const uint8_t type = pci_read8(function, capability + VIRTIO_PCI_CAP_CFG_TYPE);
	const unsigned bytes = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? VIRTIO_PCI_CAP_NOTIFY_BYTES : VIRTIO_PCI_CAP_BYTES;
	uint32_t bytes_needed;
	struct virtio_window *place = window_of_type(transport, type, &bytes_needed);

	if (place == NULL || place->bytes != 0 || pci_read8(function, capability + VIRTIO_PCI_CAP_LEN) < bytes ||
	    capability + bytes > PCI_CONFIG_BYTES)
		return;
	struct virtio_window window = {.bytes = pci_read32(function, capability + VIRTIO_PCI_CAP_LENGTH)};
	const uint32_t offset = pci_read32(function, capability + VIRTIO_PCI_CAP_OFFSET);
	const uint32_t alignment = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? NOTIFY_ALIGNED : REGISTERS_ALIGNED;
	if (window.bytes < bytes_needed || offset % alignment != 0 ||
	    window_open(function, environment, pci_read8(function, capability + VIRTIO_PCI_CAP_BAR), &window, offset) !=
		    STATUS_OK)
		return;
	*place = window;
	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		transport->notify_multiplier = pci_read32(function, capability + VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER);
}

static void capabilities_walk(struct virtio_transport *transport, const struct pci_function *function,
			      const struct driver_environment *environment)
{
	uint8_t capability = pci_capability_find(function, PCI_CAPABILITY_VENDOR);

	for (unsigned i = 0; i < PCI_CAPABILITIES_IN_ALL && capability >= PCI_CAPABILITY_FIRST; i++) {
		if (pci_read8(function, capability) == PCI_CAPABILITY_VENDOR)
			capability_take(transport, function, environment, capability);
		capability = pci_read8(function, capability + PCI_CAPABILITY_NEXT) & PCI_CAPABILITY_ALIGN;
	}
}

static enum status modern_open(struct virtio_transport *transport, const struct pci_function *function,
			       const struct driver_environment *environment)
{
	*transport = (struct virtio_transport){.function = *function, .ops = &virtio_modern_ops};
	capabilities_walk(transport, function, environment);
	if (transport->registers.bytes == 0 || transport->notify.bytes == 0 || transport->config.bytes == 0)
		return STATUS_UNSUPPORTED;
	return (transport->ops->features_read(transport) & VIRTIO_F_VERSION_1) != 0 ? STATUS_OK : STATUS_UNSUPPORTED;
}

/* --- the legacy interface --------------------------------------------------------------------------------------- */

static enum status legacy_open(struct virtio_transport *transport, const struct pci_function *function,
			       const struct driver_environment *environment)
{
	struct pci_bar bar;

	*transport = (struct virtio_transport){.function = *function, .ops = &virtio_legacy_ops};
	if (function->device_id != VIRTIO_PCI_BLK_TRANSITIONAL ||
	    pci_bar_read(function, VIRTIO_PCI_LEGACY_BAR, &bar) != STATUS_OK || !bar.is_io ||
	    bar.bytes <= VIRTIO_LEGACY_CONFIG)
		return STATUS_UNSUPPORTED;
	transport->registers.bytes = (uint32_t)bar.bytes;
	TRY(window_open(function, environment, VIRTIO_PCI_LEGACY_BAR, &transport->registers, 0));
	transport->notify = transport->registers;
	transport->config = (struct virtio_window){
		.is_io = true,
		.base = bar.base + VIRTIO_LEGACY_CONFIG,
		.bytes = (uint32_t)bar.bytes - VIRTIO_LEGACY_CONFIG,
	};
	return STATUS_OK;
}

/* --- for the other layers --------------------------------------------------------------------------------------- */

/* Bus mastering stays as it is: the firmware's queue is still set. */
static void decoding_enable(const struct pci_function *function)
{
	const uint16_t command = pci_read16(function, PCI_COMMAND);

	pci_write16(function, PCI_COMMAND,
		    command | (uint16_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE));
}

/* It would write messages to memory, and its registers would move the legacy device's own. */
static void msix_disable(const struct pci_function *function)
{
	const uint8_t capability = pci_capability_find(function, PCI_CAPABILITY_MSIX);

	if (capability == 0)
		return;
	const uint16_t control = pci_read16(function, capability + PCI_MSIX_CONTROL);
	if ((control & PCI_MSIX_CONTROL_ENABLE) != 0)
		pci_write16(function, capability + PCI_MSIX_CONTROL, control & (uint16_t)~PCI_MSIX_CONTROL_ENABLE);
}

enum status virtio_transport_open(struct virtio_transport *transport, const struct pci_function *function,
				  const struct driver_environment *environment)
{
	decoding_enable(function);
	msix_disable(function);
	if (modern_open(transport, function, environment) == STATUS_OK)
		return STATUS_OK;
	if (legacy_open(transport, function, environment) == STATUS_OK)
		return STATUS_OK;
	log_line("virtio: %02x:%02x.%x: no usable registers", function->bus, function->device, function->function);
	return STATUS_UNSUPPORTED;
}

uint8_t virtio_status_read(const struct virtio_transport *transport)
{
	return (uint8_t)virtio_window_read(&transport->registers, transport->ops->status_offset, 1);
}

void virtio_status_write(const struct virtio_transport *transport, uint8_t status)
{
	virtio_window_write(&transport->registers, transport->ops->status_offset, 1, status);
}

static bool is_reset_over(void *context)
{
	const uint8_t status = virtio_status_read(context);

	return status == 0 || status == VIRTIO_STATUS_GONE;
}

enum status virtio_reset(struct virtio_transport *transport)
{
	virtio_status_write(transport, 0);
	TRY(poll_until(is_reset_over, transport, VIRTIO_RESET_US));
	return virtio_status_read(transport) == 0 ? STATUS_OK : STATUS_IO_ERROR;
}
