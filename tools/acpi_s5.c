/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * \_S5 in AML byte code (ACPI 6.5: NameOp 20.2.5.1, PackageOp 20.2.5.4, PkgLength 20.2.4, constants 20.2.3).
 */
#include "tools/acpi_s5.h"

#include <string.h>

#include "drivers/acpi_format.h"
#include "lib/span.h"

#define SLEEP_TYPE_MAX 7 /* SLP_TYP has three bits */

enum aml_op {
	AML_ZERO_OP = 0x00,
	AML_ONE_OP = 0x01,
	AML_NAME_OP = 0x08,
	AML_BYTE_PREFIX = 0x0A,
	AML_WORD_PREFIX = 0x0B,
	AML_DWORD_PREFIX = 0x0C,
	AML_QWORD_PREFIX = 0x0E,
	AML_PACKAGE_OP = 0x12,
	AML_ROOT_CHAR = 0x5C,
	AML_ONES_OP = 0xFF,
};

/* Reads at *at, and moves it on. */
static uint8_t take_u8(struct span *aml, size_t *at)
{
	return span_u8(aml, (*at)++);
}

/* A constant; false: something else, or the end. */
static bool take_integer(struct span *aml, size_t *at, uint64_t *value_out)
{
	const uint8_t op = take_u8(aml, at);
	size_t count = 0;

	switch (op) {
	case AML_ZERO_OP:
	case AML_ONE_OP:
		*value_out = op;
		break;
	case AML_ONES_OP:
		*value_out = UINT64_MAX;
		break;
	case AML_BYTE_PREFIX:
		count = 1;
		break;
	case AML_WORD_PREFIX:
		count = 2;
		break;
	case AML_DWORD_PREFIX:
		count = 4;
		break;
	case AML_QWORD_PREFIX:
		count = 8;
		break;
	default:
		return false;
	}
	if (count != 0)
		*value_out = span_read_le(aml, *at, count);
	*at += count;
	return span_ok(aml);
}

/* The body of the package whose PkgLength lies at `at`: what follows the length, as far as it says. */
static struct span package_body(struct span *aml, size_t at)
{
	const size_t start = at;
	const uint8_t lead = take_u8(aml, &at);
	const uint8_t more = lead >> 6;
	size_t length = more == 0 ? lead & 0x3F : lead & 0x0F;

	for (uint8_t i = 0; i < more; i++)
		length |= (size_t)take_u8(aml, &at) << (4 + 8 * i);
	/* The length counts itself. */
	if (length < at - start)
		aml->failed = true;
	return span_part(aml, at, span_ok(aml) ? length - (at - start) : 0);
}

/* The object behind the name. */
static bool object_read(struct span aml, size_t at, struct acpi_s5 *s5_out)
{
	uint64_t values[2];
	struct span body;
	size_t position = 0;
	uint8_t count;

	if (take_u8(&aml, &at) != AML_PACKAGE_OP)
		return false;
	body = package_body(&aml, at);
	count = take_u8(&body, &position);
	/* 0 also where there is no body. */
	if (count == 0 || !take_integer(&body, &position, &values[0]))
		return false;
	if (count == 1) {
		/* Both in one number, as early firmware has it. */
		values[1] = values[0] >> 8;
		values[0] &= 0xFF;
	} else if (!take_integer(&body, &position, &values[1])) {
		return false;
	}
	if (values[0] > SLEEP_TYPE_MAX || values[1] > SLEEP_TYPE_MAX)
		return false;
	*s5_out = (struct acpi_s5){(uint8_t)values[0], (uint8_t)values[1]};
	return true;
}

/* Whether a NameOp, with or without the root's character, ends at `at`. */
static bool is_named(const struct span *aml, size_t at)
{
	return (at >= 1 && aml->bytes[at - 1] == AML_NAME_OP) ||
	       (at >= 2 && aml->bytes[at - 1] == AML_ROOT_CHAR && aml->bytes[at - 2] == AML_NAME_OP);
}

enum status acpi_s5_find(const void *table, size_t bytes, struct acpi_s5 *s5_out)
{
	static const char name[4] = {'_', 'S', '5', '_'};
	enum status status = STATUS_NOT_FOUND;
	struct span head = span_of(table, bytes);
	const uint32_t length = span_u32(&head, offsetof(struct acpi_table_format, length));
	const struct span whole = span_part(&head, 0, length);
	struct span aml;

	if (!span_ok(&whole) || length < sizeof(struct acpi_table_format))
		return STATUS_CORRUPT;
	aml = span_of(whole.bytes + sizeof(struct acpi_table_format), length - sizeof(struct acpi_table_format));
	for (size_t at = 0; at + sizeof(name) <= aml.size; at++) {
		if (memcmp(aml.bytes + at, name, sizeof(name)) != 0)
			continue;
		if (is_named(&aml, at) && object_read(aml, at + sizeof(name), s5_out))
			return STATUS_OK;
		/* The same letters may be part of something else: look on. */
		status = STATUS_UNSUPPORTED;
	}
	return status;
}
