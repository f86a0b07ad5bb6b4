/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel image's header, the places that follow from it, and the command line. */
#include "loader/linux_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct memory_map map = {.count = 1, .ranges = {{MIB, 2 * GIB, MEMORY_RAM}}};
	static char line[LINUX_COMMAND_LINE_BYTES], text[2048];
	struct linux_request request = {.memory = &map, .initrds = {{18 * MIB, 20 * MIB, 0}}, .initrd_count = 1};
	struct handoff_linux sealed;
	struct linux_places places;

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)(i < size ? bytes[i] : 0);
	linux_command_line_build(text, "stale", size > 4 ? bytes[4] : 2047, line);
	return linux_image_parse(span_of(bytes, size), size, &request.image) == STATUS_OK &&
	       linux_plan_make(&request, &places, &sealed) == STATUS_OK && sealed.copy_count == 0;
}
