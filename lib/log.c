/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: formats a line and hands it to the sink. What is logged before there is one waits for it.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stddef.h>

#include "lib/format.h"

#define EARLY_LINES 8

static log_sink *current_sink;
static char early[EARLY_LINES][LOG_LINE_BYTES];
static size_t early_count;

void log_set_sink(log_sink *sink)
{
	current_sink = sink;
	for (size_t i = 0; sink && i < early_count; i++)
		sink(early[i]);
	if (sink)
		early_count = 0;
}

void log_line(const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	char *target = line;
	va_list arguments;

	if (!current_sink && early_count == EARLY_LINES)
		return;
	if (!current_sink)
		target = early[early_count++];
	va_start(arguments, format);
	(void)format_text_list(target, LOG_LINE_BYTES, format, arguments);
	va_end(arguments);
	if (current_sink)
		current_sink(target);
}
