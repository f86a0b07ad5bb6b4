/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GDT, TSS, IDT and the way from an exception to the loader's handler (Intel SDM volume 3A, 3.4.5, 6.14, 8.7).
 */
#include "boot/exceptions.h"

#include "boot/exception_gate.h"
#include "drivers/reset.h"
#include "loader/main.h"

#define SELECTOR_CODE         0x10
#define SELECTOR_TSS          0x20
#define TSS_AVAILABLE_PRESENT 0x89u
#define EXCEPTION_STACK_BYTES 16384

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map_base;
} __attribute__((packed));

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "64-bit TSS");

static struct exception_gate idt[EXCEPTION_VECTORS];
static struct tss tss;
static uint64_t gdt[6];
static uint8_t exception_stack[EXCEPTION_STACK_BYTES] __attribute__((aligned(16)));
static uint8_t handler_stack[4 * EXCEPTION_STACK_BYTES] __attribute__((aligned(16)));
static struct exception_frame first_frame;
static bool entered;

static void run_handler(void)
{
	loader_on_exception(&first_frame);
}

void exception_enter(const struct exception_frame *frame)
{
	if (entered)
		machine_reset();
	entered = true;
	first_frame = *frame;
	exception_resume_on_stack(run_handler, handler_stack + sizeof(handler_stack));
}

static void load_gdt(void)
{
	const uint64_t base = (uint64_t)(uintptr_t)&tss;
	const struct table_pointer pointer = {sizeof(gdt) - 1, (uint64_t)(uintptr_t)gdt};

	gdt[2] = 0x00AF9B000000FFFFu; /* 0x10: 64-bit code, as boot/entry.asm has it */
	gdt[3] = 0x00CF93000000FFFFu; /* 0x18: flat data */
	gdt[4] = (sizeof(tss) - 1) | (base & 0xFFFFFF) << 16 | (uint64_t)TSS_AVAILABLE_PRESENT << 40 |
		 (base >> 24 & 0xFF) << 56;
	gdt[5] = base >> 32;
	tss.io_map_base = sizeof(tss);
	tss.ist[0] = (uint64_t)(uintptr_t)(exception_stack + sizeof(exception_stack));
	__asm__ volatile("lgdt %0" : : "m"(pointer));
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
}

void exceptions_init(void)
{
	const struct table_pointer pointer = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};

	load_gdt();
	for (unsigned vector = 0; vector < EXCEPTION_VECTORS; vector++)
		idt[vector] = exception_gate(vector, SELECTOR_CODE, 1);
	__asm__ volatile("lidt %0" : : "m"(pointer));
}
