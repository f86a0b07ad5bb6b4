/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UUIDs as text (RFC 4122, section 3).
 */
#include "disk/uuid.h"

static void uuid_format_in_order(const uint8_t bytes[UUID_BYTES], const uint8_t order[UUID_BYTES],
				 char text_out[UUID_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *text = text_out;

	for (unsigned i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[bytes[order[i]] >> 4];
		*text++ = digits[bytes[order[i]] & 15];
	}
	*text = '\0';
}

static char lower_case(char character)
{
	return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

void uuid_format(const uint8_t bytes[UUID_BYTES], char text_out[UUID_TEXT_BYTES])
{
	static const uint8_t order[UUID_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	uuid_format_in_order(bytes, order, text_out);
}

void guid_format(const uint8_t bytes[UUID_BYTES], char text_out[UUID_TEXT_BYTES])
{
	static const uint8_t order[UUID_BYTES] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	uuid_format_in_order(bytes, order, text_out);
}

bool uuid_text_equal(const char *a, const char *b)
{
	if (*a == '\0')
		return false;
	for (; *a != '\0' && lower_case(*a) == lower_case(*b); a++, b++)
		continue;
	return *a == *b;
}
