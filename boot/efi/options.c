/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of an application.
 */
#include "boot/efi/options.h"

#include "drivers/efi/file.h"
#include "drivers/efi/firmware.h"
#include "lib/log.h"
#include "lib/string.h"

#define HIGH_SURROGATE   0xD800u
#define LOW_SURROGATE    0xDC00u
#define SURROGATES_END   0xE000u
#define FIRST_SUPPLEMENT 0x10000u

/* One code point at *at, which moves behind it. False: none, or no text. */
static bool take_code_point(const uint8_t *bytes, size_t units, size_t *at, uint32_t *point_out)
{
	uint32_t unit = bytes[2 * *at] | (uint32_t)bytes[2 * *at + 1] << 8;

	(*at)++;
	if (unit >= HIGH_SURROGATE && unit < LOW_SURROGATE && *at < units) {
		const uint32_t low = bytes[2 * *at] | (uint32_t)bytes[2 * *at + 1] << 8;

		if (low < LOW_SURROGATE || low >= SURROGATES_END)
			return false;
		(*at)++;
		unit = FIRST_SUPPLEMENT + ((unit - HIGH_SURROGATE) << 10 | (low - LOW_SURROGATE));
	}
	*point_out = unit;
	if (unit == '\t' || unit == '\n' || unit == '\r')
		*point_out = ' ';
	return (unit < HIGH_SURROGATE || unit >= SURROGATES_END) && *point_out >= ' ' && unit != 0x7F;
}

/* UTF-8; returns its bytes. */
static size_t put_code_point(uint32_t point, char encoded_out[4])
{
	size_t count = 0;

	if (point < 0x80) {
		encoded_out[count++] = (char)point;
		return count;
	}
	if (point < 0x800) {
		encoded_out[count++] = (char)(0xC0 | point >> 6);
	} else if (point < FIRST_SUPPLEMENT) {
		encoded_out[count++] = (char)(0xE0 | point >> 12);
		encoded_out[count++] = (char)(0x80 | (point >> 6 & 0x3F));
	} else {
		encoded_out[count++] = (char)(0xF0 | point >> 18);
		encoded_out[count++] = (char)(0x80 | (point >> 12 & 0x3F));
		encoded_out[count++] = (char)(0x80 | (point >> 6 & 0x3F));
	}
	encoded_out[count++] = (char)(0x80 | (point & 0x3F));
	return count;
}

/* Half a word could mean something else than the whole. */
static size_t cut_at_blank(const char *text, size_t length)
{
	log_line("the options are too long, cut");
	while (length > 0 && text[length - 1] != ' ')
		length--;
	return length;
}

enum status efi_options_decode(const void *options, size_t bytes, char *text_out, size_t capacity)
{
	const uint8_t *units = options;
	const size_t count = bytes / 2;
	bool has_word = false;
	size_t length = 0;

	if (!options || bytes % 2)
		return STATUS_NOT_FOUND;
	for (size_t at = 0; at < count && (units[2 * at] || units[2 * at + 1]);) {
		char encoded[4];
		uint32_t point;
		size_t size;

		if (!take_code_point(units, count, &at, &point))
			return STATUS_NOT_FOUND;
		size = put_code_point(point, encoded);
		if (length + size >= capacity) {
			length = cut_at_blank(text_out, length);
			break;
		}
		memcpy(text_out + length, encoded, size);
		length += size;
		has_word |= point != ' ';
	}
	text_out[length] = '\0';
	return has_word ? STATUS_OK : STATUS_NOT_FOUND;
}

void efi_options_join_lines(char *text)
{
	bool begins_line = true;
	bool is_comment = false;

	for (; *text; text++) {
		const bool ends_line = *text == '\n' || *text == '\r';

		if (begins_line)
			is_comment = *text == '#';
		begins_line = ends_line;
		if (ends_line || is_comment || (unsigned char)*text < ' ')
			*text = ' ';
	}
}

void efi_options_read(char *text_out, size_t capacity)
{
	size_t bytes;

	if (efi_options_decode(firmware.loaded->LoadOptions, firmware.loaded->LoadOptionsSize, text_out, capacity) ==
	    STATUS_OK)
		return;
	text_out[0] = '\0';
	if (efi_file_read_beside(L"thaw.conf", text_out, capacity - 1, &bytes) != STATUS_OK)
		return;
	text_out[bytes] = '\0';
	efi_options_join_lines(text_out);
}
