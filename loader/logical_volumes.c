/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From physical volumes to groups, and from these to linear block devices.
 */
#include "loader/logical_volumes.h"

#include "lib/log.h"
#include "lib/string.h"

/* A metadata area with a text that was understood. */
struct source {
	uint32_t physical;
	const struct lvm_area *area;
	char group_uuid[LVM_UUID_BYTES];
	uint64_t sequence;
};

struct assembly {
	struct logical_volumes *volumes;
	struct lvm_pv pvs[LVM_PVS_MAX]; /* of volumes->physical; an empty UUID: can't be used */
	struct source sources[LVM_PVS_MAX * LVM_AREAS_MAX];
	uint32_t source_count;
	struct page scratch;
	struct lvm_group group; /* the one that is looked at */
	struct linear_disk linear;
	struct linear_extent extents[LINEAR_EXTENTS_MAX];
	char chars[LVM_TEXT_BYTES_MAX];
};

void logical_volumes_note(struct logical_volumes *volumes, const struct volume *volume)
{
	char name[VOLUME_NAME_BYTES];

	if (volumes->physical_count < LVM_PVS_MAX) {
		volumes->physical[volumes->physical_count++] = *volume;
		return;
	}
	volume_name(volume, name);
	log_line("%s: LVM2, not looked into: there are too many physical volumes", name);
	volumes->is_incomplete = true;
}

/* --- physical volumes and their texts ---------------------------------------------------------------------------- */

static void leave_out(struct assembly *assembly, uint32_t physical, enum status status, const char *reason)
{
	struct logical_volumes *volumes = assembly->volumes;
	char name[VOLUME_NAME_BYTES];

	volume_name(&volumes->physical[physical], name);
	log_line("%s: LVM2, not looked into: %s", name, reason);
	volumes->is_incomplete = true;
	if (volumes->failure == STATUS_OK && (status == STATUS_IO_ERROR || status == STATUS_TIMEOUT))
		volumes->failure = status;
}

static void read_physical(struct assembly *assembly, uint32_t physical)
{
	const struct volume *volume = &assembly->volumes->physical[physical];
	const struct disk_reader reader = volume_reader(volume, &assembly->scratch);
	struct lvm_pv *pv = &assembly->pvs[physical];
	const char *reason = "it is a member of a RAID array, or can't be read";
	enum status status = volume_check_raid(volume, &assembly->scratch);

	if (status == STATUS_OK)
		status = lvm_pv_read(&reader, pv, &reason);
	if (status != STATUS_OK)
		leave_out(assembly, physical, status, reason);
}

/* Reads a text and parses it into assembly->group. STATUS_NOT_FOUND: there is none. */
static enum status load_group(struct assembly *assembly, uint32_t physical, const struct lvm_area *area,
			      const char **reason_out)
{
	const struct disk_reader reader = volume_reader(&assembly->volumes->physical[physical], &assembly->scratch);
	size_t bytes;

	TRY(lvm_area_read(&reader, area, assembly->chars, &bytes, reason_out));
	return lvm_group_parse(assembly->chars, bytes, &assembly->group, reason_out);
}

static void read_areas(struct assembly *assembly, uint32_t physical)
{
	const struct lvm_pv *pv = &assembly->pvs[physical];

	for (uint32_t i = 0; i < pv->area_count; i++) {
		const char *reason;
		const enum status status = load_group(assembly, physical, &pv->areas[i], &reason);

		if (status == STATUS_OK) {
			struct source *source = &assembly->sources[assembly->source_count++];

			*source = (struct source){physical, &pv->areas[i], "", assembly->group.sequence};
			memcpy(source->group_uuid, assembly->group.uuid, sizeof(source->group_uuid));
		} else if (status != STATUS_NOT_FOUND) {
			leave_out(assembly, physical, status, reason);
		}
	}
}

/* Each group counts once, by its newest text. */
static bool is_newest(const struct assembly *assembly, uint32_t index)
{
	const struct source *source = &assembly->sources[index];

	for (uint32_t i = 0; i < assembly->source_count; i++) {
		const struct source *other = &assembly->sources[i];

		if (strcmp(other->group_uuid, source->group_uuid) != 0)
			continue;
		if (other->sequence > source->sequence || (other->sequence == source->sequence && i < index))
			return false;
	}
	return true;
}

/* --- logical volumes --------------------------------------------------------------------------------------------- */

/* NULL: found; otherwise why the member can't be used. */
static const char *member_find(const struct assembly *assembly, const struct lvm_member *member,
			       const struct volume **volume_out)
{
	const struct volume *found = NULL;

	if (member->is_missing)
		return "a physical volume of it is missing";
	for (uint32_t i = 0; i < assembly->volumes->physical_count; i++) {
		if (strcmp(assembly->pvs[i].uuid, member->uuid) != 0)
			continue;
		if (found)
			return "a physical volume of it is there twice";
		found = &assembly->volumes->physical[i];
	}
	*volume_out = found;
	return found ? NULL : "a physical volume of it is missing";
}

static const char *make_extent(const struct assembly *assembly, const struct lvm_segment *segment,
			       struct linear_extent *extent_out)
{
	const struct lvm_group *group = &assembly->group;
	const struct lvm_member *member = &group->members[segment->member];
	const struct volume *volume;
	const char *refused = member_find(assembly, member, &volume);
	uint64_t start;
	uint64_t count;
	uint32_t unit;

	if (refused)
		return refused;
	unit = volume->disk->identity.sector_bytes / LVM_SECTOR_BYTES;
	start = member->start_sector + segment->first_extent * group->extent_sectors;
	count = segment->extent_count * group->extent_sectors;
	if (start % unit != 0 || count % unit != 0)
		return "its extents do not begin with a sector of the disk";
	if (start / unit > volume->sector_count || count / unit > volume->sector_count - start / unit)
		return "a physical volume of it is smaller than its group says";
	*extent_out = (struct linear_extent){volume->disk, volume->start_lba + start / unit, count / unit};
	return NULL;
}

/* NULL: assembly->linear is the volume; otherwise why it is not. */
static const char *make_linear(struct assembly *assembly, const struct lvm_volume *volume, const char *name)
{
	if (assembly->group.is_exported)
		return "its volume group is exported";
	if (volume->type[0] != '\0')
		return "it is a logical volume of a type that Thaw does not read";
	if (volume->segment_count > LINEAR_EXTENTS_MAX)
		return "it is in too many pieces";
	for (uint32_t i = 0; i < volume->segment_count; i++) {
		const char *refused = make_extent(assembly, &assembly->group.segments[volume->first_segment + i],
						  &assembly->extents[i]);

		if (refused)
			return refused;
	}
	if (linear_disk_init(&assembly->linear, name, assembly->extents, volume->segment_count, 0) != STATUS_OK)
		return "its pieces do not fit together";
	return NULL;
}

static enum status visit_group(struct assembly *assembly,
			       enum status (*visit)(void *context, const struct logical_volume *logical), void *context)
{
	for (uint32_t i = 0; i < assembly->group.volume_count; i++) {
		const struct lvm_volume *volume = &assembly->group.volumes[i];
		struct logical_volume logical = {&assembly->group, volume, &assembly->linear};
		char name[LVM_MAPPER_NAME_BYTES];
		const char *refused;

		if (!volume->is_visible)
			continue;
		lvm_mapper_name(&assembly->group, volume, name);
		refused = make_linear(assembly, volume, name);
		if (refused) {
			log_line("%s: LVM2, not looked into: %s%s%s", name, refused, volume->type[0] ? ": " : "",
				 volume->type);
			logical.linear = NULL;
			assembly->volumes->is_incomplete = true;
		}
		if (visit(context, &logical) == STATUS_END)
			return STATUS_END;
	}
	return STATUS_OK;
}

void logical_volumes_visit(struct logical_volumes *volumes, struct arena *arena,
			   enum status (*visit)(void *context, const struct logical_volume *logical), void *context)
{
	struct assembly *assembly;
	void *memory;

	if (arena_alloc(arena, sizeof(*assembly), _Alignof(struct assembly), &memory) != STATUS_OK) {
		log_line("LVM2: not looked into: no memory");
		volumes->is_incomplete = true;
		volumes->failure = STATUS_NO_MEMORY;
		return;
	}
	assembly = memory;
	assembly->volumes = volumes;
	for (uint32_t i = 0; i < volumes->physical_count; i++) {
		read_physical(assembly, i);
		read_areas(assembly, i);
	}
	for (uint32_t i = 0; i < assembly->source_count; i++) {
		const struct source *source = &assembly->sources[i];
		const char *reason;
		enum status status;

		if (!is_newest(assembly, i))
			continue;
		status = load_group(assembly, source->physical, source->area, &reason);
		if (status != STATUS_OK)
			leave_out(assembly, source->physical, status, reason);
		else if (visit_group(assembly, visit, context) == STATUS_END)
			return;
	}
}
