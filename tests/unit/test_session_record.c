/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a session's filesystems, byte by byte and damaged; and which changes of a superblock tell.
 */
#include "disk/session_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "lib/crc32c.h"
#include "tests/unit/memory_disk.h"

static struct page header, first;
static struct session_record record;

static uint64_t get_le(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = count; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

/* A record of two filesystems; every field has a value of its own. */
static int record_make(void **state)
{
	(void)state;
	record = (struct session_record){
		.written_time = 0x1122334455,
		.jump_address = 0xffffffff81061010,
		.code_start = 0x6000000,
		.code_end = 0x6e10000,
		.left_out = 3,
		.count = 2,
		.filesystems = {{.kind = SESSION_EXT,
				 .is_checked = true,
				 .keeps_journal = true,
				 .state = {.uuid = {0xaa, 1},
					   .mount_count = 0x1234,
					   .mount_time = 0x0166554433,
					   .check_time = 0x0277665544,
					   .needs_recovery = true}},
				{.kind = SESSION_FAT, .state = {.uuid = {0xbb}}}},
	};
	memset(&header, 0, sizeof(header));
	memset(header.bytes + 1024, 0x5a, sizeof(header) - 1024);
	session_record_encode(&record, &header);
	return 0;
}

static void reseal(void)
{
	memory_put_le(header.bytes + 520, crc32_zlib(header.bytes + 524, 500), 4);
}

static void test_bytes(void **state)
{
	static const uint8_t zeroes[512];
	const uint8_t *bytes = header.bytes + 512;

	(void)state;
	assert_memory_equal(header.bytes, zeroes, 512);
	for (size_t i = 1024; i < sizeof(header); i++)
		assert_int_equal(header.bytes[i], 0x5a);
	assert_memory_equal(bytes, "THAWSESS", 8);
	assert_int_equal(get_le(bytes + 8, 4), crc32_zlib(bytes + 12, 500));
	assert_memory_equal(bytes + 12, "\1\2\3\0", 4);
	assert_int_equal(get_le(bytes + 16, 8), 0x1122334455);
	assert_int_equal(get_le(bytes + 24, 8), 0xffffffff81061010);
	assert_int_equal(get_le(bytes + 32, 8), 0x6000000);
	assert_int_equal(get_le(bytes + 40, 8), 0x6e10000);
	assert_memory_equal(bytes + 48, zeroes, 16);
	assert_memory_equal(bytes + 64, "\1\3\x34\x12\0\0\0\0\xaa\1", 10);
	assert_int_equal(get_le(bytes + 88, 8), 0x0166554433);
	assert_int_equal(get_le(bytes + 96, 8), 0x0277665544);
	assert_memory_equal(bytes + 120, "\4\0\0\0\0\0\0\0\xbb", 9);
	assert_memory_equal(bytes + 176, zeroes, 512 - 176);
}

static void test_round_trip(void **state)
{
	struct session_record read;

	(void)state;
	memset(&read, 0xa5, sizeof(read));
	assert_int_equal(session_record_decode(&header, &read), STATUS_OK);
	assert_int_equal(read.written_time, record.written_time);
	assert_int_equal(read.jump_address, record.jump_address);
	assert_int_equal(read.code_start, record.code_start);
	assert_int_equal(read.code_end, record.code_end);
	assert_int_equal(read.left_out, 3);
	assert_int_equal(read.count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(read.filesystems[i].kind, record.filesystems[i].kind);
		assert_int_equal(read.filesystems[i].is_checked, record.filesystems[i].is_checked);
		assert_int_equal(read.filesystems[i].keeps_journal, record.filesystems[i].keeps_journal);
		assert_memory_equal(read.filesystems[i].state.uuid, record.filesystems[i].state.uuid, UUID_BYTES);
		assert_int_equal(ext_state_compare(&record.filesystems[i].state, &read.filesystems[i].state, true),
				 i == 0 ? EXT_UNCHANGED : EXT_REPLAYED);
	}
	record.left_out = 70000;
	record.count = SESSION_FILESYSTEMS_MAX;
	session_record_encode(&record, &header);
	assert_int_equal(session_record_decode(&header, &read), STATUS_OK);
	assert_int_equal(read.left_out, 255);
	assert_int_equal(read.count, SESSION_FILESYSTEMS_MAX);
	session_record_erase(&header);
	assert_int_equal(session_record_decode(&header, &read), STATUS_NOT_FOUND);
	assert_int_equal(header.bytes[1024], 0x5a);
}

/* Any bit that is wrong is found, and the result is not touched. */
static void test_damage(void **state)
{
	struct session_record read;
	struct session_record before;

	(void)state;
	memset(&read, 0xa5, sizeof(read));
	before = read;
	for (size_t bit = 0; bit < SESSION_RECORD_BYTES * 8; bit++) {
		uint8_t *byte = &header.bytes[SESSION_RECORD_OFFSET + bit / 8];

		*byte ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(session_record_decode(&header, &read), bit < 64 ? STATUS_NOT_FOUND : STATUS_CORRUPT);
		*byte ^= (uint8_t)(1 << bit % 8);
	}
	assert_memory_equal(&read, &before, sizeof(read));
}

/* A right checksum over what is not right. */
static void test_hostile(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum status status;
	} cases[] = {
		{12, 2, STATUS_UNSUPPORTED},      /* version */
		{13, 9, STATUS_CORRUPT},          /* count */
		{13, 255, STATUS_CORRUPT},        /* likewise */
		{13, 3, STATUS_OK},               /* a third, of zeroes: nothing of it is compared */
		{64 + 56, 5, STATUS_CORRUPT},     /* kind */
		{64, 255, STATUS_CORRUPT},        /* likewise */
		{64, 2, STATUS_CORRUPT},          /* only ext can be compared */
		{65, 4, STATUS_CORRUPT},          /* flags */
		{64 + 56 + 1, 1, STATUS_CORRUPT}, /* FAT that is compared */
	};
	struct session_record read;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		record_make(state);
		header.bytes[SESSION_RECORD_OFFSET + cases[i].at] = cases[i].value;
		reseal();
		assert_int_equal(session_record_decode(&header, &read), cases[i].status);
	}
}

static void test_room(void **state)
{
	(void)state;
	assert_true(session_record_has_room(&header)); /* its own, right */
	header.bytes[700] ^= 1;
	assert_true(session_record_has_room(&header)); /* or damaged */
	header.bytes[511] = 1;
	assert_false(session_record_has_room(&header));
	memset(header.bytes, 0, 1024);
	assert_true(session_record_has_room(&header));
	for (size_t i = 0; i < 1024; i++) {
		header.bytes[i] = 1;
		assert_false(session_record_has_room(&header));
		header.bytes[i] = 0;
	}
}

static void test_whose_it_is(void **state)
{
	(void)state;
	assert_true(session_record_is_of(&record, 0xffffffff81061010, 0x6061010));
	assert_true(session_record_is_of(&record, 0xffffffff81061010, 0x6000000));
	assert_false(session_record_is_of(&record, 0xffffffff81061010, 0x5ffffff));
	assert_false(session_record_is_of(&record, 0xffffffff81061010, 0x6e10000));
	assert_false(session_record_is_of(&record, 0xffffffff82061010, 0x6061010));
	record.jump_address = 0;
	assert_true(session_record_is_of(&record, 0xffffffff82061010, 0x6061010));
	assert_false(session_record_is_of(&record, 0xffffffff82061010, 0x7061010));
}

/* --- superblocks ----------------------------------------------------------------------------------------------- */

static void super_make(bool has_checksum)
{
	uint8_t *super = first.bytes + 1024;

	memset(&first, 0, sizeof(first));
	memory_put_le(super + 44, 0x66554433, 4);
	memory_put_le(super + 52, 0x1234, 2);
	memory_put_le(super + 56, 0xef53, 2);
	memory_put_le(super + 64, 0x77665544, 4);
	memory_put_le(super + 76, 1, 4);
	memory_put_le(super + 96, 0x0246, 4);
	super[104] = 0xaa;
	super[105] = 1;
	super[629] = 1;
	super[631] = 2;
	if (!has_checksum)
		return;
	memory_put_le(super + 100, 0x400, 4);
	memory_put_le(super + 1020, crc32c_update(UINT32_MAX, super, 1020), 4);
}

static enum ext_change changed(size_t at, uint8_t value)
{
	const struct ext_state before = record.filesystems[0].state;
	struct ext_state now;

	super_make(false);
	first.bytes[1024 + at] = value;
	assert_int_equal(ext_state_read(&first, &now), STATUS_OK);
	return ext_state_compare(&before, &now, true);
}

static void test_superblock(void **state)
{
	struct ext_state read;

	(void)state;
	super_make(true);
	assert_int_equal(ext_state_read(&first, &read), STATUS_OK);
	assert_memory_equal(read.uuid, record.filesystems[0].state.uuid, UUID_BYTES);
	assert_int_equal(read.mount_count, 0x1234);
	assert_int_equal(read.mount_time, 0x0166554433);
	assert_int_equal(read.check_time, 0x0277665544);
	assert_true(read.needs_recovery);
	first.bytes[1024 + 52] ^= 1;
	assert_int_equal(ext_state_read(&first, &read), STATUS_CORRUPT);
	super_make(false);
	first.bytes[1024 + 56] = 0;
	assert_int_equal(ext_state_read(&first, &read), STATUS_NOT_FOUND);
	super_make(false);
	first.bytes[1024 + 76] = 0; /* revision 0 has no UUID */
	assert_int_equal(ext_state_read(&first, &read), STATUS_NOT_FOUND);
	super_make(false);
	memset(first.bytes + 1024 + 104, 0, 16);
	assert_int_equal(ext_state_read(&first, &read), STATUS_NOT_FOUND);
}

static void test_differences(void **state)
{
	static const struct {
		size_t at;
		enum ext_change change;
	} fields[] = {
		{44, EXT_MOUNTED},
		{47, EXT_MOUNTED},
		{629, EXT_MOUNTED},
		{64, EXT_CHECKED},
		{67, EXT_CHECKED},
		{631, EXT_CHECKED},
		{52, EXT_COUNTED},
		{53, EXT_COUNTED},
		{96, EXT_REPLAYED},
		/* What a session writes: last write, state, errors, free counts, orphans, the kilobytes written. */
		{48, EXT_UNCHANGED},
		{58, EXT_UNCHANGED},
		{12, EXT_UNCHANGED},
		{16, EXT_UNCHANGED},
		{232, EXT_UNCHANGED},
		{376, EXT_UNCHANGED},
		{404, EXT_UNCHANGED},
		{628, EXT_UNCHANGED},
	};
	struct ext_state now = record.filesystems[0].state;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		assert_int_equal(changed(fields[i].at, 0x82), fields[i].change);
	now.needs_recovery = false;
	assert_int_equal(ext_state_compare(&record.filesystems[0].state, &now, true), EXT_REPLAYED);
	assert_int_equal(ext_state_compare(&record.filesystems[0].state, &now, false), EXT_UNCHANGED);
	for (enum ext_change change = EXT_UNCHANGED; change <= EXT_REPLAYED; change++)
		assert_true(strlen(ext_change_text(change)) > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bytes, record_make),
		cmocka_unit_test_setup(test_round_trip, record_make),
		cmocka_unit_test_setup(test_damage, record_make),
		cmocka_unit_test_setup(test_hostile, record_make),
		cmocka_unit_test_setup(test_room, record_make),
		cmocka_unit_test_setup(test_whose_it_is, record_make),
		cmocka_unit_test_setup(test_superblock, record_make),
		cmocka_unit_test_setup(test_differences, record_make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
