/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring the image of a kexec jump (image/core.h): restore_image's other half.
 */
#pragma once

#include "loader/restore.h"

/* As restore_image, for found->kind IMAGE_CORE. */
nodiscard enum status restore_core(const struct restore_job *job, struct sealed_plan *plan_out,
				   struct restore_result *result_out, const char **reason_out);

/*
 * How many bytes of the arena it takes, for a save that must not make what can't be restored: header_bytes of the
 * core's header part, ram_frames up to the end of RAM. UINT64_MAX: more than any arena.
 */
uint64_t restore_core_room(uint64_t header_bytes, uint64_t ram_frames);
