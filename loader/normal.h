/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way out when there is nothing to resume: the normal kernel.
 */
#pragma once

#include "include/block.h"
#include "include/boot_info.h"
#include "loader/find.h"
#include "loader/memory.h"
#include "loader/options.h"

/* What a normal boot needs to know. */
struct normal_boot {
	const struct boot_info *boot;
	const struct options *options;
	struct block_registry *registry; /* the disks that are up; empty: none can be brought up */
	struct loader_memory *memory;    /* reserve: nothing but the console uses it */
	const char *reason;              /* one of design.md's words */
};

/*
 * Starts the normal kernel with thaw.status=reason; never returns. It is read from the disks if the options name it,
 * else, or when that fails, it is a boot module. The disks are stopped before it starts. If there is none, or it can't
 * be started, a screen says so and a key resets the machine.
 */
_Noreturn void boot_normal(const struct normal_boot *normal);

/*
 * Sees to it that what boot_normal starts does not resume a stale image: nothing to do where it is told noresume; where
 * nobody can tell it, the image is marked used. If even that fails, a screen says so, and this does not return.
 */
void normal_forbid_resume(const struct found_image *found, struct arena *arena);

/* A screen that says what happened and what to do; a key resets the machine. */
_Noreturn void stop_with_screen(const char *first_line, const char *second_line);
