/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Booting the normal kernel from boot modules, by Linux's 64-bit boot protocol (Documentation/arch/x86/boot.rst).
 */
#pragma once

#include "handoff/linux.h"
#include "include/boot_info.h"
#include "include/status.h"
#include "mm/arena.h"

/* What linux_prepare() takes of the arena at most. */
#define LINUX_ARENA_BYTES ((uint32_t)64 * 1024)

/*
 * Prepares the jump into the kernel whose module's string begins with the word `kernel`, with the initrds whose
 * strings begin with `initrd`, in their order; other modules are logged and ignored. Its command line is the rest of
 * the kernel module's string, or, when that is empty, what stands behind a lone "--" on Thaw's own.
 *
 * reason: the one word of thaw.status=; with "stale" the kernel is also told noresume.
 * arena: lies below 16 MiB; holds *sealed_out and what the kernel needs after the jump. Rewound on an error.
 *
 * Reads the modules and *info and nothing else of memory but the BIOS area and the text screen's cursor; writes only
 * the arena. So it may be called at any time before the seal, also after a restore that gave up half way, and by an
 * exception handler. The kernel is moved when handoff_linux_jump(*sealed_out) is called; kernel and initrd go to RAM
 * above 16 MiB and below 4 GiB, and nothing else changes there.
 *
 * Errors: STATUS_NOT_FOUND (no kernel module), STATUS_UNSUPPORTED (not a kernel that the protocol covers),
 * STATUS_CORRUPT (its header contradicts itself or the file is cut), STATUS_NO_MEMORY.
 */
nodiscard enum status linux_prepare(const struct boot_info *info, struct arena *arena, const char *reason,
				    struct handoff_linux **sealed_out);

/*
 * The normal kernel's command line as the user wrote it: the kernel module's, or what stands behind a lone "--" on
 * Thaw's own, or "".
 */
const char *linux_command_line_find(const struct boot_info *info);
