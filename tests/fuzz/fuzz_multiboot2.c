/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Multiboot2 boot information reader. */
#include "boot/multiboot2.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct boot_info info;

	return multiboot2_decode(span_of(bytes, size), &info) == STATUS_OK && info.module_count > BOOT_MODULES_MAX;
}
