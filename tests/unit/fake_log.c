/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the log's lines for a test to look at; see fake_log.h. */
#include "tests/unit/fake_log.h"

#include <string.h>

#include "lib/log.h"

static char text_kept[65536];
static size_t used;

static void keep(const char *line)
{
	const size_t length = strlen(line);

	if (used + length + 2 > sizeof(text_kept))
		return;
	memcpy(text_kept + used, line, length);
	text_kept[used + length] = '\n';
	used += length + 1;
	text_kept[used] = '\0';
}

void fake_log_begin(void)
{
	used = 0;
	text_kept[0] = '\0';
	log_set_sink(keep);
}

bool fake_log_has(const char *text)
{
	return strstr(text_kept, text) != NULL;
}

size_t fake_log_bytes(void)
{
	return used;
}
