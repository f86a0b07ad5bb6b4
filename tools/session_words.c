/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for disk/session_record.h.
 */
#include "tools/session_words.h"

#include <inttypes.h>
#include <time.h>

#include "disk/session_record.h"

#define TIME_BYTES 32
#define NAME_BYTES 48

/* In UTC, lest it change with who looks. */
static void time_format(uint64_t seconds, char text_out[TIME_BYTES])
{
	const time_t time = (time_t)seconds;
	struct tm parts;

	if (seconds > INT64_MAX || gmtime_r(&time, &parts) == NULL ||
	    strftime(text_out, TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
		snprintf(text_out, TIME_BYTES, "%" PRIu64 " s", seconds);
}

static void uuid_text(const struct session_filesystem *filesystem, char text_out[UUID_TEXT_BYTES])
{
	const uint8_t *uuid = filesystem->state.uuid;

	if (filesystem->kind == SESSION_FAT)
		snprintf(text_out, UUID_TEXT_BYTES, "%02X%02X-%02X%02X", uuid[3], uuid[2], uuid[1], uuid[0]);
	else if (filesystem->kind == SESSION_OTHER)
		snprintf(text_out, UUID_TEXT_BYTES, "-");
	else
		uuid_format(uuid, text_out);
}

static void filesystem_print(const struct session_filesystem *filesystem, FILE *stream)
{
	char uuid[UUID_TEXT_BYTES];
	char mounted[TIME_BYTES];
	char checked[TIME_BYTES];

	uuid_text(filesystem, uuid);
	fprintf(stream, "             %s %s", session_kind_text(filesystem->kind), uuid);
	if (!filesystem->is_checked) {
		fprintf(stream, ", not compared\n");
		return;
	}
	time_format(filesystem->state.mount_time, mounted);
	time_format(filesystem->state.check_time, checked);
	fprintf(stream, ", mounted %s (%u times), checked %s%s\n", mounted, filesystem->state.mount_count, checked,
		filesystem->keeps_journal ? ", journal in use" : "");
}

void session_words_print(const struct page *header, FILE *stream)
{
	struct session_record record;
	const enum status status = session_record_decode(header, &record);
	char written[TIME_BYTES];

	if (status == STATUS_NOT_FOUND) {
		fprintf(stream, "filesystems  no record: whether another system wrote to them can't be told\n");
		return;
	}
	if (status != STATUS_OK) {
		fprintf(stream, "filesystems  the record is damaged or of another version\n");
		return;
	}
	time_format(record.written_time, written);
	fprintf(stream, "filesystems  %" PRIu32 " recorded at %s", record.count, written);
	if (record.left_out > 0)
		fprintf(stream, ", %" PRIu32 " more left out", record.left_out);
	fprintf(stream, "\n");
	for (uint32_t i = 0; i < record.count; i++)
		filesystem_print(&record.filesystems[i], stream);
}

static void filesystem_json(const struct session_filesystem *filesystem, struct json *json)
{
	char uuid[UUID_TEXT_BYTES];

	uuid_text(filesystem, uuid);
	json_open(json, NULL, '{');
	json_text(json, "kind", session_kind_text(filesystem->kind));
	json_text(json, "uuid", uuid);
	json_bool(json, "compared", filesystem->is_checked);
	if (filesystem->is_checked) {
		json_number(json, "mount_time", filesystem->state.mount_time);
		json_number(json, "mount_count", filesystem->state.mount_count);
		json_number(json, "check_time", filesystem->state.check_time);
		json_bool(json, "keeps_journal", filesystem->keeps_journal);
	}
	json_close(json, '{');
}

void session_words_json(const struct page *header, struct json *json)
{
	struct session_record record;

	if (session_record_decode(header, &record) != STATUS_OK)
		return;
	json_open(json, "session_record", '{');
	json_number(json, "written", record.written_time);
	json_number(json, "left_out", record.left_out);
	json_open(json, "filesystems", '[');
	for (uint32_t i = 0; i < record.count; i++)
		filesystem_json(&record.filesystems[i], json);
	json_close(json, '[');
	json_close(json, '{');
}
