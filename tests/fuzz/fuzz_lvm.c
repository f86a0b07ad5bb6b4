/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is a metadata text of LVM2, and a disk with right checksums for a label in sector 1, an area at 2048. */
#include "tests/fuzz/lvm_on_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lvm_group group;
	const char *reason = NULL;

	lvm_on_disk(data, size);
	if (lvm_group_parse((const char *)data, size, &group, &reason) == STATUS_OK)
		lvm_check_group(&group);
	else if (*reason == '\0')
		__builtin_trap();
	return 0;
}
