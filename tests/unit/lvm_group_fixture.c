/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metadata texts of one group, see lvm_group_fixture.h.
 */
#include "lvm_group_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct lvm_disk_text text;
struct lvm_group group;
const char *parse_reason;

enum status parse(const char *chars, size_t bytes)
{
	char *copy = malloc(bytes + (bytes == 0));
	enum status status;

	memcpy(copy, chars, bytes);
	memset(&group, 0xa5, sizeof(group));
	parse_reason = NULL;
	status = lvm_group_parse(copy, bytes, &group, &parse_reason);
	free(copy);
	return status;
}

void expect_refused(enum status status, const char *said)
{
	assert_int_equal(parse(text.chars, text.bytes), status);
	assert_non_null(strstr(parse_reason, said));
}

void expect_parsed(void)
{
	assert_int_equal(parse(text.chars, text.bytes), STATUS_OK);
}

void begin(void)
{
	lvm_disk_begin(&text, "vg", 'g', 7, "\"RESIZEABLE\", \"READ\", \"WRITE\"");
	lvm_disk_member(&text, 'a', 2048, 100, "");
	lvm_disk_member(&text, 'b', 1024, 50, "");
}

void volume(const char *name, const char *status, unsigned count, const char *segments)
{
	char chars[2048];

	snprintf(chars, sizeof(chars), "segment_count = %u\n\n%s", count, segments);
	lvm_disk_volume(&text, name, status, chars);
}

void with_volume(unsigned count, const char *segments)
{
	begin();
	volume("lv", VISIBLE, count, segments);
	lvm_disk_end(&text);
}

void replace(const char *from, const char *end, const char *with)
{
	char *at = strstr(text.chars, from);
	char *rest;

	assert_non_null(at);
	at += strlen(from);
	rest = strstr(at, end);
	assert_non_null(rest);
	memmove(at + strlen(with), rest, strlen(rest) + 1);
	memcpy(at, with, strlen(with));
	text.bytes = strlen(text.chars);
}
