/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few privileged instructions that C code needs (Intel SDM volume 2).
 */
#pragma once

#include "include/types.h"

struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_result result;

	__asm__ volatile("cpuid"
			 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
			 : "a"(leaf), "c"(subleaf));
	return result;
}

static inline uint64_t cpu_read_cr3(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline void cpu_write_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

#define CR0_MP         BIT64(1)
#define CR0_EM         BIT64(2)
#define CR0_TS         BIT64(3)
#define CR0_NE         BIT64(5)
#define CR0_WP         BIT64(16)
#define CR4_PAE        BIT64(5)
#define CR4_OSFXSR     BIT64(9)
#define CR4_OSXMMEXCPT BIT64(10)
#define CR4_LA57       BIT64(12)
#define CR4_CET        BIT64(23)
#define MSR_EFER       0xC0000080u
#define EFER_NXE       BIT64(11)

static inline uint64_t cpu_read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline void cpu_write_cr4(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t cpu_read_cr0(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static inline void cpu_write_cr0(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint64_t cpu_read_msr(uint32_t index)
{
	uint32_t low;
	uint32_t high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline void cpu_disable_interrupts(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void cpu_halt(void)
{
	__asm__ volatile("hlt");
}

static inline void cpu_invalidate_page(const void *address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* CPUID.80000001H:EDX[26]. */
static inline bool cpu_has_1gib_pages(void)
{
	return cpu_cpuid(0x80000001u, 0).edx & BIT(26);
}

/* CPUID.7.0:ECX[16]: 5-level paging. */
static inline bool cpu_has_la57(void)
{
	return cpu_cpuid(0, 0).eax >= 7 && (cpu_cpuid(7, 0).ecx & BIT(16));
}

/* CPUID.80000008H:EAX[7:0]: physical address bits; at least 36. */
static inline unsigned cpu_physical_address_bits(void)
{
	return cpu_cpuid(0x80000000u, 0).eax >= 0x80000008u ? cpu_cpuid(0x80000008u, 0).eax & 0xFF : 36;
}
