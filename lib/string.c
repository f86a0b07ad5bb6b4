/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freestanding memory and string routines (ISO C11, 7.24). Copies and fills go by the CPU's string instructions, eight
 * bytes a step; overlapping moves that must run backwards go bytewise, which is rare and short.
 */
#include "lib/string.h"

#include <stdint.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t bytes)
{
	void *to = destination;
	size_t words = bytes / 8;
	size_t rest = bytes % 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(source), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(rest) : : "memory");
	return destination;
}

void *memmove(void *destination, const void *source, size_t bytes)
{
	uint8_t *to = destination;
	const uint8_t *from = source;

	if ((uintptr_t)to - (uintptr_t)from >= bytes)
		return memcpy(destination, source, bytes);
	for (size_t i = bytes; i > 0; i--) {
		to[i - 1] = from[i - 1];
		__asm__ volatile("" : : : "memory"); /* keep the compiler from making this a call of itself */
	}
	return destination;
}

void *memset(void *destination, int value, size_t bytes)
{
	void *to = destination;
	const uint64_t pattern = 0x0101010101010101u * (uint8_t)value;
	size_t words = bytes / 8;
	size_t rest = bytes % 8;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
	return destination;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *left = a;
	const uint8_t *right = b;

	for (size_t i = 0; i < bytes; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

void *memchr(const void *memory, int value, size_t bytes)
{
	const uint8_t *at = memory;

	for (size_t i = 0; i < bytes; i++)
		if (at[i] == (uint8_t)value)
			return (void *)(uintptr_t)(at + i);
	return NULL;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		const uint8_t left = (uint8_t)a[i];
		const uint8_t right = (uint8_t)b[i];

		if (left != right)
			return left < right ? -1 : 1;
		if (!left)
			break;
	}
	return 0;
}

char *strchr(const char *text, int character)
{
	for (; *text; text++)
		if (*text == (char)character)
			return (char *)(uintptr_t)text;
	return character ? NULL : (char *)(uintptr_t)text;
}
