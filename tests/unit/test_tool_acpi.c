/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host command takes from ACPI's tables: \_S5 from AML, the fixed registers from the FADT.
 */
#include "tools/acpi_fadt.h"
#include "tools/acpi_s5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER_BYTES 36

/* A table of exactly that size, so that the sanitizer sees a byte too many. The caller frees it. */
static uint8_t *table_make(const char *signature, const void *body, size_t body_bytes)
{
	const size_t bytes = HEADER_BYTES + body_bytes;
	uint8_t *table = calloc(1, bytes);

	assert_non_null(table);
	memcpy(table, signature, 4);
	for (uint32_t i = 0; i < 4; i++)
		table[4 + i] = (uint8_t)(bytes >> (8 * i));
	memcpy(table + HEADER_BYTES, body, body_bytes);
	return table;
}

static enum status find_in(const void *aml, size_t bytes, struct acpi_s5 *s5_out)
{
	uint8_t *table = table_make("DSDT", aml, bytes);
	const enum status status = acpi_s5_find(table, HEADER_BYTES + bytes, s5_out);

	free(table);
	return status;
}

#define EXPECT(expected, a, b, ...)                                                                                    \
	do {                                                                                                           \
		static const uint8_t aml_[] = {__VA_ARGS__};                                                           \
		struct acpi_s5 s5_ = {0x55, 0x55};                                                                     \
		assert_int_equal(find_in(aml_, sizeof(aml_), &s5_), expected);                                         \
		assert_int_equal(s5_.type_a, a);                                                                       \
		assert_int_equal(s5_.type_b, b);                                                                       \
	} while (0)

/* Written to only on success. */
#define EXPECT_NONE(expected, ...) EXPECT(expected, 0x55, 0x55, __VA_ARGS__)

#define NAME_S5 0x08, '_', 'S', '5', '_'

static void every_constant_is_read(void **state)
{
	(void)state;
	EXPECT(STATUS_OK, 0, 0, NAME_S5, 0x12, 6, 4, 0x00, 0x00, 0x00, 0x00);
	EXPECT(STATUS_OK, 1, 0, NAME_S5, 0x12, 4, 2, 0x01, 0x00);
	EXPECT(STATUS_OK, 7, 5, NAME_S5, 0x12, 6, 2, 0x0A, 7, 0x0A, 5);
	EXPECT(STATUS_OK, 3, 4, NAME_S5, 0x12, 8, 2, 0x0B, 3, 0, 0x0B, 4, 0);
	EXPECT(STATUS_OK, 6, 2, NAME_S5, 0x12, 16, 2, 0x0C, 6, 0, 0, 0, 0x0E, 2, 0, 0, 0, 0, 0, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 4, 2, 0xFF, 0xFF);
}

static void both_types_may_be_in_one_number(void **state)
{
	(void)state;
	EXPECT(STATUS_OK, 5, 3, NAME_S5, 0x12, 5, 1, 0x0B, 0x05, 0x03);
	EXPECT(STATUS_OK, 5, 0, NAME_S5, 0x12, 4, 1, 0x0A, 0x05);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 5, 1, 0x0B, 0x05, 0x08);
}

static void the_name_may_be_in_the_root_and_anywhere(void **state)
{
	(void)state;
	EXPECT(STATUS_OK, 1, 2, 0xA0, 0x10, 0x08, 0x5C, '_', 'S', '5', '_', 0x12, 6, 2, 0x0A, 1, 0x0A, 2, 0xA4);
	/* An earlier mention, then the definition. */
	EXPECT(STATUS_OK, 1, 2, 0x70, '_', 'S', '5', '_', 0x60, NAME_S5, 0x12, 6, 2, 0x0A, 1, 0x0A, 2);
	EXPECT_NONE(STATUS_UNSUPPORTED, 0x70, 0x5C, '_', 'S', '5', '_', 0x12, 6, 2, 0x0A, 1, 0x0A, 2);
	EXPECT_NONE(STATUS_UNSUPPORTED, '_', 'S', '5', '_', 0x12, 6, 2, 0x0A, 1, 0x0A, 2);
}

static void longer_package_lengths_are_read(void **state)
{
	static uint8_t aml[5 + 1 + 4 + 1 + 0x1234];
	struct acpi_s5 s5 = {0};

	(void)state;
	EXPECT(STATUS_OK, 3, 3, NAME_S5, 0x12, 0x47, 0, 2, 0x0A, 3, 0x0A, 3);
	/* Bits 4 and 5 are reserved then. */
	EXPECT(STATUS_OK, 3, 3, NAME_S5, 0x12, 0x57, 0, 2, 0x0A, 3, 0x0A, 3);
	EXPECT(STATUS_OK, 3, 3, NAME_S5, 0x12, 0x88, 0, 0, 2, 0x0A, 3, 0x0A, 3);
	EXPECT(STATUS_OK, 3, 3, NAME_S5, 0x12, 0xC9, 0, 0, 0, 2, 0x0A, 3, 0x0A, 3);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 0xC9, 0, 0, 1, 2, 0x0A, 3, 0x0A, 3);
	/* 0x1234 bytes: low nibble, then 8 bits each. */
	memcpy(aml, (const uint8_t[]){NAME_S5, 0x12, 0x84, 0x23, 0x01, 2, 0x0A, 6, 0x0A, 5}, 14);
	assert_int_equal(find_in(aml, 5 + 1 + 0x1234, &s5), STATUS_OK);
	assert_int_equal(s5.type_a, 6);
	assert_int_equal(find_in(aml, 5 + 1 + 0x1233, &s5), STATUS_UNSUPPORTED);
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	EXPECT_NONE(STATUS_NOT_FOUND, 0x08, '_', 'S', '4', '_', 0x12, 6, 2, 0x0A, 1, 0x0A, 2);
	EXPECT_NONE(STATUS_NOT_FOUND, 0x08);
	/* A method, an alias, a variable package. */
	EXPECT_NONE(STATUS_UNSUPPORTED, 0x14, 9, '_', 'S', '5', '_', 0, 0x12, 4, 2, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x13, 4, 2, 0, 0);
	/* A name instead of a constant, in either place. */
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 7, 2, 'A', 'B', 'C', 'D', 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 7, 2, 0, 'A', 'B', 'C', 'D');
	/* Not a sleep type. */
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 5, 2, 0x0A, 8, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 5, 2, 0, 0x0A, 8);
	/* No element; a length that does not hold what is counted, or nothing, or more than there is. */
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 2, 0, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 4, 0, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 0x24, 2, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 3, 2, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 0, 2, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 5, 2, 0, 0);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12, 5, 2, 0, 0x0A);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5, 0x12);
	EXPECT_NONE(STATUS_UNSUPPORTED, NAME_S5);
}

static void a_table_must_have_its_length(void **state)
{
	static const uint8_t aml[] = {NAME_S5, 0x12, 4, 2, 0, 0};
	uint8_t *table = table_make("DSDT", aml, sizeof(aml));
	struct acpi_s5 s5;

	(void)state;
	assert_int_equal(acpi_s5_find(table, HEADER_BYTES + sizeof(aml), &s5), STATUS_OK);
	assert_int_equal(acpi_s5_find(table, HEADER_BYTES + sizeof(aml) - 1, &s5), STATUS_CORRUPT);
	assert_int_equal(acpi_s5_find(table, 7, &s5), STATUS_CORRUPT);
	assert_int_equal(acpi_s5_find(table, 0, &s5), STATUS_CORRUPT);
	table[4] = HEADER_BYTES - 1;
	assert_int_equal(acpi_s5_find(table, HEADER_BYTES + sizeof(aml), &s5), STATUS_CORRUPT);
	/* What lies behind the table is not its own. */
	table[4] = HEADER_BYTES;
	assert_int_equal(acpi_s5_find(table, HEADER_BYTES + sizeof(aml), &s5), STATUS_NOT_FOUND);
	free(table);
}

/* The part behind the header, of ACPI 6's 276 bytes or ACPI 1's 116. */
#define FADT_BYTES 276

struct fadt {
	uint8_t bytes[FADT_BYTES];
	size_t size;
};

static void put(struct fadt *fadt, size_t at, size_t count, uint64_t value)
{
	for (size_t i = 0; i < count; i++)
		fadt->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static struct fadt fadt_make(size_t size)
{
	struct fadt fadt = {.size = size};

	memcpy(fadt.bytes, "FACP", 4);
	put(&fadt, 4, 4, size);
	put(&fadt, 48, 4, 0xB2);
	put(&fadt, 52, 1, 0xF1);
	put(&fadt, 56, 4, 0x600); /* PM1a event, control */
	put(&fadt, 64, 4, 0x604);
	put(&fadt, 80, 4, 0x620); /* GPE0 */
	put(&fadt, 88, 1, 4);
	put(&fadt, 89, 1, 2);
	put(&fadt, 92, 1, 16);
	return fadt;
}

static enum status fadt_parse(const struct fadt *fadt, struct core_acpi *acpi_out)
{
	uint8_t *copy = malloc(fadt->size);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, fadt->bytes, fadt->size);
	status = acpi_fadt_read(copy, fadt->size, acpi_out);
	free(copy);
	return status;
}

static void the_first_version_has_what_is_needed(void **state)
{
	struct fadt fadt = fadt_make(116);
	struct core_acpi acpi;
	const char *reason = "";

	(void)state;
	put(&fadt, 60, 4, 0x700); /* PM1b event, control, GPE1 */
	put(&fadt, 68, 4, 0x704);
	put(&fadt, 84, 4, 0x720);
	put(&fadt, 93, 1, 8);
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
	assert_int_equal(acpi.smi_command, 0xB2);
	assert_int_equal(acpi.acpi_enable, 0xF1);
	assert_int_equal(acpi.pm1a_event, 0x600);
	assert_int_equal(acpi.pm1b_event, 0x700);
	assert_int_equal(acpi.pm1a_control, 0x604);
	assert_int_equal(acpi.pm1b_control, 0x704);
	assert_int_equal(acpi.pm1_event_bytes, 4);
	assert_int_equal(acpi.pm1_control_bytes, 2);
	assert_int_equal(acpi.gpe0, 0x620);
	assert_int_equal(acpi.gpe0_bytes, 16);
	assert_int_equal(acpi.gpe1, 0x720);
	assert_int_equal(acpi.gpe1_bytes, 8);
	assert_int_equal(acpi.hardware_reduced, 0);
	assert_int_equal(acpi.sleep_type_a, ACPI_SLEEP_TYPE_UNKNOWN);
	assert_int_equal(acpi.sleep_type_b, ACPI_SLEEP_TYPE_UNKNOWN);
	assert_false(acpi_can_power_off(&acpi, &reason));
	assert_non_null(strstr(reason, "S5"));
	acpi.sleep_type_a = 0;
	assert_true(acpi_can_power_off(&acpi, &reason));
	assert_int_equal(acpi.pm1a_control_value, 0);
}

static void extended_addresses_go_first(void **state)
{
	static const struct {
		size_t at;
		size_t field; /* in core_acpi */
	} blocks[] = {
		{148, offsetof(struct core_acpi, pm1a_event)},   {160, offsetof(struct core_acpi, pm1b_event)},
		{172, offsetof(struct core_acpi, pm1a_control)}, {184, offsetof(struct core_acpi, pm1b_control)},
		{220, offsetof(struct core_acpi, gpe0)},         {232, offsetof(struct core_acpi, gpe1)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct fadt fadt = fadt_make(FADT_BYTES);
		struct core_acpi acpi;
		uint16_t port;

		put(&fadt, 93, 1, 4);
		put(&fadt, blocks[i].at, 1, 1);
		put(&fadt, blocks[i].at + 4, 8, 0x1840);
		assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
		memcpy(&port, (const uint8_t *)&acpi + blocks[i].field, sizeof(port));
		assert_int_equal(port, 0x1840);
		/* In memory: not for us, whatever the old field says. */
		put(&fadt, blocks[i].at, 1, 0);
		assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
		memcpy(&port, (const uint8_t *)&acpi + blocks[i].field, sizeof(port));
		assert_int_equal(port, 0);
	}
}

static void impossible_registers_are_none(void **state)
{
	struct fadt fadt = fadt_make(FADT_BYTES);
	struct core_acpi acpi;
	const char *reason;

	(void)state;
	put(&fadt, 48, 4, 0x100B2);
	put(&fadt, 56, 4, 0xFFFD);
	put(&fadt, 64, 4, 0xFFFE);
	put(&fadt, 92, 1, 66);
	put(&fadt, 84, 4, 0x720);
	put(&fadt, 93, 1, 7);
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
	assert_int_equal(acpi.smi_command, 0);
	assert_int_equal(acpi.pm1a_event, 0);
	assert_int_equal(acpi.pm1a_control, 0xFFFE);
	assert_int_equal(acpi.gpe0, 0);
	assert_int_equal(acpi.gpe0_bytes, 0);
	assert_int_equal(acpi.gpe1, 0);
	put(&fadt, 92, 1, 64);
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
	assert_int_equal(acpi.gpe0_bytes, 64);
	put(&fadt, 88, 1, 3);
	put(&fadt, 89, 1, 1);
	put(&fadt, 56, 4, 0x600);
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
	assert_int_equal(acpi.pm1a_event, 0);
	assert_int_equal(acpi.pm1a_control, 0);
	acpi.sleep_type_a = 5;
	assert_false(acpi_can_power_off(&acpi, &reason));
	assert_non_null(strstr(reason, "PM1a"));
}

static void reduced_hardware_is_noticed(void **state)
{
	struct fadt fadt = fadt_make(FADT_BYTES);
	struct core_acpi acpi;
	const char *reason;

	(void)state;
	put(&fadt, 112, 4, 1u << 20);
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_OK);
	assert_int_equal(acpi.hardware_reduced, 1);
	acpi.sleep_type_a = 5;
	assert_false(acpi_can_power_off(&acpi, &reason));
	assert_non_null(strstr(reason, "reduced"));
}

static void what_is_no_fadt_is_refused(void **state)
{
	struct fadt fadt = fadt_make(116);
	struct core_acpi acpi;

	(void)state;
	assert_int_equal(acpi_fadt_read(fadt.bytes, 115, &acpi), STATUS_CORRUPT);
	put(&fadt, 4, 4, 115);
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_CORRUPT);
	fadt = fadt_make(116);
	fadt.bytes[3] = 'X';
	assert_int_equal(fadt_parse(&fadt, &acpi), STATUS_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_constant_is_read),
		cmocka_unit_test(both_types_may_be_in_one_number),
		cmocka_unit_test(the_name_may_be_in_the_root_and_anywhere),
		cmocka_unit_test(longer_package_lengths_are_read),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(a_table_must_have_its_length),
		cmocka_unit_test(the_first_version_has_what_is_needed),
		cmocka_unit_test(extended_addresses_go_first),
		cmocka_unit_test(impossible_registers_are_none),
		cmocka_unit_test(reduced_hardware_is_noticed),
		cmocka_unit_test(what_is_no_fadt_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
