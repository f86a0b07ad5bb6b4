/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arena: the one heap, a bump allocator over the reserved memory below 16 MiB. There is no free; a phase that
 * ends gives back everything at once by mark and rewind. Memory comes zeroed.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

struct arena {
	uint8_t *base;
	size_t size_bytes;
	size_t used_bytes;
};

void arena_init(struct arena *arena, void *base, size_t size_bytes);

/*
 * bytes > 0; alignment a power of two up to 1 MiB. The memory is zeroed, identity mapped and, in the loader, below
 * 16 MiB, so that any device can reach it. STATUS_NO_MEMORY when it does not fit.
 */
nodiscard enum status arena_alloc(struct arena *arena, size_t bytes, size_t alignment, void **memory_out);

/* The place to come back to. */
size_t arena_mark(const struct arena *arena);

/* Gives back all that was allocated since the mark. No device may still use it. */
void arena_rewind(struct arena *arena, size_t mark);

size_t arena_free_bytes(const struct arena *arena);
