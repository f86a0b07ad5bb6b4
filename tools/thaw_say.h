/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every command of `thaw` needs: messages, sizes as text, whole files.
 */
#pragma once

#include "include/types.h"

/* "thaw: SUBJECT: message" and a newline on stderr. Returns false, for the caller to pass on. */
__attribute__((format(printf, 2, 3))) bool say_error(const char *subject, const char *format, ...);

/* The same without a subject. */
__attribute__((format(printf, 1, 2))) bool say_refusal(const char *format, ...);

/* "512", "64K", "512M", "4G", "1T" (powers of 1024); greater than 0. */
bool size_parse(const char *text, uint64_t *bytes_out);

/* If argument is NAME=VALUE for this NAME ("--size="), its VALUE; else NULL. */
const char *option_value(const char *argument, const char *name);

/* Width of the terminal; 80 where it is none. At most 160. */
uint32_t terminal_columns(int descriptor);

/* A whole file, however long it says it is (sysfs, procfs); NULL with errno set. The caller frees it. */
uint8_t *file_read(const char *path, size_t *bytes_out);

/* A text file's first bytes, NUL-terminated; false with errno set. */
bool file_read_text(const char *path, char *text_out, size_t capacity);

/* Page-aligned memory, zeroed; ends the program when there is none. */
void *pages_allocate(size_t bytes);
