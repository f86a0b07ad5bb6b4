/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images of kexec jumps leave out the low 16 MiB, where the Thaw lay that saved them. Under UEFI these belong to the
 * firmware.
 */
#include "loader/restore_core.h"

enum status restore_core(const struct restore_job *job, struct sealed_plan *plan_out, struct restore_result *result_out,
			 const char **reason_out)
{
	(void)job;
	(void)plan_out;
	(void)result_out;
	*reason_out = "an image of a kexec jump, which only the BIOS loader restores";
	return STATUS_UNSUPPORTED;
}
