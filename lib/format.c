/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formatted output: the subset of ISO C11 7.21.6.1 that lib/format.h names. An unknown conversion ends the text.
 */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

#define DIGITS_MAX 20 /* of a 64-bit number in decimal */

struct output {
	char *buffer;
	size_t size; /* with the NUL, at least 1 */
	size_t used;
};

struct conversion {
	bool left;
	bool zero;
	size_t width;
	size_t precision; /* SIZE_MAX: none */
	unsigned longs;   /* number of 'l', 'z' counts as one */
};

static void put(struct output *out, char character)
{
	if (out->used + 1 < out->size)
		out->buffer[out->used++] = character;
}

static void put_padded(struct output *out, const char *text, size_t length, const struct conversion *conversion)
{
	const size_t padding = conversion->width > length ? conversion->width - length : 0;

	for (size_t i = 0; i < padding && !conversion->left; i++)
		put(out, conversion->zero ? '0' : ' ');
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
	for (size_t i = 0; i < padding && conversion->left; i++)
		put(out, ' ');
}

static void put_number(struct output *out, uint64_t value, bool negative, unsigned base, bool upper,
		       const struct conversion *conversion)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[DIGITS_MAX + 1];
	size_t at = sizeof(text);

	do {
		text[--at] = digits[value % base];
		value /= base;
	} while (value);
	if (negative)
		text[--at] = '-';
	put_padded(out, text + at, sizeof(text) - at, conversion);
}

static void put_string(struct output *out, const char *text, const struct conversion *conversion)
{
	size_t length = 0;

	if (!text)
		text = "(null)";
	while (length < conversion->precision && text[length])
		length++;
	put_padded(out, text, length, conversion);
}

/* Reads flags, width, precision and length behind a '%'; returns the place of the conversion character. */
static const char *parse_conversion(const char *format, struct conversion *conversion)
{
	*conversion = (struct conversion){.precision = SIZE_MAX};
	for (; *format == '-' || *format == '0'; format++) {
		conversion->left |= *format == '-';
		conversion->zero |= *format == '0';
	}
	for (; *format >= '0' && *format <= '9'; format++)
		conversion->width = conversion->width * 10 + (size_t)(*format - '0');
	if (*format == '.') {
		conversion->precision = 0;
		for (format++; *format >= '0' && *format <= '9'; format++)
			conversion->precision = conversion->precision * 10 + (size_t)(*format - '0');
	}
	for (; *format == 'l' || *format == 'z'; format++)
		conversion->longs++;
	return format;
}

size_t format_text_list(char *buffer, size_t size_bytes, const char *format, va_list arguments)
{
	struct output out = {.buffer = buffer, .size = size_bytes};
	struct conversion conversion;

	if (!size_bytes)
		return 0;
	for (; *format; format++) {
		if (*format != '%') {
			put(&out, *format);
			continue;
		}
		format = parse_conversion(format + 1, &conversion);
		if (*format == 's') {
			put_string(&out, va_arg(arguments, const char *), &conversion);
		} else if (*format == 'c') {
			put(&out, (char)va_arg(arguments, int));
		} else if (*format == 'd') {
			const int64_t value = conversion.longs ? va_arg(arguments, long) : va_arg(arguments, int);

			put_number(&out, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, 10, false,
				   &conversion);
		} else if (*format == 'u' || *format == 'x' || *format == 'X') {
			const uint64_t value =
				conversion.longs ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);

			put_number(&out, value, false, *format == 'u' ? 10 : 16, *format == 'X', &conversion);
		} else if (*format == 'p') {
			put_number(&out, (uintptr_t)va_arg(arguments, void *), false, 16, false, &conversion);
		} else if (*format == '%') {
			put(&out, '%');
		} else {
			break;
		}
	}
	buffer[out.used] = '\0';
	return out.used;
}

size_t format_text(char *buffer, size_t size_bytes, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_list(buffer, size_bytes, format, arguments);
	va_end(arguments);
	return length;
}
