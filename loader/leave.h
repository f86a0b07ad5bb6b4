/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last steps on the way into an image, before and behind the mark, as the front end must take them.
 */
#pragma once

#include "include/block.h"
#include "loader/mark.h"

/* Before the mark: what the resumed system can read of the resume besides the header page's record. Never fails. */
void leave_note(const struct mark_result *result);

/*
 * Behind the mark: from here on no device writes to memory, and the CPU is as the copy-and-jump wants it.
 * STATUS_IO_ERROR: the firmware does not let go of the machine; its disks may still answer. Under a BIOS it can't fail.
 */
nodiscard enum status leave_machine(struct block_registry *registry);
