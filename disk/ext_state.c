/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The superblock's history (fs/ext4/super.c, ext4_setup_super: a mount that may write counts up s_mnt_count and sets
 * s_mtime; e2fsck sets s_lastcheck). s_wtime, s_state, the free counts and the error fields are left out: a session
 * writes them, too.
 */
#include "disk/ext_state.h"

#include "disk/ext_format.h"
#include "lib/crc32c.h"
#include "lib/span.h"
#include "lib/string.h"

/* Fields of the superblock, which is in the middle of a page: eight bytes can be read from each. */
static uint32_t read_field(const uint8_t *super, size_t at)
{
	return (uint32_t)load_le64(super + at);
}

/* Seconds have 40 bits: a byte of them lies elsewhere. */
static uint64_t read_time(const uint8_t *super, size_t low_at, size_t high_at)
{
	return read_field(super, low_at) | (uint64_t)super[high_at] << 32;
}

enum status ext_state_read(const struct page *first, struct ext_state *state_out)
{
	static const uint8_t no_uuid[UUID_BYTES];
	const uint8_t *super = first->bytes + EXT_SUPERBLOCK_OFFSET;

	if ((uint16_t)read_field(super, EXT_SB_MAGIC_AT) != EXT_SB_MAGIC || read_field(super, EXT_SB_REVISION) == 0 ||
	    memcmp(super + EXT_SB_UUID, no_uuid, UUID_BYTES) == 0)
		return STATUS_NOT_FOUND;
	if ((read_field(super, EXT_SB_RO_COMPAT) & EXT_RO_COMPAT_METADATA_CSUM) != 0 &&
	    read_field(super, EXT_SB_CHECKSUM) != crc32c_update(UINT32_MAX, super, EXT_SB_CHECKSUM))
		return STATUS_CORRUPT;
	memcpy(state_out->uuid, super + EXT_SB_UUID, UUID_BYTES);
	state_out->mount_count = (uint16_t)read_field(super, EXT_SB_MOUNT_COUNT);
	state_out->mount_time = read_time(super, EXT_SB_MOUNT_TIME, EXT_SB_MOUNT_TIME_HIGH);
	state_out->check_time = read_time(super, EXT_SB_CHECK_TIME, EXT_SB_CHECK_TIME_HIGH);
	state_out->needs_recovery = (read_field(super, EXT_SB_INCOMPAT) & EXT_INCOMPAT_RECOVER) != 0;
	return STATUS_OK;
}

enum ext_change ext_state_compare(const struct ext_state *before, const struct ext_state *now, bool keeps_journal)
{
	if (now->mount_time != before->mount_time)
		return EXT_MOUNTED;
	if (now->check_time != before->check_time)
		return EXT_CHECKED;
	/* The clock of the other system may have been wrong by just so much. */
	if (now->mount_count != before->mount_count)
		return EXT_COUNTED;
	if (keeps_journal && !now->needs_recovery)
		return EXT_REPLAYED;
	return EXT_UNCHANGED;
}

const char *ext_change_text(enum ext_change change)
{
	static const char *const texts[] = {
		[EXT_UNCHANGED] = "not changed",
		[EXT_MOUNTED] = "mounted by another system",
		[EXT_CHECKED] = "checked by another system",
		[EXT_COUNTED] = "mounted or changed by another system",
		[EXT_REPLAYED] = "recovered from its journal by another system",
	};

	return texts[change];
}
