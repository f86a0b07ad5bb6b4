/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: formats a line and hands it to the sink.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stddef.h>

#include "lib/format.h"

static log_sink *current_sink;

void log_set_sink(log_sink *sink)
{
	current_sink = sink;
}

void log_line(const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	va_list arguments;

	if (!current_sink)
		return;
	va_start(arguments, format);
	(void)format_text_list(line, sizeof(line), format, arguments);
	va_end(arguments);
	current_sink(line);
}
