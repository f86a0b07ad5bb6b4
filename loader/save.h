/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The save role: a session jumped here by kexec with its context preserved; its memory goes to a disk
 * (docs/kexec-jump.md).
 */
#pragma once

#include "handoff/session.h"
#include "image/save_parameters.h"
#include "include/exception.h"

/* Filled in by `thaw save` before the jump. */
extern struct save_parameters thaw_save_parameters;
extern char thaw_save_vmcoreinfo[SAVE_VMCOREINFO_MAX]; /* its own place may be what Thaw's memory has taken */

/*
 * Saves the session as thaw_save_parameters say, then powers off, restarts, or goes on with the session. Whatever fails
 * before the image is valid, the session goes on.
 */
_Noreturn void save_session(const struct handoff_session *session);

/* True from the beginning of save_session on. */
bool save_is_active(void);

/* An exception in Thaw itself: the session goes on, unless its image is valid already. */
_Noreturn void save_on_exception(void);
