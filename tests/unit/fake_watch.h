/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody who looks at a restore at every opportunity: what is said never goes back or beyond the total. At one look
 * they end it, or think for a long time.
 */
#pragma once

#include "loader/restore.h"

struct fake_watch {
	struct restore_watch watch;
	uint64_t looks;      /* so far */
	uint64_t end_at;     /* this look returns STATUS_USER; 0: none does */
	uint64_t idle_calls; /* at every look, if there is anything to call */
	uint64_t done, total;
};

/* At its start. */
struct restore_watch *fake_watch_begin(struct fake_watch *fake);
