/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole files, and memory for pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/thaw_say.h"

#define READ_BYTES 65536

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
