/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What LVM2's metadata text says of a group, and its names.
 */
#include "disk/lvm_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lvm_group_fixture.h"

static const struct lvm_volume *volume_of(const char *name)
{
	for (uint32_t i = 0; i < group.volume_count; i++)
		if (strcmp(group.volumes[i].name, name) == 0)
			return &group.volumes[i];
	fail_msg("no volume %s", name);
	return NULL;
}

static void expect_segment(const struct lvm_volume *of, uint32_t index, uint32_t member, uint64_t first, uint64_t count)
{
	const struct lvm_segment *segment = &group.segments[of->first_segment + index];

	assert_true(index < of->segment_count && of->first_segment + index < group.segment_count);
	assert_int_equal(segment->member, member);
	assert_int_equal(segment->first_extent, first);
	assert_int_equal(segment->extent_count, count);
}

static void expect_type(const char *name, const char *type)
{
	assert_string_equal(volume_of(name)->type, type);
}

/* --- what is read ------------------------------------------------------------------------------------------------ */

static void test_group(void **state)
{
	(void)state;
	begin();
	lvm_disk_member(&text, 'c', 8, 3, "\"MISSING\"");
	lvm_disk_linear(&text, "root", "pv1", 3, 20);
	lvm_disk_linear(&text, "swap", "pv0", 0, 100);
	lvm_disk_end(&text);
	expect_parsed();
	assert_string_equal(group.name, "vg");
	assert_string_equal(group.uuid, UUID_GGG);
	assert_int_equal(group.sequence, 7);
	assert_int_equal(group.extent_sectors, 8);
	assert_false(group.is_exported);
	assert_int_equal(group.member_count, 3);
	assert_string_equal(group.members[0].name, "pv0");
	assert_string_equal(group.members[0].uuid, UUID_AAA);
	assert_int_equal(group.members[0].start_sector, 2048);
	assert_int_equal(group.members[0].extent_count, 100);
	assert_int_equal(group.members[1].start_sector, 1024);
	assert_int_equal(group.members[1].extent_count, 50);
	assert_false(group.members[1].is_missing);
	assert_true(group.members[2].is_missing);
	assert_int_equal(group.volume_count, 2);
	assert_int_equal(group.segment_count, 2);
	assert_string_equal(group.volumes[0].name, "root");
	assert_true(group.volumes[0].is_visible);
	expect_type("root", "");
	expect_segment(volume_of("root"), 0, 1, 3, 20);
	expect_type("swap", "");
	expect_segment(volume_of("swap"), 0, 0, 0, 100);
	/* The NUL at its end, and what was there before it. */
	lvm_disk_print(&text, "%c} garbage {", '\0');
	expect_parsed();
}

static void test_flags(void **state)
{
	(void)state;
	begin();
	volume("shown", VISIBLE, 1, RUN(1, 0, 1, "pv0", 0));
	volume("part", HIDDEN, 1, RUN(1, 0, 1, "pv0", 1));
	lvm_disk_end(&text);
	expect_parsed();
	assert_true(volume_of("shown")->is_visible);
	assert_false(volume_of("part")->is_visible);
	/* Old versions have the flag in the status, and a status that is no list. */
	replace("status = [\"ALLOCATABLE\"", "]", ", \"MISSING\"");
	expect_parsed();
	assert_true(group.members[0].is_missing);
	assert_false(group.members[1].is_missing);
	replace("status = ", "flags", "\"EXPORTED\"\n");
	expect_parsed();
	assert_true(group.is_exported);
	replace("status = ", "flags", "\"EXPORTEDX\"\n");
	expect_parsed();
	assert_false(group.is_exported);
	/* Not even a volume. */
	begin();
	lvm_disk_print(&text, "}\n}\n");
	expect_parsed();
	assert_int_equal(group.volume_count, 0);
	assert_int_equal(group.member_count, 2);
}

/* What there is no use for, with names that would mean something elsewhere. */
static void test_passed_over(void **state)
{
	(void)state;
	with_volume(1, "segment = 5 segment { extent_count = 9 type = [] }\n"
		       "tags { id = 3 segment1 { type = \"thin\" segment_count = 9 } }\n" RUN(1, 0, 1, "pv0", 0));
	replace("physical_volumes {", "pv0 {\nid", "id = 1 ");
	replace("max_pv = ", "\n", "0 segment1 { seqno = x status = [\"EXPORTED\"] physical_volumes { pv0 { } } }");
	replace("metadata_copies = ", "\n", "0 historical_logical_volumes { h { id = 1 segment1 { type = 1 } } }");
	expect_parsed();
	assert_int_equal(group.sequence, 7);
	assert_int_equal(group.member_count, 2);
	assert_int_equal(group.volume_count, 1);
	assert_false(group.is_exported);
	expect_type("lv", "");
	expect_segment(volume_of("lv"), 0, 0, 0, 1);
}

static void test_segments(void **state)
{
	(void)state;
	begin();
	volume("two", VISIBLE, 2, RUN(1, 0, 20, "pv0", 80) RUN(2, 20, 50, "pv1", 0));
	volume("gap", VISIBLE, 2, RUN(1, 0, 5, "pv0", 0) RUN(2, 5, 5, "pv0", 6));
	/* Neighbours, also when a third is none. */
	volume("joined", VISIBLE, 4,
	       RUN(1, 0, 5, "pv0", 20) RUN(2, 5, 3, "pv0", 25) RUN(3, 8, 2, "pv0", 28) RUN(4, 10, 2, "pv0", 20));
	/* Next to the last of the volume before, but another volume's. */
	volume("own", VISIBLE, 1, RUN(1, 0, 2, "pv0", 22));
	volume("others", VISIBLE, 2, RUN(1, 0, 2, "pv0", 30) RUN(2, 2, 2, "pv1", 32));
	lvm_disk_end(&text);
	replace("type = \"", "\"", "linear"); /* the first volume's: another word for the same */
	expect_parsed();
	assert_int_equal(volume_of("two")->segment_count, 2);
	expect_type("two", "");
	expect_segment(volume_of("two"), 0, 0, 80, 20);
	expect_segment(volume_of("two"), 1, 1, 0, 50);
	assert_int_equal(volume_of("gap")->segment_count, 2);
	expect_segment(volume_of("gap"), 0, 0, 0, 5);
	expect_segment(volume_of("gap"), 1, 0, 6, 5);
	assert_int_equal(volume_of("joined")->segment_count, 2);
	expect_segment(volume_of("joined"), 0, 0, 20, 10);
	expect_segment(volume_of("joined"), 1, 0, 20, 2);
	assert_int_equal(volume_of("own")->segment_count, 1);
	expect_segment(volume_of("own"), 0, 0, 22, 2);
	assert_int_equal(volume_of("others")->segment_count, 2);
}

/* --- other types ------------------------------------------------------------------------------------------------- */

static void test_types(void **state)
{
	(void)state;
	begin();
	volume("pool", VISIBLE, 1, OTHER("thin-pool", "metadata = \"pool_tmeta\"\npool = \"pool_tdata\""));
	volume("thin", VISIBLE, 1, OTHER("thin", "thin_pool = \"pool\"\norigin = \"base\"\ndevice_id = 1"));
	volume("mirror", VISIBLE, 1, OTHER("raid1", "device_count = 2\nraids = [\n\"m0\", \"i0\",\n\"m1\", \"i1\"\n]"));
	volume("stripes", VISIBLE, 1, OTHER("striped", "stripe_count = 2\nstripes = [\"pv0\", 34, \"pv1\", 10]"));
	volume("moving", VISIBLE, 1, OTHER("striped", "stripe_count = 1\nstripes = [\"pvmove0\", 0]"));
	volume("pvmove0", HIDDEN, 1, OTHER("mirror", "mirror_count = 2\nmirrors = [\"pv0\", 0, \"pv1\", 0]"));
	volume("nothing", VISIBLE, 1, "segment1 {\nstart_extent = 0 extent_count = 1\n}");
	volume("longer", VISIBLE, 1, OTHER("a-type-of-twenty-four-ch", ""));
	volume("longest", VISIBLE, 1, OTHER("a-type-of-twenty-three-c", ""));
	volume("no-count", VISIBLE, 1, OTHER("striped", "stripes = [\"pv0\", 0]"));
	volume("no-stripes", VISIBLE, 1, OTHER("striped", "stripe_count = 1"));
	volume("base", VISIBLE, 1, RUN(1, 0, 8, "pv0", 0)); /* an origin, but not of a snapshot's table */
	lvm_disk_end(&text);
	replace("a-type-of-twenty-three-", "\"", "");
	expect_parsed();
	expect_type("pool", "thin-pool");
	expect_type("thin", "thin");
	expect_type("mirror", "raid1");
	expect_type("stripes", "striped");
	expect_type("moving", "stacked");
	expect_type("pvmove0", "mirror");
	expect_type("nothing", "unknown");
	expect_type("longer", "unknown");
	expect_type("longest", "a-type-of-twenty-three-");
	expect_type("no-count", "striped");
	expect_type("no-stripes", "stacked");
	expect_type("base", "");
}

/* The first segment that is not linear gives the name; what follows is counted, and not looked at. */
static void test_mixed_types(void **state)
{
	(void)state;
	begin();
	volume("holed", VISIBLE, 3,
	       RUN(1, 0, 5, "pv0",
		   0) "segment2 { start_extent = 5 extent_count = 5 type = \"error\" }\n" RUN(3, 10, 2, "pv0", 10));
	volume("late", VISIBLE, 3,
	       RUN(1, 0, 5, "pv0", 0) "segment2 { start_extent = 5 extent_count = 5 type = \"zero\" }\n"
				      "segment3 { start_extent = 10 extent_count = 5 type = \"error\" }\n");
	volume("plain", VISIBLE, 1, RUN(1, 0, 5, "pv1", 0));
	lvm_disk_end(&text);
	expect_parsed();
	expect_type("holed", "error");
	expect_type("late", "zero");
	expect_type("plain", "");
	expect_segment(volume_of("plain"), 0, 1, 0, 5);
}

static void test_snapshots(void **state)
{
	(void)state;
	begin();
	volume("shot", VISIBLE, 1, RUN(1, 0, 8, "pv0", 0)); /* before its table and behind it */
	volume("snapshot0", HIDDEN, 1, OTHER("snapshot", "chunk_size = 8\norigin = \"swap\"\ncow_store = \"shot\""));
	volume("snapshot1", HIDDEN, 1, OTHER("snapshot", "origin = \"root\"\nmerging_store = \"merge\""));
	volume("swap", VISIBLE, 1, RUN(1, 0, 8, "pv0", 8));
	volume("root", VISIBLE, 1, RUN(1, 0, 8, "pv0", 16));
	volume("merge", VISIBLE, 1, RUN(1, 0, 8, "pv0", 24));
	volume("free", VISIBLE, 1, RUN(1, 0, 8, "pv0", 32));
	volume("broken", HIDDEN, 1, OTHER("snapshot", ""));
	lvm_disk_end(&text);
	expect_parsed();
	expect_type("shot", "snapshot");
	expect_type("swap", "snapshot");
	expect_type("root", "snapshot");
	expect_type("merge", "snapshot");
	expect_type("snapshot0", "snapshot");
	expect_type("free", "");
	/* Sixteen of them, and then one more. */
	for (unsigned count = 16; count <= 17; count++) {
		begin();
		for (unsigned i = 0; i < count; i++)
			volume("snapshot", HIDDEN, 1, OTHER("snapshot", "origin = \"swap\"\ncow_store = \"last\""));
		volume("last", VISIBLE, 1, RUN(1, 0, 8, "pv0", 0));
		lvm_disk_end(&text);
		if (count > 16)
			expect_refused(STATUS_UNSUPPORTED, "more snapshots");
		else
			expect_parsed();
	}
	/* Thin volumes have an origin, too: any number of them. */
	begin();
	for (unsigned i = 0; i < 100; i++)
		volume("thin", VISIBLE, 1, OTHER("thin", "origin = \"base\""));
	lvm_disk_end(&text);
	expect_parsed();
}

/* --- names ------------------------------------------------------------------------------------------------------- */

struct name_case {
	const char *group, *volume, *mapper, *path;
};

static void test_names(void **state)
{
	static const struct name_case cases[] = {
		{"vg", "swap", "/dev/mapper/vg-swap", "/dev/vg/swap"},
		{"my-vg", "swap-1", "/dev/mapper/my--vg-swap--1", "/dev/my-vg/swap-1"},
		{"a-", "-b", "/dev/mapper/a-----b", "/dev/a-/-b"},
		{"a", "b--c", "/dev/mapper/a-b----c", "/dev/a/b--c"},
		{"a--b", "c", "/dev/mapper/a----b-c", "/dev/a--b/c"},
	};
	static const char *const others[] = {"",
					     "/dev/mapper/",
					     "/dev/mapper/my-vg-swap-1",
					     "/dev/mapper/my--vg-swap--12",
					     "/dev/mapper/my--vg-swap-",
					     "/dev/mapper/my--vg/swap--1",
					     "/dev/my--vg/swap--1",
					     "/dev/my-vg",
					     "/dev/my-vg/",
					     "/dev/my-vg/swap-12",
					     "/dev/my-vg-swap-1",
					     "/dev/my-v/swap-1",
					     "/dev/my-vg2/swap-1",
					     "my-vg/swap-1",
					     "/dev/dm-0"};
	char name[LVM_MAPPER_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct lvm_volume *lv = &group.volumes[0];

		strcpy(group.name, cases[i].group);
		strcpy(lv->name, cases[i].volume);
		lvm_mapper_name(&group, lv, name);
		assert_string_equal(name, cases[i].mapper + strlen("/dev/mapper/"));
		for (size_t k = 0; k < ARRAY_COUNT(cases); k++) {
			assert_int_equal(lvm_names_volume(cases[k].mapper, &group, lv), i == k);
			assert_int_equal(lvm_names_volume(cases[k].path, &group, lv), i == k);
		}
		for (size_t k = 0; k < ARRAY_COUNT(others); k++)
			assert_false(lvm_names_volume(others[k], &group, lv));
	}
	memset(group.name, '-', LVM_NAME_BYTES - 1);
	memset(group.volumes[0].name, '-', LVM_NAME_BYTES - 1);
	group.name[LVM_NAME_BYTES - 1] = group.volumes[0].name[LVM_NAME_BYTES - 1] = '\0';
	lvm_mapper_name(&group, &group.volumes[0], name);
	assert_int_equal(strlen(name), 4 * (LVM_NAME_BYTES - 1) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group),     cmocka_unit_test(test_flags), cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_segments),  cmocka_unit_test(test_types), cmocka_unit_test(test_mixed_types),
		cmocka_unit_test(test_snapshots), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
