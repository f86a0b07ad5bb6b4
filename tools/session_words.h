/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a session's filesystems in words and as JSON, for `thaw inspect` and for who writes it.
 */
#pragma once

#include <stdio.h>

#include "tools/json.h"

/* What a swap header's page says: a line for each filesystem, one in all when there is no record, or a damaged one. */
void session_words_print(const struct page *header, FILE *stream);

/* A member "session_record" of the object that is open; none without a record. */
void session_words_json(const struct page *header, struct json *json);
