/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of resume devices: which command line counts, and what a name says of a partition.
 */
#include "loader/find_internal.h"

#include "lib/string.h"

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

enum status find_request_make(const struct resume_spec *own, const struct resume_spec *kernel,
			      struct find_request *request_out, const char **reason_out)
{
	const bool own_names = own->kind != RESUME_ANY || own->device_refused;
	const struct resume_spec *spec = own_names ? own : kernel;
	const bool own_counts = own->has_offset || own->offset_refused;
	const struct resume_spec *offset = own_counts ? own : spec;

	if (spec->device_refused) {
		*reason_out = "the value of resume= is not understood";
		return STATUS_UNSUPPORTED;
	}
	if (offset->offset_refused) {
		*reason_out = "the value of resume_offset= is not a number";
		return STATUS_UNSUPPORTED;
	}
	*request_out = (struct find_request){spec->kind, spec, offset->has_offset ? offset->offset_pages : 0,
					     own->allows_snapshot, own->dump_entry != 0};
	return STATUS_OK;
}

bool find_names_partition(const struct find_request *request)
{
	return request->kind == RESUME_PARTUUID || request->kind == RESUME_PARTLABEL;
}

bool find_names_content(const struct find_request *request)
{
	return request->kind == RESUME_UUID || request->kind == RESUME_LABEL;
}

bool find_names_one(const struct find_request *request)
{
	return find_names_partition(request) || find_names_content(request) || request->kind == RESUME_MAPPER;
}

bool find_matches_partition(const struct find_request *request, const struct partition_table *table,
			    const struct partition *partition)
{
	const char *text = request->spec->text;

	if (request->kind == RESUME_PARTLABEL)
		return strcmp(partition->part_label, text) == 0;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct partition *named = &table->partitions[i];

		if (uuid_text_equal(text, named->part_uuid) &&
		    (int64_t)named->number + request->spec->partition_offset == (int64_t)partition->number)
			return true;
	}
	return false;
}

bool find_matches_logical(const struct find_request *request, const struct logical_volume *logical)
{
	return lvm_names_volume(request->spec->text, logical->group, logical->volume);
}

bool find_matches_identity(const struct find_request *request, const struct identity *identity)
{
	const char *text = request->spec->text;

	return request->kind == RESUME_UUID ? uuid_text_equal(text, identity->uuid)
					    : strcmp(text, identity->label) == 0;
}

/* True when the name begins with one of the prefixes. */
static bool name_starts(const char *name, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

enum status find_node_number(const char *name, uint32_t *number_out)
{
	static const char *const letters[] = {"/dev/sd", "/dev/hd", "/dev/vd", "/dev/xvd"}; /* sda3 */
	static const char *const digits[] = {"/dev/nvme", "/dev/mmcblk"};                   /* nvme0n1p3 */
	static const char *const links[] = {"/dev/disk/by-id/", "/dev/disk/by-path/"};      /* …-part3 */
	const bool is_link = name_starts(name, links, ARRAY_COUNT(links));
	const bool has_p = name_starts(name, digits, ARRAY_COUNT(digits));
	size_t end = strlen(name), start = end;
	uint32_t number = 0;

	if (!is_link && !has_p && !name_starts(name, letters, ARRAY_COUNT(letters)))
		return STATUS_NOT_FOUND;
	while (is_digit(name[start - 1]))
		start--;
	if (end - start > 4 || (is_link && (start == end || strncmp(name + start - 5, "-part", 5) != 0)))
		return STATUS_NOT_FOUND;
	if (!has_p || name[start - 1] == 'p') {
		for (; start < end; start++)
			number = number * 10 + (uint32_t)(name[start] - '0');
	}
	*number_out = number;
	return STATUS_OK;
}
