/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small machine and an image for it; see restore_machine.h.
 */
#define _GNU_SOURCE
#include "tests/unit/restore_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lz4.h>
#include <lzo/lzo1x.h>

#include "lib/crc32.h"
#include "loader/memory.h"
#include "loader/read_queue.h"
#include "tests/unit/fake_memory.h"

#define HOLE_PAGES   16
#define MODULE_FIRST 10 /* over image pages, page tables among them */
#define MODULE_PAGES 60
#define HANG_SECONDS 300

struct restore_machine machine;
static struct page *marks; /* what each page of the machine holds before a restore */

/* --- the machine ------------------------------------------------------------------------------------------------ */

struct page *machine_page(uint64_t index)
{
	return paddr_to_virt((struct paddr){MACHINE_BASE + index * PAGE_BYTES});
}

static bool is_kept(uint64_t index)
{
	const uint64_t address = virt_to_paddr(machine_page(index)).value;

	return (index >= HOLE_FIRST && index < HOLE_FIRST + HOLE_PAGES) ||
	       !memory_map_covers(&machine.boot.memory, address, address + PAGE_BYTES, MEMORY_RAM) ||
	       (address >= machine.boot.modules[0].start && address < machine.boot.modules[0].end);
}

void machine_set_memory(uint64_t hole_first)
{
	const uint64_t hole = MACHINE_BASE + hole_first * PAGE_BYTES;
	const struct memory_range ranges[] = {
		{MACHINE_BASE, hole, MEMORY_RAM},
		{hole, hole + HOLE_PAGES * PAGE_BYTES, MEMORY_RESERVED},
		{hole + HOLE_PAGES * PAGE_BYTES, MACHINE_BASE + MACHINE_PAGES * PAGE_BYTES, MEMORY_RAM},
	};

	assert_int_equal(memory_map_build(ranges, ARRAY_COUNT(ranges), &machine.boot.memory), STATUS_OK);
	forge_put(&machine.image, machine.image.stream[0], INFO_CHECKSUM, memory_map_checksum(&machine.boot.memory), 8);
}

void machine_set_module(uint64_t first, uint64_t pages)
{
	machine.boot.module_count = 1;
	machine.boot.modules[0].start = MACHINE_BASE + first * PAGE_BYTES;
	machine.boot.modules[0].end = MACHINE_BASE + (first + pages) * PAGE_BYTES - 100;
}

/* --- the image -------------------------------------------------------------------------------------------------- */

/* The machine's page for entry number `index` of the PFN list. */
static uint64_t target_of(uint32_t index)
{
	return 1 + (uint64_t)machine.stride * index;
}

static bool is_zero(uint32_t index)
{
	return forge_pfn_entry(&machine.image.spec, index) >> 63;
}

uint64_t machine_data_address(uint64_t number)
{
	uint32_t index = 0;

	for (;; index++)
		if (!is_zero(index) && number-- == 0)
			return MACHINE_BASE + target_of(index) * PAGE_BYTES;
}

static void put_entry(uint64_t data_page, uint64_t slot, uint64_t entry)
{
	memcpy(machine.image.pages[machine.image.meta_pages + data_page].bytes + slot * 8, &entry, sizeof(entry));
}

void machine_edit_pages(uint64_t jump)
{
	for (uint32_t i = 0; i < DATA_PAGES + ZERO_PAGES; i++) {
		const uint64_t pfn = target_of(i) + (MACHINE_BASE >> PAGE_SHIFT);
		const uint64_t entry = is_zero(i) ? pfn | SWSUSP_PFN_ZERO : pfn;

		memcpy(machine.image.pages[i / 512].bytes + i % 512 * 8, &entry, sizeof(entry));
	}
	put_entry(TABLES_FIRST, 511, machine_data_address(TABLES_FIRST + 1) | PTE_PRESENT);
	put_entry(TABLES_FIRST + 1, 510, machine_data_address(TABLES_FIRST + 2) | PTE_PRESENT);
	put_entry(TABLES_FIRST + 2, 0, align_down(jump, 2 * MIB) | PTE_PRESENT | PTE_LARGE);
	for (uint64_t i = 0; i < machine.image.page_count; i++)
		machine.image.device[machine.image.stream[1 + i]] = machine.image.pages[i];
	forge_put(&machine.image, machine.image.stream[0], INFO_JUMP, KERNEL_BASE + jump % (2 * MIB), 8);
	forge_put(&machine.image, machine.image.stream[0], INFO_JUMP_PHYS, jump, 8);
	forge_put(&machine.image, machine.image.stream[0], INFO_CR3, machine_data_address(TABLES_FIRST), 8);
}

void machine_list(uint64_t index, uint64_t device_page)
{
	forge_put(&machine.image, machine.image.maps[index / SWSUSP_MAP_ENTRIES], index % SWSUSP_MAP_ENTRIES * 8,
		  device_page, 8);
}

/* Turns the plain image into a compressed one, which takes fewer pages of the same places. */
static void compress(enum swsusp_codec codec)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS] __attribute__((aligned(16)));
	static struct page packed[40];
	uint64_t places = 1;
	uint32_t crc = 0;

	for (uint64_t page = 0; page < machine.image.page_count; page += SWSUSP_CHUNK_PAGES) {
		const uint64_t bytes = min_u64(machine.image.page_count - page, SWSUSP_CHUNK_PAGES) * PAGE_BYTES;
		const uint8_t *chunk = machine.image.pages[page].bytes;
		lzo_uint length = 0;

		if (codec == SWSUSP_LZO)
			assert_int_equal(lzo1x_1_compress(chunk, bytes, packed->bytes + 8, &length, work), LZO_E_OK);
		else
			length = (lzo_uint)LZ4_compress_default((const char *)chunk, (char *)packed->bytes + 8,
								(int)bytes, sizeof(packed) - 8);
		memcpy(packed, &length, 8);
		crc = crc32_update(crc, chunk, bytes);
		for (uint64_t i = 0; i < div_round_up(length + 8, PAGE_BYTES); i++)
			machine.image.device[machine.image.stream[places++]] = packed[i];
		assert_true(places <= machine.image.stream_count);
	}
	assert_true(places > SWSUSP_MAP_ENTRIES && places < 2 * SWSUSP_MAP_ENTRIES);
	for (uint64_t i = places; i < machine.image.stream_count; i++)
		machine_list(i, 0);
	forge_put(&machine.image, machine.image.maps[1], MAP_NEXT, 0, 8);
	machine.image.stream_count = places;
	machine.image.map_count = 2;
	forge_put(&machine.image, 0, HEADER_CRC, crc, 4);
	forge_put(&machine.image, 0, HEADER_FLAGS, codec == SWSUSP_LZO ? 4 : 4 | 16, 4);
}

void machine_make(enum swsusp_codec codec, bool shuffled)
{
	machine_make_strided(codec, shuffled, 3);
}

void machine_make_strided(enum swsusp_codec codec, bool shuffled, uint32_t stride)
{
	const struct image_spec spec = {
		.codec = SWSUSP_PLAIN, .data_pages = DATA_PAGES, .zero_pages = ZERO_PAGES, .shuffled = shuffled};

	forge_free(&machine.image);
	forge_image(&machine.image, &spec);
	machine.stride = stride;
	machine_edit_pages(machine_data_address(JUMP_PAGE) + JUMP_OFFSET);
	if (codec != SWSUSP_PLAIN)
		compress(codec);
	fake_disk_init(&machine.disk, machine.image.device, machine.image.device_pages * 8, 512);
	machine.arena_bytes = ARENA_BYTES;
	machine.relaxed = false;
	machine_set_memory(HOLE_FIRST);
	machine_set_module(MODULE_FIRST, MODULE_PAGES);
}

/* --- a disk that takes its time -------------------------------------------------------------------------------- */

/* A read in flight: what it will bring. Until then there is rubbish in its place. */
struct late_read {
	struct block_segment segments[READ_QUEUE_SEGMENTS_MAX];
	uint32_t count;
	uint8_t *bytes;
};

static struct late_read late_reads[READ_QUEUE_REQUESTS_MAX];
static struct block_device late_device;

static enum status late_submit(struct block_device *device, const struct block_segment *segments, uint32_t count,
			       struct lba lba, uint32_t tag)
{
	struct late_read *read = &late_reads[tag];
	size_t at = 0;

	(void)device;
	TRY(machine.disk.device.ops->submit_read(&machine.disk.device, segments, count, lba, tag));
	read->count = count;
	read->bytes = malloc(machine.disk.device.identity.max_transfer_bytes);
	memcpy(read->segments, segments, count * sizeof(*segments));
	for (uint32_t i = 0; i < count; at += segments[i++].bytes) {
		memcpy(read->bytes + at, paddr_to_virt(segments[i].address), segments[i].bytes);
		memset(paddr_to_virt(segments[i].address), 0xDB, segments[i].bytes);
	}
	return STATUS_OK;
}

static void late_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	static unsigned calls;

	(void)device;
	*count_out = 0;
	if (++calls % 2)
		return;
	machine.disk.device.ops->poll(&machine.disk.device, completions_out, capacity, count_out);
	for (uint32_t i = 0; i < *count_out; i++) {
		const struct late_read *read = &late_reads[completions_out[i].tag];
		size_t at = 0;

		for (uint32_t part = 0; part < read->count; at += read->segments[part++].bytes)
			memcpy(paddr_to_virt(read->segments[part].address), read->bytes + at,
			       read->segments[part].bytes);
		free(read->bytes);
	}
}

static const struct block_ops late_ops = {.submit_read = late_submit, .poll = late_poll};

/* --- a restore and what it must keep to ------------------------------------------------------------------------- */

void machine_refill(void)
{
	memcpy(machine_page(0), marks, MACHINE_PAGES * (size_t)PAGE_BYTES);
}

static bool is_unchanged(uint64_t index)
{
	return memcmp(machine_page(index), &marks[index], PAGE_BYTES) == 0;
}

enum status machine_restore(void)
{
	const char *reason;
	struct arena arena;
	struct restore_job job = {.found = &machine.found,
				  .boot = &machine.boot,
				  .arena = &arena,
				  .watch = machine.watch ? fake_watch_begin(machine.watch) : NULL,
				  .memory_map_relaxed = machine.relaxed,
				  .acpi = NULL};
	enum status status;

	machine_refill();
	memset(paddr_to_virt((struct paddr){ARENA_BASE}), 0xAA, ARENA_BYTES);
	arena_init(&arena, paddr_to_virt((struct paddr){ARENA_BASE}), machine.arena_bytes);
	late_device = machine.disk.device;
	late_device.ops = &late_ops;
	machine.found = (struct found_image){.device = &late_device, .device_pages = machine.image.device_pages};
	status = swsusp_header_parse(&machine.image.device[0], &machine.found.header, &reason);
	if (status != STATUS_OK)
		return status;
	status = restore_image(&job, &machine.plan, &machine.result, &reason);
	assert_int_equal(machine.disk.done_count, 0);
	assert_true(reason && (status == STATUS_OK) == !*reason);
	for (uint64_t i = 0; i < MACHINE_PAGES; i++)
		if (is_kept(i))
			assert_true(is_unchanged(i));
	return status;
}

void machine_check_refused(enum status expected, bool untouched)
{
	assert_int_equal(machine_restore(), expected);
	for (uint64_t i = 0; untouched && i < MACHINE_PAGES; i++)
		assert_true(is_unchanged(i));
}

static void run_plan(void)
{
	const struct plan_page *page = paddr_to_virt((struct paddr){machine.plan.sealed->plan});

	for (; page; page = paddr_to_virt((struct paddr){page->next}))
		for (uint64_t i = 0; i < page->count; i++)
			memcpy(paddr_to_virt((struct paddr){page->copies[i].destination}),
			       paddr_to_virt((struct paddr){page->copies[i].source}), PAGE_BYTES);
}

static const struct page *any_frame(void *context, struct pfn pfn)
{
	(void)context;
	return pfn_to_page(pfn);
}

void machine_check_memory(void)
{
	static const struct page zeroes;
	bool is_target[MACHINE_PAGES] = {false};
	uint64_t data = machine.image.meta_pages;
	uint64_t physical;

	run_plan();
	for (uint32_t i = 0; i < DATA_PAGES + ZERO_PAGES; i++) {
		const struct page *expected = is_zero(i) ? &zeroes : &machine.image.pages[data++];

		assert_memory_equal(machine_page(target_of(i)), expected, PAGE_BYTES);
		is_target[target_of(i)] = true;
	}
	for (uint64_t i = 0; i < MACHINE_PAGES; i++)
		if (is_kept(i) && !is_target[i])
			assert_true(is_unchanged(i));
	/* Code, tables and the structure are not among what the copies changed. */
	assert_memory_equal(paddr_to_virt(machine.plan.frame), handoff_image_code, handoff_image_code_bytes);
	assert_int_equal(machine.plan.sealed->levels, 4);
	assert_int_equal(machine.plan.sealed->image_cr3, machine_data_address(TABLES_FIRST));
	assert_int_equal(page_tables_walk(machine.plan.sealed->jump_root, 4, machine.plan.sealed->jump_address,
					  any_frame, NULL, &physical),
			 STATUS_OK);
	assert_int_equal(physical, machine_data_address(JUMP_PAGE) + JUMP_OFFSET);
	assert_int_equal(page_tables_walk(machine.plan.sealed->copy_root, 4, machine.plan.frame.value, any_frame, NULL,
					  &physical),
			 STATUS_OK);
	assert_int_equal(physical, machine.plan.frame.value);
}

void machine_check_restored(void)
{
	assert_int_equal(machine_restore(), STATUS_OK);
	assert_int_equal(machine.result.pages, DATA_PAGES);
	assert_int_equal(machine.result.zero_pages, ZERO_PAGES);
	machine_check_memory();
}

/* --- set-up ------------------------------------------------------------------------------------------------------ */

int machine_set_up(void **state)
{
	const size_t machine_bytes = MACHINE_PAGES * (size_t)PAGE_BYTES;

	(void)state;
	alarm(HANG_SECONDS);
	marks = aligned_alloc(PAGE_BYTES, machine_bytes);
	if (!marks)
		return -1;
	for (uint32_t i = 0; i < MACHINE_PAGES; i++)
		for (size_t at = 0; at < PAGE_BYTES; at += sizeof(i))
			memcpy(marks[i].bytes + at, &i, sizeof(i));
	fake_memory_add(ARENA_BASE, ARENA_BASE + ARENA_BYTES);
	fake_memory_add(MACHINE_BASE, MACHINE_BASE + machine_bytes);
	return 0;
}

int machine_tear_down(void **state)
{
	(void)state;
	forge_free(&machine.image);
	free(marks);
	return 0;
}
