/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The superblocks of today beside those of the record. A clone of a filesystem has the same UUID: as long as one of
 * that name is unchanged nothing is proven.
 */
#include "loader/session_check.h"

#include "disk/session_record.h"
#include "lib/log.h"
#include "lib/span.h"
#include "lib/string.h"
#include "loader/volumes.h"

struct session_check {
	struct volumes volumes;
	struct page *page;
	struct session_record record;
	struct {
		bool is_found;
		bool is_unchanged;
		enum ext_change change; /* of the first that is changed */
		char name[VOLUME_NAME_BYTES];
	} seen[SESSION_FILESYSTEMS_MAX];
};

/* The return point of the image, from its information page: the first that the first map lists. */
static enum status read_return_point(struct session_check *check, const struct found_image *found,
				     uint64_t *address_out, uint64_t *physical_out)
{
	const uint64_t page_sectors = PAGE_BYTES / found->device->identity.sector_bytes;
	const struct volume volume = {found->device, 0, found->start_lba, found->device_pages * page_sectors};

	TRY(volume_read(&volume, found->header.first_map_page, check->page));
	TRY(volume_read(&volume, load_le64(check->page->bytes), check->page));
	*address_out = load_le64(check->page->bytes);
	*physical_out = load_le64(check->page->bytes + sizeof(uint64_t));
	return STATUS_OK;
}

/* Nothing to look for, or a record that belongs to something else: nothing is proven. */
static bool record_is_usable(struct session_check *check, const struct found_image *found)
{
	const enum status status = session_record_decode(&found->header_bytes, &check->record);
	uint64_t address;
	uint64_t physical;

	if (status == STATUS_NOT_FOUND)
		return false;
	if (status != STATUS_OK) {
		log_line("%s: the record of filesystems is %s, ignored", found->name,
			 status == STATUS_CORRUPT ? "damaged" : "of another version");
		return false;
	}
	/* An image that can't be read is refused later, by whoever reads all of it. */
	if (read_return_point(check, found, &address, &physical) != STATUS_OK)
		return false;
	if (!session_record_is_of(&check->record, address, physical)) {
		log_line("%s: the record of filesystems is %s, ignored", found->name, "another session's");
		return false;
	}
	return true;
}

static bool nothing_left(const struct session_check *check)
{
	for (uint32_t i = 0; i < check->record.count; i++)
		if (check->record.filesystems[i].is_checked && !check->seen[i].is_unchanged)
			return false;
	return true;
}

static void compare(struct session_check *check, const struct volume *volume, const struct ext_state *now)
{
	for (uint32_t i = 0; i < check->record.count; i++) {
		const struct session_filesystem *before = &check->record.filesystems[i];
		enum ext_change change;

		if (memcmp(before->state.uuid, now->uuid, UUID_BYTES) != 0)
			continue;
		change = ext_state_compare(&before->state, now, before->keeps_journal);
		if (change == EXT_UNCHANGED) {
			check->seen[i].is_unchanged = true;
		} else if (!check->seen[i].is_found) {
			check->seen[i].change = change;
			volume_name(volume, check->seen[i].name);
		}
		check->seen[i].is_found = true;
	}
}

static enum status visit(void *context, const struct volume *volume, const struct partition_table *table,
			 const struct partition *partition, const struct logical_volume *logical)
{
	struct session_check *check = context;
	char name[VOLUME_NAME_BYTES];
	struct identity identity;
	struct ext_state state;
	enum status status;

	(void)table;
	(void)partition;
	if (!volume->disk)
		return STATUS_OK;
	status = volume_read(volume, 0, check->page);
	if (status != STATUS_OK)
		return status == STATUS_NOT_FOUND ? STATUS_OK : status;
	if (!logical && filesystem_identify(check->page, &identity) == FILESYSTEM_LVM2) {
		volumes_note_physical(&check->volumes, volume);
		return STATUS_OK;
	}
	status = ext_state_read(check->page, &state);
	if (status == STATUS_OK) {
		compare(check, volume, &state);
	} else if (status == STATUS_CORRUPT) {
		volume_name(volume, name);
		log_line("%s: the checksum of the ext4 superblock is wrong: not compared", name);
	}
	return nothing_left(check) ? STATUS_END : STATUS_OK;
}

/* The search for the image has said so already. */
static void pass_over(void *context, const char *name, enum status status)
{
	(void)context;
	(void)name;
	(void)status;
}

static enum status judge(const struct session_check *check, bool *is_missing_out)
{
	enum status status = STATUS_OK;
	uint32_t unchecked = check->record.left_out;

	for (uint32_t i = 0; i < check->record.count; i++) {
		const struct session_filesystem *filesystem = &check->record.filesystems[i];
		char uuid[UUID_TEXT_BYTES];

		uuid_format(filesystem->state.uuid, uuid);
		if (!filesystem->is_checked) {
			unchecked++;
		} else if (!check->seen[i].is_found) {
			log_line("ext4 %s of the session is not found: not compared", uuid);
			*is_missing_out = true;
		} else if (!check->seen[i].is_unchanged) {
			log_line("%s: ext4 %s: %s since the session hibernated", check->seen[i].name, uuid,
				 ext_change_text(check->seen[i].change));
			status = STATUS_STALE;
		}
	}
	if (unchecked > 0)
		log_line("filesystems of the session that can't be compared: %u", unchecked);
	return status;
}

static enum status run(struct session_check *check, const struct block_registry *registry,
		       const struct found_image *found, struct arena *arena, bool *is_missing_out)
{
	const struct volume_visitor visitor = {check, visit, pass_over};
	void *memory;

	TRY(arena_alloc(arena, sizeof(struct page), PAGE_BYTES, &memory));
	check->page = memory;
	if (!record_is_usable(check, found))
		return STATUS_OK;
	if (!nothing_left(check)) {
		TRY(volumes_init(&check->volumes, registry, arena));
		check->volumes.is_quiet = true;
		volumes_visit(&check->volumes, &visitor);
	}
	return judge(check, is_missing_out);
}

enum status session_check(const struct block_registry *registry, const struct found_image *found, struct arena *arena,
			  bool *is_missing_out, const char **reason_out)
{
	const size_t mark = arena_mark(arena);
	enum status status;
	void *memory;

	*is_missing_out = false;
	if (found->kind != IMAGE_SWSUSP)
		return STATUS_OK;
	*reason_out = "no memory to look at the session's filesystems";
	TRY(arena_alloc(arena, sizeof(struct session_check), _Alignof(struct session_check), &memory));
	status = run(memory, registry, found, arena, is_missing_out);
	if (status == STATUS_STALE)
		*reason_out = "a filesystem of the session was written since it hibernated";
	arena_rewind(arena, mark);
	return status;
}
