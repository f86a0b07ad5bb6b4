/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space by configuration mechanism 1 (PCI Local Bus Specification 3.0): finding functions, sizing
 * base address registers, capabilities, bus mastering.
 */
#include "drivers/pci.h"

#include "drivers/pci_regs.h"

enum {
	BUSES = 256,
	DEVICES = 32,
	FUNCTIONS = 8,
};

/* Which buses are known, and which of them have been looked at: a bus is scanned once, whatever bridges claim. */
struct scan {
	bool is_known[BUSES];
	bool is_done[BUSES];
	enum status (*visit)(void *context, const struct pci_function *function);
	void *context;
};

static uint16_t config_select(const struct pci_function *function, uint8_t offset)
{
	const uint32_t address = PCI_ADDRESS_ENABLE | (uint32_t)function->bus << PCI_ADDRESS_BUS_SHIFT |
				 (uint32_t)function->device << PCI_ADDRESS_DEVICE_SHIFT |
				 (uint32_t)function->function << PCI_ADDRESS_FUNCTION_SHIFT | (offset & ~(uint32_t)3);

	port_write32(PCI_CONFIG_ADDRESS, address);
	return (uint16_t)(PCI_CONFIG_DATA + (offset & 3));
}

/* False when nothing answers there. */
static bool function_read(uint8_t bus, uint8_t device, uint8_t number, struct pci_function *function_out)
{
	struct pci_function function = {.bus = bus, .device = device, .function = number};

	function.vendor_id = pci_read16(&function, PCI_VENDOR_ID);
	if (function.vendor_id == UINT16_MAX || function.vendor_id == 0)
		return false;
	function.device_id = pci_read16(&function, PCI_DEVICE_ID);
	function.class_code = pci_read8(&function, PCI_CLASS_CODE);
	function.subclass = pci_read8(&function, PCI_SUBCLASS);
	function.prog_if = pci_read8(&function, PCI_PROG_IF);
	function.header_type = pci_read8(&function, PCI_HEADER_TYPE) & (uint8_t)~PCI_HEADER_MULTI_FUNCTION;
	*function_out = function;
	return true;
}

static enum status scan_function(struct scan *scan, const struct pci_function *function)
{
	if (function->header_type == PCI_HEADER_BRIDGE || function->header_type == PCI_HEADER_CARDBUS)
		scan->is_known[pci_read8(function, PCI_SECONDARY_BUS)] = true;
	return scan->visit(scan->context, function);
}

static enum status scan_device(struct scan *scan, uint8_t bus, uint8_t device)
{
	struct pci_function first;
	struct pci_function other;

	if (!function_read(bus, device, 0, &first))
		return STATUS_OK;
	/* Asked before the visit, which may change the function. */
	const bool is_multi = (pci_read8(&first, PCI_HEADER_TYPE) & PCI_HEADER_MULTI_FUNCTION) != 0;
	TRY(scan_function(scan, &first));
	if (!is_multi)
		return STATUS_OK;
	for (unsigned number = 1; number < FUNCTIONS; number++) {
		if (!function_read(bus, device, (uint8_t)number, &other))
			continue;
		/* Several host bridges in 00:00: function n leads to bus n. */
		if (bus == 0 && device == 0)
			scan->is_known[number] = true;
		TRY(scan_function(scan, &other));
	}
	return STATUS_OK;
}

/* The lowest bus that is known and not done; BUSES: none is left. */
static unsigned scan_next_bus(const struct scan *scan)
{
	unsigned bus = 0;

	while (bus < BUSES && (!scan->is_known[bus] || scan->is_done[bus]))
		bus++;
	return bus;
}

/* The number of base address registers of this header type. */
static unsigned bar_count(const struct pci_function *function)
{
	switch (function->header_type) {
	case PCI_HEADER_DEVICE:
		return 6;
	case PCI_HEADER_BRIDGE:
		return 2;
	default:
		return 0;
	}
}

static uint8_t bar_offset(unsigned index)
{
	return (uint8_t)(PCI_BAR_0 + 4 * index);
}

static bool bar_is_64bit(uint32_t value)
{
	return (value & PCI_BAR_IO) == 0 && (value & PCI_BAR_MEMORY_TYPE) == PCI_BAR_MEMORY_64;
}

/* True when the register before index is the lower half of a 64-bit one. */
static bool bar_is_upper_half(const struct pci_function *function, unsigned index)
{
	bool is_upper = false;

	for (unsigned i = 0; i < index; i++)
		is_upper = !is_upper && bar_is_64bit(pci_read32(function, bar_offset(i)));
	return is_upper;
}

/* What reads back after all ones were written, the register restored. Decoding is off. */
static uint32_t bar_probe(const struct pci_function *function, unsigned index)
{
	const uint32_t value = pci_read32(function, bar_offset(index));

	pci_write32(function, bar_offset(index), UINT32_MAX);
	const uint32_t probed = pci_read32(function, bar_offset(index));
	pci_write32(function, bar_offset(index), value);
	return probed;
}

/* The size that a probed register's writable address bits tell; 0 when it has none. */
static uint64_t bar_size(uint64_t address_bits)
{
	return address_bits & (~address_bits + 1);
}

/* --- public ---------------------------------------------------------------------------------------------------- */

enum status pci_scan(enum status (*visit)(void *context, const struct pci_function *function), void *context)
{
	struct scan scan = {.is_known = {true}, .visit = visit, .context = context};
	unsigned bus;

	while ((bus = scan_next_bus(&scan)) < BUSES) {
		scan.is_done[bus] = true;
		for (unsigned device = 0; device < DEVICES; device++)
			TRY(scan_device(&scan, (uint8_t)bus, (uint8_t)device));
	}
	return STATUS_OK;
}

uint8_t pci_read8(const struct pci_function *function, uint8_t offset)
{
	return port_read8(config_select(function, offset));
}

uint16_t pci_read16(const struct pci_function *function, uint8_t offset)
{
	return port_read16(config_select(function, offset));
}

uint32_t pci_read32(const struct pci_function *function, uint8_t offset)
{
	return port_read32(config_select(function, offset));
}

void pci_write8(const struct pci_function *function, uint8_t offset, uint8_t value)
{
	port_write8(config_select(function, offset), value);
}

void pci_write16(const struct pci_function *function, uint8_t offset, uint16_t value)
{
	port_write16(config_select(function, offset), value);
}

void pci_write32(const struct pci_function *function, uint8_t offset, uint32_t value)
{
	port_write32(config_select(function, offset), value);
}

enum status pci_bar_read(const struct pci_function *function, unsigned index, struct pci_bar *bar_out)
{
	if (index >= bar_count(function) || bar_is_upper_half(function, index))
		return STATUS_NOT_FOUND;

	const uint32_t low = pci_read32(function, bar_offset(index));
	const bool is_io = (low & PCI_BAR_IO) != 0;
	const bool is_64bit = bar_is_64bit(low);
	const bool is_reserved_type = !is_io && (low & PCI_BAR_MEMORY_TYPE) == PCI_BAR_MEMORY_TYPE;
	if (is_reserved_type || (is_64bit && index + 1 >= bar_count(function)))
		return STATUS_NOT_FOUND;

	const uint16_t command = pci_read16(function, PCI_COMMAND);
	pci_write16(function, PCI_COMMAND, command & (uint16_t) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	const uint32_t flags = is_io ? PCI_BAR_IO_FLAGS : PCI_BAR_MEMORY_FLAGS;
	uint64_t base = low & ~flags;
	uint64_t address_bits = bar_probe(function, index) & ~flags;
	if (is_64bit) {
		base |= (uint64_t)pci_read32(function, bar_offset(index + 1)) << 32;
		address_bits |= (uint64_t)bar_probe(function, index + 1) << 32;
	}
	pci_write16(function, PCI_COMMAND, command);

	const uint64_t bytes = bar_size(address_bits);
	if (bytes == 0 || base == 0)
		return STATUS_NOT_FOUND;
	*bar_out = (struct pci_bar){.is_io = is_io, .base = base, .bytes = bytes};
	return STATUS_OK;
}

uint8_t pci_capability_find(const struct pci_function *function, uint8_t id)
{
	const uint8_t pointer =
		function->header_type == PCI_HEADER_CARDBUS ? PCI_CARDBUS_CAPABILITIES : PCI_CAPABILITIES;

	if ((pci_read16(function, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0)
		return 0;
	uint8_t offset = pci_read8(function, pointer) & PCI_CAPABILITY_ALIGN;
	for (unsigned i = 0; i < PCI_CAPABILITIES_IN_ALL && offset >= PCI_CAPABILITY_FIRST; i++) {
		if (pci_read8(function, offset) == id)
			return offset;
		offset = pci_read8(function, offset + PCI_CAPABILITY_NEXT) & PCI_CAPABILITY_ALIGN;
	}
	return 0;
}

void pci_enable(const struct pci_function *function)
{
	const uint16_t command = pci_read16(function, PCI_COMMAND);

	pci_write16(function, PCI_COMMAND,
		    command | (uint16_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER |
					 PCI_COMMAND_INTX_DISABLE));
}

bool pci_bus_master_disable(const struct pci_function *function)
{
	const uint16_t command = pci_read16(function, PCI_COMMAND);

	pci_write16(function, PCI_COMMAND, command & (uint16_t)~PCI_COMMAND_BUS_MASTER);
	return (pci_read16(function, PCI_COMMAND) & PCI_COMMAND_BUS_MASTER) == 0;
}
