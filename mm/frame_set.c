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

/* count > 0 bits of a word from bit first on; first + count at most 64. */
static uint64_t word_mask(uint64_t first, uint64_t count)
{
	return ~(uint64_t)0 >> (64 - count) << first;
}

static uint64_t run_in_word(struct pfn pfn, uint64_t count)
{
	return min_u64(count, 64 - pfn.value % 64);
}

bool frame_set_insert_run(struct frame_set *set, struct pfn first, uint64_t count)
{
	struct pfn pfn = first;
	uint64_t part;

	for (uint64_t left = count; left > 0; left -= part, pfn.value += part) {
		part = run_in_word(pfn, left);
		if (set->words[pfn.value / 64] & word_mask(pfn.value % 64, part))
			return false;
	}
	pfn = first;
	for (uint64_t left = count; left > 0; left -= part, pfn.value += part) {
		part = run_in_word(pfn, left);
		set->words[pfn.value / 64] |= word_mask(pfn.value % 64, part);
	}
	set->count += count;
	return true;
}

uint64_t frame_set_run_without(const struct frame_set *set, const struct frame_set *without, struct pfn first,
			       uint64_t most)
{
	uint64_t run = 0;

	while (run < most && first.value + run < set->limit) {
		const struct pfn pfn = {first.value + run};
		const uint64_t part = run_in_word(pfn, most - run);
		const uint64_t word = set->words[pfn.value / 64] & ~without->words[pfn.value / 64];
		const uint64_t gaps = ~(word >> pfn.value % 64);
		const uint64_t members = gaps ? (uint64_t)__builtin_ctzll(gaps) : 64;

		run += min_u64(members, part);
		if (members < part)
			break;
	}
	return run;
}
