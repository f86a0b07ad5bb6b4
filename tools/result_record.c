/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results of power-ons. The record's layout is loader/mark.c's.
 */
#include "tools/result_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/swsusp.h"
#include "lib/span.h"
#include "tools/words.h"

#define RECORD_VERSION      1
#define VARIABLE_ATTRIBUTES 4
#define VARIABLE_BYTES_MAX  4096

/* Bytes of the record. */
enum {
	RECORD_MAGIC = 0,
	RECORD_VERSION_AT = 4,
	RECORD_KIND = 5,
	RECORD_ZERO = 6,
	RECORD_PAGES = 8,
	RECORD_MILLISECONDS = 12,
};

bool result_record_read(const struct page *header, struct result_record *record_out)
{
	struct span span = span_of(header->bytes + SWSUSP_RESULT_OFFSET, SWSUSP_RESULT_BYTES);

	if (memcmp(span.bytes + RECORD_MAGIC, "THAW", 4) != 0 || span_u8(&span, RECORD_VERSION_AT) != RECORD_VERSION ||
	    span_u16(&span, RECORD_ZERO) != 0)
		return false;
	*record_out = (struct result_record){
		.kind = span_u8(&span, RECORD_KIND),
		.pages = span_u32(&span, RECORD_PAGES),
		.milliseconds = span_u32(&span, RECORD_MILLISECONDS),
	};
	return true;
}

static bool number_take(const char *text, uint64_t *value_out)
{
	char *end;

	errno = 0;
	*value_out = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static void line_take(const char *line, struct result_variable *variable)
{
	if (strncmp(line, "status=", 7) == 0) {
		snprintf(variable->status, sizeof(variable->status), "%.*s", RESULT_WORD_BYTES - 1, line + 7);
		words_make_printable(variable->status);
	} else if (strncmp(line, "pages=", 6) == 0) {
		variable->has_pages = number_take(line + 6, &variable->pages);
	} else if (strncmp(line, "ms=", 3) == 0) {
		variable->has_milliseconds = number_take(line + 3, &variable->milliseconds);
	}
}

bool result_variable_read(const void *data, size_t bytes, struct result_variable *variable_out)
{
	const char *text = data;
	char line[128] = "";
	size_t length = 0;

	memset(variable_out, 0, sizeof(*variable_out));
	if (bytes < VARIABLE_ATTRIBUTES || bytes > VARIABLE_BYTES_MAX)
		return false;
	for (size_t i = VARIABLE_ATTRIBUTES; i <= bytes; i++) {
		if (i < bytes && text[i] != '\n' && text[i] != '\r' && text[i] != '\0') {
			if (length + 1 < sizeof(line))
				line[length++] = text[i];
			continue;
		}
		line[length] = '\0';
		line_take(line, variable_out);
		length = 0;
	}
	return variable_out->status[0] != '\0';
}
