/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Booting the normal kernel, by Linux's 64-bit boot protocol (Documentation/arch/x86/boot.rst).
 */
#pragma once

#include "handoff/linux.h"
#include "include/boot_info.h"
#include "include/status.h"
#include "lib/span.h"
#include "mm/arena.h"

/* What linux_prepare() takes of the arena at most. */
#define LINUX_ARENA_BYTES ((uint32_t)64 * 1024)

/* Enough of a kernel's beginning to know all about it. */
#define LINUX_HEAD_BYTES PAGE_BYTES

/* Kernel and initrds in memory. */
struct linux_files {
	struct span kernel_head; /* the kernel file's beginning: LINUX_HEAD_BYTES, or all of it */
	/* Where the file lies; its head need not be there, only what is behind the setup sectors. */
	struct memory_range kernel;
	struct memory_range initrds[BOOT_MODULES_MAX];
	uint32_t initrd_count;
	const char *command_line;
};

/*
 * The kernel is the first boot module whose string begins with the word `kernel`; the initrds are those whose strings
 * begin with `initrd`, in their order; other modules are logged and ignored. The command line is as of
 * linux_command_line_find. STATUS_NOT_FOUND: no kernel.
 */
nodiscard enum status linux_files_of_modules(const struct boot_info *info, struct linux_files *files_out);

/*
 * Prepares the jump into the kernel.
 *
 * reason: the one word of thaw.status=; with "stale" the kernel is also told noresume.
 * arena: lies below 16 MiB; holds *sealed_out and what the kernel needs after the jump. Rewound on an error.
 *
 * Reads the files and *info and nothing else of memory but the BIOS area and the text screen's cursor; writes only
 * the arena. So it may be called at any time before the seal, also after a restore that gave up half way, and by an
 * exception handler. The kernel is moved when handoff_linux_jump(*sealed_out) is called; kernel and initrd go to RAM
 * above 16 MiB and below 4 GiB, and nothing else changes there.
 *
 * Errors: STATUS_UNSUPPORTED (not a kernel that the protocol covers), STATUS_CORRUPT (its header contradicts itself or
 * the file is cut), STATUS_NO_MEMORY.
 */
nodiscard enum status linux_prepare(const struct boot_info *info, const struct linux_files *files, struct arena *arena,
				    const char *reason, struct handoff_linux **sealed_out);

/*
 * The normal kernel's command line as the user wrote it. by_path: the kernel is one that thaw.kernel= names; what
 * stands behind a lone "--" on Thaw's own command line then goes before the kernel module's string, otherwise after
 * it. "" when there is neither.
 */
const char *linux_command_line_find(const struct boot_info *info, bool by_path);
