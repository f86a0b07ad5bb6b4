/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON.
 */
#include "tools/json.h"

#include <inttypes.h>
#include <string.h>

struct json json_begin(FILE *stream)
{
	return (struct json){.stream = stream, .is_first = true};
}

/* Length of the UTF-8 sequence (RFC 3629) at text; 0: there is none. */
static size_t utf8_length(const uint8_t *text)
{
	const uint8_t first = text[0];
	size_t length = 0;

	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		length = 2;
	else if (first >= 0xE0 && first <= 0xEF)
		length = 3;
	else if (first >= 0xF0 && first <= 0xF4)
		length = 4;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates and what lies beyond the last character. */
	if ((first == 0xE0 && text[1] < 0xA0) || (first == 0xED && text[1] > 0x9F) ||
	    (first == 0xF0 && text[1] < 0x90) || (first == 0xF4 && text[1] > 0x8F))
		return 0;
	return length;
}

static void string_put(FILE *stream, const char *text)
{
	const uint8_t *bytes = (const uint8_t *)text;

	fputc('"', stream);
	while (*bytes != 0) {
		const size_t length = utf8_length(bytes);

		if (length == 0)
			fputc('?', stream);
		else if (*bytes == '"' || *bytes == '\\')
			fprintf(stream, "\\%c", *bytes);
		else if (*bytes < ' ' || *bytes == 0x7F)
			fprintf(stream, "\\u%04x", *bytes);
		else
			fwrite(bytes, 1, length, stream);
		bytes += length > 0 ? length : 1;
	}
	fputc('"', stream);
}

static void value_begin(struct json *json, const char *name)
{
	if (!json->is_first)
		fputc(',', json->stream);
	if (json->depth > 0)
		fprintf(json->stream, "\n%*s", (int)json->depth * 2, "");
	json->is_first = false;
	if (name != NULL) {
		string_put(json->stream, name);
		fputs(": ", json->stream);
	}
}

void json_open(struct json *json, const char *name, char kind)
{
	value_begin(json, name);
	fputc(kind, json->stream);
	json->depth++;
	json->is_first = true;
}

void json_close(struct json *json, char kind)
{
	json->depth--;
	if (!json->is_first)
		fprintf(json->stream, "\n%*s", (int)json->depth * 2, "");
	fputc(kind == '{' ? '}' : ']', json->stream);
	json->is_first = false;
	if (json->depth == 0)
		fputc('\n', json->stream);
}

void json_text(struct json *json, const char *name, const char *text)
{
	value_begin(json, name);
	string_put(json->stream, text);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
	value_begin(json, name);
	fprintf(json->stream, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	value_begin(json, name);
	fputs(value ? "true" : "false", json->stream);
}

void json_hex(struct json *json, const char *name, uint64_t value)
{
	value_begin(json, name);
	fprintf(json->stream, "\"%#" PRIx64 "\"", value);
}

void json_hundredths(struct json *json, const char *name, uint64_t hundredths)
{
	value_begin(json, name);
	fprintf(json->stream, "%" PRIu64 ".%02" PRIu64, hundredths / 100, hundredths % 100);
}
