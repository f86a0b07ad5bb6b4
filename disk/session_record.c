/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a session's filesystems, version 1. Little endian.
 */
#include "disk/session_record.h"

#include "lib/crc32.h"
#include "lib/string.h"

#define RECORD_VERSION  1
#define BOOT_AREA_BYTES 1024

#define FLAG_CHECKED       BIT(0)
#define FLAG_KEEPS_JOURNAL BIT(1)

static const char magic[8] = {'T', 'H', 'A', 'W', 'S', 'E', 'S', 'S'};

struct filesystem_format {
	uint8_t kind;
	uint8_t flags;
	uint16_t mount_count;
	uint32_t zero;
	uint8_t uuid[UUID_BYTES];
	uint64_t mount_time;
	uint64_t check_time;
	uint64_t zeroes[2];
} __attribute__((packed));

struct record_format {
	uint8_t magic[8];
	uint32_t crc32; /* zlib's, of all that follows */
	uint8_t version;
	uint8_t count;
	uint8_t left_out; /* 255: or more */
	uint8_t zero;
	uint64_t written_time;
	uint64_t jump_address;
	uint64_t code_start;
	uint64_t code_end;
	uint64_t zeroes[2];
	struct filesystem_format filesystems[SESSION_FILESYSTEMS_MAX];
} __attribute__((packed));

#define RECORD_AT(field)     offsetof(struct record_format, field)
#define FILESYSTEM_AT(field) offsetof(struct filesystem_format, field)

_Static_assert(sizeof(struct record_format) == SESSION_RECORD_BYTES, "a sector");
_Static_assert(sizeof(struct filesystem_format) == 56, "docs/stale-images.md");
_Static_assert(RECORD_AT(version) == 12 && RECORD_AT(written_time) == 16 && RECORD_AT(code_end) == 40 &&
		       RECORD_AT(filesystems) == 64,
	       "docs/stale-images.md");
_Static_assert(FILESYSTEM_AT(mount_count) == 2 && FILESYSTEM_AT(uuid) == 8 && FILESYSTEM_AT(check_time) == 32,
	       "docs/stale-images.md");
_Static_assert(SESSION_RECORD_OFFSET + SESSION_RECORD_BYTES == BOOT_AREA_BYTES, "in front of the swap header's fields");

static uint32_t checksum_of(const uint8_t *bytes)
{
	return crc32_zlib(bytes + RECORD_AT(version), SESSION_RECORD_BYTES - RECORD_AT(version));
}

static void encode_filesystem(const struct session_filesystem *filesystem, struct filesystem_format *format_out)
{
	const struct ext_state *state = &filesystem->state;

	format_out->kind = (uint8_t)filesystem->kind;
	format_out->flags = (uint8_t)((filesystem->is_checked ? FLAG_CHECKED : 0) |
				      (filesystem->keeps_journal ? FLAG_KEEPS_JOURNAL : 0));
	format_out->mount_count = state->mount_count;
	memcpy(format_out->uuid, state->uuid, UUID_BYTES);
	format_out->mount_time = state->mount_time;
	format_out->check_time = state->check_time;
}

void session_record_encode(const struct session_record *record, struct page *header)
{
	struct record_format format = {
		.version = RECORD_VERSION,
		.count = (uint8_t)record->count,
		.left_out = (uint8_t)min_u64(record->left_out, UINT8_MAX),
		.written_time = record->written_time,
		.jump_address = record->jump_address,
		.code_start = record->code_start,
		.code_end = record->code_end,
	};

	memcpy(format.magic, magic, sizeof(magic));
	for (uint32_t i = 0; i < record->count; i++)
		encode_filesystem(&record->filesystems[i], &format.filesystems[i]);
	format.crc32 = checksum_of((const uint8_t *)&format);
	memcpy(header->bytes + SESSION_RECORD_OFFSET, &format, sizeof(format));
}

void session_record_erase(struct page *header)
{
	memset(header->bytes + SESSION_RECORD_OFFSET, 0, SESSION_RECORD_BYTES);
}

static bool decode_filesystem(const struct filesystem_format *format, struct session_filesystem *filesystem_out)
{
	struct ext_state *state = &filesystem_out->state;

	if (format->kind >= SESSION_KINDS || format->flags > (FLAG_CHECKED | FLAG_KEEPS_JOURNAL) ||
	    ((format->flags & FLAG_CHECKED) != 0 && format->kind != SESSION_EXT))
		return false;
	filesystem_out->kind = (enum session_kind)format->kind;
	filesystem_out->is_checked = (format->flags & FLAG_CHECKED) != 0;
	filesystem_out->keeps_journal = (format->flags & FLAG_KEEPS_JOURNAL) != 0;
	memcpy(state->uuid, format->uuid, UUID_BYTES);
	state->mount_count = format->mount_count;
	state->mount_time = format->mount_time;
	state->check_time = format->check_time;
	state->needs_recovery = filesystem_out->keeps_journal;
	return true;
}

enum status session_record_decode(const struct page *header, struct session_record *record_out)
{
	struct record_format format;
	struct session_record record = {.count = 0};

	/* Little endian, as the CPU is. */
	memcpy(&format, header->bytes + SESSION_RECORD_OFFSET, sizeof(format));
	if (memcmp(format.magic, magic, sizeof(magic)) != 0)
		return STATUS_NOT_FOUND;
	if (format.crc32 != checksum_of((const uint8_t *)&format))
		return STATUS_CORRUPT;
	if (format.version != RECORD_VERSION)
		return STATUS_UNSUPPORTED;
	if (format.count > SESSION_FILESYSTEMS_MAX)
		return STATUS_CORRUPT;
	record.written_time = format.written_time;
	record.jump_address = format.jump_address;
	record.code_start = format.code_start;
	record.code_end = format.code_end;
	record.left_out = format.left_out;
	for (; record.count < format.count; record.count++)
		if (!decode_filesystem(&format.filesystems[record.count], &record.filesystems[record.count]))
			return STATUS_CORRUPT;
	*record_out = record;
	return STATUS_OK;
}

bool session_record_has_room(const struct page *header)
{
	const bool has_record = memcmp(header->bytes + SESSION_RECORD_OFFSET, magic, sizeof(magic)) == 0;
	const size_t end = has_record ? SESSION_RECORD_OFFSET : BOOT_AREA_BYTES;

	for (size_t i = 0; i < end; i++)
		if (header->bytes[i] != 0)
			return false;
	return true;
}

bool session_record_is_of(const struct session_record *record, uint64_t jump_address, uint64_t jump_address_physical)
{
	return jump_address_physical >= record->code_start && jump_address_physical < record->code_end &&
	       (record->jump_address == 0 || record->jump_address == jump_address);
}

const char *session_kind_text(enum session_kind kind)
{
	switch (kind) {
	case SESSION_EXT:
		return "ext4";
	case SESSION_XFS:
		return "XFS";
	case SESSION_BTRFS:
		return "Btrfs";
	case SESSION_FAT:
		return "FAT";
	case SESSION_OTHER:
	case SESSION_KINDS:
		break;
	}
	return "filesystem";
}
