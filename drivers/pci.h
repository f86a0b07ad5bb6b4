/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space by configuration mechanism 1 (ports 0xCF8/0xCFC; PCI Local Bus Specification 3.0, section
 * 3.2.2.3.2): no ACPI, no MMCONFIG. Unit tests replace the port accesses (drivers/io.h).
 */
#pragma once

#include "drivers/io.h"
#include "include/status.h"
#include "include/types.h"

struct pci_function {
	uint8_t bus;
	uint8_t device;      /* 0-31 */
	uint8_t function;    /* 0-7 */
	uint8_t header_type; /* without the multi-function bit */
	uint16_t vendor_id;
	uint16_t device_id;
	uint8_t class_code;
	uint8_t subclass;
	uint8_t prog_if;
};

/* A base address register, decoded. */
struct pci_bar {
	bool is_io;
	uint64_t base;  /* physical address, or I/O port */
	uint64_t bytes; /* size, a power of two */
};

/* A number that no other function of the machine has: bus << 8 | device << 3 | function. */
static inline uint32_t pci_address(const struct pci_function *function)
{
	return (uint32_t)(function->bus << 8 | function->device << 3 | function->function);
}

/*
 * Finds functions on all buses that bridges lead to (secondary bus numbers as the firmware left them), each once,
 * every bridge included; hostile or looping bridge registers end after 256 buses.
 * Calls visit(context, function) for each; stops early when it returns a status other than STATUS_OK and returns that.
 */
nodiscard enum status pci_scan(enum status (*visit)(void *context, const struct pci_function *function), void *context);

/* offset: 0-255, naturally aligned. */
uint8_t pci_read8(const struct pci_function *function, uint8_t offset);
uint16_t pci_read16(const struct pci_function *function, uint8_t offset);
uint32_t pci_read32(const struct pci_function *function, uint8_t offset);
void pci_write8(const struct pci_function *function, uint8_t offset, uint8_t value);
void pci_write16(const struct pci_function *function, uint8_t offset, uint16_t value);
void pci_write32(const struct pci_function *function, uint8_t offset, uint32_t value);

/*
 * Decodes and sizes BAR index 0-5 (decoding is switched off while it is sized). STATUS_NOT_FOUND: unimplemented,
 * unassigned (base 0) or the upper half of a 64-bit one.
 */
nodiscard enum status pci_bar_read(const struct pci_function *function, unsigned index, struct pci_bar *bar_out);

/* Offset of the capability id (PCI 3.0, 6.7), 0 when there is none. Bounded against loops. */
uint8_t pci_capability_find(const struct pci_function *function, uint8_t id);

/* Sets I/O space, memory space and bus mastering in the command register, INTx disabled. */
void pci_enable(const struct pci_function *function);

/* Clears bus mastering and reads the register back: true when the bit reads 0. */
bool pci_bus_master_disable(const struct pci_function *function);
