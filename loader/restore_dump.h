/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring a session from a memory dump that another program wrote (image/kdump.h, image/core.h): restore_image's
 * third way.
 */
#pragma once

#include "loader/restore.h"

/*
 * As restore_image, for found->kind IMAGE_DUMP, going on at job->entry. There are no checksums, and nothing to compare
 * with this machine but that every frame of the dump is RAM.
 */
nodiscard enum status restore_dump(const struct restore_job *job, struct sealed_plan *plan_out,
				   struct restore_result *result_out, const char **reason_out);
