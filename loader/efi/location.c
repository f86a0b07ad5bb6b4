/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader for one flat JSON object (RFC 8259), and for two of its members.
 */
#include "loader/efi/location.h"

#include "lib/format.h"
#include "lib/string.h"

#define UUID_CHARACTERS   36
#define NUMBER_CHARACTERS 20

/* A piece of the text. */
struct token {
	const char *text;
	size_t length;
};

static void skip_blanks(const char **at)
{
	while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r')
		(*at)++;
}

static bool take_character(const char **at, char character)
{
	skip_blanks(at);
	if (**at != character)
		return false;
	(*at)++;
	return true;
}

/* A string without its quotes; escapes stay as they are, for nothing that matters has any. */
static bool take_string(const char **at, struct token *token_out)
{
	if (!take_character(at, '"'))
		return false;
	token_out->text = *at;
	for (; **at && **at != '"'; (*at)++)
		if (**at == '\\' && (*at)[1])
			(*at)++;
	token_out->length = (size_t)(*at - token_out->text);
	return take_character(at, '"');
}

/* A string, or a number or word up to what follows a value. Objects and arrays are not expected. */
static bool take_value(const char **at, struct token *token_out)
{
	skip_blanks(at);
	if (**at == '"')
		return take_string(at, token_out);
	token_out->text = *at;
	while (**at && !strchr(",}]{[\" \t\r\n", **at))
		(*at)++;
	token_out->length = (size_t)(*at - token_out->text);
	return token_out->length > 0;
}

static bool token_is(const struct token *token, const char *text)
{
	return token->length == strlen(text) && memcmp(token->text, text, token->length) == 0;
}

/* True when it consists of so many of these characters at most, and of at least one. */
static bool token_consists(const struct token *token, const char *characters, size_t length_max)
{
	for (size_t i = 0; i < token->length; i++)
		if (!strchr(characters, token->text[i]))
			return false;
	return token->length > 0 && token->length <= length_max;
}

enum status efi_location_parse(const char *json, char line_out[EFI_LOCATION_LINE_BYTES])
{
	struct token uuid = {"", 0};
	struct token offset = {"0", 1};
	char uuid_text[UUID_CHARACTERS + 1] = "";
	char offset_text[NUMBER_CHARACTERS + 1] = "";

	if (!take_character(&json, '{'))
		return STATUS_CORRUPT;
	do {
		struct token name;
		struct token value;

		if (!take_string(&json, &name) || !take_character(&json, ':') || !take_value(&json, &value))
			return STATUS_CORRUPT;
		if (token_is(&name, "uuid"))
			uuid = value;
		else if (token_is(&name, "offset"))
			offset = value;
	} while (take_character(&json, ','));
	if (!take_character(&json, '}') || !token_consists(&uuid, "0123456789abcdefABCDEF-", UUID_CHARACTERS) ||
	    !token_consists(&offset, "0123456789", NUMBER_CHARACTERS))
		return STATUS_CORRUPT;
	memcpy(uuid_text, uuid.text, uuid.length);
	memcpy(offset_text, offset.text, offset.length);
	format_text(line_out, EFI_LOCATION_LINE_BYTES, "resume=UUID=%s resume_offset=%s", uuid_text, offset_text);
	return STATUS_OK;
}
