/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU exceptions: own GDT with a TSS, own IDT, one handler that never returns (Intel SDM volume 3A, chapters 6 and 8).
 */
#pragma once

#include "include/types.h"

/* The registers at the fault, as boot/exceptions.asm pushes them. */
struct exception_frame {
	uint64_t cr2;
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Must not return. Runs on a fresh stack, with exceptions still caught: a second one resets the machine. */
typedef void exception_handler(const struct exception_frame *frame);

/* Loads GDT, TSS and IDT. handler: called once, on the first exception. */
void exceptions_init(exception_handler *handler);

/* From now on an exception resets the machine at once: nothing is safe to run any more. */
void exceptions_make_fatal(void);

/* Resets the machine: keyboard controller, port 0xCF9, triple fault, in this order. */
_Noreturn void machine_reset(void);
