/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the compression libraries' objects ask a C library for at link time. Only their compressors allocate, and none
 * of those is ever called; the stack protector of a prebuilt object reads its canary at FS:0x28, so FS must point to
 * readable memory whose content does not change (Intel SDM volume 1, 3.4.2; System V ABI, x86-64 thread storage).
 */
#include "lib/freestanding.h"

__attribute__((noreturn)) void __stack_chk_fail(void)
{
	/* Ends in the exception handler, which boots normally. */
	for (;;)
		__asm__ volatile("ud2");
}

void *calloc(size_t count, size_t bytes)
{
	(void)count;
	(void)bytes;
	return NULL;
}

void free(void *memory)
{
	(void)memory;
}
