/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of an application: its load options, else a file beside it.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/*
 * Load options (UEFI specification 2.10, 9.1.1) are whatever the starter put there: UTF-16 text as a rule, perhaps
 * without a NUL, perhaps a firmware's own binary data. Turned into UTF-8, cut at a blank if it is too long.
 * STATUS_NOT_FOUND: empty, or no text.
 */
nodiscard enum status efi_options_decode(const void *options, size_t bytes, char *text_out, size_t capacity);

/* A file's text as a command line: its lines joined by blanks, those that begin with '#' left out. In place. */
void efi_options_join_lines(char *text);

/* Load options of Thaw, else `thaw.conf` in the directory that Thaw was loaded from, else "". */
void efi_options_read(char *text_out, size_t capacity);
