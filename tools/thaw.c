/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `thaw` host command: says whether Thaw would resume this system, looks at hibernation images with the very code
 * that the loader restores them with, and saves sessions by kexec jump.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "include/types.h"
#include "tools/thaw_commands.h"

static const char usage[] = "usage: thaw status [--json]\n"
			    "       thaw log [--lines=N]\n"
			    "       thaw inspect FILE|DEVICE [options]\n"
			    "       thaw verify FILE|DEVICE [options]\n"
			    "       thaw enable | disable\n"
			    "       thaw save TARGET [options]\n"
			    "       thaw format TARGET [--size=SIZE]\n"
			    "       thaw export TARGET OUT\n"
			    "\n"
			    "  status    would Thaw resume the next hibernation? If not, why not?\n"
			    "  log       what Thaw decided at this and at earlier power-ons\n"
			    "  inspect   show what a hibernation image says of itself, and where in RAM its pages lie\n"
			    "  verify    read a whole image and check it as the loader would\n"
			    "  enable    let GRUB start Thaw at every power-on\n"
			    "  disable   leave Thaw out of GRUB's menu\n"
			    "\n"
			    "Where the kernel has kexec jump:\n"
			    "\n"
			    "  save      write this session to TARGET by a kexec jump, and switch off\n"
			    "  format    make a partition or a file a target of save\n"
			    "  export    turn what save wrote into an ELF core file\n"
			    "\n"
			    "`thaw COMMAND --help` says more; so does thaw(8).\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"status", thaw_status}, {"log", thaw_log},       {"inspect", thaw_inspect},
	{"verify", thaw_verify}, {"enable", thaw_enable}, {"disable", thaw_disable},
	{"save", thaw_save},     {"format", thaw_format}, {"export", thaw_export},
};

bool command_wants_help(int argc, char **argv, const char *help)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		fputs(usage, stdout);
		return COMMAND_OK;
	}
	for (size_t i = 0; argc >= 2 && i < ARRAY_COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	}
	fputs(usage, stderr);
	return COMMAND_REFUSED;
}
