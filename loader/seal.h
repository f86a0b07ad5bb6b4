/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seal: page tables and trampoline for the jump, built in safe frames and proved against the image's own tables.
 */
#pragma once

#include "handoff/image.h"
#include "image/swsusp.h"
#include "mm/page_tables.h"
#include "mm/placement.h"

/* Tables that seal_finish may need: with five levels two roots and two below them, and a root for the copies. */
#define SEAL_SPARE_FRAMES 5

/* Everything that copy-and-jump needs, in safe frames. */
struct sealed_plan {
	struct paddr frame;           /* holds the code and the sealed structure */
	struct handoff_image *sealed; /* in that frame */
	struct placement *placement;  /* source of the tables' frames */
	struct page_tables tables;    /* for the copies, and for a 4-level jump */
	struct pfn spare[SEAL_SPARE_FRAMES];
	uint32_t spare_count;
};

/*
 * Right after acceptance, while safe frames below 4 GiB are plenty: takes the frame, builds the identity tables of all
 * RAM, and sets frames aside for seal_finish, since staged pages may use up the rest. *plan stays where it is until
 * then. STATUS_NO_MEMORY.
 */
nodiscard enum status seal_prepare(struct sealed_plan *plan, struct placement *placement);

/*
 * When every page of a swsusp image is in place: proves jump address and cr3 by walking the image's tables as 4 and as
 * 5 levels (exactly one must lead to the physical jump address, in a frame of the image), maps the jump address, fills
 * in the sealed structure. STATUS_CORRUPT: the image's tables say otherwise; STATUS_UNSUPPORTED: 5 levels on a CPU
 * without them.
 */
nodiscard enum status seal_finish(struct sealed_plan *plan, const struct swsusp_info *info);

/*
 * The same for a kexec jump's image: entry is the physical address of its jump-back entry, in a frame that it has data
 * for, levels the depth of its paging (4 or 5), reentry where it may come in again. STATUS_CORRUPT: it has not;
 * STATUS_UNSUPPORTED: as above.
 */
nodiscard enum status seal_finish_session(struct sealed_plan *plan, uint64_t entry, unsigned levels, uint64_t reentry);
