/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The consoles together: every log line goes to the screen and the serial port that the options name, as
 * "thaw: TEXT".
 */
#pragma once

#include "include/boot_info.h"
#include "loader/options.h"
#include "mm/arena.h"

/* Takes the consoles and becomes the log's sink. A console that does not work is left out. */
void console_init(const struct options *options, const struct boot_screen *screen, struct arena *arena);

/* From now on every line is shown, even if the options said `quiet`: something went wrong. */
void console_speak_up(void);

/* True once console_init was called. */
bool console_is_ready(void);

/* Characters that a line may have. */
uint32_t console_columns(void);

/*
 * Shows a line in place of the one that it showed before, without "thaw: ", cut if it is too long; on screens '#' is a
 * block. Whatever is written next begins a new line. Nothing before console_init.
 */
void console_draw_line(const char *text);

/* A line for people, without "thaw: ". */
void console_write_line(const char *text);

/*
 * Forgets the keys pressed so far. Before a question is shown: what was typed earlier is no answer, but what comes
 * while the question is still being drawn is one.
 */
void console_drop_keys(void);

/* A key of keyboard or serial port (see loader/console_devices.h), 0: none. */
uint8_t console_read_key(void);

/* Waits for a key, at most timeout_us; one that was pressed already counts. */
void console_wait_key(uint64_t timeout_us);

/* True when Esc is among the keys that came since the last look; these are gone then. */
bool console_escape_pressed(void);
