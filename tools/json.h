/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON (RFC 8259), indented. Pure but for the stream. Text that is not UTF-8 comes out as '?' byte by byte.
 */
#pragma once

#include <stdio.h>

#include "include/types.h"

struct json {
	FILE *stream;
	uint32_t depth;
	bool is_first; /* of the value that is open */
};

struct json json_begin(FILE *stream);

/* name: NULL within an array and for the outermost value. kind: '{' or '['; each needs its json_close. */
void json_open(struct json *json, const char *name, char kind);
void json_close(struct json *json, char kind);

void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);

/* As text, for values that need all 64 bits: most readers of JSON know 53. */
void json_hex(struct json *json, const char *name, uint64_t value);

/* Two decimals. */
void json_hundredths(struct json *json, const char *name, uint64_t hundredths);
