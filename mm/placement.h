/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Placement: the only code that decides whether a frame may be written.
 *
 *     claim every PFN of the image ─▶ accept ─▶ place each page ─▶ plan of copies, sealed
 *
 * A claimed frame must be RAM in the firmware's map. It is written directly unless it is in use until the jump (Thaw's
 * own reservation, the low megabyte, boot modules, tables): then its page is staged in a frame that is free RAM and no
 * target, and a copy is added to the plan. Nothing outside the arena is written before accept.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"
#include "mm/arena.h"
#include "mm/frame_set.h"
#include "mm/memory_map.h"

#define PLACEMENT_KEPT_MAX        1024
#define PLACEMENT_COPIES_PER_PAGE 255

/* [start, end) in bytes: must stay as it is until the jump. */
struct kept_range {
	uint64_t start;
	uint64_t end;
};

/* One page to be copied at the jump, both physical addresses. */
struct plan_copy {
	uint64_t destination;
	uint64_t source;
};

/* A page of the plan, in a safe frame; read by handoff/image.asm. */
struct plan_page {
	uint64_t next;  /* physical address of the next plan page, 0: last */
	uint64_t count; /* copies in this page */
	struct plan_copy copies[PLACEMENT_COPIES_PER_PAGE];
};

_Static_assert(sizeof(struct plan_page) == sizeof(struct page), "a plan page is one page");

struct placement {
	const struct memory_map *map;
	struct kept_range kept[PLACEMENT_KEPT_MAX]; /* sorted, apart from each other */
	uint32_t kept_count;
	struct frame_set image; /* every claimed frame */
	struct frame_set zero;  /* those that hold only zeroes */
	bool accepted;
	struct pfn free_cursor; /* next candidate for a safe frame */
	uint64_t free_range;    /* index of its range in the map */
	struct pfn lent_cursor; /* of placement_lend */
	struct pfn lent_end;
	bool zeroes_lent;       /* placement_lend_zeroes */
	struct pfn zero_cursor; /* zero frames below it that are not kept hold staged pages */
	struct plan_page *plan_first;
	struct plan_page *plan_last;
	uint64_t planned_copies;
	uint64_t staged_pages;              /* of these, pages whose frame was kept */
	const struct plan_page *found_page; /* placement_find goes on where it ended: it is asked in the plan's order */
	uint64_t found_index;
};

/* frame sets come from the arena: 2 bits for each frame of RAM. STATUS_NO_MEMORY. */
nodiscard enum status placement_init(struct placement *placement, const struct memory_map *map, struct arena *arena);

/*
 * Before acceptance: [start, end), page aligned, identity mapped, is Thaw's own and may be used as safe frames when
 * free RAM has run out, although it is kept. It is no target of the image.
 */
void placement_lend(struct placement *placement, uint64_t start, uint64_t end);

/*
 * Before acceptance: the image's own zero frames may hold staged pages when free RAM has run out; the plan clears them
 * again. For images that claim all memory: most of it is zeroes.
 */
void placement_lend_zeroes(struct placement *placement);

/* Before acceptance. Rounded out to pages; ranges may overlap. STATUS_NO_MEMORY: too many of them. */
nodiscard enum status placement_keep(struct placement *placement, uint64_t start, uint64_t end);

/* A run of count frames. STATUS_MISMATCH: one is not RAM in the map. STATUS_CORRUPT: one was claimed before. */
nodiscard enum status placement_claim(struct placement *placement, struct pfn first, uint64_t count, bool zero);

/* All PFNs are known and believed: from here on RAM outside the arena may be written. */
void placement_accept(struct placement *placement);

/*
 * After accept. Where to put the pages of claimed frames with data, from `first` on, now: *count_out of them, 1 to
 * most, go to as many frames one after the other, the frames themselves, or a staging frame whose copy is then in the
 * plan. To be called once for each frame. STATUS_NO_MEMORY: no safe frame left.
 */
nodiscard enum status placement_place(struct placement *placement, struct pfn first, uint64_t most,
				      struct pfn *frame_out, uint64_t *count_out);

/* After accept. Clears every zero frame (at once, or by a planned copy of a zero page). STATUS_NO_MEMORY. */
nodiscard enum status placement_clear_zeroes(struct placement *placement);

/* After accept: a safe frame below limit (physical address) that is not in use: free RAM, no target. Not zeroed. */
nodiscard enum status placement_take_frame(struct placement *placement, uint64_t limit, struct pfn *frame_out);

/* Where the contents of a claimed frame can be read now; NULL: not a frame of the image. */
const struct page *placement_find(struct placement *placement, struct pfn pfn);
