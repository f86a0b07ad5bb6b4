/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back into a session that jumped here by kexec with its context preserved (Linux:
 * arch/x86/kernel/relocate_kernel_64.S, the jump-back path of relocate_kernel).
 */
#pragma once

#include "include/types.h"

/* What the session left at the jump. */
struct handoff_session {
	uint64_t entry; /* physical address of its jump-back entry */
	uint64_t cr3;   /* its identity tables: all RAM, executable; no device registers */
	uint64_t cr4;
	uint64_t reentry; /* where it came in, which it finds on the stack when it goes on */
};

/*
 * Goes on with the session at once. Never returns, can't fail. Interrupts are off, no device may still write to memory.
 */
_Noreturn void handoff_session_return(const struct handoff_session *session);
