/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LVM2's metadata text as tables. What Thaw has no use for is passed over.
 */
#include "disk/lvm_group.h"

#include "disk/lvm_text.h"
#include "lib/checked.h"
#include "lib/string.h"

#define SNAPSHOT_NAMES_MAX 32

/* A byte address on a disk is below 2^63. */
#define SECTORS_MAX (UINT64_MAX / 2 / LVM_SECTOR_BYTES)

enum place { AT_TOP, IN_GROUP, IN_MEMBERS, IN_MEMBER, IN_VOLUMES, IN_VOLUME, IN_SEGMENT };

/* The section that is read now. */
struct raw_segment {
	struct lvm_word type;
	uint64_t start_extent;
	uint64_t extent_count;
	uint64_t stripe_count;
	struct lvm_word stripe; /* the first: where, and from which extent on */
	uint64_t stripe_extent;
	struct lvm_word origin;    /* of a snapshot */
	struct lvm_word cow_store; /* likewise: the volume that holds the changes */
};

struct parse {
	struct lvm_group *group;
	enum place place;
	uint32_t skipped; /* open sections that are of no interest */
	struct lvm_member *member;
	struct lvm_volume *volume;
	uint64_t volume_extents;
	uint64_t segments_said;
	uint64_t segments_seen;
	struct raw_segment segment;
	struct lvm_word snapshot_names[SNAPSHOT_NAMES_MAX]; /* volumes behind which there is a snapshot's table */
	uint32_t snapshot_name_count;
	const char *reason;
};

static enum status fail(struct parse *parse, enum status status, const char *reason)
{
	parse->reason = reason;
	return status;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static enum status take_number(struct lvm_text *values, uint64_t *number_out)
{
	struct lvm_word word;

	if (lvm_value_next(values, &word) != STATUS_OK)
		return STATUS_CORRUPT;
	return lvm_word_number(word, number_out);
}

static enum status take_uuid(struct lvm_text *values, char uuid_out[LVM_UUID_BYTES])
{
	struct lvm_word word;
	size_t used = 0;

	if (lvm_value_next(values, &word) != STATUS_OK)
		return STATUS_CORRUPT;
	for (size_t i = 0; i < word.length; i++) {
		if (word.chars[i] == '-')
			continue;
		if (used == LVM_UUID_BYTES - 1)
			return STATUS_CORRUPT;
		uuid_out[used++] = word.chars[i];
	}
	return used == LVM_UUID_BYTES - 1 ? STATUS_OK : STATUS_CORRUPT;
}

/* Whether a list has this word. */
static bool has_flag(struct lvm_text values, const char *flag)
{
	struct lvm_word word;

	while (lvm_value_next(&values, &word) == STATUS_OK)
		if (lvm_word_equal(word, flag))
			return true;
	return false;
}

static enum status take_stripe(struct parse *parse, struct lvm_text *values)
{
	if (lvm_value_next(values, &parse->segment.stripe) != STATUS_OK)
		return STATUS_CORRUPT;
	return take_number(values, &parse->segment.stripe_extent);
}

static enum status take_word(struct lvm_text *values, struct lvm_word *word_out)
{
	return lvm_value_next(values, word_out) == STATUS_OK ? STATUS_OK : STATUS_CORRUPT;
}

static enum status group_value(struct parse *parse, struct lvm_item *item)
{
	struct lvm_group *group = parse->group;

	if (lvm_word_equal(item->name, "id"))
		return take_uuid(&item->values, group->uuid);
	if (lvm_word_equal(item->name, "seqno"))
		return take_number(&item->values, &group->sequence);
	if (lvm_word_equal(item->name, "extent_size"))
		return take_number(&item->values, &group->extent_sectors);
	if (lvm_word_equal(item->name, "status"))
		group->is_exported = has_flag(item->values, "EXPORTED");
	return STATUS_OK;
}

static enum status member_value(struct parse *parse, struct lvm_item *item)
{
	struct lvm_member *member = parse->member;

	if (lvm_word_equal(item->name, "id"))
		return take_uuid(&item->values, member->uuid);
	if (lvm_word_equal(item->name, "pe_start"))
		return take_number(&item->values, &member->start_sector);
	if (lvm_word_equal(item->name, "pe_count"))
		return take_number(&item->values, &member->extent_count);
	if (lvm_word_equal(item->name, "status") || lvm_word_equal(item->name, "flags"))
		member->is_missing |= has_flag(item->values, "MISSING");
	return STATUS_OK;
}

static enum status volume_value(struct parse *parse, struct lvm_item *item)
{
	if (lvm_word_equal(item->name, "status"))
		parse->volume->is_visible = has_flag(item->values, "VISIBLE");
	if (lvm_word_equal(item->name, "segment_count"))
		return take_number(&item->values, &parse->segments_said);
	return STATUS_OK;
}

static enum status segment_value(struct parse *parse, struct lvm_item *item)
{
	struct raw_segment *segment = &parse->segment;

	if (lvm_word_equal(item->name, "type"))
		return take_word(&item->values, &segment->type);
	if (lvm_word_equal(item->name, "start_extent"))
		return take_number(&item->values, &segment->start_extent);
	if (lvm_word_equal(item->name, "extent_count"))
		return take_number(&item->values, &segment->extent_count);
	if (lvm_word_equal(item->name, "stripe_count"))
		return take_number(&item->values, &segment->stripe_count);
	if (lvm_word_equal(item->name, "stripes"))
		return take_stripe(parse, &item->values);
	if (lvm_word_equal(item->name, "origin"))
		return take_word(&item->values, &segment->origin);
	if (lvm_word_equal(item->name, "cow_store") || lvm_word_equal(item->name, "merging_store"))
		return take_word(&item->values, &segment->cow_store);
	return STATUS_OK;
}

static enum status value(struct parse *parse, struct lvm_item *item)
{
	enum status status = STATUS_OK;

	if (parse->skipped > 0)
		return STATUS_OK;
	if (parse->place == IN_GROUP)
		status = group_value(parse, item);
	else if (parse->place == IN_MEMBER)
		status = member_value(parse, item);
	else if (parse->place == IN_VOLUME)
		status = volume_value(parse, item);
	else if (parse->place == IN_SEGMENT)
		status = segment_value(parse, item);
	return status == STATUS_OK ? status : fail(parse, status, "its metadata has a value that makes no sense");
}

/* --- where a section begins -------------------------------------------------------------------------------------- */

static enum status name_copy(struct parse *parse, struct lvm_word word, char *name_out, size_t name_bytes)
{
	const enum status status = lvm_word_copy(word, name_out, name_bytes);

	return status == STATUS_OK ? status : fail(parse, status, "its metadata has a name that is too long");
}

static enum status group_begin(struct parse *parse, struct lvm_word name)
{
	if (parse->group->name[0] != '\0')
		return fail(parse, STATUS_CORRUPT, "its metadata is of two groups");
	return name_copy(parse, name, parse->group->name, sizeof(parse->group->name));
}

static enum status member_begin(struct parse *parse, struct lvm_word name)
{
	struct lvm_group *group = parse->group;

	if (group->member_count == LVM_PVS_MAX)
		return fail(parse, STATUS_UNSUPPORTED, "its group has more physical volumes than Thaw reads");
	parse->member = &group->members[group->member_count++];
	return name_copy(parse, name, parse->member->name, sizeof(parse->member->name));
}

static enum status volume_begin(struct parse *parse, struct lvm_word name)
{
	struct lvm_group *group = parse->group;

	if (group->volume_count == LVM_VOLUMES_MAX)
		return fail(parse, STATUS_UNSUPPORTED, "its group has more logical volumes than Thaw reads");
	parse->volume = &group->volumes[group->volume_count++];
	parse->volume->first_segment = group->segment_count;
	parse->volume_extents = 0;
	parse->segments_said = 0;
	parse->segments_seen = 0;
	return name_copy(parse, name, parse->volume->name, sizeof(parse->volume->name));
}

static bool is_segment(struct lvm_word name)
{
	return name.length > strlen("segment") && memcmp(name.chars, "segment", strlen("segment")) == 0;
}

static enum status section(struct parse *parse, struct lvm_word name)
{
	if (parse->skipped == 0) {
		if (parse->place == AT_TOP) {
			parse->place = IN_GROUP;
			return group_begin(parse, name);
		}
		if (parse->place == IN_GROUP && lvm_word_equal(name, "physical_volumes")) {
			parse->place = IN_MEMBERS;
			return STATUS_OK;
		}
		if (parse->place == IN_GROUP && lvm_word_equal(name, "logical_volumes")) {
			parse->place = IN_VOLUMES;
			return STATUS_OK;
		}
		if (parse->place == IN_MEMBERS) {
			parse->place = IN_MEMBER;
			return member_begin(parse, name);
		}
		if (parse->place == IN_VOLUMES) {
			parse->place = IN_VOLUME;
			return volume_begin(parse, name);
		}
		if (parse->place == IN_VOLUME && is_segment(name)) {
			parse->place = IN_SEGMENT;
			parse->segment = (struct raw_segment){.stripe_count = 0};
			return STATUS_OK;
		}
	}
	parse->skipped++;
	return STATUS_OK;
}

/* --- where it ends ----------------------------------------------------------------------------------------------- */

static enum status member_end(struct parse *parse)
{
	if (parse->member->uuid[0] == '\0' || parse->member->start_sector > SECTORS_MAX)
		return fail(parse, STATUS_CORRUPT, "its metadata has a physical volume that makes no sense");
	return STATUS_OK;
}

static void volume_is(struct lvm_volume *volume, const char *type)
{
	if (volume->type[0] == '\0')
		memcpy(volume->type, type, strlen(type) + 1);
}

/* False: no physical volume of this name. */
static bool member_find(const struct lvm_group *group, struct lvm_word name, uint32_t *member_out)
{
	for (uint32_t i = 0; i < group->member_count; i++) {
		if (lvm_word_equal(name, group->members[i].name)) {
			*member_out = i;
			return true;
		}
	}
	return false;
}

/* A run on a physical volume, joined with the one before where they meet. */
static enum status segment_add(struct parse *parse, const struct lvm_segment *segment)
{
	struct lvm_group *group = parse->group;
	struct lvm_volume *volume = parse->volume;
	const uint64_t extents = group->members[segment->member].extent_count;
	struct lvm_segment *last;

	if (segment->first_extent > extents || segment->extent_count > extents - segment->first_extent)
		return fail(parse, STATUS_CORRUPT, "its metadata points beyond a physical volume");
	if (volume->segment_count > 0) {
		last = &group->segments[group->segment_count - 1];
		if (last->member == segment->member &&
		    last->first_extent + last->extent_count == segment->first_extent) {
			last->extent_count += segment->extent_count;
			return STATUS_OK;
		}
	}
	if (group->segment_count == LVM_SEGMENTS_MAX)
		return fail(parse, STATUS_UNSUPPORTED, "its group has more segments than Thaw reads");
	group->segments[group->segment_count++] = *segment;
	volume->segment_count++;
	return STATUS_OK;
}

static enum status snapshot_add(struct parse *parse)
{
	if (parse->snapshot_name_count > SNAPSHOT_NAMES_MAX - 2)
		return fail(parse, STATUS_UNSUPPORTED, "its group has more snapshots than Thaw reads");
	parse->snapshot_names[parse->snapshot_name_count++] = parse->segment.origin;
	parse->snapshot_names[parse->snapshot_name_count++] = parse->segment.cow_store;
	return STATUS_OK;
}

/* A run of a linear volume; of others the extents are not looked at. */
static enum status linear_end(struct parse *parse, uint32_t member)
{
	const struct raw_segment *raw = &parse->segment;
	const struct lvm_segment segment = {member, raw->stripe_extent, raw->extent_count};

	if (parse->volume->type[0] != '\0')
		return STATUS_OK;
	if (raw->extent_count == 0 || raw->start_extent != parse->volume_extents ||
	    !checked_add_u64(parse->volume_extents, raw->extent_count, &parse->volume_extents))
		return fail(parse, STATUS_CORRUPT, "its metadata has a logical volume with gaps");
	return segment_add(parse, &segment);
}

static enum status segment_end(struct parse *parse)
{
	const struct raw_segment *raw = &parse->segment;
	char type[LVM_TYPE_BYTES];
	uint32_t member = 0;

	parse->segments_seen++;
	if (lvm_word_copy(raw->type, type, sizeof(type)) != STATUS_OK)
		memcpy(type, "unknown", sizeof("unknown"));
	if (strcmp(type, "snapshot") == 0)
		TRY(snapshot_add(parse));
	if (strcmp(type, "striped") != 0 && strcmp(type, "linear") != 0)
		volume_is(parse->volume, type);
	else if (raw->stripe_count != 1)
		volume_is(parse->volume, "striped");
	else if (!member_find(parse->group, raw->stripe, &member))
		volume_is(parse->volume, "stacked");
	else
		return linear_end(parse, member);
	return STATUS_OK;
}

static enum status volume_end(struct parse *parse)
{
	if (parse->segments_seen == 0 || parse->segments_seen != parse->segments_said)
		return fail(parse, STATUS_CORRUPT, "its metadata has a logical volume with another number of segments");
	return STATUS_OK;
}

static enum status end(struct parse *parse)
{
	if (parse->skipped > 0) {
		parse->skipped--;
		return STATUS_OK;
	}
	switch (parse->place) {
	case IN_SEGMENT:
		parse->place = IN_VOLUME;
		return segment_end(parse);
	case IN_VOLUME:
		parse->place = IN_VOLUMES;
		return volume_end(parse);
	case IN_MEMBER:
		parse->place = IN_MEMBERS;
		return member_end(parse);
	case IN_VOLUMES:
	case IN_MEMBERS:
		parse->place = IN_GROUP;
		return STATUS_OK;
	case IN_GROUP:
	case AT_TOP:
		break;
	}
	parse->place = AT_TOP;
	return STATUS_OK;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* What shows a snapshot, and what holds its changes, is not what its own extents hold. */
static void mark_snapshots(struct parse *parse)
{
	for (uint32_t i = 0; i < parse->group->volume_count; i++)
		for (uint32_t k = 0; k < parse->snapshot_name_count; k++)
			if (lvm_word_equal(parse->snapshot_names[k], parse->group->volumes[i].name))
				volume_is(&parse->group->volumes[i], "snapshot");
}

/* Then no sector number overflows. */
static enum status check_sizes(struct parse *parse)
{
	const struct lvm_group *group = parse->group;
	uint64_t sectors;

	if (group->uuid[0] == '\0' || group->extent_sectors == 0)
		return fail(parse, STATUS_CORRUPT, "its metadata is of no group");
	for (uint32_t i = 0; i < group->member_count; i++)
		if (!checked_mul_u64(group->members[i].extent_count, group->extent_sectors, &sectors) ||
		    sectors > SECTORS_MAX - group->members[i].start_sector)
			return fail(parse, STATUS_CORRUPT, "its metadata has a physical volume that makes no sense");
	return STATUS_OK;
}

static enum status parse_all(struct parse *parse, struct lvm_text *text)
{
	for (;;) {
		struct lvm_item item;
		const enum status status = lvm_text_next(text, &item);

		if (status == STATUS_END)
			break;
		if (status != STATUS_OK)
			return fail(parse, status, "its metadata is no text of LVM2");
		if (item.kind == LVM_ITEM_SECTION)
			TRY(section(parse, item.name));
		else if (item.kind == LVM_ITEM_VALUE)
			TRY(value(parse, &item));
		else
			TRY(end(parse));
	}
	mark_snapshots(parse);
	return check_sizes(parse);
}

enum status lvm_group_parse(const char *chars, size_t bytes, struct lvm_group *group, const char **reason_out)
{
	struct parse parse = {.group = group, .reason = ""};
	struct lvm_text text = lvm_text_of(chars, bytes);
	enum status status;

	memset(group, 0, sizeof(*group));
	status = parse_all(&parse, &text);
	*reason_out = parse.reason;
	return status;
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static char *name_append(char *to, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '-')
			*to++ = '-';
		*to++ = *name;
	}
	return to;
}

void lvm_mapper_name(const struct lvm_group *group, const struct lvm_volume *volume,
		     char name_out[LVM_MAPPER_NAME_BYTES])
{
	char *to = name_append(name_out, group->name);

	*to++ = '-';
	to = name_append(to, volume->name);
	*to = '\0';
}

bool lvm_names_volume(const char *path, const struct lvm_group *group, const struct lvm_volume *volume)
{
	const size_t group_length = strlen(group->name);
	char name[LVM_MAPPER_NAME_BYTES];

	if (strncmp(path, "/dev/mapper/", strlen("/dev/mapper/")) == 0) {
		lvm_mapper_name(group, volume, name);
		return strcmp(path + strlen("/dev/mapper/"), name) == 0;
	}
	if (strncmp(path, "/dev/", strlen("/dev/")) != 0)
		return false;
	path += strlen("/dev/");
	return strncmp(path, group->name, group_length) == 0 && path[group_length] == '/' &&
	       strcmp(path + group_length + 1, volume->name) == 0;
}
