/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of `thaw`. Each is given the words behind its name, and returns the program's exit status; how they end
 * is in their help texts.
 */
#pragma once

#include "include/types.h"

/* Of format, save and export. */
enum command_exit {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_REFUSED = 2, /* usage, or a check before anything was done */
};

/* Prints help when the words ask for it. */
bool command_wants_help(int argc, char **argv, const char *help);

/* The value of --offset=. */
bool pages_parse(const char *text, uint64_t *pages_out);

int thaw_status(int argc, char **argv);
int thaw_log(int argc, char **argv);
int thaw_enable(int argc, char **argv);
int thaw_disable(int argc, char **argv);
int thaw_verify(int argc, char **argv);
int thaw_inspect(int argc, char **argv);
int thaw_format(int argc, char **argv);
int thaw_save(int argc, char **argv);
int thaw_export(int argc, char **argv);
