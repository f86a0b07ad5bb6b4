/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words and settings as shells, GRUB's scripts and the kernel's command line write them. Pure; nothing is expanded: a
 * `$` stands for itself. Texts are NUL-terminated.
 */
#pragma once

#include "include/types.h"

/*
 * Takes the next word off text: quotes ('…', "…") and backslashes are resolved, a newline or `;` outside of quotes ends
 * the line. Returns what follows the word, or NULL: there is none in this line. A word that is too long is cut.
 */
const char *words_next(const char *text, char *word_out, size_t capacity);

/*
 * The value of the last word NAME=VALUE (name: "resume=") of a command line in which double quotes keep blanks, up to a
 * lone "--".
 */
bool words_option(const char *text, const char *name, char *value_out, size_t capacity);

/* Is the word there, likewise? */
bool words_has(const char *text, const char *word);

enum words_setting {
	WORDS_NOT_SET,
	WORDS_SET,
	WORDS_UNCLEAR, /* its value depends on what only a shell knows */
};

/* The last `NAME=VALUE` line of a file that shells source. value_out is always written. */
enum words_setting words_setting_find(const char *text, const char *name, char *value_out, size_t capacity);

/*
 * The text with NAME=value set: the last line that sets it is replaced, else the last that is commented out
 * (`#NAME=…`), else a line is added. name and value are plain words. The caller frees the result.
 */
char *words_setting_replace(const char *text, const char *name, const char *value);

/* Resolves the \040 of /proc/mounts and /proc/swaps, in place. */
void words_unescape_octal(char *text);

/* Replaces what is not printable ASCII by '?', in place: for names from disks. */
void words_make_printable(char *text);
