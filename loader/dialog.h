/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text and questions for people, on every console.
 */
#pragma once

#include "include/types.h"

/* Writes a text, broken at blanks, from `column` on; label stands before its first line. */
void dialog_say(const char *label, size_t column, const char *text);

/* A line of width. */
void dialog_rule(void);

struct dialog_wait {
	const char *before, *after; /* "10 s", as many as are left */
	uint64_t seconds;
	void (*idle)(void *context); /* called again and again meanwhile; or NULL */
	void *context;
};

/* Waits for a key (see loader/console_devices.h) while the seconds are counted down; 0: there was none. */
uint8_t dialog_wait(const struct dialog_wait *wait);
