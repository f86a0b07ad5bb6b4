/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw status`: would the next hibernation be resumed by Thaw?
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/status_checks.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_say.h"

static const char help[] =
	"usage: thaw status [--json] [--quiet]\n"
	"\n"
	"  Would the next hibernation be resumed by Thaw? Looks at the kernel, the swap area and its disk, the\n"
	"  initramfs, GRUB's menu and what became of the last power-on. Changes nothing. What only root can see is\n"
	"  `unknown` otherwise.\n"
	"\n"
	"  --json     for programs\n"
	"  --quiet    only warnings and worse; nothing when there are none\n"
	"\n"
	"Exit status: 0 ready, 1 not (there is something to do), 2 blocked (Secure Boot, no driver …), 3 usage.\n";

enum status_exit { STATUS_EXIT_READY = 0, STATUS_EXIT_NOT = 1, STATUS_EXIT_BLOCKED = 2, STATUS_EXIT_USAGE = 3 };

static enum status_exit exit_of(enum finding_result worst)
{
	if (worst == FINDING_BLOCKED)
		return STATUS_EXIT_BLOCKED;
	return worst == FINDING_PROBLEM ? STATUS_EXIT_NOT : STATUS_EXIT_READY;
}

static void conclusion_print(enum status_exit result, const struct findings *findings)
{
	static const char *const texts[] = {
		[STATUS_EXIT_READY] = "ready: Thaw would resume the next hibernation",
		[STATUS_EXIT_NOT] = "not ready: see the problems above",
		[STATUS_EXIT_BLOCKED] = "blocked: Thaw can't resume this system as it is set up; Linux still does",
	};
	bool has_unknown = false;

	for (uint32_t i = 0; i < findings->count; i++)
		has_unknown |= findings->list[i].result == FINDING_UNKNOWN;
	printf("\n%s%s\n", texts[result],
	       result == STATUS_EXIT_READY && has_unknown ? ", as far as could be seen" : "");
}

/* Keeps what is worse than unknown. */
static void findings_filter(struct findings *findings)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < findings->count; i++) {
		if (findings->list[i].result >= FINDING_WARNING)
			findings->list[kept++] = findings->list[i];
	}
	findings->count = kept;
}

int thaw_status(int argc, char **argv)
{
	static const char *const words[] = {"ready", "not-ready", "blocked"};
	static const struct tree system = {""};
	static struct system_view view;
	static struct findings findings;
	bool is_json = false;
	bool is_quiet = false;
	enum status_exit result;

	if (command_wants_help(argc, argv, help))
		return STATUS_EXIT_READY;
	for (int i = 0; i < argc; i++) {
		is_json |= strcmp(argv[i], "--json") == 0;
		is_quiet |= strcmp(argv[i], "--quiet") == 0;
		if (strcmp(argv[i], "--json") != 0 && strcmp(argv[i], "--quiet") != 0) {
			say_error(argv[i], "not understood; see `thaw status --help`");
			return STATUS_EXIT_USAGE;
		}
	}
	system_read(&system, true, &view);
	status_check(&view, &findings);
	result = exit_of(findings_worst(&findings));
	if (is_quiet)
		findings_filter(&findings);
	if (is_json)
		findings_json(&findings, words[result], stdout);
	else
		findings_print(&findings, terminal_columns(STDOUT_FILENO), stdout);
	if (!is_json && !is_quiet)
		conclusion_print(result, &findings);
	return (int)result;
}
