/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `thaw` host command: looks at hibernation images with the very code that the loader restores them with.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/types.h"
#include "tools/thaw_image.h"

static const struct {
	const char *name;
	enum thaw_exit (*run)(const char *path, uint64_t header_page);
} commands[] = {
	{"verify", thaw_verify},
	{"inspect", thaw_inspect},
};

static int usage(FILE *stream)
{
	fputs("usage: thaw verify FILE|DEVICE [--offset=PAGES]\n"
	      "       thaw inspect FILE|DEVICE [--offset=PAGES]\n"
	      "\n"
	      "  verify    read the whole hibernation image and check it as the loader would\n"
	      "  inspect   show what the image's header says\n"
	      "\n"
	      "  FILE|DEVICE       the resume device: a swap partition, or the device that holds the swap file\n"
	      "  --offset=PAGES    as resume_offset=, for a swap file\n"
	      "\n"
	      "Exit status: 0 the image is good, 1 it would be refused, 2 usage or read error, 3 no image there.\n",
	      stream);
	return stream == stdout ? THAW_EXIT_OK : THAW_EXIT_TROUBLE;
}

static bool parse_offset(const char *text, uint64_t *pages_out)
{
	char *end;

	errno = 0;
	*pages_out = strtoull(text, &end, 10);
	/* A device of 2^52 pages would need 2^64 bytes. */
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *pages_out < BIT64(52);
}

int main(int argc, char **argv)
{
	static const char offset_option[] = "--offset=";
	const char *path = NULL;
	uint64_t header_page = 0;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return usage(stdout);
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], offset_option, strlen(offset_option)) == 0) {
			if (!parse_offset(argv[i] + strlen(offset_option), &header_page))
				return usage(stderr);
		} else if (argv[i][0] == '-' || path != NULL) {
			return usage(stderr);
		} else {
			path = argv[i];
		}
	}
	for (size_t i = 0; path != NULL && i < ARRAY_COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return (int)commands[i].run(path, header_page);
	}
	return usage(stderr);
}
