/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words and settings.
 */
#include "tools/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A word that grows to a limit. */
struct word {
	char *text;
	size_t capacity;
	size_t length;
};

static void word_put(struct word *word, char character)
{
	if (word->length + 1 < word->capacity)
		word->text[word->length++] = character;
}

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r';
}

/* Behind a quoted part, whose first quote is at text. */
static const char *quoted_take(const char *text, struct word *word)
{
	const char quote = *text++;

	while (*text != '\0' && *text != quote) {
		if (quote == '"' && *text == '\\' && text[1] != '\0' && strchr("\"\\$`", text[1]) != NULL)
			text++;
		word_put(word, *text++);
	}
	return *text == quote ? text + 1 : text;
}

const char *words_next(const char *text, char *word_out, size_t capacity)
{
	struct word word = {word_out, capacity, 0};

	while (is_blank(*text))
		text++;
	if (*text == '\0' || *text == '\n' || *text == ';')
		return NULL;
	while (*text != '\0' && !is_blank(*text) && *text != '\n' && *text != ';') {
		if (*text == '\'' || *text == '"') {
			text = quoted_take(text, &word);
		} else if (*text == '\\' && text[1] != '\0') {
			if (text[1] != '\n')
				word_put(&word, text[1]);
			text += 2;
		} else {
			word_put(&word, *text++);
		}
	}
	word_out[word.length] = '\0';
	return text;
}

/* The kernel's own words: blanks part them, double quotes keep them together; there are no other rules. */
static const char *kernel_word_next(const char *text, char *word_out, size_t capacity)
{
	struct word word = {word_out, capacity, 0};
	bool inside = false;

	while (is_blank(*text) || *text == '\n')
		text++;
	if (*text == '\0')
		return NULL;
	while (*text != '\0' && (inside || (!is_blank(*text) && *text != '\n'))) {
		if (*text == '"')
			inside = !inside;
		else
			word_put(&word, *text);
		text++;
	}
	word_out[word.length] = '\0';
	return text;
}

bool words_option(const char *text, const char *name, char *value_out, size_t capacity)
{
	const size_t length = strlen(name);
	char word[1024];
	bool found = false;

	while ((text = kernel_word_next(text, word, sizeof(word))) != NULL && strcmp(word, "--") != 0) {
		if (strncmp(word, name, length) != 0)
			continue;
		snprintf(value_out, capacity, "%s", word + length);
		found = true;
	}
	return found;
}

bool words_has(const char *text, const char *wanted)
{
	char word[1024];

	while ((text = kernel_word_next(text, word, sizeof(word))) != NULL && strcmp(word, "--") != 0) {
		if (strcmp(word, wanted) == 0)
			return true;
	}
	return false;
}

static const char *blanks_skip(const char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

static const char *line_next(const char *line)
{
	const char *end = strchr(line, '\n');

	return end != NULL ? end + 1 : NULL;
}

/* If the line sets the name, the text behind the `=`. */
static const char *setting_value(const char *line, const char *name)
{
	const size_t length = strlen(name);

	line = blanks_skip(line);
	if (strncmp(line, "export ", 7) == 0)
		line = blanks_skip(line + 7);
	return strncmp(line, name, length) == 0 && line[length] == '=' ? line + length + 1 : NULL;
}

enum words_setting words_setting_find(const char *text, const char *name, char *value_out, size_t capacity)
{
	enum words_setting found = WORDS_NOT_SET;

	*value_out = '\0';
	for (const char *line = text; line != NULL; line = line_next(line)) {
		const char *value = setting_value(line, name);
		const char *end;

		if (value == NULL)
			continue;
		end = words_next(value, value_out, capacity);
		/* A blank at once: the value is empty. */
		if (end == NULL || is_blank(*value)) {
			*value_out = '\0';
			end = value;
		}
		found = memchr(value, '$', (size_t)(end - value)) != NULL ||
					memchr(value, '`', (size_t)(end - value)) != NULL
				? WORDS_UNCLEAR
				: WORDS_SET;
	}
	return found;
}

/* The last line that sets the name; where none does, the last in which a comment sets it. NULL: none. */
static const char *setting_line(const char *text, const char *name)
{
	const char *found = NULL;
	const char *commented = NULL;

	for (const char *line = text; line != NULL; line = line_next(line)) {
		if (setting_value(line, name) != NULL)
			found = line;
		else if (*line == '#' && setting_value(line + 1, name) != NULL)
			commented = line;
	}
	return found != NULL ? found : commented;
}

char *words_setting_replace(const char *text, const char *name, const char *value)
{
	const size_t bytes = strlen(text) + strlen(name) + strlen(value) + 4;
	const char *line = setting_line(text, name);
	const char *rest = line != NULL ? line_next(line) : NULL;
	const size_t before = line != NULL ? (size_t)(line - text) : strlen(text);
	const char *separator = line == NULL && before > 0 && text[before - 1] != '\n' ? "\n" : "";
	char *result = malloc(bytes);

	if (result == NULL)
		abort();
	snprintf(result, bytes, "%.*s%s%s=%s\n%s", (int)before, text, separator, name, value, rest != NULL ? rest : "");
	return result;
}

static bool is_octal(char character)
{
	return character >= '0' && character <= '7';
}

void words_unescape_octal(char *text)
{
	char *out = text;

	while (*text != '\0') {
		if (*text == '\\' && text[1] >= '0' && text[1] <= '3' && is_octal(text[2]) && is_octal(text[3])) {
			const int value = (text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0');

			*out++ = value != 0 ? (char)value : '?';
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

void words_make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}
