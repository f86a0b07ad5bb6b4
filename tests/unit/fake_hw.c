/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fake hardware for the driver tests; see fake_hw.h. */
#include "tests/unit/fake_hw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/io.h"
#include "drivers/timer.h"

#define REGIONS_MAX    16
#define CALLBACKS_MAX  8
#define FUNCTIONS_MAX  64
#define POLL_PRECISION 256
#define START_US       1000000
#define WEAK           __attribute__((weak))

enum {
	PCI_ADDRESS_PORT = 0xCF8,
	PCI_ADDRESS_ENABLE_BYTE = 0x80,
	PCI_COMMAND = 4,
	PCI_COMMAND_IO = 1,
	PCI_COMMAND_MEMORY = 2,
	PCI_COMMAND_MASTER = 4,
	PCI_CLASS = 8,
	PCI_BAR0 = 0x10,
};

struct region {
	uint64_t base, bytes;
	const struct fake_hw_ops *ops;
	void *context;
};

struct callback {
	void (*function)(void *context, uint64_t now_us);
	void *context;
};

static struct {
	struct region mmio[REGIONS_MAX], ports[REGIONS_MAX];
	unsigned mmio_count, port_count;
	struct callback callbacks[CALLBACKS_MAX];
	unsigned callback_count;
	struct fake_pci_function *functions[FUNCTIONS_MAX];
	unsigned function_count;
	uint32_t pci_address;
	uint64_t now_us;
} hw;

void fake_hw_reset(void)
{
	memset(&hw, 0, sizeof(hw));
	hw.now_us = START_US;
}

/* --- models ---------------------------------------------------------------------------------------------------- */

static void region_add(struct region *regions, unsigned *count, struct region region)
{
	assert_true(*count < REGIONS_MAX);
	for (unsigned i = 0; i < *count; i++)
		assert_true(region.base + region.bytes <= regions[i].base ||
			    regions[i].base + regions[i].bytes <= region.base);
	regions[(*count)++] = region;
}

void fake_hw_add_mmio(uint64_t base, uint64_t bytes, const struct fake_hw_ops *ops, void *context)
{
	region_add(hw.mmio, &hw.mmio_count, (struct region){base, bytes, ops, context});
}

void fake_hw_add_ports(uint16_t first, uint32_t count, const struct fake_hw_ops *ops, void *context)
{
	region_add(hw.ports, &hw.port_count, (struct region){first, count, ops, context});
}

static const struct region *region_find(const struct region *regions, unsigned count, const char *space,
					uint64_t address, unsigned width)
{
	if (address % width != 0)
		fail_msg("misaligned %s access: %#llx, %u bytes", space, (unsigned long long)address, width);
	for (unsigned i = 0; i < count; i++) {
		const struct region *region = &regions[i];
		if (address >= region->base && address - region->base + width <= region->bytes)
			return region;
	}
	fail_msg("unclaimed %s access: %#llx, %u bytes", space, (unsigned long long)address, width);
	return NULL;
}

static uint64_t mmio_access(struct mmio block, uint32_t offset, unsigned width, bool is_write, uint64_t value)
{
	const struct region *region = region_find(hw.mmio, hw.mmio_count, "memory", block.base.value + offset, width);
	const uint32_t inner = (uint32_t)(block.base.value + offset - region->base);

	if ((uint64_t)offset + width > block.bytes)
		fail_msg("register %#x lies beyond its block of %#llx bytes", offset, (unsigned long long)block.bytes);
	fake_hw_advance_us(1);
	if (!is_write)
		return region->ops->read(region->context, inner, width);
	region->ops->write(region->context, inner, width, value);
	return 0;
}

static uint32_t port_access(uint16_t port, unsigned width, bool is_write, uint32_t value)
{
	const struct region *region = region_find(hw.ports, hw.port_count, "port", port, width);
	const uint32_t inner = (uint32_t)(port - region->base);

	fake_hw_advance_us(1);
	if (!is_write)
		return (uint32_t)region->ops->read(region->context, inner, width);
	region->ops->write(region->context, inner, width, value);
	return 0;
}

/* --- drivers/io.h ---------------------------------------------------------------------------------------------- */

WEAK uint8_t mmio_read8(struct mmio region, uint32_t offset)
{
	return (uint8_t)mmio_access(region, offset, 1, false, 0);
}

WEAK uint16_t mmio_read16(struct mmio region, uint32_t offset)
{
	return (uint16_t)mmio_access(region, offset, 2, false, 0);
}

WEAK uint32_t mmio_read32(struct mmio region, uint32_t offset)
{
	return (uint32_t)mmio_access(region, offset, 4, false, 0);
}

WEAK uint64_t mmio_read64(struct mmio region, uint32_t offset)
{
	return mmio_access(region, offset, 8, false, 0);
}

WEAK void mmio_write8(struct mmio region, uint32_t offset, uint8_t value)
{
	mmio_access(region, offset, 1, true, value);
}

WEAK void mmio_write16(struct mmio region, uint32_t offset, uint16_t value)
{
	mmio_access(region, offset, 2, true, value);
}

WEAK void mmio_write32(struct mmio region, uint32_t offset, uint32_t value)
{
	mmio_access(region, offset, 4, true, value);
}

WEAK void mmio_write64(struct mmio region, uint32_t offset, uint64_t value)
{
	mmio_access(region, offset, 8, true, value);
}

WEAK uint8_t port_read8(uint16_t port)
{
	return (uint8_t)port_access(port, 1, false, 0);
}

WEAK uint16_t port_read16(uint16_t port)
{
	return (uint16_t)port_access(port, 2, false, 0);
}

WEAK uint32_t port_read32(uint16_t port)
{
	return port_access(port, 4, false, 0);
}

WEAK void port_write8(uint16_t port, uint8_t value)
{
	port_access(port, 1, true, value);
}

WEAK void port_write16(uint16_t port, uint16_t value)
{
	port_access(port, 2, true, value);
}

WEAK void port_write32(uint16_t port, uint32_t value)
{
	port_access(port, 4, true, value);
}

WEAK void port_read16_many(uint16_t port, void *buffer, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint16_t value = port_read16(port);
		memcpy((uint8_t *)buffer + 2 * (size_t)i, &value, sizeof(value));
	}
}

WEAK void port_write16_many(uint16_t port, const void *buffer, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t value;
		memcpy(&value, (const uint8_t *)buffer + 2 * (size_t)i, sizeof(value));
		port_write16(port, value);
	}
}

/* --- the clock, drivers/timer.h -------------------------------------------------------------------------------- */

uint64_t fake_hw_now_us(void)
{
	return hw.now_us;
}

void fake_hw_advance_us(uint64_t us)
{
	hw.now_us += us;
	for (unsigned i = 0; i < hw.callback_count; i++)
		hw.callbacks[i].function(hw.callbacks[i].context, hw.now_us);
}

void fake_hw_on_clock(void (*callback)(void *context, uint64_t now_us), void *context)
{
	assert_true(hw.callback_count < CALLBACKS_MAX);
	hw.callbacks[hw.callback_count++] = (struct callback){callback, context};
}

WEAK uint64_t timer_now_us(void)
{
	fake_hw_advance_us(1);
	return hw.now_us;
}

WEAK void timer_delay_us(uint64_t us)
{
	fake_hw_advance_us(us);
}

WEAK enum status poll_until(bool (*condition)(void *context), void *context, uint64_t timeout_us)
{
	const uint64_t start_us = hw.now_us;
	const uint64_t end_us = start_us + timeout_us;

	while (!condition(context)) {
		if (hw.now_us >= end_us)
			return STATUS_TIMEOUT;
		fake_hw_advance_us(min_u64(1 + (hw.now_us - start_us) / POLL_PRECISION, end_us - hw.now_us));
	}
	return STATUS_OK;
}

/* --- PCI configuration space ----------------------------------------------------------------------------------- */

static struct fake_pci_function *pci_selected(void)
{
	const uint32_t address = hw.pci_address;

	for (unsigned i = 0; i < hw.function_count; i++) {
		const struct fake_pci_function *f = hw.functions[i];
		if (f->bus == (uint8_t)(address >> 16) && f->device == ((address >> 11) & 31) &&
		    f->function == ((address >> 8) & 7))
			return hw.functions[i];
	}
	return NULL;
}

static uint64_t pci_port_read(void *context, uint32_t offset, unsigned width)
{
	uint32_t value = 0;

	(void)context;
	if (offset < 4) {
		assert_int_equal(width, 4);
		return hw.pci_address;
	}
	assert_true((hw.pci_address >> 24) == PCI_ADDRESS_ENABLE_BYTE);
	struct fake_pci_function *function = pci_selected();
	if (function == NULL)
		return UINT32_MAX;
	function->reads++;
	const uint32_t reg = (hw.pci_address & 0xFC) + (offset & 3);
	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)function->config[reg + i] << (8 * i);
	return value;
}

static void pci_note_bar_write(struct fake_pci_function *function, uint32_t reg)
{
	if (reg < PCI_BAR0 || reg >= PCI_BAR0 + 6 * 4)
		return;
	const uint8_t space = (function->config[reg & 0xFC] & 1) != 0 ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	if ((function->config[PCI_COMMAND] & space) != 0)
		function->sized_while_decoding = true;
}

static void pci_port_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	(void)context;
	if (offset < 4) {
		assert_int_equal(width, 4);
		assert_int_equal(value & 3, 0); /* reserved, zero in mechanism 1 */
		hw.pci_address = (uint32_t)value;
		return;
	}
	assert_true((hw.pci_address >> 24) == PCI_ADDRESS_ENABLE_BYTE);
	struct fake_pci_function *function = pci_selected();
	if (function == NULL)
		return;
	function->writes++;
	const uint32_t reg = (hw.pci_address & 0xFC) + (offset & 3);
	pci_note_bar_write(function, reg);
	for (unsigned i = 0; i < width; i++) {
		const uint8_t mask = function->writable[reg + i];
		const uint8_t byte = (uint8_t)(value >> (8 * i));
		function->config[reg + i] = (uint8_t)((byte & mask) | (function->config[reg + i] & ~mask));
	}
	if (function->written != NULL)
		function->written(function, (uint8_t)reg, width);
}

static const struct fake_hw_ops pci_ops = {pci_port_read, pci_port_write};

void fake_pci_add(struct fake_pci_function *function, uint8_t bus, uint8_t device, uint8_t number,
		  uint32_t vendor_device, uint32_t class_code)
{
	assert_true(hw.function_count < FUNCTIONS_MAX);
	if (hw.function_count == 0)
		fake_hw_add_ports(PCI_ADDRESS_PORT, 8, &pci_ops, NULL);
	memset(function, 0, sizeof(*function));
	function->bus = bus;
	function->device = device;
	function->function = number;
	fake_pci_set32(function, 0, vendor_device);
	fake_pci_set32(function, PCI_CLASS, class_code << 8);
	function->writable[PCI_COMMAND] = 0x47;
	function->writable[PCI_COMMAND + 1] = 0x05;
	hw.functions[hw.function_count++] = function;
}

void fake_pci_set_bar(struct fake_pci_function *function, unsigned index, uint64_t base, uint64_t bytes,
		      uint32_t low_bits)
{
	const uint64_t mask = ~(bytes - 1);
	const uint8_t reg = (uint8_t)(PCI_BAR0 + 4 * index);
	const unsigned registers = (low_bits & 7) == 4 ? 8 : 4;

	fake_pci_set32(function, reg, (uint32_t)base | low_bits);
	if (registers == 8)
		fake_pci_set32(function, (uint8_t)(reg + 4), (uint32_t)(base >> 32));
	for (unsigned i = 0; i < registers; i++)
		function->writable[reg + i] = (uint8_t)(mask >> (8 * i));
}

void fake_pci_set8(struct fake_pci_function *function, uint8_t offset, uint8_t value)
{
	function->config[offset] = value;
}

void fake_pci_set16(struct fake_pci_function *function, uint8_t offset, uint16_t value)
{
	for (unsigned i = 0; i < 2; i++)
		function->config[offset + i] = (uint8_t)(value >> (8 * i));
}

void fake_pci_set32(struct fake_pci_function *function, uint8_t offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		function->config[offset + i] = (uint8_t)(value >> (8 * i));
}

uint32_t fake_pci_get32(const struct fake_pci_function *function, uint8_t offset)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value |= (uint32_t)function->config[offset + i] << (8 * i);
	return value;
}

bool fake_pci_is_bus_master(const struct fake_pci_function *function)
{
	return (function->config[PCI_COMMAND] & PCI_COMMAND_MASTER) != 0;
}
