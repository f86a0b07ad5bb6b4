/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as Thaw's and as a kernel's command line; texts must stay terminated. */
#include "loader/options.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void unknown_count(void *context, const char *word)
{
	*(size_t *)context += strlen(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2048] = "";
	struct options options;
	bool noresume;
	size_t sum = 0;

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	options_parse(text, &options, unknown_count, &sum);
	sum += strlen(options.resume.text) + strlen(options_kernel_command_line(text));
	options_parse_kernel(text, &options.resume, &noresume);
	return sum + strlen(options.resume.text) > 2 * sizeof(text) + OPTION_TEXT_BYTES ? -1 : 0;
}
