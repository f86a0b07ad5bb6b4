/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw log`: what Thaw decided at this power-on, and what the journal keeps of earlier ones.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json.h"
#include "tools/program.h"
#include "tools/status_checks.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_say.h"
#include "tools/words.h"

#define LINES_USUAL 30
#define LINES_MAX   100000

static const char help[] =
	"usage: thaw log [--lines=N] [--json]\n"
	"\n"
	"  What Thaw decided at this power-on and left in the swap area, and the journal's messages of earlier ones\n"
	"  (identifier `thaw`; those of other users' units are shown to root and the group systemd-journal only).\n"
	"\n"
	"  --lines=N    so many messages at most; 30\n"
	"  --json       for programs\n"
	"\n"
	"Exit status: 0, or 3 usage.\n";

#define LOG_EXIT_USAGE 3

struct log_options {
	uint64_t lines;
	bool is_json;
};

static bool options_parse(int argc, char **argv, struct log_options *options_out)
{
	struct log_options options = {.lines = LINES_USUAL};

	for (int i = 0; i < argc; i++) {
		const char *lines = option_value(argv[i], "--lines=");

		if (lines != NULL && pages_parse(lines, &options.lines) && options.lines <= LINES_MAX)
			continue;
		if (strcmp(argv[i], "--json") != 0)
			return say_error(argv[i], "not understood; see `thaw log --help`");
		options.is_json = true;
	}
	*options_out = options;
	return true;
}

/* Line by line to line_out. False: there is no journal to ask. */
static bool journal_read(uint64_t lines, void (*line_out)(void *context, const char *line), void *context)
{
	static const char *const paths[] = {"/usr/bin/journalctl", "/bin/journalctl"};
	const char *path = program_find(paths, ARRAY_COUNT(paths));
	char count[32];
	const char *const words[PROGRAM_WORDS_MAX] = {
		path, "--quiet", "--no-pager", "--output=short-iso", "--identifier=thaw", count, NULL};
	struct program program;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	snprintf(count, sizeof(count), "--lines=%" PRIu64, lines);
	if (path == NULL || !program_open(words, &program))
		return false;
	while ((length = getline(&line, &capacity, program.output)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		words_make_printable(line);
		line_out(context, line);
	}
	free(line);
	return program_close(&program);
}

static void line_print(void *context, const char *line)
{
	uint64_t *count = context;

	if ((*count)++ == 0)
		printf("\njournal\n");
	printf("  %s\n", line);
}

static void line_json(void *context, const char *line)
{
	json_text(context, NULL, line);
}

static void log_json(const struct system_view *view, const struct log_options *options)
{
	struct json json = json_begin(stdout);

	json_open(&json, NULL, '{');
	if (view->booted_status[0] != '\0')
		json_text(&json, "boot_status", view->booted_status);
	if (view->has_variable) {
		json_open(&json, "variable", '{');
		json_text(&json, "status", view->variable.status);
		if (view->variable.has_pages)
			json_number(&json, "pages", view->variable.pages);
		if (view->variable.has_milliseconds)
			json_number(&json, "ms", view->variable.milliseconds);
		json_close(&json, '{');
	}
	if (view->has_record == ANSWER_YES) {
		json_open(&json, "last_resume", '{');
		json_number(&json, "pages", view->record.pages);
		json_number(&json, "ms", view->record.milliseconds);
		json_close(&json, '{');
	}
	json_open(&json, "journal", '[');
	if (options->lines > 0)
		journal_read(options->lines, line_json, &json);
	json_close(&json, '[');
	json_close(&json, '{');
}

static void log_print(const struct system_view *view, const struct log_options *options)
{
	static struct findings findings;
	uint64_t count = 0;

	status_check_results(view, &findings);
	for (uint32_t i = 0; i < findings.count; i++)
		printf("%s\n", findings.list[i].text);
	if (options->lines == 0)
		return;
	if (!journal_read(options->lines, line_print, &count) && count == 0)
		printf("\nThere is no journal to ask (journalctl): earlier results are not known.\n");
	else if (count == 0)
		printf("\nThe journal has no messages of Thaw%s.\n", view->is_root ? "" : " that you may see");
}

int thaw_log(int argc, char **argv)
{
	static const struct tree system = {""};
	static struct system_view view;
	struct log_options options = {.lines = 0};

	if (command_wants_help(argc, argv, help))
		return COMMAND_OK;
	if (!options_parse(argc, argv, &options))
		return LOG_EXIT_USAGE;
	system_read_results(&system, &view);
	if (options.is_json)
		log_json(&view, &options);
	else
		log_print(&view, &options);
	return COMMAND_OK;
}
