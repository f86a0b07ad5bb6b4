/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of LVM2's metadata texts is refused.
 */
#include "disk/lvm_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lvm_group_fixture.h"

static void test_refused_values(void **state)
{
	static const struct replacement bad[] = {
		{"vg {\nid = ", "\n", "\"g\""},
		{"vg {\nid = ", "\n", "\"" UUID_GGG "g\""},
		{"vg {\nid = ", "\n", "[]"},
		{"seqno = ", "\n", "-1"},
		{"seqno = ", "\n", "[]"},
		{"seqno = ", "\n", "18446744073709551616"},
		{"extent_size = ", "\n", "\"8k\""},
		{"pv0 {\nid = ", "\n", "\"aaa\""},
		{"pe_start = ", "\n", "x"},
		{"pe_count = ", "\n", "1.5"},
		{"segment_count = ", "\n", "one"},
		{"start_extent = ", "\n", "\"\""},
		{"extent_count = ", "\n", "0x10"},
		{"type = ", "\n", "[]"},
		{"stripe_count = ", "\n", "[]"},
		{"stripes = ", "]", "["},
		{"stripes = ", "]", "[\"pv0\""},
		{"stripes = ", "]", "[\"pv0\", \"pv1\""},
		{"type = \"striped\"\n", "stripe", "origin = []\n"},
		{"type = \"striped\"\n", "stripe", "cow_store = []\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		begin();
		lvm_disk_linear(&text, "lv", "pv0", 0, 10);
		lvm_disk_end(&text);
		replace(bad[i].from, bad[i].end, bad[i].with);
		expect_refused(STATUS_CORRUPT, "value that makes no sense");
	}
}

static void test_refused_texts(void **state)
{
	(void)state;
	with_volume(1, RUN(1, 0, 1, "pv0", 0));
	expect_parsed();
	/* Every part of it, until the group's brace. */
	for (size_t bytes = 0; bytes < (size_t)(strstr(text.chars, "# Generated") - text.chars) - 1; bytes++) {
		assert_int_equal(parse(text.chars, bytes), STATUS_CORRUPT);
		assert_string_equal(parse_reason,
				    bytes == 0 ? "its metadata is of no group" : "its metadata is no text of LVM2");
	}
	lvm_disk_print(&text, "other {\n}\n");
	expect_refused(STATUS_CORRUPT, "two groups");
	with_volume(1, RUN(1, 0, 1, "pv0", 0));
	replace("vg {", "seqno", "\n");
	expect_refused(STATUS_CORRUPT, "no group");
	with_volume(1, RUN(1, 0, 1, "pv0", 0));
	replace("extent_size", "max_lv", "= 0\n");
	expect_refused(STATUS_CORRUPT, "no group");
	assert_int_equal(parse("a = 1", 5), STATUS_CORRUPT);
	assert_string_equal(parse_reason, "its metadata is of no group");
}

static void test_refused_members(void **state)
{
	/* SECTORS_MAX is 2^54 - 1; pv1 has 50 extents of 8 sectors. */
	static const struct replacement bad[] = {
		{"pv0 {", "device", "\n"},
		{"pe_start = ", "\n", "18014398509481984"},
		{"pe_start = ", "\n", "18014398509481184"}, /* 800 sectors more do not fit */
		{"pe_count = ", "\n", "2251799813684992"},
		{"pe_count = ", "\n", "2305843009213693953"}, /* times 8 is 8, beyond 2^64 */
		{"extent_size = ", "\n", "368934881474191033"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		with_volume(1, RUN(1, 0, 1, "pv0", 0));
		replace(bad[i].from, bad[i].end, bad[i].with);
		expect_refused(STATUS_CORRUPT, "physical volume that makes no sense");
	}
	with_volume(1, RUN(1, 0, 1, "pv0", 0));
	replace("pe_start = ", "\n", "18014398509481183");
	expect_parsed();
	assert_int_equal(group.members[0].start_sector, 18014398509481183);
}

static void test_refused_segments(void **state)
{
	static const char *const beyond[] = {
		RUN(1, 0, 101, "pv0", 0),
		RUN(1, 0, 1, "pv0", 100),
		RUN(1, 0, 1, "pv0", 101),
		RUN(1, 0, 51, "pv1", 0),
		RUN(1, 0, 1, "pv0", 18446744073709551615),
		RUN(1, 0, 18446744073709551615, "pv0", 1),
	};
	static const char *const gaps[] = {
		RUN(1, 1, 1, "pv0", 0),
		RUN(1, 0, 0, "pv0", 0),
	};
	static const char *const gaps_of_two[] = {
		RUN(1, 0, 5, "pv0", 0) RUN(2, 6, 5, "pv0", 5),
		RUN(1, 0, 5, "pv0", 0) RUN(2, 4, 5, "pv0", 5),
		RUN(1, 0, 5, "pv0", 0) RUN(2, 0, 5, "pv0", 5),
		RUN(2, 5, 5, "pv0", 5) RUN(1, 0, 5, "pv0", 0),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(beyond); i++) {
		with_volume(1, beyond[i]);
		expect_refused(STATUS_CORRUPT, "beyond a physical volume");
	}
	with_volume(2, RUN(1, 0, 60, "pv0", 0) RUN(2, 60, 41, "pv0", 60));
	expect_refused(STATUS_CORRUPT, "beyond a physical volume");
	for (size_t i = 0; i < ARRAY_COUNT(gaps); i++) {
		with_volume(1, gaps[i]);
		expect_refused(STATUS_CORRUPT, "with gaps");
	}
	for (size_t i = 0; i < ARRAY_COUNT(gaps_of_two); i++) {
		with_volume(2, gaps_of_two[i]);
		expect_refused(STATUS_CORRUPT, "with gaps");
	}
	for (unsigned count = 0; count < 4; count++) {
		with_volume(count, RUN(1, 0, 5, "pv0", 0) RUN(2, 5, 5, "pv0", 5));
		if (count == 2)
			expect_parsed();
		else
			expect_refused(STATUS_CORRUPT, "another number of segments");
	}
	with_volume(0, "");
	expect_refused(STATUS_CORRUPT, "another number of segments");
	begin();
	lvm_disk_linear(&text, "first", "pv0", 0, 10);
	lvm_disk_volume(&text, "second", VISIBLE, RUN(1, 0, 1, "pv0", 0)); /* does not say how many */
	lvm_disk_end(&text);
	expect_refused(STATUS_CORRUPT, "another number of segments");
}

static void test_names_too_long(void **state)
{
	static const struct replacement names[] = {
		{"", " {", ""}, {"physical_volumes {\n\npv", " {", ""}, {"logical_volumes {\n\nl", " {", ""}};
	static const unsigned lengths[] = {127, 13, 126};
	char name[200];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		with_volume(1, RUN(1, 0, 1, "pv1", 0));
		name[lengths[i]] = '\0';
		replace(names[i].from, names[i].end, name);
		expect_parsed();
		with_volume(1, RUN(1, 0, 1, "pv1", 0));
		name[lengths[i]] = 'n';
		name[lengths[i] + 1] = '\0';
		replace(names[i].from, names[i].end, name);
		name[lengths[i] + 1] = 'n';
		expect_refused(STATUS_CORRUPT, "name that is too long");
	}
}

static void test_too_many(void **state)
{
	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		lvm_disk_begin(&text, "vg", 'g', 1, "");
		for (unsigned i = 0; i < LVM_PVS_MAX + more; i++)
			lvm_disk_member(&text, 'a', 2048, 100, "");
		lvm_disk_end(&text);
		if (more)
			expect_refused(STATUS_UNSUPPORTED, "more physical volumes");
		else
			expect_parsed();
		begin();
		for (unsigned i = 0; i < LVM_VOLUMES_MAX + more; i++)
			volume("lv", VISIBLE, 1, RUN(1, 0, 1, "pv0", 5));
		lvm_disk_end(&text);
		if (more)
			expect_refused(STATUS_UNSUPPORTED, "more logical volumes");
		else
			expect_parsed();
		begin();
		for (unsigned i = 0; i < LVM_SEGMENTS_MAX / 8 + more; i++)
			volume("lv", VISIBLE, i < LVM_SEGMENTS_MAX / 8 ? 8 : 1,
			       i < LVM_SEGMENTS_MAX / 8
				       ? RUN(1, 0, 1, "pv0", 1) RUN(2, 1, 1, "pv0", 3) RUN(3, 2, 1, "pv0", 5)
						 RUN(4, 3, 1, "pv0", 7) RUN(5, 4, 1, "pv0", 9) RUN(6, 5, 1, "pv0", 1)
							 RUN(7, 6, 1, "pv0", 3) RUN(8, 7, 1, "pv0", 5)
				       : RUN(1, 0, 1, "pv1", 0));
		lvm_disk_end(&text);
		if (more)
			expect_refused(STATUS_UNSUPPORTED, "more segments");
		else
			expect_parsed();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_values),  cmocka_unit_test(test_refused_texts),
		cmocka_unit_test(test_refused_members), cmocka_unit_test(test_refused_segments),
		cmocka_unit_test(test_names_too_long),  cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
