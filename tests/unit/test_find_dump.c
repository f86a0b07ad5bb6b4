/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for a memory dump: only where it is named, and only with a place to go on.
 */
#include "loader/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "find_disks.h"

#define PARTUUID "resume=PARTUUID=06050403-0807-0a09-0b0c-0d0e0f101112" /* of 0, 3 */

static enum status find_with_entry(const char *words)
{
	static const struct resume_spec nothing;
	struct resume_spec spec = *spec_of(words);

	spec.dump_entry = 0x1030000;
	return find_image(&registry, &spec, &nothing, &arena, &found, &reason);
}

static void expect_reason(enum status status, const char *said)
{
	assert_int_equal(status, STATUS_NOT_FOUND);
	if (!strstr(reason, said))
		fail_msg("the reason is \"%s\", not \"%s\"", reason, said);
}

static void expect_dump(const char *words, uint32_t page)
{
	assert_int_equal(find_with_entry(words), STATUS_OK);
	assert_int_equal(found.kind, IMAGE_DUMP);
	assert_string_equal(found.name, "ahci0.0p3");
	assert_int_equal(found.header_page, page);
	assert_memory_equal(&found.header_bytes, at(0, 3, page), PAGE_BYTES);
}

static void test_each_signature(void **state)
{
	static const char *const signatures[] = {"KDUMP   ", "\177ELF", "makedumpfile\0\0\0"};
	static const char *const used[] = {"KDUSED  ", "\177EUS", "usedumpfile\0\0\0\0"};
	static const size_t lengths[] = {8, 4, 16};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(signatures); i++) {
		memcpy(at(0, 3, 0), signatures[i], lengths[i]);
		expect_dump(PARTUUID, 0);
		expect_reason(find(PARTUUID), "no thaw.entry=");
		expect_reason(find(""), "");
		expect_reason(find_with_entry(""), "");
		memcpy(at(0, 3, 0), used[i], lengths[i]);
		expect_reason(find_with_entry(PARTUUID), "restored already");
		at(0, 3, 0)[lengths[i] - 1] ^= 1;
		expect_reason(find_with_entry(PARTUUID), "");
		assert_null(strstr(reason, "dump"));
	}
}

/* Where there is another image, a dump that was not named does not make two of them. */
static void test_beside_an_image(void **state)
{
	(void)state;
	memcpy(at(0, 3, 0), "KDUMP   ", 8);
	image_put(at(1, 4, 0), 1, "");
	assert_int_equal(find_with_entry(""), STATUS_OK);
	assert_int_equal(found.kind, IMAGE_SWSUSP);
	expect_dump(PARTUUID, 0);
}

static void test_in_a_file(void **state)
{
	(void)state;
	ext_put(at(0, 3, 0), 7, "root");
	memcpy(at(0, 3, 17), "KDUMP   ", 8);
	expect_dump("resume=UUID=ee000000-0000-0000-0000-000000000007 resume_offset=17", 17);
	expect_reason(find_with_entry("resume_offset=17"), "");
}

/* thaw.entry= of the normal kernel's own command line is nobody's wish. */
static void test_the_kernels_words_give_no_entry(void **state)
{
	static const struct resume_spec own;
	struct resume_spec kernel = *spec_of(PARTUUID);

	(void)state;
	kernel.dump_entry = 0x1030000;
	memcpy(at(0, 3, 0), "KDUMP   ", 8);
	expect_reason(find_image(&registry, &own, &kernel, &arena, &found, &reason), "no thaw.entry=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(test_each_signature),
		WITH_DISKS(test_beside_an_image),
		WITH_DISKS(test_in_a_file),
		WITH_DISKS(test_the_kernels_words_give_no_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
