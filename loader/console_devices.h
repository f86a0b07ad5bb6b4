/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the front end offers as consoles.
 */
#pragma once

#include "include/boot_info.h"
#include "loader/options.h"
#include "mm/arena.h"

/* Takes those that the options name. One that does not work is left out. */
void console_devices_init(const struct options *options, const struct boot_screen *screen, struct arena *arena);

/* bytes of ASCII text to each of them. */
void console_devices_write(const char *text, size_t bytes);

/* True when a key or something like it came; *is_key_out: it was a key that went down. */
bool console_devices_read_key(bool *is_key_out);

/* True when Esc is among the keys that came since the last call; these are gone then. */
bool console_devices_cancelled(void);
