/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BIOS front end: makes exceptions safe, reads what GRUB handed over, and lets the loader decide. A session that
 * jumps here by kexec comes in by a door of its own.
 */
#include "boot/exceptions.h"
#include "boot/multiboot2.h"
#include "loader/main.h"
#include "loader/save.h"

extern const uint8_t thaw_save_entry[];

_Noreturn void boot_start(const void *information);
_Noreturn void boot_save(const struct handoff_session *session);

/* From boot/entry.asm, in long mode. information: Multiboot2's. */
void boot_start(const void *information)
{
	static struct boot_info info;
	enum status status;

	exceptions_init();
	status = multiboot2_parse(information, &info);
	info.session_entry = virt_to_paddr(thaw_save_entry).value;
	loader_main(&info, status);
}

/* From boot/save_entry.asm, on the session's identity tables. */
void boot_save(const struct handoff_session *session)
{
	exceptions_init();
	save_session(session);
}
