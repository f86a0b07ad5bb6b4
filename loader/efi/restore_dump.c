/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory dumps are of sessions that were left by a kexec jump: see restore_core.c.
 */
#include "loader/restore_dump.h"

enum status restore_dump(const struct restore_job *job, struct sealed_plan *plan_out, struct restore_result *result_out,
			 const char **reason_out)
{
	(void)job;
	(void)plan_out;
	(void)result_out;
	*reason_out = "a memory dump, which only the BIOS loader restores";
	return STATUS_UNSUPPORTED;
}
