/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `thaw` host command: saves sessions by kexec jump, and looks at hibernation images with the very code that the
 * loader restores them with.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/types.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_core.h"
#include "tools/thaw_image.h"
#include "tools/thaw_say.h"

static const char usage[] = "usage: thaw save TARGET [options]\n"
			    "       thaw format TARGET [--size=SIZE]\n"
			    "       thaw export TARGET OUT\n"
			    "       thaw verify FILE|DEVICE [--offset=PAGES]\n"
			    "       thaw inspect FILE|DEVICE [--offset=PAGES]\n"
			    "\n"
			    "  save      write this session to TARGET by a kexec jump, and switch off\n"
			    "  format    make a partition or a file a target of save\n"
			    "  export    turn what save wrote into an ELF core file\n"
			    "  verify    read the whole hibernation image and check it as the loader would\n"
			    "  inspect   show what the image's header says\n"
			    "\n"
			    "`thaw COMMAND --help` says more.\n";

static const char image_help[] =
	"usage: thaw verify FILE|DEVICE [--offset=PAGES]\n"
	"       thaw inspect FILE|DEVICE [--offset=PAGES]\n"
	"\n"
	"  verify    read the whole hibernation image and check it as the loader would\n"
	"  inspect   show what the image's header says\n"
	"\n"
	"  FILE|DEVICE       the resume device: a swap partition, or the device that holds the swap file; or a target "
	"of\n"
	"                    `thaw save`\n"
	"  --offset=PAGES    as resume_offset=, for a swap file, or a target that is a file\n"
	"\n"
	"Exit status: 0 the image is good, 1 it would be refused, 2 usage or read error, 3 no image there.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"save", thaw_save},     {"format", thaw_format},   {"export", thaw_export},
	{"verify", thaw_verify}, {"inspect", thaw_inspect},
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

bool pages_parse(const char *text, uint64_t *pages_out)
{
	char *end;

	errno = 0;
	*pages_out = strtoull(text, &end, 10);
	/* A device of 2^52 pages would need 2^64 bytes. */
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *pages_out < BIT64(52);
}

/* False: the words are wrong. */
static bool image_words_parse(int argc, char **argv, const char **path_out, uint64_t *page_out)
{
	*path_out = NULL;
	*page_out = 0;
	for (int i = 0; i < argc; i++) {
		const char *offset = option_value(argv[i], "--offset=");

		if (offset != NULL) {
			if (!pages_parse(offset, page_out))
				return false;
		} else if (argv[i][0] == '-' || *path_out != NULL) {
			return false;
		} else {
			*path_out = argv[i];
		}
	}
	return *path_out != NULL;
}

typedef enum thaw_exit image_reader(const char *path, uint64_t page);

static int image_command(int argc, char **argv, image_reader *core_reader, image_reader *swsusp_reader)
{
	const char *path;
	uint64_t page;

	if (command_wants_help(argc, argv, image_help))
		return THAW_EXIT_OK;
	if (!image_words_parse(argc, argv, &path, &page)) {
		fputs(image_help, stderr);
		return THAW_EXIT_TROUBLE;
	}
	return (int)(core_file_is_there(path, page) ? core_reader(path, page) : swsusp_reader(path, page));
}

int thaw_verify(int argc, char **argv)
{
	return image_command(argc, argv, core_verify, swsusp_verify);
}

int thaw_inspect(int argc, char **argv)
{
	return image_command(argc, argv, core_inspect, swsusp_inspect);
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
