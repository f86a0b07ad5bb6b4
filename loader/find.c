/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for the image: which volumes are looked at, and what follows from what they hold. When in doubt there is
 * no image: Linux then does what it would have done without Thaw.
 */
#include "loader/find.h"

#include "lib/log.h"
#include "lib/string.h"
#include "loader/find_internal.h"

static const char no_such_device[] = "no device has the name that resume= gives";

struct find_search {
	struct find_request request;
	struct volumes volumes;
	struct page *page;
	struct found_image *found; /* the last image */
	struct volume found_volume;
	uint32_t named;      /* volumes that are what the request names */
	uint32_t images;     /* of these, with an image */
	enum status refused; /* of the first with a foreign or bad image */
	const char *refused_reason;
	bool has_image;         /* also one that is refused */
	enum status unreadable; /* of the first disk or volume that can't be read */
	bool has_containers;
};

static void note_unreadable(void *context, const char *name, enum status status)
{
	struct find_search *search = context;

	log_line("%s: %s", name, status_text(status));
	if (search->unreadable == STATUS_OK)
		search->unreadable = status;
}

static void note_refused(struct find_search *search, const char *name, enum status status, const char *reason)
{
	log_line("%s: %s", name, reason);
	if (search->refused == STATUS_OK) {
		search->refused = status;
		search->refused_reason = reason;
	}
}

/* The device of a logical volume goes with what was found; the sector of the image's header stands for it. */
static enum status keep_linear(struct found_image *found, const struct linear_disk *linear)
{
	const uint64_t page_sectors = PAGE_BYTES / linear->device.identity.sector_bytes;

	TRY(linear_disk_copy(&found->linear, linear, found->header_page * page_sectors));
	found->device = &found->linear.device;
	return STATUS_OK;
}

static enum status keep_image(struct find_search *search, const struct volume *volume,
			      const struct logical_volume *logical, const struct find_look *look)
{
	struct found_image *found = search->found;

	volume_name(volume, found->name);
	if (look->image_kind == IMAGE_CORE)
		log_line("%s: image of a kexec jump", found->name);
	else if (look->image_kind == IMAGE_DUMP)
		log_line("%s: memory dump of another program", found->name);
	else
		log_line("%s: image, %s%s", found->name, look->header.codec == SWSUSP_PLAIN ? "plain" : "compressed",
			 look->header.platform ? ", platform mode" : "");
	search->images++;
	found->device = volume->disk;
	found->start_lba = volume->start_lba;
	found->device_pages = volume_pages(volume);
	found->header_page = search->request.header_page;
	found->kind = look->image_kind;
	found->header = look->header;
	found->header_bytes = *search->page;
	found->is_logical = logical != NULL;
	if (logical)
		TRY(keep_linear(found, logical->linear));
	search->found_volume = *volume;
	search->found_volume.disk = found->device;
	return STATUS_OK;
}

/* What a volume holds besides an image of ours. Groups inside of logical volumes are not put together. */
static void note_container(struct find_search *search, const struct volume *volume, bool is_logical, const char *name,
			   enum filesystem_kind kind)
{
	if (kind == FILESYSTEM_LVM2 && !is_logical) {
		volumes_note_physical(&search->volumes, volume);
	} else if (filesystem_is_container(kind)) {
		log_line("%s: %s, not looked into", name, filesystem_kind_text(kind));
		search->has_containers = true;
	}
}

/*
 * STATUS_END: the search is over: the volume that was named holds no image, or it is the second of its name.
 * STATUS_IO_ERROR, STATUS_TIMEOUT: it can't be read.
 */
static enum status visit_readable(struct find_search *search, const struct volume *volume,
				  const struct logical_volume *logical)
{
	const bool exact = find_names_one(&search->request);
	struct find_look look;
	char name[VOLUME_NAME_BYTES];
	enum status status;

	volume_name(volume, name);
	status = find_look_at(&search->request, volume, logical, search->page, &look);
	if (status != STATUS_OK) {
		note_unreadable(search, name, status);
		if (!find_names_partition(&search->request))
			return status;
		search->named++;
		return STATUS_END;
	}
	note_container(search, volume, logical != NULL, name, look.kind);
	if (!look.is_named)
		return STATUS_OK;
	search->named++;
	search->has_image |= look.has_image;
	if (look.image == STATUS_OK)
		TRY(keep_image(search, volume, logical, &look));
	else if (look.image != STATUS_NOT_FOUND || exact)
		note_refused(search, name, look.image, look.reason);
	return exact && (search->images != 1 || search->named > 1) ? STATUS_END : STATUS_OK;
}

/* A logical volume of a kind that Thaw does not read. */
static enum status visit_unreadable_logical(struct find_search *search, const struct logical_volume *logical)
{
	if (search->request.kind != RESUME_MAPPER || !find_matches_logical(&search->request, logical))
		return STATUS_OK;
	search->named++;
	note_refused(search, search->request.spec->text, STATUS_UNSUPPORTED,
		     "resume= names a logical volume that Thaw does not read");
	return STATUS_END;
}

static enum status visit(void *context, const struct volume *volume, const struct partition_table *table,
			 const struct partition *partition, const struct logical_volume *logical)
{
	struct find_search *search = context;

	if (find_names_partition(&search->request) &&
	    (!partition || !find_matches_partition(&search->request, table, partition)))
		return STATUS_OK;
	if (logical && !logical->linear)
		return visit_unreadable_logical(search, logical);
	return visit_readable(search, volume, logical);
}

static enum status fail(enum status status, const char *reason, const char **reason_out)
{
	*reason_out = reason;
	return status;
}

/* Exactly one image was found, and no second volume of its name. */
static enum status accept(const struct find_search *search, const char **reason_out)
{
	uint32_t number;
	enum status status;

	if (search->request.kind == RESUME_NODE && find_node_number(search->request.spec->text, &number) == STATUS_OK &&
	    (search->found->is_logical || number != search->found_volume.number))
		return fail(STATUS_NOT_FOUND, "the only image is on another partition number than resume= names",
			    reason_out);
	status = volume_check_raid(&search->found_volume, search->page);
	if (status == STATUS_UNSUPPORTED)
		return fail(status, "the device of the image is a member of a RAID array", reason_out);
	if (status != STATUS_OK)
		return fail(status, "the end of the device can't be read", reason_out);
	return STATUS_OK;
}

/* What follows from all that was seen. */
static enum status decide(const struct find_search *search, const char **reason_out)
{
	const bool exact = find_names_one(&search->request);

	if (exact && search->named > 1)
		return fail(STATUS_AMBIGUOUS, "several devices have the name that resume= gives", reason_out);
	if (search->images > 1)
		return fail(STATUS_AMBIGUOUS, "several images, and nothing that names one of them", reason_out);
	if (search->images == 1)
		return accept(search, reason_out);
	if (search->refused != STATUS_OK)
		return fail(search->refused, search->refused_reason, reason_out);
	if (search->unreadable != STATUS_OK)
		return fail(search->unreadable, "no image where disks can be read", reason_out);
	if (search->volumes.logical.failure != STATUS_OK)
		return fail(search->volumes.logical.failure, "no image outside of LVM, which can't be read",
			    reason_out);
	if (!exact)
		return fail(STATUS_NOT_FOUND, "no image", reason_out);
	if (search->request.kind == RESUME_MAPPER)
		return fail(STATUS_UNSUPPORTED,
			    "resume= names a device made of others (LUKS, RAID, LVM) that Thaw does not read",
			    reason_out);
	if (search->has_containers || search->volumes.logical.is_incomplete)
		return fail(STATUS_UNSUPPORTED, "what resume= names may be inside LUKS or LVM that Thaw does not read",
			    reason_out);
	return fail(STATUS_NOT_FOUND, no_such_device, reason_out);
}

static enum status search_all(struct find_search *search, const struct block_registry *registry, struct arena *arena)
{
	const struct volume_visitor visitor = {search, visit, note_unreadable};
	void *memory;

	TRY(arena_alloc(arena, sizeof(*search->found), _Alignof(struct found_image), &memory));
	search->found = memory;
	TRY(arena_alloc(arena, sizeof(struct page), PAGE_BYTES, &memory));
	search->page = memory;
	TRY(volumes_init(&search->volumes, registry, arena));
	volumes_visit(&search->volumes, &visitor);
	return STATUS_OK;
}

bool find_names_nothing(const char *reason)
{
	return reason == no_such_device;
}

enum status find_image(const struct block_registry *registry, const struct resume_spec *own,
		       const struct resume_spec *kernel, struct arena *arena, struct found_image *found_out,
		       const char **reason_out)
{
	const size_t mark = arena_mark(arena);
	struct find_search *search;
	enum status status;
	void *memory;

	*reason_out = "no memory to look for an image";
	found_out->exists = false;
	TRY(arena_alloc(arena, sizeof(*search), _Alignof(struct find_search), &memory));
	search = memory;
	search->refused_reason = "";
	status = find_request_make(own, kernel, &search->request, reason_out);
	if (status == STATUS_OK)
		status = search_all(search, registry, arena);
	if (status == STATUS_OK)
		status = decide(search, reason_out);
	if (status == STATUS_OK) {
		*found_out = *search->found;
		*reason_out = "";
		if (found_out->is_logical)
			status = keep_linear(found_out, &search->found->linear);
	}
	found_out->exists = search->has_image;
	arena_rewind(arena, mark);
	return status;
}
