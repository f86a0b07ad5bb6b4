/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the log's lines for a test to look at. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Forgets everything, and becomes the log's sink. */
void fake_log_begin(void);

/* True when a line since then contains the text. */
bool fake_log_has(const char *text);

/* How much was logged since then; 64 KiB are kept. */
size_t fake_log_bytes(void);
