/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory and string routines of the C standard that Thaw uses (ISO C11, 7.24).
 * On the host the C library's own take their place.
 */
#pragma once

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t bytes);
void *memmove(void *destination, const void *source, size_t bytes);
void *memset(void *destination, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *memchr(const void *memory, int value, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);
char *strchr(const char *text, int character);
