/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for tests of a whole restore: pieces at their own addresses, which the stand-ins for loader/memory.c here show
 * at a second place as the loader's page tables do. Also stands in for the code that the sealed plan copies.
 */
#pragma once

#include <stdint.h>

/* How much of the ring and of the window is kept free of other mappings. */
#define FAKE_MEMORY_RING_BYTES   (16u << 20)
#define FAKE_MEMORY_WINDOW_PAGES 64

/* Maps zeroed memory at [start, end), both multiples of a page. Ends the program where something is there already. */
void fake_memory_add(uint64_t start, uint64_t end);
