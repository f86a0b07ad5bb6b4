/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The question that Esc raises before the mark: go on, leave the session to Linux, or discard it. Nothing is lost while
 * it is asked, and who does not answer goes on.
 */
#pragma once

#include "include/types.h"

enum answer {
	ANSWER_GO_ON,
	ANSWER_LINUX,
	ANSWER_FRESH, /* asked twice */
};

/*
 * Asks. idle(context), or NULL: called again and again meanwhile, so that what is in flight is not left alone; it may
 * not wait.
 */
enum answer question_ask(void (*idle)(void *context), void *context);

/* Asks if Esc was pressed since the last look. */
enum answer question_on_escape(void (*idle)(void *context), void *context);

/* The last answer; ANSWER_GO_ON when there was none. */
enum answer question_answer(void);
