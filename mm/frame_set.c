/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bitmap of page frames, searched a word at a time.
 */
#include "mm/frame_set.h"

enum status frame_set_create(struct frame_set *set_out, uint64_t limit, struct arena *arena)
{
	void *words;

	TRY(arena_alloc(arena, (size_t)(div_round_up(limit, 64) + 1) * 8, 64, &words));
	*set_out = (struct frame_set){.words = words, .limit = limit};
	return STATUS_OK;
}

/* The word of members that a search looks at; which: what the search is for. */
static struct pfn search(const struct frame_set *set, const struct frame_set *without, uint64_t invert, struct pfn from)
{
	const uint64_t words = div_round_up(set->limit, 64);
	uint64_t mask = ~(uint64_t)0 << (from.value % 64);

	for (uint64_t i = from.value / 64; i < words; i++, mask = ~(uint64_t)0) {
		uint64_t word = (set->words[i] ^ invert) & mask;

		if (without)
			word &= ~without->words[i];
		if (word)
			return (struct pfn){min_u64(i * 64 + (uint64_t)__builtin_ctzll(word), set->limit)};
	}
	return (struct pfn){set->limit};
}

struct pfn frame_set_next_without(const struct frame_set *set, const struct frame_set *without, struct pfn from)
{
	return search(set, without, 0, from);
}

struct pfn frame_set_next(const struct frame_set *set, struct pfn from)
{
	return search(set, NULL, 0, from);
}

struct pfn frame_set_next_absent(const struct frame_set *set, struct pfn from)
{
	return search(set, NULL, ~(uint64_t)0, from);
}
