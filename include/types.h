/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address types that can't be mixed up, the page, and the only place where one is turned into another.
 *
 * Thaw runs identity mapped: a virtual address below 2^47 is the physical address of the same value. The host build
 * (unit tests, fuzzers, the `thaw` command) uses the same rule, so there a "physical" address is a host pointer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES ((uint32_t)1 << PAGE_SHIFT)
#define KIB        ((uint64_t)1024)
#define MIB        (1024 * KIB)
#define GIB        (1024 * MIB)

#define BIT(n)             ((uint32_t)1 << (n))
#define BIT64(n)           ((uint64_t)1 << (n))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A physical address, in bytes. */
struct paddr {
	uint64_t value;
};

/* A page frame number: physical address / PAGE_BYTES. */
struct pfn {
	uint64_t value;
};

/* A logical block address, in the device's own logical sectors, from the start of the whole device. */
struct lba {
	uint64_t value;
};

/* One page of memory. */
struct page {
	uint8_t bytes[4096];
} __attribute__((aligned(4096)));

_Static_assert(sizeof(struct page) == (size_t)1 << PAGE_SHIFT, "struct page is one page");

static inline struct paddr pfn_to_paddr(struct pfn pfn)
{
	return (struct paddr){pfn.value << PAGE_SHIFT};
}

/* The frame that holds the address. */
static inline struct pfn paddr_to_pfn(struct paddr address)
{
	return (struct pfn){address.value >> PAGE_SHIFT};
}

static inline void *paddr_to_virt(struct paddr address)
{
	return (void *)(uintptr_t)address.value;
}

static inline struct page *pfn_to_page(struct pfn pfn)
{
	return paddr_to_virt(pfn_to_paddr(pfn));
}

/* Only for identity-mapped memory: the arena, modules, RAM; not for stacks' windows or mapped windows. */
static inline struct paddr virt_to_paddr(const void *pointer)
{
	return (struct paddr){(uint64_t)(uintptr_t)pointer};
}

static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

/* alignment: a power of two; the caller knows that value + alignment does not overflow. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return align_down(value + alignment - 1, alignment);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t div_round_up(uint64_t value, uint64_t divisor)
{
	return value / divisor + (value % divisor != 0);
}
