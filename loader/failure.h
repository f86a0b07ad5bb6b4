/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen that says why a session that was found is not resumed.
 */
#pragma once

#include "include/types.h"

/*
 * reason: design.md's word; detail: static text, or empty. Waits so many seconds, or until a key is pressed; 0: not at
 * all. Nothing for reasons that leave no session behind, or are the user's own wish.
 */
void failure_show(const char *reason, const char *detail, uint32_t wait_s);
