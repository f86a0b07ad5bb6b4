/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers at a CPU exception, as boot/exceptions.asm pushes them (Intel SDM volume 3A, 6.14.2).
 */
#pragma once

#include "include/types.h"

struct exception_frame {
	uint64_t cr2;
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};
