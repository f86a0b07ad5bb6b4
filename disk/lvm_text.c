/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LVM2's configuration text, from left to right.
 */
#include "disk/lvm_text.h"

#include "lib/checked.h"
#include "lib/string.h"

struct lvm_text lvm_text_of(const char *chars, size_t bytes)
{
	const char *nul = bytes > 0 ? memchr(chars, 0, bytes) : NULL;

	return (struct lvm_text){.next = chars, .end = nul ? nul : chars + bytes};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '.' || c == '+' || c == '@' || c == '/';
}

/* The next character that is no space and in no comment, which is not consumed; NUL at the end. */
static char peek(struct lvm_text *text)
{
	while (text->next < text->end) {
		if (*text->next == '#')
			while (text->next < text->end && *text->next != '\n')
				text->next++;
		else if (is_space(*text->next))
			text->next++;
		else
			return *text->next;
	}
	return '\0';
}

static bool take(struct lvm_text *text, char c)
{
	if (peek(text) != c)
		return false;
	text->next++;
	return true;
}

static struct lvm_word take_word(struct lvm_text *text)
{
	struct lvm_word word = {.chars = text->next};

	while (text->next < text->end && is_word(*text->next))
		text->next++;
	word.length = (size_t)(text->next - word.chars);
	return word;
}

/* Behind the opening quote; a quote inside is written \". */
static enum status take_string(struct lvm_text *text, struct lvm_word *word_out)
{
	struct lvm_word word = {.chars = text->next};

	while (text->next < text->end && *text->next != '"')
		text->next += *text->next == '\\' && text->end - text->next > 1 ? 2 : 1;
	if (text->next >= text->end)
		return STATUS_CORRUPT;
	word.length = (size_t)(text->next - word.chars);
	text->next++;
	*word_out = word;
	return STATUS_OK;
}

static enum status take_scalar(struct lvm_text *text, struct lvm_word *word_out)
{
	if (take(text, '"'))
		return take_string(text, word_out);
	*word_out = take_word(text);
	return word_out->length > 0 ? STATUS_OK : STATUS_CORRUPT;
}

/* Leaves *values_out at the value's scalars and the text behind it. */
static enum status take_value(struct lvm_text *text, struct lvm_text *values_out)
{
	struct lvm_word word;

	if (take(text, '[')) {
		values_out->next = text->next;
		while (peek(text) != ']') {
			TRY(take_scalar(text, &word));
			if (!take(text, ',') && peek(text) != ']')
				return STATUS_CORRUPT;
		}
		values_out->end = text->next;
		text->next++;
		return STATUS_OK;
	}
	values_out->next = text->next;
	TRY(take_scalar(text, &word));
	values_out->end = text->next;
	return STATUS_OK;
}

enum status lvm_text_next(struct lvm_text *text, struct lvm_item *item_out)
{
	struct lvm_item item = {.kind = LVM_ITEM_END};

	if (peek(text) == '\0')
		return text->next == text->end && text->depth == 0 ? STATUS_END : STATUS_CORRUPT;
	if (take(text, '}')) {
		if (text->depth == 0)
			return STATUS_CORRUPT;
		text->depth--;
	} else {
		item.name = take_word(text);
		if (item.name.length == 0)
			return STATUS_CORRUPT;
		if (take(text, '{')) {
			item.kind = LVM_ITEM_SECTION;
			if (text->depth++ == LVM_TEXT_DEPTH_MAX)
				return STATUS_CORRUPT;
		} else if (take(text, '=')) {
			item.kind = LVM_ITEM_VALUE;
			TRY(take_value(text, &item.values));
		} else {
			return STATUS_CORRUPT;
		}
	}
	*item_out = item;
	return STATUS_OK;
}

enum status lvm_value_next(struct lvm_text *values, struct lvm_word *word_out)
{
	if (peek(values) == '\0')
		return STATUS_END;
	TRY(take_scalar(values, word_out));
	(void)take(values, ',');
	return STATUS_OK;
}

enum status lvm_word_number(struct lvm_word word, uint64_t *number_out)
{
	uint64_t number = 0;

	if (word.length == 0)
		return STATUS_CORRUPT;
	for (size_t i = 0; i < word.length; i++) {
		const char c = word.chars[i];

		if (c < '0' || c > '9' || !checked_mul_u64(number, 10, &number) ||
		    !checked_add_u64(number, (uint64_t)(c - '0'), &number))
			return STATUS_CORRUPT;
	}
	*number_out = number;
	return STATUS_OK;
}

enum status lvm_word_copy(struct lvm_word word, char *text_out, size_t text_bytes)
{
	if (word.length == 0 || word.length >= text_bytes)
		return STATUS_CORRUPT;
	memcpy(text_out, word.chars, word.length);
	text_out[word.length] = '\0';
	return STATUS_OK;
}

bool lvm_word_equal(struct lvm_word word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.chars, text, word.length) == 0;
}
