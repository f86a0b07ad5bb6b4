/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration text that LVM2 keeps its metadata in: sections, and values that are numbers, strings or lists of
 * these (lib/config/config.c of LVM2). Bounded, without recursion, nothing is copied.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/* Sections within sections; LVM2's own metadata has four. */
#define LVM_TEXT_DEPTH_MAX 8

/* A piece of the text. */
struct lvm_word {
	const char *chars; /* not terminated */
	size_t length;
};

enum lvm_item_kind {
	LVM_ITEM_SECTION, /* "name {" */
	LVM_ITEM_END,     /* "}" */
	LVM_ITEM_VALUE,   /* "name = …" */
};

/* A place in the text. */
struct lvm_text {
	const char *next;
	const char *end;
	uint32_t depth; /* open sections */
};

struct lvm_item {
	enum lvm_item_kind kind;
	struct lvm_word name;   /* empty for LVM_ITEM_END */
	struct lvm_text values; /* of LVM_ITEM_VALUE: for lvm_value_next */
};

/* The text ends at `bytes` or with a NUL; it must stay. */
struct lvm_text lvm_text_of(const char *chars, size_t bytes);

/* STATUS_END: the text is at its end, no section is open. STATUS_CORRUPT: no such text. */
nodiscard enum status lvm_text_next(struct lvm_text *text, struct lvm_item *item_out);

/* The next scalar of a value, a string without its quotes. STATUS_END: that was all. STATUS_CORRUPT. */
nodiscard enum status lvm_value_next(struct lvm_text *values, struct lvm_word *word_out);

/* The word as a decimal number. STATUS_CORRUPT: it is none below 2^64. */
nodiscard enum status lvm_word_number(struct lvm_word word, uint64_t *number_out);

/* The word with a NUL. STATUS_CORRUPT: it is empty or does not fit. */
nodiscard enum status lvm_word_copy(struct lvm_word word, char *text_out, size_t text_bytes);

bool lvm_word_equal(struct lvm_word word, const char *text);
