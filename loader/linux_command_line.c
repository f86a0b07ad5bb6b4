/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The normal kernel's command line with Thaw's words in it (Linux: Documentation/admin-guide/kernel-parameters.rst).
 */
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/linux_internal.h"

#define WORDS_BYTES 64

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\n';
}

/*
 * Where the kernel stops to read: at a lone "--" (what follows is for init), or at the end. Double quotes keep blanks
 * inside a word.
 */
static size_t kernel_part_length(const char *line)
{
	bool quoted = false;
	size_t word = 0;
	size_t i;

	for (i = 0; line[i] != '\0'; i++) {
		if (line[i] == '"')
			quoted = !quoted;
		if (!is_blank(line[i]) || quoted)
			continue;
		if (i - word == 2 && line[word] == '-' && line[word + 1] == '-')
			return word;
		word = i + 1;
	}
	return i - word == 2 && line[word] == '-' && line[word + 1] == '-' ? word : i;
}

static size_t trim_end(const char *line, size_t length)
{
	while (length > 0 && is_blank(line[length - 1]))
		length--;
	return length;
}

/* The most of line, whole words, that is not longer than length_max. */
static size_t cut_at_word(const char *line, size_t length, size_t length_max)
{
	if (length <= length_max)
		return length;
	length = length_max;
	while (length > 0 && !is_blank(line[length]))
		length--;
	return trim_end(line, length);
}

/* line_out: head[0, head_length), words, " " and tail, of which what is empty is left out with its blank. */
static void join(char line_out[LINUX_COMMAND_LINE_BYTES], const char *head, size_t head_length, const char *words,
		 const char *tail)
{
	const size_t length = (size_t)min_u64(head_length, LINUX_COMMAND_LINE_BYTES - 1);
	const char *separator = tail[0] != '\0' && (length > 0 || words[0] != '\0') ? " " : "";

	if (length == 0 && words[0] == ' ')
		words++;
	memcpy(line_out, head, length);
	format_text(line_out + length, LINUX_COMMAND_LINE_BYTES - length, "%s%s%s", words, separator, tail);
}

void linux_command_line_build(const char *original, const char *reason, uint32_t characters_max,
			      char line_out[LINUX_COMMAND_LINE_BYTES])
{
	const size_t length_max = (size_t)min_u64(characters_max, LINUX_COMMAND_LINE_BYTES - 1);
	const size_t split = kernel_part_length(original);
	const size_t head_length = trim_end(original, split);
	const bool refuses = strcmp(reason, "stale") == 0 || strcmp(reason, "fresh") == 0;
	const char *refusal = refuses ? " noresume" : "";
	char words[WORDS_BYTES];

	format_text(words, sizeof(words), "%s thaw.status=%s", refusal, reason);
	join(line_out, original, head_length, words, original + split);
	if (strlen(line_out) <= length_max)
		return;
	log_line("the kernel's command line has no room for thaw.status");
	join(line_out, original, head_length, refusal, original + split);
	if (strlen(line_out) <= length_max)
		return;
	/* Only what is for init, and then the last of the line, can be spared: never noresume. */
	log_line("the kernel's command line is too long, cut");
	join(line_out, original, cut_at_word(original, head_length, length_max - min_u64(strlen(refusal), length_max)),
	     refusal, "");
}
