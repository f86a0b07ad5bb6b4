/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grub.cfg and grubenv, as text (GNU GRUB 2.06 manual, "Writing full configuration files directly", "The GRUB
 * environment block").
 */
#include "tools/grub_cfg.h"

#include <stdio.h>
#include <string.h>

#include "tools/words.h"

#define ENV_HEADING "# GRUB Environment Block\n"

static const char *line_next(const char *line)
{
	const char *end = strchr(line, '\n');

	return end != NULL && end[1] != '\0' ? end + 1 : NULL;
}

static const char *blanks_skip(const char *text)
{
	return text + strspn(text, " \t");
}

static bool line_is(const char *line, const char *text)
{
	const size_t length = strlen(text);

	line = blanks_skip(line);
	return strncmp(line, text, length) == 0 && (line[length] == '\n' || line[length] == '\0');
}

static bool line_has(const char *line, const char *text)
{
	const char *found = strstr(line, text);
	const char *end = strchr(line, '\n');

	return found != NULL && (end == NULL || found < end);
}

/* Behind the command's name, when the line runs it: alone, or behind `if` or `elif`. */
static const char *command_find(const char *line, const char *command)
{
	char word[64];
	const char *rest = words_next(line, word, sizeof(word));

	if (rest != NULL && (strcmp(word, "if") == 0 || strcmp(word, "elif") == 0 || strcmp(word, "then") == 0))
		rest = words_next(rest, word, sizeof(word));
	return rest != NULL && strcmp(word, command) == 0 ? rest : NULL;
}

/* All words up to the end of the command; those with blanks in quotes, as GRUB hands them on. */
static void words_join(const char *text, char *out, size_t capacity)
{
	char word[1024];
	size_t length = 0;

	*out = '\0';
	while ((text = words_next(text, word, sizeof(word))) != NULL) {
		const char *quote = strpbrk(word, " \t") != NULL ? "\"" : "";
		const int count = snprintf(out + length, capacity - length, "%s%s%s%s", length > 0 ? " " : "", quote,
					   word, quote);

		/* A word that does not fit would be another word. */
		if (count < 0 || (size_t)count >= capacity - length) {
			out[length] = '\0';
			return;
		}
		length += (size_t)count;
	}
}

/* Without "(hd0,msdos1)", "($root)" in front. */
static void path_take(const char *word, char path_out[GRUB_CFG_PATH_BYTES])
{
	const char *close = *word == '(' ? strchr(word, ')') : NULL;

	snprintf(path_out, GRUB_CFG_PATH_BYTES, "%s", close != NULL ? close + 1 : word);
}

/* True: the line starts a program of this name. The first one counts. */
static void start_take(const char *line, const char *command, const char *name, struct grub_start *start)
{
	char path[GRUB_CFG_PATH_BYTES];
	const char *rest = command_find(line, command);
	const char *slash;

	if (start->is_there || rest == NULL)
		return;
	rest = words_next(rest, path, sizeof(path));
	if (rest == NULL)
		return;
	slash = strrchr(path, '/');
	if (strcmp(slash != NULL ? slash + 1 : path, name) != 0)
		return;
	start->is_there = true;
	path_take(path, start->path);
	words_join(rest, start->options, sizeof(start->options));
}

static void kernel_take(const char *line, struct grub_cfg *cfg)
{
	char path[GRUB_CFG_PATH_BYTES];
	const char *rest = command_find(line, "linux");

	if (rest == NULL || cfg->kernel[0] != '\0')
		return;
	rest = words_next(rest, path, sizeof(path));
	if (rest == NULL)
		return;
	path_take(path, cfg->kernel);
	words_join(rest, cfg->kernel_arguments, sizeof(cfg->kernel_arguments));
}

static bool is_our_entry(const char *line)
{
	return strncmp(blanks_skip(line), "menuentry ", 10) == 0 &&
	       (line_has(line, " --id thaw ") || line_has(line, " --id 'thaw' ") ||
		line_has(line, "_id_option 'thaw' ") || line_has(line, "_id_option thaw "));
}

void grub_cfg_read(const char *text, struct grub_cfg *cfg_out)
{
	bool inside = false;

	memset(cfg_out, 0, sizeof(*cfg_out));
	for (const char *line = *text != '\0' ? text : NULL; line != NULL; line = line_next(line)) {
		if (*blanks_skip(line) == '#')
			continue;
		start_take(line, "multiboot2", "thaw.elf", &cfg_out->bios);
		start_take(line, "chainloader", "thawx64.efi", &cfg_out->uefi);
		cfg_out->is_default |= line_is(line, "set default=thaw") || line_is(line, "set default=\"thaw\"");
		cfg_out->is_guarded |= line_has(line, "save_env thaw_try");
		if (is_our_entry(line)) {
			inside = true;
			cfg_out->has_entry = true;
		} else if (inside && line_is(line, "}")) {
			inside = false;
		} else if (inside) {
			kernel_take(line, cfg_out);
		}
	}
}

bool grub_env_find(const char *text, const char *name, char *value_out, size_t capacity)
{
	const size_t length = strlen(name);

	if (strncmp(text, ENV_HEADING, strlen(ENV_HEADING)) != 0)
		return false;
	for (const char *line = text; line != NULL; line = line_next(line)) {
		if (strncmp(line, name, length) == 0 && line[length] == '=') {
			const char *value = line + length + 1;
			const size_t bytes = strcspn(value, "\n");

			snprintf(value_out, capacity, "%.*s", (int)(bytes < capacity ? bytes : capacity - 1), value);
			return true;
		}
	}
	return false;
}
