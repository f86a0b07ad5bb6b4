/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the restores of a session have in common, whoever wrote its image: it claims all memory but Thaw's own place,
 * and is entered at an address of its own.
 */
#pragma once

#include "loader/restore.h"

/* Thaw's place (linker.ld). A session brings back itself what it had in [SESSION_HOLE_START, SESSION_HOLE_END). */
#define SESSION_HOLE_START (1 * MIB)
#define SESSION_HOLE_END   (16 * MIB)

#define SESSION_LENT_PAGES 1024 /* the tables of the jump, and the last staging for low memory and modules */

/* Before the first claim; memory is lent for what the jump needs. STATUS_NO_MEMORY. */
nodiscard enum status session_placement_init(struct placement *placement, const struct restore_job *job);

/* As placement_claim, with a reason. */
nodiscard enum status session_claim(struct placement *placement, struct pfn first, uint64_t count, bool zero,
				    const char **reason_out);

/* All frames are claimed and believed: what must stay is known, the image accepted, the plan begun. STATUS_NO_MEMORY.
 */
nodiscard enum status session_accept(struct placement *placement, const struct restore_job *job,
				     struct sealed_plan *plan);

/* When all is in place: zeroes, and seal_finish_session, with a reason. */
nodiscard enum status session_finish(struct placement *placement, struct sealed_plan *plan, uint64_t entry,
				     unsigned levels, const struct restore_job *job, const char **reason_out);
