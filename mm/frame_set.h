/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of page frames: one bit a frame, from PFN 0 up to a limit.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"
#include "mm/arena.h"

struct frame_set {
	uint64_t *words;
	uint64_t limit; /* frames 0 … limit-1 can be members */
	uint64_t count; /* members */
};

/* The set of no frame below limit. STATUS_NO_MEMORY. */
nodiscard enum status frame_set_create(struct frame_set *set_out, uint64_t limit, struct arena *arena);

/* False at and beyond the limit. */
static inline bool frame_set_contains(const struct frame_set *set, struct pfn pfn)
{
	return pfn.value < set->limit && (set->words[pfn.value / 64] >> (pfn.value % 64) & 1);
}

/* pfn below the limit. False, and no change, when it was a member already. */
static inline bool frame_set_insert(struct frame_set *set, struct pfn pfn)
{
	const uint64_t bit = BIT64(pfn.value % 64);
	uint64_t *word = &set->words[pfn.value / 64];

	if (*word & bit)
		return false;
	*word |= bit;
	set->count++;
	return true;
}

/* pfn + count at most the limit, count > 0. False, and no change, when one of them was a member already. */
bool frame_set_insert_run(struct frame_set *set, struct pfn first, uint64_t count);

/*
 * How many frames from `first`, at most `most`, are members of set and not of without (same limit) one after the
 * other; 0: not even the first.
 */
uint64_t frame_set_run_without(const struct frame_set *set, const struct frame_set *without, struct pfn first,
			       uint64_t most);

/* The first frame >= from that is a member of set and not of without (same limit); set->limit when there is none. */
struct pfn frame_set_next_without(const struct frame_set *set, const struct frame_set *without, struct pfn from);

/* The first member >= from; set->limit when there is none. */
struct pfn frame_set_next(const struct frame_set *set, struct pfn from);

/* The first frame >= from that is not a member; set->limit when there is none. */
struct pfn frame_set_next_absent(const struct frame_set *set, struct pfn from);
