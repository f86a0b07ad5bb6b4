/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: whole lines, each shown as "thaw: TEXT" by the sinks that the loader registers. Nothing is logged after
 * the jump is announced.
 */
#pragma once

#include <stdbool.h>

#define LOG_LINE_BYTES 200 /* a longer line is cut */

/* Receives one line without prefix or newline. */
typedef void log_sink(const char *line);

/*
 * The sink gets the first lines that were logged before there was one, too. NULL: keep lines for a later sink (the
 * default), as many as there is room for.
 */
void log_set_sink(log_sink *sink);

/* printf-style; see lib/format.h for the conversions. A newline in the text is not expected. */
__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);
