/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formatted output without a C library: %s %c %d %u %x %X %p %% with l, ll, z, width, precision (strings), '-' and '0'.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Writes at most size_bytes including the terminating NUL (always there when size_bytes > 0); returns the length
 * that was written, without the NUL. */
__attribute__((format(printf, 3, 4))) size_t format_text(char *buffer, size_t size_bytes, const char *format, ...);
__attribute__((format(printf, 3, 0))) size_t format_text_list(char *buffer, size_t size_bytes, const char *format,
							      va_list arguments);
