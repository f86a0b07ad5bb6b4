/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jump into the normal kernel: moves its parts to their places and enters it by Linux's 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst). It needs nothing but one sealed structure, itself and the page tables that the
 * structure names.
 */
#pragma once

#include "include/types.h"

/* Every initrd with the padding behind it, and the kernel. */
#define HANDOFF_LINUX_COPIES_MAX 36

/* As memmove; source 0: the destination is filled with zeros. Physical addresses. */
struct handoff_linux_copy {
	uint64_t destination;
	uint64_t source;
	uint64_t bytes;
};

/*
 * Everything the last step needs; below 16 MiB, where no copy reaches. All addresses are physical, and below 4 GiB,
 * which page_tables maps one to one, writable and executable.
 */
struct handoff_linux {
	uint64_t page_tables; /* the root of 4-level tables */
	uint64_t entry;       /* load address + 0x200 */
	uint64_t boot_params;
	uint64_t copy_count;
	struct handoff_linux_copy copies[HANDOFF_LINUX_COPIES_MAX]; /* done in this order */
	uint64_t stack[8];                                          /* for the one far return that loads CS */
};

/*
 * Never returns, can't fail. A fault in it resets the machine, since no handler is left. Interrupts may be on or off
 * before it; they are off afterwards. thaw_stop_linux is the label of its last instruction.
 */
_Noreturn void handoff_linux_jump(struct handoff_linux *sealed);
