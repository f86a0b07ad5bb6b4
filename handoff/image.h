/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy-and-jump into an image: position-independent code, smaller than a page, that runs from a safe frame, uses no
 * stack itself and needs nothing but one sealed structure in the same frame.
 */
#pragma once

#include "include/types.h"

/* Everything the last step needs; read only. All addresses are physical unless said otherwise. */
struct handoff_image {
	uint64_t plan;      /* first struct plan_page, 0: no copies */
	uint64_t copy_root; /* tables for the copies, of the depth that Thaw runs with: identity, all of RAM, executable
			     */
	uint64_t jump_root; /* tables for the jump, of the image's depth; below 4 GiB */
	uint64_t levels;    /* of the image's paging: 4 or 5 */
	uint64_t jump_address; /* virtual, goes to r8 */
	uint64_t image_cr3;    /* goes to r9 */
	uint64_t stack;        /* goes to rsp; the image of a hibernation asks for none */
	uint64_t reentry;      /* what a kexec jump finds at its rsp (handoff/session.h) */
};

/* Where the structure lies in the frame; the code is in front of it. */
#define HANDOFF_IMAGE_SEALED_OFFSET 3072

/* The code, to be copied to the start of a safe frame below 4 GiB. */
extern const uint8_t handoff_image_code[];
extern const uint32_t handoff_image_code_bytes;

/* Jumps to the frame with the sealed structure. Never returns, can't fail. Interrupts are off. */
_Noreturn void handoff_image_start(struct paddr frame);
