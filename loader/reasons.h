/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results of power-ons in plain words, for the loader's screen and for the host command: one table, so that both
 * say the same.
 */
#pragma once

/* Static texts, sentences without their full stop. */
struct reason_words {
	const char *reason; /* design.md's word */
	const char *what;   /* what happened */
	/* Only of those that keep an image that was found from being resumed; else NULL. */
	const char *session; /* what has become of the session */
	const char *advice;  /* what to do */
};

/* NULL: an unknown word. */
const struct reason_words *reason_words_of(const char *reason);
