/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `thaw status` finds: a list of checks with a result, a sentence and what to do. Pure but for the stream.
 */
#pragma once

#include <stdio.h>

#include "include/types.h"

enum finding_result {
	FINDING_OK,
	FINDING_UNKNOWN, /* only root is told, or this system does not say */
	FINDING_WARNING, /* it would work, but … */
	FINDING_PROBLEM, /* it would not work; there is something to do */
	FINDING_BLOCKED, /* it can't work on this machine as it is set up */
};

#define FINDINGS_MAX 48

struct finding {
	const char *check; /* static text: the check's name, stable for scripts */
	enum finding_result result;
	char text[400];
	char advice[300]; /* "": none */
};

struct findings {
	struct finding list[FINDINGS_MAX];
	uint32_t count;
};

/* Adds one; the advice of the last one is added to it by findings_advise. A list that is full drops what follows. */
__attribute__((format(printf, 4, 5))) void findings_add(struct findings *findings, const char *check,
							enum finding_result result, const char *format, ...);
__attribute__((format(printf, 2, 3))) void findings_advise(struct findings *findings, const char *format, ...);

/* The worst there is; FINDING_UNKNOWN counts as FINDING_OK. */
enum finding_result findings_worst(const struct findings *findings);

/* "ok", "unknown", "warning", "problem", "blocked". */
const char *finding_result_text(enum finding_result result);

/* Lines for people, broken at columns. */
void findings_print(const struct findings *findings, uint32_t columns, FILE *stream);

/* An object: result (of all), checks. */
void findings_json(const struct findings *findings, const char *result, FILE *stream);
