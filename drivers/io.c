/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port and memory-mapped register access on the real machine (Intel SDM volume 1, chapter 19: IN, OUT, INS, OUTS).
 */
#include "drivers/io.h"

static volatile void *register_at(struct mmio region, uint32_t offset)
{
	return (volatile uint8_t *)paddr_to_virt(region.base) + offset;
}

uint8_t mmio_read8(struct mmio region, uint32_t offset)
{
	return *(volatile uint8_t *)register_at(region, offset);
}

uint16_t mmio_read16(struct mmio region, uint32_t offset)
{
	return *(volatile uint16_t *)register_at(region, offset);
}

uint32_t mmio_read32(struct mmio region, uint32_t offset)
{
	return *(volatile uint32_t *)register_at(region, offset);
}

uint64_t mmio_read64(struct mmio region, uint32_t offset)
{
	return *(volatile uint64_t *)register_at(region, offset);
}

void mmio_write8(struct mmio region, uint32_t offset, uint8_t value)
{
	*(volatile uint8_t *)register_at(region, offset) = value;
}

void mmio_write16(struct mmio region, uint32_t offset, uint16_t value)
{
	*(volatile uint16_t *)register_at(region, offset) = value;
}

void mmio_write32(struct mmio region, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)register_at(region, offset) = value;
}

void mmio_write64(struct mmio region, uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)register_at(region, offset) = value;
}

uint8_t port_read8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

uint16_t port_read16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

uint32_t port_read32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

void port_write16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

void port_write32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

void port_read16_many(uint16_t port, void *buffer, uint32_t count)
{
	uint64_t left = count;

	__asm__ volatile("rep insw" : "+D"(buffer), "+c"(left) : "d"(port) : "memory");
}

void port_write16_many(uint16_t port, const void *buffer, uint32_t count)
{
	uint64_t left = count;

	__asm__ volatile("rep outsw" : "+S"(buffer), "+c"(left) : "d"(port) : "memory");
}
