/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Progress of what takes long, on stderr, and its end by Ctrl-C.
 */
#pragma once

#include "include/types.h"

struct progress {
	const char *label; /* NULL: a bar on a terminal, and else nothing */
	uint64_t bytes;    /* read so far: the caller counts */
	bool is_terminal, is_quiet;
	uint32_t columns;
	uint64_t start_ms;
	uint64_t said_ms; /* 0: nothing was */
	uint64_t shown_percent;
};

/* A bar, only when stderr is a terminal. */
struct progress progress_begin(void);

/* The same with speed and remaining time; where stderr is no terminal, a line every few seconds. quiet: nothing. */
struct progress progress_begin_reading(const char *label, bool quiet);

void progress_show(struct progress *progress, uint64_t done, uint64_t total);
void progress_clear(const struct progress *progress);

/*
 * "[####    ]  42 %, 512 MB/s, 12 s left", at most columns characters. elapsed_ms, bytes: for the speed; bytes 0: only
 * the bar. Pure.
 */
void progress_format(char *text_out, size_t capacity, uint32_t columns, uint64_t done, uint64_t total, uint64_t bytes,
		     uint64_t elapsed_ms);

/* From now on SIGINT, SIGTERM and SIGHUP are noted; reading loops ask. */
void interrupt_catch(void);
bool interrupt_is_wanted(void);

/* Ends the program by the signal that came, as if it had not been caught. */
void interrupt_obey(void);
