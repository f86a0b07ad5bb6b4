/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From physical volumes to block devices: sizes, sectors and pieces that fit or do not, and how volumes are visited.
 */
#include "loader/logical_volumes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"
#include "loader/volumes.h"
#include "lvm_disk.h"
#include "memory_disk.h"

#define DISK_PAGES   80
#define START_SECTOR 64
#define VISIBLE      "\"READ\", \"VISIBLE\""

static const struct lvm_disk_area area = {4096, 24 * KIB};
static struct memory_disk *disks[3];
static struct volume volumes[3];
static struct logical_volumes logical;
static struct lvm_disk_text text;
static _Alignas(4096) uint8_t memory[1024 * 1024];
static struct arena arena;
static char log_text[4096];

/* What was visited. */
static struct visited {
	uint32_t count;
	uint32_t readable;
	uint32_t last; /* the visit that ends it */
	uint64_t sector_count;
	struct linear_extent extents[LINEAR_EXTENTS_MAX];
	uint32_t extent_count;
	char name[LVM_NAME_BYTES];
} visited;

static void log_keep(const char *line)
{
	const size_t used = strlen(log_text);

	snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
}

/* Two disks of 512-byte sectors, one of 4096. */
static int setup(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		disks[i] = memory_disk_new("disk", i == 2 ? 4096 : 512, DISK_PAGES * PAGE_BYTES);
		snprintf(disks[i]->device.identity.name, BLOCK_NAME_BYTES, "disk%u", i);
		volumes[i] = (struct volume){&disks[i]->device, 0, 0, disks[i]->sector_count};
	}
	log_text[0] = '\0';
	log_set_sink(log_keep);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		memory_disk_free(disks[i]);
	return 0;
}

static void begin(void)
{
	lvm_disk_begin(&text, "vg", 'g', 1, "\"READ\"");
}

/* The text on one disk. */
static void put(uint32_t disk, char uuid)
{
	uint8_t *partition = disks[disk]->bytes + volumes[disk].start_lba * disks[disk]->sector_bytes;

	lvm_disk_label(partition, 0, uuid, &area, 1);
	lvm_disk_area(partition, area, 512, text.chars, text.bytes);
}

static enum status visit(void *context, const struct logical_volume *volume)
{
	struct visited *out = context;

	out->count++;
	snprintf(out->name, sizeof(out->name), "%s", volume->volume->name);
	if (volume->linear) {
		out->readable++;
		out->sector_count = volume->linear->device.identity.sector_count;
		out->extent_count = volume->linear->extent_count;
		memcpy(out->extents, volume->linear->extents, sizeof(out->extents));
	}
	return out->count == out->last ? STATUS_END : STATUS_IO_ERROR;
}

/* Visits what is on the first `count` disks. */
static void run(uint32_t count)
{
	arena_init(&arena, memory, sizeof(memory));
	memset(&logical, 0, sizeof(logical));
	visited = (struct visited){.last = visited.last};
	log_text[0] = '\0';
	for (uint32_t i = 0; i < count; i++)
		logical_volumes_note(&logical, &volumes[i]);
	logical_volumes_visit(&logical, &arena, visit, &visited);
	assert_in_range(arena.used_bytes, 1, 512 * KIB);
}

static void expect_readable(uint32_t disks_used)
{
	run(disks_used);
	assert_int_equal(visited.count, 1);
	assert_int_equal(visited.readable, 1);
	assert_false(logical.is_incomplete);
	assert_string_equal(log_text, "");
}

static void expect_refused(uint32_t disks_used, const char *said)
{
	run(disks_used);
	assert_int_equal(visited.count, 1);
	assert_int_equal(visited.readable, 0);
	assert_true(logical.is_incomplete);
	assert_int_equal(logical.failure, STATUS_OK);
	assert_non_null(strstr(log_text, said));
}

static void expect_extent(uint32_t index, uint32_t disk, uint64_t start_lba, uint64_t sector_count)
{
	assert_true(index < visited.extent_count);
	assert_ptr_equal(visited.extents[index].device, &disks[disk]->device);
	assert_int_equal(visited.extents[index].start_lba, start_lba);
	assert_int_equal(visited.extents[index].sector_count, sector_count);
}

/* One volume of `count` extents at `first` on a physical volume of `extents` from this sector on. */
static void put_linear(uint32_t disk, unsigned start_sector, unsigned extents, unsigned first, unsigned count)
{
	begin();
	lvm_disk_member(&text, 'a', start_sector, extents, "");
	lvm_disk_linear(&text, "lv", "pv0", first, count);
	lvm_disk_end(&text);
	put(disk, 'a');
}

static void test_places(void **state)
{
	(void)state;
	put_linear(0, START_SECTOR, 72, 3, 7);
	expect_readable(1);
	assert_int_equal(visited.sector_count, 56);
	expect_extent(0, 0, START_SECTOR + 24, 56);
	/* In a partition: from its start, and to its end. */
	volumes[0] = (struct volume){&disks[0]->device, 1, 100, 400};
	put_linear(0, 63, 42, 0, 42);
	expect_readable(1);
	expect_extent(0, 0, 163, 336);
	put_linear(0, 65, 42, 0, 42);
	expect_refused(1, "vg-lv: LVM2, not looked into: a physical volume of it is smaller than its group says\n");
	put_linear(0, 65, 42, 0, 41);
	expect_readable(1);
	put_linear(0, 65, 100, 99, 1);
	expect_refused(1, "smaller than");
	put_linear(0, 401, 100, 0, 1);
	expect_refused(1, "smaller than");
}

static void test_sectors_4096(void **state)
{
	(void)state;
	volumes[0] = volumes[2];
	begin();
	lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
	lvm_disk_linear(&text, "lv", "pv0", 3, 69);
	lvm_disk_end(&text);
	put(2, 'a');
	expect_readable(1);
	assert_int_equal(visited.sector_count, 69);
	expect_extent(0, 2, 11, 69);
	for (unsigned sector = START_SECTOR + 1; sector < START_SECTOR + 8; sector++) {
		put_linear(2, sector, 10, 3, 7);
		expect_refused(1, "its extents do not begin with a sector of the disk");
	}
	/* Extents of half a page. */
	begin();
	lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
	lvm_disk_linear(&text, "lv", "pv0", 2, 3);
	lvm_disk_end(&text);
	memcpy(strstr(text.chars, "extent_size = 8"), "extent_size = 4", 15);
	put(2, 'a');
	expect_refused(1, "its extents do not begin with a sector of the disk");
	volumes[0] = (struct volume){&disks[0]->device, 0, 0, disks[0]->sector_count};
	put(0, 'a');
	expect_refused(1, "its pieces do not fit together");
}

/* On the first two disks, or the first and the third, whose sectors are others. */
static void test_two_disks(void **state)
{
	(void)state;
	begin();
	lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
	lvm_disk_member(&text, 'b', START_SECTOR, 72, "");
	lvm_disk_member(&text, 'c', START_SECTOR, 72, "");
	lvm_disk_volume(&text, "lv", VISIBLE,
			"segment_count = 2\nsegment1 { start_extent = 0 extent_count = 2 type = \"linear\" "
			"stripe_count = 1 stripes = [\"pv1\", 70] }\nsegment2 { start_extent = 2 extent_count = 3 "
			"type = \"striped\" stripe_count = 1 stripes = [\"pv0\", 0] }");
	lvm_disk_end(&text);
	put(0, 'a');
	put(1, 'b');
	expect_readable(2);
	assert_int_equal(visited.extent_count, 2);
	expect_extent(0, 1, START_SECTOR + 560, 16);
	expect_extent(1, 0, START_SECTOR, 24);
	put(1, 'x');
	put(2, 'b');
	expect_refused(3, "its pieces do not fit together");
	put(0, 'b');
	put(1, 'a');
	volumes[2] = volumes[1];
	expect_refused(3, "is there twice");
	/* The other way round: the second disk's metadata is not in use, its extents are. */
	put(0, 'a');
	put(1, 'b');
	lvm_disk_label(disks[1]->bytes, 0, 'b', &area, 0);
	expect_readable(2);
	lvm_disk_label(disks[1]->bytes, 0, 'b', &area, 1);
	memory_put_le(disks[1]->bytes + area.start + 60, 1, 4);
	lvm_disk_area_seal(disks[1]->bytes, area);
	expect_readable(2);
}

static void test_pieces(void **state)
{
	(void)state;
	for (unsigned count = LINEAR_EXTENTS_MAX; count <= LINEAR_EXTENTS_MAX + 1; count++) {
		static char segments[16384];
		int used = sprintf(segments, "segment_count = %u\n", count);

		for (unsigned i = 0; i < count; i++)
			used += sprintf(segments + used,
					"segment%u { start_extent = %u extent_count = 1 type = \"striped\" "
					"stripe_count = 1 stripes = [\"pv0\", %u] }\n",
					i + 1, i, i % 2 ? 0 : 2);
		begin();
		lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
		lvm_disk_volume(&text, "lv", VISIBLE, segments);
		lvm_disk_end(&text);
		put(0, 'a');
		if (count > LINEAR_EXTENTS_MAX)
			expect_refused(1, "it is in too many pieces");
		else
			expect_readable(1);
	}
}

static void test_visits(void **state)
{
	(void)state;
	begin();
	lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
	lvm_disk_linear(&text, "one", "pv0", 0, 1);
	lvm_disk_volume(&text, "hidden", "\"READ\"", "segment_count = 1\nsegment1 { type = \"mirror\" }");
	lvm_disk_volume(&text, "two", VISIBLE, "segment_count = 1\nsegment1 { type = \"mirror\" }");
	lvm_disk_linear(&text, "three", "pv0", 1, 1);
	lvm_disk_end(&text);
	put(0, 'a');
	lvm_disk_begin(&text, "other", 'h', 1, "\"READ\"");
	lvm_disk_member(&text, 'b', START_SECTOR, 72, "");
	lvm_disk_linear(&text, "four", "pv0", 0, 1);
	lvm_disk_end(&text);
	put(1, 'b');
	run(2); /* whatever the visitor says but STATUS_END */
	assert_int_equal(visited.count, 4);
	assert_int_equal(visited.readable, 3);
	assert_string_equal(visited.name, "four");
	for (visited.last = 1; visited.last <= 4; visited.last++) {
		static const char *const names[] = {"one", "two", "three", "four"};

		run(2);
		assert_int_equal(visited.count, visited.last);
		assert_string_equal(visited.name, names[visited.last - 1]);
	}
	visited.last = 0;
	/* Nothing but physical volumes, and nothing at all. */
	begin();
	lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
	lvm_disk_volume(&text, "hidden", "\"READ\"", "segment_count = 1\nsegment1 { type = \"mirror\" }");
	lvm_disk_end(&text);
	put(0, 'a');
	run(1);
	assert_int_equal(visited.count, 0);
	assert_false(logical.is_incomplete);
	run(0);
	assert_int_equal(visited.count, 0);
}

static void test_too_many(void **state)
{
	(void)state;
	memset(&logical, 0, sizeof(logical));
	for (uint32_t i = 0; i < LVM_PVS_MAX; i++)
		logical_volumes_note(&logical, &volumes[0]);
	assert_false(logical.is_incomplete);
	assert_string_equal(log_text, "");
	logical_volumes_note(&logical, &volumes[1]);
	assert_true(logical.is_incomplete);
	assert_int_equal(logical.physical_count, LVM_PVS_MAX);
	assert_ptr_equal(logical.physical[LVM_PVS_MAX - 1].disk, &disks[0]->device);
	assert_string_equal(log_text, "disk1: LVM2, not looked into: there are too many physical volumes\n");
}

static void test_no_memory(void **state)
{
	(void)state;
	put_linear(0, START_SECTOR, 72, 3, 7);
	expect_readable(1);
	arena_init(&arena, memory, arena.used_bytes - 1);
	visited.count = 0;
	logical_volumes_visit(&logical, &arena, visit, &visited);
	assert_int_equal(visited.count, 0);
	assert_true(logical.is_incomplete);
	assert_int_equal(logical.failure, STATUS_NO_MEMORY);
	assert_int_equal(arena.used_bytes, 0);
	assert_string_equal(log_text, "LVM2: not looked into: no memory\n");
}

/* --- with the walk over all disks -------------------------------------------------------------------------------- */

struct walk {
	struct volumes volumes;
	uint32_t physical;
	uint32_t logical;
	uint32_t last; /* the logical volume that ends it */
};

static enum status walk_visit(void *context, const struct volume *volume, const struct partition_table *table,
			      const struct partition *partition, const struct logical_volume *logical_volume)
{
	struct walk *walk = context;

	assert_true((logical_volume == NULL) == (table != NULL && partition != NULL));
	if (logical_volume) {
		assert_ptr_equal(volume->disk, logical_volume->linear ? &logical_volume->linear->device : NULL);
		assert_int_equal(volume->sector_count, logical_volume->linear ? 56 : 0);
		return ++walk->logical == walk->last ? STATUS_END : STATUS_OK;
	}
	walk->physical++;
	volumes_note_physical(&walk->volumes, volume);
	return STATUS_OK;
}

static void walk_unreadable(void *context, const char *name, enum status status)
{
	(void)context;
	fail_msg("%s: %s", name, status_text(status));
}

static void test_walks(void **state)
{
	static struct walk walk;
	static struct block_registry registry;
	const struct volume_visitor visitor = {&walk, walk_visit, walk_unreadable};
	size_t mark;

	(void)state;
	begin();
	lvm_disk_member(&text, 'a', START_SECTOR, 72, "");
	lvm_disk_linear(&text, "one", "pv0", 0, 7);
	lvm_disk_volume(&text, "two", VISIBLE, "segment_count = 1\nsegment1 { type = \"mirror\" }");
	lvm_disk_linear(&text, "three", "pv0", 7, 7);
	lvm_disk_end(&text);
	put(0, 'a');
	registry = (struct block_registry){{&disks[0]->device}, 1};
	arena_init(&arena, memory, sizeof(memory));
	assert_int_equal(volumes_init(&walk.volumes, &registry, &arena), STATUS_OK);
	mark = arena_mark(&arena);
	for (uint32_t i = 1; i <= 3; i++) {
		volumes_visit(&walk.volumes, &visitor);
		assert_int_equal(walk.physical, i);
		assert_int_equal(walk.logical, 3 * i);
		assert_int_equal(walk.volumes.logical.physical_count, 1);
		assert_int_equal(arena_mark(&arena), mark);
	}
	walk.last = walk.logical + 2;
	volumes_visit(&walk.volumes, &visitor);
	assert_int_equal(walk.logical, walk.last);
	assert_int_equal(arena_mark(&arena), mark);
}

#define WITH_DISKS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(test_places),    WITH_DISKS(test_sectors_4096), WITH_DISKS(test_two_disks),
		WITH_DISKS(test_pieces),    WITH_DISKS(test_visits),       WITH_DISKS(test_too_many),
		WITH_DISKS(test_no_memory), WITH_DISKS(test_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
