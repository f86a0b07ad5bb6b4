/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard against stale images, on disks in memory: what proves that an image is stale, and what does not.
 */
#include "loader/session_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk/session_record.h"
#include "tests/unit/find_disks.h"
#include "tests/unit/lvm_disk.h"

#define JUMP          0xffffffff81061010u
#define JUMP_PHYSICAL 0x6061010u
#define ROOT          7 /* number in the UUID */
#define HOME          8
#define ROOT_TEXT     "ext4 ee000000-0000-0000-0000-000000000007"

static struct session_record record;
static bool is_missing;

/* A filesystem that was mounted five times, whose journal is in use. */
static void filesystem_put(uint8_t *page, uint8_t uuid)
{
	memset(page, 0, PAGE_BYTES);
	ext_put(page, uuid, "");
	memory_put_le(page + 1024 + 44, 1000, 4);
	memory_put_le(page + 1024 + 52, 5, 2);
	memory_put_le(page + 1024 + 64, 900, 4);
	memory_put_le(page + 1024 + 76, 1, 4);
	memory_put_le(page + 1024 + 96, 0x246, 4);
}

static void record_add(uint8_t uuid, bool keeps_journal)
{
	struct session_filesystem *filesystem = &record.filesystems[record.count++];
	struct page page;

	filesystem_put(page.bytes, uuid);
	assert_int_equal(ext_state_read(&page, &filesystem->state), STATUS_OK);
	filesystem->kind = SESSION_EXT;
	filesystem->is_checked = true;
	filesystem->keeps_journal = keeps_journal;
}

static void record_put(void)
{
	static struct page page;

	memcpy(&page, at(0, 3, 0), PAGE_BYTES);
	session_record_encode(&record, &page);
	memcpy(at(0, 3, 0), &page, PAGE_BYTES);
}

/* The image is on the first disk's partition 3; partition 2 is the root, the second disk's partition 5 is /home. */
static int setup(void **state)
{
	find_disks_setup(state);
	image_put(at(0, 3, 0), 1, "");
	memory_put_le(at(0, 3, 1), 2, 8);
	memory_put_le(at(0, 3, 2), JUMP, 8);
	memory_put_le(at(0, 3, 2) + 8, JUMP_PHYSICAL, 8);
	filesystem_put(at(0, 2, 0), ROOT);
	filesystem_put(at(1, 5, 0), HOME);
	record = (struct session_record){.jump_address = JUMP, .code_start = 0x6000000, .code_end = 0x7000000};
	record_add(ROOT, true);
	record_add(HOME, false);
	record_put();
	return 0;
}

static enum status check(void)
{
	const char *why = "untouched";
	enum status status;

	assert_int_equal(find(""), STATUS_OK);
	log_text[0] = '\0';
	disks[0]->writes = disks[1]->writes = 0;
	status = session_check(&registry, &found, &arena, &is_missing, &why);
	assert_int_equal(arena.used_bytes, 0);
	assert_int_equal(disks[0]->writes + disks[1]->writes, 0);
	if (status == STATUS_STALE)
		assert_non_null(strstr(why, "written since"));
	return status;
}

static void expect_logged(enum status status, const char *text)
{
	assert_int_equal(check(), status);
	if (strstr(log_text, text) == NULL)
		fail_msg("no \"%s\" in: %s", text, log_text);
}

static void test_nothing_changed(void **state)
{
	(void)state;
	assert_int_equal(check(), STATUS_OK);
	assert_string_equal(log_text, "");
	assert_false(is_missing);
	/* What the session wrote itself between the record and the image: free counts, time of the last write. */
	memset(at(0, 2, 0) + 1024 + 12, 0x33, 8);
	memset(at(0, 2, 0) + 1024 + 48, 0x33, 4);
	assert_int_equal(check(), STATUS_OK);
	assert_string_equal(log_text, "");
	/* Nobody vouches for the journal of /home. */
	at(1, 5, 0)[1024 + 96] = 0x42;
	assert_int_equal(check(), STATUS_OK);
}

static void test_each_difference(void **state)
{
	static const struct {
		size_t at;
		const char *text;
	} changes[] = {
		{44, "ahci0.0p2: " ROOT_TEXT ": mounted by another system since the session hibernated"},
		{64, "ahci0.0p2: " ROOT_TEXT ": checked by another system since"},
		{52, ROOT_TEXT ": mounted or changed by another system"},
		{96, ROOT_TEXT ": recovered from its journal by another system"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
		filesystem_put(at(0, 2, 0), ROOT);
		at(0, 2, 0)[1024 + changes[i].at] = 0;
		expect_logged(STATUS_STALE, changes[i].text);
		assert_null(strstr(log_text, "000008"));
	}
	filesystem_put(at(0, 2, 0), ROOT);
	at(1, 5, 0)[1024 + 44]++;
	expect_logged(STATUS_STALE, "ahci0.1p5: ext4 ee000000-0000-0000-0000-000000000008: mounted");
}

static void test_what_is_not_there_proves_nothing(void **state)
{
	(void)state;
	memset(at(0, 2, 0), 0, PAGE_BYTES);
	expect_logged(STATUS_OK, ROOT_TEXT " of the session is not found: not compared");
	assert_true(is_missing);
	filesystem_put(at(0, 2, 0), ROOT);
	at(0, 2, 0)[1024 + 44] = 0;
	memory_put_le(at(0, 2, 0) + 1024 + 100, 0x400, 4); /* a checksum, which is wrong */
	expect_logged(STATUS_OK, "ahci0.0p2: the checksum of the ext4 superblock is wrong");
	memory_disk_break(disks[0], 2 * PARTITION_BYTES, 2 * PARTITION_BYTES + PAGE_BYTES, STATUS_IO_ERROR);
	expect_logged(STATUS_OK, ROOT_TEXT " of the session is not found");
	/* The other one is still looked for. */
	at(1, 5, 0)[1024 + 44] = 0;
	assert_int_equal(check(), STATUS_STALE);
}

static void test_a_clone_is_not_the_filesystem(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t changed = i == 0 ? 1 : 6;

		filesystem_put(at(0, 2, 0), ROOT);
		filesystem_put(at(0, changed, 0), ROOT);
		at(0, changed, 0)[1024 + 44] = 0;
		assert_int_equal(check(), STATUS_OK);
		at(0, 2, 0)[1024 + 44] = 1;
		expect_logged(STATUS_STALE, changed < 2 ? "ahci0.0p1: ext4" : "ahci0.0p2: ext4");
		memset(at(0, changed, 0), 0, PAGE_BYTES);
	}
}

static void test_records_that_do_not_count(void **state)
{
	(void)state;
	at(0, 2, 0)[1024 + 44] = 0;
	assert_int_equal(check(), STATUS_STALE);
	at(0, 3, 0)[600] ^= 1;
	expect_logged(STATUS_OK, "ahci0.0p3: the record of filesystems is damaged, ignored");
	at(0, 3, 0)[600] ^= 1;
	memory_put_le(at(0, 3, 2), JUMP + 0x200000, 8);
	expect_logged(STATUS_OK, "ahci0.0p3: the record of filesystems is another session's, ignored");
	memory_put_le(at(0, 3, 2), JUMP, 8);
	memory_put_le(at(0, 3, 2) + 8, 0x8061010, 8);
	expect_logged(STATUS_OK, "another session's");
	memory_put_le(at(0, 3, 1), UINT64_MAX, 8);
	assert_int_equal(check(), STATUS_OK);
	memory_put_le(at(0, 3, 0) + 4064, UINT64_MAX, 8);
	assert_int_equal(check(), STATUS_OK);
	memset(at(0, 3, 0), 0, 1024);
	assert_int_equal(check(), STATUS_OK);
	assert_string_equal(log_text, "");
}

static void test_what_can_not_be_compared_is_said(void **state)
{
	(void)state;
	record.filesystems[0].is_checked = false;
	record.filesystems[1] = (struct session_filesystem){.kind = SESSION_XFS};
	record.left_out = 2;
	record_put();
	at(0, 2, 0)[1024 + 44] = 0;
	expect_logged(STATUS_OK, "filesystems of the session that can't be compared: 4");
}

/* The root is the second volume of a group on the first disk's partition 4. */
static void test_on_a_logical_volume(void **state)
{
	static const struct lvm_disk_area area = {4096, 16 * KIB};
	static struct lvm_disk_text text;
	uint8_t *root = at(0, 4, 8 + 10);

	(void)state;
	lvm_disk_begin(&text, "vg", 'g', 1, "\"READ\", \"WRITE\", \"VISIBLE\"");
	lvm_disk_member(&text, 'a', 64, PARTITION_PAGES - 8, "");
	lvm_disk_linear(&text, "first", "pv0", 0, 10);
	lvm_disk_linear(&text, "root", "pv0", 10, 10);
	lvm_disk_end(&text);
	lvm_disk_label(at(0, 4, 0), 1, 'a', &area, 1);
	lvm_disk_area(at(0, 4, 0), area, 512, text.chars, text.bytes + 1);
	memset(at(0, 2, 0), 0, PAGE_BYTES);
	filesystem_put(root, ROOT);
	assert_int_equal(check(), STATUS_OK);
	assert_string_equal(log_text, "");
	root[1024 + 44] = 0;
	expect_logged(STATUS_STALE, "vg-root: " ROOT_TEXT ": mounted");
}

static void test_other_images_have_no_record(void **state)
{
	const char *why = "untouched";

	(void)state;
	at(0, 2, 0)[1024 + 44] = 0;
	assert_int_equal(find(""), STATUS_OK);
	found.kind = IMAGE_CORE;
	assert_int_equal(session_check(&registry, &found, &arena, &is_missing, &why), STATUS_OK);
}

static void test_no_memory(void **state)
{
	const char *why = "untouched";

	(void)state;
	assert_int_equal(find(""), STATUS_OK);
	arena.size_bytes = 4096;
	is_missing = true;
	assert_int_equal(session_check(&registry, &found, &arena, &is_missing, &why), STATUS_NO_MEMORY);
	assert_non_null(strstr(why, "memory"));
	assert_false(is_missing);
	assert_int_equal(arena.used_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, find_disks_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_changed),
		TEST(test_each_difference),
		TEST(test_what_is_not_there_proves_nothing),
		TEST(test_a_clone_is_not_the_filesystem),
		TEST(test_records_that_do_not_count),
		TEST(test_what_can_not_be_compared_is_said),
		TEST(test_on_a_logical_volume),
		TEST(test_other_images_have_no_record),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
