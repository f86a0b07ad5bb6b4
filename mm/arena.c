/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bump allocator with mark and rewind.
 */
#include "mm/arena.h"

#include "lib/string.h"

void arena_init(struct arena *arena, void *base, size_t size_bytes)
{
	*arena = (struct arena){.base = base, .size_bytes = size_bytes};
}

enum status arena_alloc(struct arena *arena, size_t bytes, size_t alignment, void **memory_out)
{
	const uint64_t base = (uint64_t)(uintptr_t)arena->base;
	const size_t start = (size_t)(align_up(base + arena->used_bytes, alignment) - base);

	if (start > arena->size_bytes || bytes > arena->size_bytes - start)
		return STATUS_NO_MEMORY;
	arena->used_bytes = start + bytes;
	*memory_out = arena->base + start;
	memset(*memory_out, 0, bytes);
	return STATUS_OK;
}

size_t arena_mark(const struct arena *arena)
{
	return arena->used_bytes;
}

void arena_rewind(struct arena *arena, size_t mark)
{
	arena->used_bytes = mark;
}

size_t arena_free_bytes(const struct arena *arena)
{
	return arena->size_bytes - arena->used_bytes;
}
