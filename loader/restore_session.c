/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of a session, and the way into it.
 */
#include "loader/restore_session.h"

#include "loader/memory.h"

/*
 * The image takes all memory but Thaw's own: what the jump needs comes from there. Pages that belong where a module is
 * wait in frames that the session has zeroes in.
 */
enum status session_placement_init(struct placement *placement, const struct restore_job *job)
{
	void *lent;

	TRY(placement_init(placement, &job->boot->memory, job->arena));
	TRY(arena_alloc(job->arena, SESSION_LENT_PAGES * (size_t)PAGE_BYTES, PAGE_BYTES, &lent));
	placement_lend(placement, virt_to_paddr(lent).value,
		       virt_to_paddr(lent).value + SESSION_LENT_PAGES * (uint64_t)PAGE_BYTES);
	placement_lend_zeroes(placement);
	return STATUS_OK;
}

enum status session_claim(struct placement *placement, struct pfn first, uint64_t count, bool zero,
			  const char **reason_out)
{
	const enum status status = placement_claim(placement, first, count, zero);

	if (status != STATUS_OK)
		*reason_out = status == STATUS_MISMATCH ? "a page of the image is not RAM today"
							: "a page frame is named twice";
	return status;
}

enum status session_accept(struct placement *placement, const struct restore_job *job, struct sealed_plan *plan)
{
	TRY(memory_keep(job->boot, placement));
	placement_accept(placement);
	return seal_prepare(plan, placement);
}

enum status session_finish(struct placement *placement, struct sealed_plan *plan, uint64_t entry, unsigned levels,
			   const struct restore_job *job, const char **reason_out)
{
	enum status status;

	TRY(placement_clear_zeroes(placement));
	status = seal_finish_session(plan, entry, levels, job->boot->session_entry);
	if (status == STATUS_UNSUPPORTED)
		*reason_out = "the image was made with five-level paging, which this CPU does not have";
	return status;
}
