/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FAT32: a long name in a directory. */
#include "tests/fuzz/find_on_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sign(uint8_t *bytes)
{
	memcpy(bytes + 82, "FAT32   ", 8);
	memcpy(bytes + 510, "\x55\xaa", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	find_on_disk(data, size, sign, "/d/A name that needs several entries");
	return 0;
}
