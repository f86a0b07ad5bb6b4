/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list is found by trying every word of the entry's page: its place there varies with the kernel, but nothing else
 * in that page is the head of a valid list.
 */
#include "tools/kexec_places.h"

#include "lib/string.h"

/* Words of the list: a page's address and one of these (include/linux/kexec.h, IND_*). */
#define WORD_DESTINATION 0x1u /* the frames from here on … */
#define WORD_LIST        0x2u /* the list goes on in this page */
#define WORD_END         0x4u
#define WORD_SOURCE      0x8u /* … have changed places with these */
#define WORD_FLAGS       0xFFFu

#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

struct list_walk {
	struct kexec_places *places;
	struct pfn destination;
	bool has_destination;
};

static uint64_t page_word(const struct page *page, uint64_t index)
{
	uint64_t word;

	memcpy(&word, page->bytes + index * sizeof(word), sizeof(word));
	return word;
}

static bool is_inside(const struct kexec_places *places, struct pfn pfn)
{
	return pfn.value >= places->start.value && pfn.value < places->end.value;
}

/* A source that is its own destination was free: there is nothing to bring back. */
static bool take_source(struct list_walk *walk, struct pfn source)
{
	struct kexec_places *places = walk->places;
	struct pfn *place;

	if (!walk->has_destination || !is_inside(places, walk->destination))
		return false;
	place = &places->sources[walk->destination.value - places->start.value];
	if (source.value == walk->destination.value) {
		walk->destination.value++;
		return place->value == 0;
	}
	if (source.value == 0 || is_inside(places, source) || place->value != 0)
		return false;
	*place = source;
	places->count++;
	walk->destination.value++;
	return true;
}

/* STATUS_AGAIN: the list goes on in *next_out. STATUS_OK: that was its end. */
static enum status walk_page(struct list_walk *walk, const struct page *page, struct pfn *next_out)
{
	for (uint64_t i = 0; i < PAGE_WORDS; i++) {
		const uint64_t word = page_word(page, i);
		const struct pfn frame = {word >> PAGE_SHIFT};

		switch (word & WORD_FLAGS) {
		case WORD_DESTINATION:
			walk->destination = frame;
			walk->has_destination = true;
			break;
		case WORD_SOURCE:
			if (!take_source(walk, frame))
				return STATUS_NOT_FOUND;
			break;
		case WORD_LIST:
			*next_out = frame;
			return STATUS_AGAIN;
		case WORD_END:
			return walk->places->count > 0 ? STATUS_OK : STATUS_NOT_FOUND;
		default:
			return STATUS_NOT_FOUND;
		}
	}
	return STATUS_NOT_FOUND;
}

/* No list needs more pages than Thaw's place has frames. */
static enum status walk_list(struct kexec_places *places, struct pfn first, kexec_frame_read *read, void *context)
{
	static struct page page;
	const uint64_t frames = places->end.value - places->start.value;
	struct list_walk walk = {.places = places};
	struct pfn next = first;

	memset(places->sources, 0, frames * sizeof(*places->sources));
	places->count = 0;
	for (uint64_t i = 0; i < frames; i++) {
		enum status status;

		TRY(read(context, next, &page));
		status = walk_page(&walk, &page, &next);
		if (status != STATUS_AGAIN)
			return status;
	}
	return STATUS_NOT_FOUND;
}

enum status kexec_places_find(struct kexec_places *places, uint64_t entry, kexec_frame_read *read, void *context)
{
	struct page page;
	uint64_t head = 0;

	TRY(read(context, (struct pfn){entry >> PAGE_SHIFT}, &page));
	for (uint64_t i = 0; i < PAGE_WORDS; i++) {
		const uint64_t word = page_word(&page, i);

		if ((word & WORD_FLAGS) != WORD_LIST || word == head ||
		    walk_list(places, (struct pfn){word >> PAGE_SHIFT}, read, context) != STATUS_OK)
			continue;
		if (head != 0)
			return STATUS_NOT_FOUND;
		head = word;
	}
	return head != 0 ? walk_list(places, (struct pfn){head >> PAGE_SHIFT}, read, context) : STATUS_NOT_FOUND;
}
