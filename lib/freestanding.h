/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The C library's names that prebuilt objects need at link time in the loader; see freestanding.c. Not for use.
 */
#pragma once

#include <stddef.h>

__attribute__((noreturn)) void __stack_chk_fail(void);
void *calloc(size_t count, size_t bytes);
void free(void *memory);
