/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges what tools/system.h read: would the next hibernation be resumed by Thaw? Pure.
 */
#pragma once

#include "tools/findings.h"
#include "tools/system.h"

/* All checks, in the order of a power-on. */
void status_check(const struct system_view *view, struct findings *findings);

/* The last one alone: what became of the last power-ons. */
void status_check_results(const struct system_view *view, struct findings *findings);

/* The part about where the image is; private to tools/status_*.c. */
void status_check_location(const struct system_view *view, struct findings *findings);

/* The parts about GRUB; private to tools/status_*.c. */
void status_check_grub(const struct system_view *view, struct findings *findings);
