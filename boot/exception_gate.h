/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gates that lead to boot/exceptions.asm (Intel SDM volume 3A, 6.14.1).
 */
#pragma once

#include "include/exception.h"

#define EXCEPTION_VECTORS    32
#define EXCEPTION_STUB_BYTES 16

#define GATE_INTERRUPT_PRESENT 0x8E

struct exception_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
} __attribute__((packed));

_Static_assert(sizeof(struct exception_gate) == 16, "64-bit gate");

extern const uint8_t exception_stubs[EXCEPTION_VECTORS][EXCEPTION_STUB_BYTES];

/* For the front end's handler: leaves the stack as it is behind. */
_Noreturn void exception_resume_on_stack(void (*function)(void), void *stack_top);

/* The front end's handler. */
_Noreturn void exception_enter(const struct exception_frame *frame);

/* ist 0: on the stack that is in use. */
static inline struct exception_gate exception_gate(unsigned vector, uint16_t selector, uint8_t ist)
{
	const uint64_t stub = (uint64_t)(uintptr_t)exception_stubs[vector];

	return (struct exception_gate){
		.offset_low = (uint16_t)stub,
		.offset_middle = (uint16_t)(stub >> 16),
		.offset_high = (uint32_t)(stub >> 32),
		.selector = selector,
		.ist = ist,
		.type = GATE_INTERRUPT_PRESENT,
	};
}
