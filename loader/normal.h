/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way out when there is nothing to resume: the normal kernel.
 */
#pragma once

#include "include/block.h"
#include "include/boot_info.h"
#include "mm/arena.h"

/*
 * Stops the disks and starts the normal kernel with thaw.status=reason; never returns. If there is none, or it can't
 * be started, a screen says so and a key resets the machine. reason: one of design.md's words. registry: the disks that
 * were brought up so far. reserve: memory that nothing but the console uses.
 */
_Noreturn void boot_normal(const struct boot_info *boot, struct block_registry *registry, struct arena *reserve,
			   const char *reason);

/* A screen that says what happened and what to do; a key resets the machine. */
_Noreturn void stop_with_screen(const char *first_line, const char *second_line);
