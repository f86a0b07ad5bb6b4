/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the front end offers as consoles.
 */
#pragma once

#include "include/boot_info.h"
#include "loader/options.h"
#include "mm/arena.h"

/* Keys: these, and the digits as '0' to '9'. */
#define KEY_OTHER  0x01
#define KEY_ENTER  0x0D
#define KEY_ESCAPE 0x1B

/* Takes those that the options name. One that does not work is left out. */
void console_devices_init(const struct options *options, const struct boot_screen *screen, struct arena *arena);

/* bytes of ASCII text to each of them. */
void console_devices_write(const char *text, size_t bytes);

/* The same, with '#' as a block on the screens. At most CONSOLE_COLUMNS_MAX characters and a '\r'. */
#define CONSOLE_COLUMNS_MAX 80
void console_devices_write_bar(const char *text, size_t bytes);

/* Characters in a line of the narrowest screen, CONSOLE_COLUMNS_MAX without one. */
uint32_t console_devices_columns(void);

/* True when a key or something like it came; *key_out: the key that went down, or 0. */
bool console_devices_read_key(uint8_t *key_out);
