/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port and memory-mapped register access. Out of line on purpose: unit tests link a register model instead of
 * drivers/io.c and see every access in order.
 */
#pragma once

#include "include/types.h"

/* A block of device registers. Offsets are in bytes and naturally aligned; the caller keeps them below bytes. */
struct mmio {
	struct paddr base;
	uint64_t bytes;
};

uint8_t mmio_read8(struct mmio region, uint32_t offset);
uint16_t mmio_read16(struct mmio region, uint32_t offset);
uint32_t mmio_read32(struct mmio region, uint32_t offset);
uint64_t mmio_read64(struct mmio region, uint32_t offset);
void mmio_write8(struct mmio region, uint32_t offset, uint8_t value);
void mmio_write16(struct mmio region, uint32_t offset, uint16_t value);
void mmio_write32(struct mmio region, uint32_t offset, uint32_t value);
void mmio_write64(struct mmio region, uint32_t offset, uint64_t value);

uint8_t port_read8(uint16_t port);
uint16_t port_read16(uint16_t port);
uint32_t port_read32(uint16_t port);
void port_write8(uint16_t port, uint8_t value);
void port_write16(uint16_t port, uint16_t value);
void port_write32(uint16_t port, uint32_t value);

/* String transfers of count units, for PIO. */
void port_read16_many(uint16_t port, void *buffer, uint32_t count);
void port_write16_many(uint16_t port, const void *buffer, uint32_t count);
