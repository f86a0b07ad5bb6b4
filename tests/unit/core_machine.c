/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with a session to be saved and restored; see core_machine.h.
 */
#define _GNU_SOURCE
#include "tests/unit/core_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "loader/memory.h"
#include "tests/unit/fake_memory.h"
#include "tests/unit/noise.h"

#define HANG_SECONDS 400

/* What is really there, and which part of it is RAM in whole frames. */
static const struct piece {
	uint64_t start, end;         /* mapped */
	uint64_t ram_start, ram_end; /* as the firmware says */
	uint64_t first_pfn, frame_count;
} pieces[] = {
	{0x10000, 0xA0000, 0x10000, 0x9FC00, 0x10, 143},
	{0x1000000, 0x1400000, 0x100000, 0x1400000, 0x1000, 1024},
	{0x1410000, 0x1601000, 0x1410800, 0x1600400, 0x1411, 495},
	{0x40000000, 0x40200000, 0x40000000, 0x40200000, 0x40000, 512},
	{CORE_ARENA_BASE, CORE_ARENA_BASE + CORE_ARENA_BYTES, 0, 0, 0, 0},
};

struct core_machine core_machine;
static struct page *before; /* all pieces, one behind the other */

static uint64_t all_bytes(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		bytes += pieces[i].end - pieces[i].start;
	return bytes;
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

struct page *core_machine_page(uint32_t index)
{
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		if (index < pieces[i].frame_count)
			return pfn_to_page((struct pfn){pieces[i].first_pfn + index});
		index -= (uint32_t)pieces[i].frame_count;
	}
	fail_msg("no such frame");
	return NULL;
}

static void fill_page(struct page *page, uint32_t index, enum core_fill fill)
{
	const uint32_t kind = fill == CORE_FILL_FULL ? 2 : (index / 3 + index / 40) % 3;
	uint64_t seed = index + 1;

	memset(page, 0, sizeof(*page));
	if (virt_to_paddr(page).value != align_down(CORE_ENTRY, PAGE_BYTES) && (fill == CORE_FILL_NOTHING || !kind))
		return;
	for (size_t i = 0; i < PAGE_BYTES; i++) {
		const uint8_t noise = noise_byte(&seed);

		page->bytes[i] = kind == 2 ? noise : (uint8_t)(index + i / 256);
	}
}

static void fill_memory(enum core_fill fill)
{
	for (size_t i = 0; i + 1 < ARRAY_COUNT(pieces); i++)
		memset(paddr_to_virt((struct paddr){pieces[i].start}), 0x5A, pieces[i].end - pieces[i].start);
	for (uint32_t i = 0; i < CORE_RAM_PAGES; i++)
		fill_page(core_machine_page(i), i, fill);
	/* The least that is not zero: the last byte of the last frame of RAM, the first of the first. */
	core_machine_page(CORE_RAM_PAGES - 1)->bytes[PAGE_BYTES - 1] |= 1;
	core_machine_page(0)->bytes[0] |= 1;
}

static void each_piece(bool keep)
{
	uint8_t *at = before->bytes;

	for (size_t i = 0; i + 1 < ARRAY_COUNT(pieces); i++) {
		void *memory = paddr_to_virt((struct paddr){pieces[i].start});

		if (keep)
			memcpy(at, memory, pieces[i].end - pieces[i].start);
		else
			assert_memory_equal(at, memory, pieces[i].end - pieces[i].start);
		at += pieces[i].end - pieces[i].start;
	}
}

/* All but frames of RAM: what lies beside them in the pages at the odd ends. */
static bool is_ram_frame(const struct page *page)
{
	const uint64_t pfn = paddr_to_pfn(virt_to_paddr(page)).value;

	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		if (pfn >= pieces[i].first_pfn && pfn < pieces[i].first_pfn + pieces[i].frame_count)
			return true;
	return false;
}

static void make_map(void)
{
	struct core_machine *m = &core_machine;

	m->range_count = 0;
	for (size_t i = 0; i + 1 < ARRAY_COUNT(pieces); i++)
		m->ranges[m->range_count++] = (struct memory_range){pieces[i].ram_start, pieces[i].ram_end, MEMORY_RAM};
	m->ranges[m->range_count++] = (struct memory_range){0xF0000, 0x100000, MEMORY_RESERVED};
	m->ranges[m->range_count++] = (struct memory_range){0x1400000, 0x1410800, MEMORY_RESERVED};
	for (uint32_t i = 0; i < m->range_count; i++)
		m->parameters.memory[i] = (struct core_memory_entry){
			.address = m->ranges[i].start,
			.bytes = m->ranges[i].end - m->ranges[i].start,
			.type = m->ranges[i].type,
		};
	m->parameters.memory_count = m->range_count;
	assert_int_equal(memory_map_build(m->ranges, m->range_count, &m->boot.memory), STATUS_OK);
}

/* --- the disk ---------------------------------------------------------------------------------------------------- */

struct core_anchor *core_machine_anchor(void)
{
	return (struct core_anchor *)(void *)&core_machine
		.disk_pages[CORE_START_PAGE + core_machine.parameters.anchor_page];
}

void core_machine_set_target(uint64_t pages, uint32_t extents)
{
	struct core_anchor *anchor = core_machine_anchor();
	const uint64_t first = core_machine.parameters.anchor_page + 1;
	uint64_t at = first;

	if (pages == 0)
		pages = CORE_DISK_PAGES - CORE_START_PAGE - first - extents;
	anchor->extent_count = extents;
	anchor->target_pages = pages;
	for (uint32_t i = 0; i < extents; i++) {
		/* Backwards, with gaps. */
		const uint64_t count = i + 1 < extents ? 1 + (pages / extents + i * 7) % (2 * pages / extents) : pages;
		const uint64_t part = min_u64(count, pages - (extents - 1 - i));

		anchor->extents[extents - 1 - i] = (struct core_extent){at, part};
		at += part + 1;
		pages -= part;
	}
	assert_int_equal(pages, 0);
	core_anchor_seal_extents(anchor);
}

static void make_disk(uint32_t sector_bytes)
{
	struct core_machine *m = &core_machine;
	struct core_anchor *anchor = core_machine_anchor();

	memset(m->disk_pages, 0xEE, CORE_DISK_PAGES * (size_t)PAGE_BYTES);
	*anchor = (struct core_anchor){.version = CORE_ANCHOR_VERSION, .state = CORE_ANCHOR_SAVING};
	memcpy(anchor->magic, CORE_ANCHOR_MAGIC, sizeof(anchor->magic));
	memset(anchor->uuid, 0x77, sizeof(anchor->uuid));
	memcpy(m->parameters.target_uuid, anchor->uuid, sizeof(anchor->uuid));
	core_machine_set_target(0, 9);
	late_disk_init(&m->disk, m->disk_pages, CORE_DISK_PAGES * PAGE_BYTES / sector_bytes, sector_bytes);
	m->registry = (struct block_registry){.devices = {&m->disk.device}, .count = 1};
}

struct page *core_machine_stored(uint64_t stored_page)
{
	uint64_t at, run;

	assert_true(core_extents_find(core_machine_anchor(), stored_page, &at, &run));
	return &core_machine.disk_pages[CORE_START_PAGE + at];
}

void core_machine_make(enum core_codec codec, enum core_fill fill, uint32_t sector_bytes)
{
	struct core_machine *m = &core_machine;

	m->parameters = (struct save_parameters){
		.magic = SAVE_PARAMETERS_MAGIC,
		.bytes = sizeof(m->parameters),
		.codec = codec,
		.partition_start = CORE_START_PAGE * PAGE_BYTES,
		.acpi = {.pm1a_event = 0x600, .pm1_event_bytes = 4, .pm1a_enable_value = 0x321},
	};
	m->session = (struct handoff_session){.entry = CORE_ENTRY, .cr3 = 0x5000, .cr4 = 0x20};
	m->boot = (struct boot_info){.session_entry = CORE_REENTRY};
	m->relaxed = false;
	m->arena_bytes = CORE_ARENA_BYTES;
	make_map();
	make_disk(sector_bytes);
	fill_memory(fill);
	each_piece(true);
}

/* --- save and restore -------------------------------------------------------------------------------------------- */

static void new_arena(void)
{
	memset(paddr_to_virt((struct paddr){CORE_ARENA_BASE}), 0xAA, CORE_ARENA_BYTES);
	arena_init(&core_machine.arena, paddr_to_virt((struct paddr){CORE_ARENA_BASE}), core_machine.arena_bytes);
}

static enum status save_run(struct save *save)
{
	TRY(save_target_find(save, &core_machine.registry));
	save->room_bytes = arena_free_bytes(save->arena);
	TRY(save_memory_scan(save));
	return save_core_write(save);
}

enum status core_machine_save(void)
{
	struct core_machine *m = &core_machine;
	enum status status;

	each_piece(true);
	new_arena();
	memset(&m->save, 0, sizeof(m->save));
	m->save.parameters = &m->parameters;
	m->save.session = &m->session;
	m->save.arena = &m->arena;
	m->save.acpi = m->parameters.acpi;
	assert_int_equal(memory_map_build(m->ranges, m->range_count, &m->save.map), STATUS_OK);
	status = save_run(&m->save);
	assert_int_equal(m->disk.in_flight, 0);
	assert_int_equal(m->disk.syncs, 0);
	each_piece(false);
	return status;
}

void core_machine_save_valid(void)
{
	assert_int_equal(core_machine_save(), STATUS_OK);
	assert_int_equal(core_machine.disk.unflushed, 0);
	assert_int_equal(save_target_mark(&core_machine.save, CORE_ANCHOR_VALID), STATUS_OK);
	assert_int_equal(core_machine_anchor()->state, CORE_ANCHOR_VALID);
}

enum status core_machine_restore(void)
{
	struct core_machine *m = &core_machine;
	const struct restore_job job = {
		.found = &m->found,
		.boot = &m->boot,
		.arena = &m->arena,
		.watch = m->watch ? fake_watch_begin(m->watch) : NULL,
		.memory_map_relaxed = m->relaxed,
	};
	enum status status;

	/* Memory after a power-on. */
	for (size_t i = 0; i + 1 < ARRAY_COUNT(pieces); i++)
		for (uint64_t at = pieces[i].start; at < pieces[i].end; at += PAGE_BYTES)
			if (is_ram_frame(paddr_to_virt((struct paddr){at})))
				memset(paddr_to_virt((struct paddr){at}), (int)(at >> PAGE_SHIFT) | 1, PAGE_BYTES);
	new_arena();
	m->found = (struct found_image){
		.device = &m->disk.device,
		.name = "late0.0p1",
		.start_lba = m->parameters.partition_start / m->disk.device.identity.sector_bytes,
		.device_pages = CORE_DISK_PAGES - CORE_START_PAGE,
		.header_page = m->parameters.anchor_page,
		.kind = IMAGE_CORE,
		.header_bytes = *(const struct page *)(const void *)core_machine_anchor(),
	};
	m->reason = NULL;
	status = restore_image(&job, &m->plan, &m->result, &m->reason);
	assert_int_equal(m->disk.in_flight, 0);
	assert_non_null(m->reason);
	assert_true((status == STATUS_OK) == (*m->reason == '\0'));
	return status;
}

static void run_plan(void)
{
	const struct plan_page *page = paddr_to_virt((struct paddr){core_machine.plan.sealed->plan});

	for (; page; page = paddr_to_virt((struct paddr){page->next}))
		for (uint64_t i = 0; i < page->count; i++)
			memcpy(paddr_to_virt((struct paddr){page->copies[i].destination}),
			       paddr_to_virt((struct paddr){page->copies[i].source}), PAGE_BYTES);
}

void core_machine_check_memory(void)
{
	run_plan();
	each_piece(false);
}

/* --- set-up ------------------------------------------------------------------------------------------------------ */

int core_machine_set_up(void **state)
{
	(void)state;
	alarm(HANG_SECONDS);
	before = aligned_alloc(PAGE_BYTES, all_bytes());
	core_machine.disk_pages = aligned_alloc(PAGE_BYTES, CORE_DISK_PAGES * (size_t)PAGE_BYTES);
	if (!before || !core_machine.disk_pages)
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		fake_memory_add(pieces[i].start, pieces[i].end);
	return 0;
}

int core_machine_tear_down(void **state)
{
	(void)state;
	free(before);
	free(core_machine.disk_pages);
	return 0;
}
