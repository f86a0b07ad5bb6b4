/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of `thaw inspect` and `thaw verify`.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/thaw_commands.h"
#include "tools/thaw_core.h"
#include "tools/thaw_image.h"
#include "tools/thaw_progress.h"
#include "tools/thaw_say.h"

#define PLACE_HELP                                                                                                     \
	"  FILE|DEVICE       the resume device: a swap partition, or the device that holds the swap file; or a\n"      \
	"                    target of `thaw save`\n"                                                                  \
	"  --offset=PAGES    as resume_offset=, for a swap file, or a target that is a file\n"

#define EXIT_HELP                                                                                                      \
	"Nothing is ever written to the device.\n"                                                                     \
	"\n"                                                                                                           \
	"Exit status: 0 the image is good, 1 it would be refused, 2 usage or read error, 3 no image there.\n"

static const char inspect_help[] = "usage: thaw inspect FILE|DEVICE [options]\n"
				   "\n"
				   "  Shows what the image says of itself: kind, kernel, pages, compression, extents "
				   "on the device. Of compressed\n"
				   "  images only the part up to the kernel's version is unpacked.\n"
				   "\n" PLACE_HELP "  --map             draw where in RAM its pages lie\n"
				   "  --ascii           draw it with letters that every terminal has\n"
				   "  --svg=FILE        draw it as a picture, into a new file\n"
				   "  --extents         list all extents on the device\n"
				   "  --json            for programs\n"
				   "  --quiet           no progress\n"
				   "\n" EXIT_HELP;

static const char verify_help[] =
	"usage: thaw verify FILE|DEVICE [options]\n"
	"\n"
	"  Reads the whole image and checks everything that the loader would before it restores it.\n"
	"\n" PLACE_HELP
	"  --here            does it fit this machine? Every frame must be RAM in the firmware's memory map, and the\n"
	"                    map be the one that the image was made on; and no filesystem of the session changed\n"
	"  --json            for programs\n"
	"  --quiet           no progress\n"
	"\n" EXIT_HELP;

bool pages_parse(const char *text, uint64_t *pages_out)
{
	char *end;

	errno = 0;
	*pages_out = strtoull(text, &end, 10);
	/* A device of 2^52 pages would need 2^64 bytes. */
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *pages_out < BIT64(52);
}

/* An option that takes no value. inspects: of inspect. */
static bool flag_take(const char *word, bool inspects, bool *is_ascii, struct image_options *options)
{
	if (strcmp(word, "--json") == 0)
		options->print.is_json = true;
	else if (strcmp(word, "--quiet") == 0)
		options->is_quiet = true;
	else if (!inspects && strcmp(word, "--here") == 0)
		options->compares_here = true;
	else if (inspects && strcmp(word, "--map") == 0)
		options->print.draws_map = true;
	else if (inspects && strcmp(word, "--ascii") == 0)
		*is_ascii = true;
	else if (inspects && strcmp(word, "--extents") == 0)
		options->print.lists_extents = true;
	else
		return false;
	return true;
}

/* False: said. */
static bool options_parse(int argc, char **argv, bool inspects, struct image_options *options_out)
{
	struct image_options options = {.path = NULL};
	bool is_ascii = false;

	for (int i = 0; i < argc; i++) {
		const char *offset = option_value(argv[i], "--offset=");
		const char *svg = option_value(argv[i], "--svg=");

		if (offset != NULL && !pages_parse(offset, &options.page))
			return say_error(argv[i], "not a number of pages");
		if (inspects && svg != NULL)
			options.svg = svg;
		else if (offset == NULL && argv[i][0] != '-' && options.path == NULL)
			options.path = argv[i];
		else if (offset == NULL && !flag_take(argv[i], inspects, &is_ascii, &options))
			return say_error(argv[i], "not understood; see `thaw %s --help`",
					 inspects ? "inspect" : "verify");
	}
	if (options.path == NULL)
		return say_refusal("a device or file is needed; see `thaw %s --help`", inspects ? "inspect" : "verify");
	setlocale(LC_CTYPE, "");
	options.print.is_unicode = !is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	options.print.columns = terminal_columns(STDOUT_FILENO);
	*options_out = options;
	return true;
}

static int image_command(int argc, char **argv, bool inspects)
{
	struct image_options options = {.path = NULL};

	if (command_wants_help(argc, argv, inspects ? inspect_help : verify_help))
		return THAW_EXIT_OK;
	if (!options_parse(argc, argv, inspects, &options))
		return THAW_EXIT_TROUBLE;
	interrupt_catch();
	if (core_file_is_there(options.path, options.page))
		return (int)(inspects ? core_inspect(&options) : core_verify(&options));
	return (int)(inspects ? swsusp_inspect(&options) : swsusp_verify(&options));
}

int thaw_verify(int argc, char **argv)
{
	return image_command(argc, argv, false);
}

int thaw_inspect(int argc, char **argv)
{
	return image_command(argc, argv, true);
}
