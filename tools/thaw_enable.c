/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw enable` and `thaw disable`.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/grub_switch.h"
#include "tools/program.h"
#include "tools/system.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_say.h"

static const char help[] =
	"usage: thaw enable\n"
	"       thaw disable\n"
	"\n"
	"  enable    GRUB starts Thaw at every power-on: it resumes what was hibernated, or boots normally\n"
	"  disable   Thaw leaves GRUB's menu; Linux resumes by itself, as without Thaw\n"
	"\n"
	"  Sets GRUB_DISABLE_THAW in " SYSTEM_DEFAULTS " and runs update-grub. If that fails, everything is put back\n"
	"  as it was. For root.\n"
	"\n"
	"Exit status: 0 done, 1 failed and nothing changed, 2 usage or not root, 3 changed, but not as it should be.\n";

#define ENABLE_EXIT_UNCERTAIN 3

static bool grub_update(void *context)
{
	static const char *const updates[] = {"/usr/sbin/update-grub"};
	static const char *const makers[] = {"/usr/sbin/grub-mkconfig", "/usr/bin/grub-mkconfig",
					     "/usr/sbin/grub2-mkconfig"};
	const char *update = program_find(updates, ARRAY_COUNT(updates));
	const char *maker = program_find(makers, ARRAY_COUNT(makers));
	const char *const update_words[PROGRAM_WORDS_MAX] = {update, NULL};
	const char *const maker_words[PROGRAM_WORDS_MAX] = {maker, "-o", SYSTEM_GRUB_CFG, NULL};

	(void)context;
	if (update != NULL)
		return program_run(update_words);
	if (maker != NULL)
		return program_run(maker_words);
	return say_refusal("neither update-grub nor grub-mkconfig is there");
}

/* Ctrl-C ends update-grub, which is then a failure that is set right; not us, half way. */
static void signals_hold(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}

static void interrupt_note(int number)
{
	(void)number;
}

static int command(int argc, char **argv, bool on)
{
	static const struct tree system = {""};
	const struct grub_switch grub = {&system, grub_update, NULL};
	struct sigaction action = {.sa_handler = interrupt_note};

	if (command_wants_help(argc, argv, help))
		return COMMAND_OK;
	if (argc > 0) {
		say_error(argv[0], "not understood; see `thaw %s --help`", on ? "enable" : "disable");
		return COMMAND_REFUSED;
	}
	if (geteuid() != 0) {
		say_refusal("only root can do this");
		return COMMAND_REFUSED;
	}
	signals_hold();
	/* A handler, unlike SIG_IGN, is not passed on to update-grub. */
	sigaction(SIGINT, &action, NULL);
	switch (grub_switch_set(&grub, on)) {
	case GRUB_SWITCH_DONE:
		printf("%s\n", on ? "Thaw is enabled: GRUB starts it at the next power-on. `thaw status` tells whether "
				    "all is well."
				  : "Thaw is disabled: it is not in GRUB's menu any more.");
		return COMMAND_OK;
	case GRUB_SWITCH_FAILED:
		return COMMAND_FAILED;
	case GRUB_SWITCH_UNCERTAIN:
		break;
	}
	return ENABLE_EXIT_UNCERTAIN;
}

int thaw_enable(int argc, char **argv)
{
	return command(argc, argv, true);
}

int thaw_disable(int argc, char **argv)
{
	return command(argc, argv, false);
}
