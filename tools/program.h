/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs other programs by their full path, without a shell, in an environment of its own.
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "include/types.h"

#define PROGRAM_WORDS_MAX 8

/* words: the path first, NULL last. False: it could not be started, or failed; said. */
bool program_run(const char *const words[PROGRAM_WORDS_MAX]);

struct program {
	FILE *output;
	pid_t process;
};

/* Its output is read from program_out->output; its messages are dropped. False: it could not be started. */
bool program_open(const char *const words[PROGRAM_WORDS_MAX], struct program *program_out);

/* True: it ended well. */
bool program_close(struct program *program);

/* The first of these paths that can be run; NULL: none. */
const char *program_find(const char *const *paths, size_t count);
