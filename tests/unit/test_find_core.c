/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for the image of a kexec jump: which states of an anchor count, by what it is named, and what it is not
 * taken for.
 */
#include "loader/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "find_disks.h"
#include "image/core.h"

#define ANCHOR_UUID(nn) "resume=UUID=fa000000-0000-0000-0000-0000000000" nn

static struct core_anchor *anchor_at(uint32_t disk, uint32_t partition, uint32_t page)
{
	return (struct core_anchor *)(void *)at(disk, partition, page);
}

/* A target of pages 20-49 of the partition; UUID fa000000-0000-0000-0000-0000000000NN. */
static struct core_anchor *anchor_put(uint32_t disk, uint32_t partition, uint32_t page, enum core_anchor_state state,
				      uint8_t uuid)
{
	struct core_anchor *anchor = anchor_at(disk, partition, page);

	*anchor = (struct core_anchor){
		.version = CORE_ANCHOR_VERSION,
		.state = state,
		.target_pages = 30,
		.core_bytes = 10 * PAGE_BYTES,
		.header_bytes = 2 * PAGE_BYTES,
		.extent_count = 2,
		.extents = {{20, 10}, {30, 20}},
	};
	memcpy(anchor->magic, CORE_ANCHOR_MAGIC, sizeof(anchor->magic));
	anchor->uuid[0] = 0xFA;
	anchor->uuid[15] = uuid;
	core_anchor_seal_extents(anchor);
	return anchor;
}

static void expect_core(const char *words, uint32_t disk, uint32_t partition, uint32_t page)
{
	char name[32];

	expect(words, STATUS_OK);
	snprintf(name, sizeof(name), "ahci0.%up%u", disk, partition);
	assert_string_equal(found.name, name);
	assert_int_equal(found.kind, IMAGE_CORE);
	assert_ptr_equal(found.device, &disks[disk]->device);
	assert_int_equal(found.start_lba, partition * PARTITION_BYTES / disks[disk]->sector_bytes);
	assert_int_equal(found.device_pages, PARTITION_PAGES);
	assert_int_equal(found.header_page, page);
	assert_false(found.is_logical);
	assert_memory_equal(&found.header_bytes, at(disk, partition, page), PAGE_BYTES);
}

/* find() gives its words to options_parse_kernel, which does not know Thaw's own. */
static enum status find_allowing_snapshots(const char *words)
{
	static const struct resume_spec nothing;
	struct resume_spec spec = *spec_of(words);

	spec.allows_snapshot = true;
	return find_image(&registry, &spec, &nothing, &arena, &found, &reason);
}

/* STATUS_NOT_FOUND with an anchor that has no image, and then by its name, why. */
static void expect_none(enum core_anchor_state state)
{
	anchor_put(0, 3, 0, state, 1);
	expect("", STATUS_NOT_FOUND);
	expect(ANCHOR_UUID("01"), STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "without an image"));
	assert_int_equal(find_allowing_snapshots(""), STATUS_NOT_FOUND);
}

static void test_only_a_valid_one_counts(void **state)
{
	(void)state;
	expect_none(CORE_ANCHOR_EMPTY);
	expect_none(CORE_ANCHOR_SAVING);
	expect_none(CORE_ANCHOR_USED);
	expect_none(CORE_ANCHOR_FAILED);
	anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
	expect_core("", 0, 3, 0);
	expect_core(ANCHOR_UUID("01"), 0, 3, 0);
	memset(at(0, 3, 0), 0, PAGE_BYTES);
	anchor_put(1, 4, 0, CORE_ANCHOR_VALID, 1);
	expect_core("", 1, 4, 0);
}

static void test_a_snapshot_must_be_allowed(void **state)
{
	(void)state;
	anchor_put(0, 3, 0, CORE_ANCHOR_SNAPSHOT, 1);
	expect("", STATUS_NOT_FOUND);
	expect(ANCHOR_UUID("01"), STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "thaw.snapshot"));
	assert_int_equal(find_allowing_snapshots(""), STATUS_OK);
	assert_int_equal(found.kind, IMAGE_CORE);
	assert_int_equal(find_allowing_snapshots(ANCHOR_UUID("01")), STATUS_OK);
	/* A session that did not go on does not give way to one that did. */
	anchor_put(0, 5, 0, CORE_ANCHOR_VALID, 2);
	expect_core("", 0, 5, 0);
	assert_int_equal(find_allowing_snapshots(""), STATUS_AMBIGUOUS);
	assert_int_equal(find_allowing_snapshots(ANCHOR_UUID("01")), STATUS_OK);
	assert_string_equal(found.name, "ahci0.0p3");
}

/* … and nobody restores a session over what it wrote since. */
static void test_a_snapshot_of_a_session_that_could_write(void **state)
{
	struct core_anchor *anchor = anchor_put(0, 3, 0, CORE_ANCHOR_SNAPSHOT, 1);

	(void)state;
	anchor->could_write = 1;
	core_anchor_seal(anchor);
	assert_int_equal(find_allowing_snapshots(ANCHOR_UUID("01")), STATUS_UNSUPPORTED);
	assert_non_null(strstr(reason, "could write"));
	assert_int_equal(find_allowing_snapshots(""), STATUS_UNSUPPORTED);
	expect("", STATUS_NOT_FOUND);
	/* Of a session that is over, it says nothing. */
	anchor->state = CORE_ANCHOR_VALID;
	core_anchor_seal(anchor);
	expect_core("", 0, 3, 0);
}

/* thaw.snapshot of the normal kernel's own command line is nobody's wish. */
static void test_the_kernels_words_allow_no_snapshot(void **state)
{
	static const struct resume_spec own;
	struct resume_spec kernel = *spec_of(ANCHOR_UUID("01"));

	(void)state;
	kernel.allows_snapshot = true;
	anchor_put(0, 3, 0, CORE_ANCHOR_SNAPSHOT, 1);
	assert_int_equal(find_image(&registry, &own, &kernel, &arena, &found, &reason), STATUS_NOT_FOUND);
}

static void test_names(void **state)
{
	(void)state;
	anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
	anchor_put(1, 4, 0, CORE_ANCHOR_VALID, 2);
	anchor_put(1, 5, 0, CORE_ANCHOR_USED, 3);
	image_put(at(0, 6, 0), 1, "");
	expect("", STATUS_AMBIGUOUS);
	expect_core(ANCHOR_UUID("01"), 0, 3, 0);
	expect_core(ANCHOR_UUID("02"), 1, 4, 0);
	expect_core("resume=UUID=FA000000-0000-0000-0000-000000000002", 1, 4, 0);
	expect_core("resume=PARTUUID=06050403-0807-0a09-0b0c-0d0e0f101112", 0, 3, 0);
	expect(ANCHOR_UUID("03"), STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "without an image"));
	expect(ANCHOR_UUID("04"), STATUS_NOT_FOUND);
	assert_non_null(strstr(reason, "no device has the name"));
	anchor_put(1, 5, 0, CORE_ANCHOR_USED, 2); /* a clone */
	expect(ANCHOR_UUID("02"), STATUS_AMBIGUOUS);
}

/* Swap and anchor each by its own name; one that was, by none. */
static void test_what_was_there_before_has_no_name(void **state)
{
	(void)state;
	anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
	memset(at(0, 3, 0), 0, 1024); /* as mkswap does */
	image_put(at(0, 3, 0), 9, "");
	expect(ANCHOR_UUID("01"), STATUS_NOT_FOUND);
	expect(UUID("09"), STATUS_OK);
	assert_int_equal(found.kind, IMAGE_SWSUSP);
	/* A filesystem whose maker left the first sector alone. */
	memset(at(0, 3, 0), 0, PAGE_BYTES);
	anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
	ext_put(at(0, 3, 0), 7, "");
	expect("", STATUS_CORRUPT);
	expect(ANCHOR_UUID("01"), STATUS_NOT_FOUND);
	expect("resume=UUID=ee000000-0000-0000-0000-000000000007", STATUS_CORRUPT);
}

/* An extent's numbers are where a filesystem has its magic. */
static void test_extents_that_look_like_a_filesystem(void **state)
{
	struct core_anchor *anchor = anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);

	(void)state;
	anchor->extent_count = 0;
	anchor->target_pages = 30;
	for (uint32_t i = 0; i < 30; i++)
		anchor->extents[anchor->extent_count++] = (struct core_extent){20 + i, 1};
	ext_put(at(0, 3, 0), 7, "x"); /* behind the last extent */
	core_anchor_seal_extents(anchor);
	expect_core("", 0, 3, 0);
	expect_core(ANCHOR_UUID("01"), 0, 3, 0);
	expect("resume=UUID=ee000000-0000-0000-0000-000000000007", STATUS_NOT_FOUND);
}

static void test_an_image_in_a_file(void **state)
{
	(void)state;
	ext_put(at(0, 3, 0), 7, "root");
	anchor_put(0, 3, 17, CORE_ANCHOR_VALID, 1);
	expect("", STATUS_NOT_FOUND);
	expect_core("resume=UUID=ee000000-0000-0000-0000-000000000007 resume_offset=17", 0, 3, 17);
	expect_core("resume=LABEL=root resume_offset=17", 0, 3, 17);
	expect_core("resume_offset=17", 0, 3, 17);
	expect(ANCHOR_UUID("01"), STATUS_NOT_FOUND); /* of the file: it is found by the filesystem's */
	/* An extent that would overwrite the anchor. */
	anchor_put(0, 3, 25, CORE_ANCHOR_VALID, 1);
	expect("resume_offset=25", STATUS_CORRUPT);
}

static void test_damage_has_a_reason(void **state)
{
	struct core_anchor *anchor;

	(void)state;
	for (size_t byte = sizeof(anchor->magic); byte < PAGE_BYTES; byte += byte < 600 ? 1 : 97) {
		anchor = anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
		((uint8_t *)anchor)[byte] ^= 0x10;
		expect("", STATUS_CORRUPT);
		if (byte < offsetof(struct core_anchor, uuid) || byte >= offsetof(struct core_anchor, target_pages))
			expect(ANCHOR_UUID("01"), STATUS_CORRUPT);
	}
	anchor = anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
	anchor->version = 9;
	core_anchor_seal(anchor);
	expect("", STATUS_UNSUPPORTED);
	expect(ANCHOR_UUID("01"), STATUS_UNSUPPORTED);
	/* Extents beyond the partition are another partition's. */
	anchor = anchor_put(0, 3, 0, CORE_ANCHOR_VALID, 1);
	anchor->extents[1].page_count = PARTITION_PAGES - 30 + 1;
	anchor->target_pages = 10 + anchor->extents[1].page_count;
	core_anchor_seal_extents(anchor);
	expect("", STATUS_CORRUPT);
	anchor->extents[1].page_count--;
	anchor->target_pages--;
	core_anchor_seal_extents(anchor);
	expect_core("", 0, 3, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(test_only_a_valid_one_counts),
		WITH_DISKS(test_a_snapshot_must_be_allowed),
		WITH_DISKS(test_a_snapshot_of_a_session_that_could_write),
		WITH_DISKS(test_the_kernels_words_allow_no_snapshot),
		WITH_DISKS(test_names),
		WITH_DISKS(test_what_was_there_before_has_no_name),
		WITH_DISKS(test_extents_that_look_like_a_filesystem),
		WITH_DISKS(test_an_image_in_a_file),
		WITH_DISKS(test_damage_has_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
