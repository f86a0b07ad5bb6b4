/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU exceptions under UEFI (Intel SDM volume 3A, 6.10 and 6.14).
 */
#include "boot/efi/exceptions.h"

#include "boot/exception_gate.h"
#include "drivers/efi/firmware.h"
#include "drivers/reset.h"
#include "lib/string.h"
#include "loader/main.h"

#define GATES               256
#define VECTOR_NMI          2 /* stays the firmware's */
#define HANDLER_STACK_BYTES 65536

static struct exception_gate idt[GATES];
static uint8_t handler_stack[HANDLER_STACK_BYTES] __attribute__((aligned(16)));
static struct exception_frame first_frame;
static bool entered;

static void run_handler(void)
{
	/* The loader ends with the firmware's help, which wants an application's priority. */
	firmware_recover_priority();
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

void efi_exceptions_init(void)
{
	const struct firmware_table_pointer firmware_table = firmware_idt();
	const size_t bytes = (size_t)min_u64((uint64_t)firmware_table.limit + 1, sizeof(idt));
	const struct firmware_table_pointer pointer = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
	uint16_t selector;

	__asm__ volatile("mov %%cs, %0" : "=r"(selector));
	memcpy(idt, paddr_to_virt((struct paddr){firmware_table.base}), bytes);
	for (unsigned vector = 0; vector < EXCEPTION_VECTORS; vector++)
		if (vector != VECTOR_NMI)
			idt[vector] = exception_gate(vector, selector, 0);
	__asm__ volatile("lidt %0" : : "m"(pointer));
}
