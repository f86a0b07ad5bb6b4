/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BIOS front end: makes exceptions safe, reads what GRUB handed over, and lets the loader decide.
 */
#include "boot/exceptions.h"
#include "boot/multiboot2.h"
#include "loader/main.h"

_Noreturn void boot_start(const void *information);

/* From boot/entry.asm, in long mode. information: Multiboot2's. */
void boot_start(const void *information)
{
	static struct boot_info info;
	enum status status;

	exceptions_init();
	status = multiboot2_parse(information, &info);
	loader_main(&info, status);
}
