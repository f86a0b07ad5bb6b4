/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext2, ext3, ext4: a path with a symbolic link and a directory in it. */
#include "tests/fuzz/find_on_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sign(uint8_t *bytes)
{
	memcpy(bytes + 1080, "\x53\xef", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	find_on_disk(data, size, sign, "/l/f");
	return 0;
}
