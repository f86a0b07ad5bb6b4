/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of memory that can be seen at two places; see fake_memory.h. All of them lie in one file, one behind the
 * other.
 */
#define _GNU_SOURCE
#include "tests/unit/fake_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/memory.h"

#define WEAK       __attribute__((weak))
#define WINDOW     ((void *)0x7D0000000000u)
#define PIECES_MAX 8

#define RING_WINDOW     0x7E0000000000u
#define RESERVATION_END (16 * MIB)

WEAK const uint8_t handoff_image_code[64] = {0xF4};
WEAK const uint32_t handoff_image_code_bytes = sizeof(handoff_image_code);

static struct {
	uint64_t start, end;
} pieces[PIECES_MAX];
static uint32_t piece_count;
static int file;

static uint64_t file_offset(uint64_t address)
{
	uint64_t offset = 0;

	for (uint32_t i = 0; i < piece_count; i++) {
		if (address >= pieces[i].start && address < pieces[i].end)
			return offset + address - pieces[i].start;
		offset += pieces[i].end - pieces[i].start;
	}
	fail_msg("%#llx is no memory", (unsigned long long)address);
	return 0;
}

static void show(uint64_t at, uint64_t bytes, uint64_t address)
{
	if (mmap(paddr_to_virt((struct paddr){at}), bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
		 (off_t)file_offset(address)) == MAP_FAILED)
		abort();
}

/* So that nothing that is there already is mapped over. */
static void reserve(uint64_t address, uint64_t bytes)
{
	if (mmap(paddr_to_virt((struct paddr){address}), bytes, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		abort();
}

void fake_memory_add(uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;

	if (piece_count == 0) {
		file = memfd_create("memory", 0);
		reserve(RING_WINDOW, FAKE_MEMORY_RING_BYTES);
		reserve(virt_to_paddr(WINDOW).value, FAKE_MEMORY_WINDOW_PAGES * PAGE_BYTES);
	}
	if (piece_count == PIECES_MAX)
		abort();
	pieces[piece_count].start = start;
	pieces[piece_count].end = end;
	piece_count++;
	for (uint32_t i = 0; i < piece_count; i++)
		bytes += pieces[i].end - pieces[i].start;
	if (ftruncate(file, (off_t)bytes))
		abort();
	reserve(start, end - start);
	show(start, end - start, start);
}

WEAK enum status memory_ring_map(struct paddr ring, uint32_t pages, const uint8_t **window_out)
{
	const uint64_t bytes = (uint64_t)pages * PAGE_BYTES;

	assert_true(2 * bytes <= FAKE_MEMORY_RING_BYTES);
	show(RING_WINDOW, bytes, ring.value);
	show(RING_WINDOW + bytes, bytes, ring.value);
	*window_out = paddr_to_virt((struct paddr){RING_WINDOW});
	return STATUS_OK;
}

WEAK enum status memory_keep(const struct boot_info *boot, struct placement *placement)
{
	TRY(placement_keep(placement, 0, RESERVATION_END));
	for (uint32_t i = 0; i < boot->module_count; i++)
		TRY(placement_keep(placement, boot->modules[i].start, boot->modules[i].end));
	return STATUS_OK;
}

WEAK unsigned memory_paging_levels(void)
{
	return 4;
}

WEAK struct page *memory_window_map(const struct pfn *frames, uint32_t count)
{
	assert_true(count <= FAKE_MEMORY_WINDOW_PAGES);
	for (uint32_t i = 0; i < count; i++)
		show(virt_to_paddr(WINDOW).value + i * PAGE_BYTES, PAGE_BYTES, pfn_to_paddr(frames[i]).value);
	return WINDOW;
}
