/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structure offsets for the assembler: compiled to assembler text, from which the build takes build/offsets.inc.
 */
#include <stddef.h>

#include "handoff/image.h"
#include "handoff/linux.h"
#include "handoff/session.h"
#include "mm/placement.h"

#define DEFINE(symbol, value)        __asm__ volatile("\n->" #symbol " %0" : : "i"((long)(value)))
#define OFFSET(symbol, type, member) DEFINE(symbol, offsetof(type, member))

void handoff_offsets(void);

void handoff_offsets(void)
{
	DEFINE(HANDOFF_IMAGE_SEALED, HANDOFF_IMAGE_SEALED_OFFSET);
	OFFSET(HANDOFF_IMAGE_PLAN, struct handoff_image, plan);
	OFFSET(HANDOFF_IMAGE_COPY_ROOT, struct handoff_image, copy_root);
	OFFSET(HANDOFF_IMAGE_JUMP_ROOT, struct handoff_image, jump_root);
	OFFSET(HANDOFF_IMAGE_LEVELS, struct handoff_image, levels);
	OFFSET(HANDOFF_IMAGE_JUMP_ADDRESS, struct handoff_image, jump_address);
	OFFSET(HANDOFF_IMAGE_CR3, struct handoff_image, image_cr3);
	OFFSET(HANDOFF_IMAGE_STACK, struct handoff_image, stack);
	OFFSET(PLAN_PAGE_NEXT, struct plan_page, next);
	OFFSET(PLAN_PAGE_COUNT, struct plan_page, count);
	OFFSET(PLAN_PAGE_COPIES, struct plan_page, copies);
	OFFSET(PLAN_COPY_DESTINATION, struct plan_copy, destination);
	OFFSET(PLAN_COPY_SOURCE, struct plan_copy, source);
	DEFINE(PLAN_COPY_BYTES, sizeof(struct plan_copy));
	OFFSET(HANDOFF_SESSION_ENTRY, struct handoff_session, entry);
	OFFSET(HANDOFF_SESSION_CR3, struct handoff_session, cr3);
	OFFSET(HANDOFF_SESSION_CR4, struct handoff_session, cr4);
	OFFSET(HANDOFF_SESSION_REENTRY, struct handoff_session, reentry);
	DEFINE(HANDOFF_SESSION_BYTES, sizeof(struct handoff_session));
	OFFSET(HANDOFF_LINUX_PAGE_TABLES, struct handoff_linux, page_tables);
	OFFSET(HANDOFF_LINUX_ENTRY, struct handoff_linux, entry);
	OFFSET(HANDOFF_LINUX_BOOT_PARAMS, struct handoff_linux, boot_params);
	OFFSET(HANDOFF_LINUX_COPY_COUNT, struct handoff_linux, copy_count);
	OFFSET(HANDOFF_LINUX_COPIES, struct handoff_linux, copies);
	OFFSET(HANDOFF_LINUX_COPY_DESTINATION, struct handoff_linux_copy, destination);
	OFFSET(HANDOFF_LINUX_COPY_SOURCE, struct handoff_linux_copy, source);
	OFFSET(HANDOFF_LINUX_COPY_LENGTH, struct handoff_linux_copy, bytes);
	DEFINE(HANDOFF_LINUX_COPY_BYTES, sizeof(struct handoff_linux_copy));
	DEFINE(HANDOFF_LINUX_STACK_END, sizeof(struct handoff_linux));
}
