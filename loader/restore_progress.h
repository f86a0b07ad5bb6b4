/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a restore is, for who waits for it, and their Esc. One restore at a time; what it costs is bounded: it is
 * looked at 8 times a second, and drawn so often that drawing takes no more than a fiftieth of the time.
 */
#pragma once

#include "loader/restore.h"

/*
 * A restore begins; what is to look at it. Its look draws a bar, if the restore takes longer than 0.3 s. If Esc was
 * pressed it asks what to do (see question_ask()), and returns STATUS_USER when the answer is not to go on.
 */
struct restore_watch *restore_progress_begin(void);

/* All is in place. */
void restore_progress_end(void);

#define RESTORE_PROGRESS_COLUMNS_MAX 80

/* The line of at most columns (of RESTORE_PROGRESS_COLUMNS_MAX) characters: '#' makes the bar. Returns its length. */
size_t restore_progress_text(char text_out[RESTORE_PROGRESS_COLUMNS_MAX + 1], size_t columns, uint64_t done,
			     uint64_t total, uint64_t elapsed_us);
