/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages, sizes, files.
 */
#include "tools/thaw_say.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_BYTES    65536
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

uint8_t *file_read(const char *path, size_t *bytes_out)
{
	const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	size_t done = 0;
	ssize_t count = 1;

	if (descriptor < 0)
		return NULL;
	while (count > 0) {
		uint8_t *larger = realloc(bytes, done + READ_BYTES);

		if (larger == NULL)
			abort();
		bytes = larger;
		do
			count = read(descriptor, bytes + done, READ_BYTES);
		while (count < 0 && errno == EINTR);
		done += count > 0 ? (size_t)count : 0;
	}
	close(descriptor);
	if (count < 0) {
		free(bytes);
		return NULL;
	}
	*bytes_out = done;
	return bytes;
}

bool file_read_text(const char *path, char *text_out, size_t capacity)
{
	size_t bytes;
	uint8_t *data = file_read(path, &bytes);

	if (data == NULL)
		return false;
	if (bytes >= capacity)
		bytes = capacity - 1;
	memcpy(text_out, data, bytes);
	text_out[bytes] = '\0';
	free(data);
	return true;
}

void *pages_allocate(size_t bytes)
{
	const size_t whole = (size_t)align_up(bytes, PAGE_BYTES);
	void *memory = aligned_alloc(PAGE_BYTES, whole);

	if (memory == NULL)
		abort();
	return memset(memory, 0, whole);
}
