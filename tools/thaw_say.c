/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and sizes.
 */
#include "tools/thaw_say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MIN   20
#define COLUMNS_USUAL 80
#define COLUMNS_MAX   160

__attribute__((format(printf, 2, 0))) static void say(const char *subject, const char *format, va_list arguments)
{
	fflush(stdout);
	fprintf(stderr, "thaw: %s%s", subject, *subject != '\0' ? ": " : "");
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

bool say_error(const char *subject, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(subject, format, arguments);
	va_end(arguments);
	return false;
}

bool say_refusal(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
	return false;
}

bool size_parse(const char *text, uint64_t *bytes_out)
{
	static const char units[] = "KMGT";
	uint64_t value;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || value == 0)
		return false;
	if (*end != '\0') {
		const char *unit = strchr(units, *end);
		const uint32_t shift = unit != NULL ? 10 * ((uint32_t)(unit - units) + 1) : 0;

		if (unit == NULL || end[1] != '\0' || value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
	}
	*bytes_out = value;
	return true;
}

const char *option_value(const char *argument, const char *name)
{
	const size_t length = strlen(name);

	return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

uint32_t terminal_columns(int descriptor)
{
	struct winsize size;

	if (isatty(descriptor) != 1 || ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col < COLUMNS_MIN)
		return COLUMNS_USUAL;
	return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}
