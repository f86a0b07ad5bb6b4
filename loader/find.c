/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for the image: which disks and partitions are looked at, and what follows from what they hold. When in
 * doubt there is no image: Linux then does what it would have done without Thaw.
 */
#include "loader/find.h"

#include "lib/log.h"
#include "lib/string.h"
#include "loader/find_internal.h"

/* A disk with so many read errors is given up; each may have cost the driver's retries. */
#define READ_ERRORS_MAX 4

struct find_search {
	struct find_request request;
	struct partition_table *table; /* of the disk that is looked at */
	struct page *table_scratch;
	struct page *page;
	struct found_image *found; /* the last image */
	struct find_device found_device;
	uint32_t named;      /* devices that are what the request names */
	uint32_t images;     /* of these, with an image */
	enum status refused; /* of the first with a foreign or bad image */
	const char *refused_reason;
	enum status unreadable; /* of the first disk or device that can't be read */
	bool has_containers;
};

static bool is_exact(const struct find_request *request)
{
	return find_names_partition(request) || find_names_content(request);
}

static void note_unreadable(struct find_search *search, const char *name, enum status status)
{
	log_line("%s: %s", name, status_text(status));
	if (search->unreadable == STATUS_OK)
		search->unreadable = status;
}

static void keep_image(struct find_search *search, const struct find_device *device, const char *name,
		       const struct find_look *look)
{
	struct found_image *found = search->found;

	log_line("%s: image, %s%s", name, look->header.codec == SWSUSP_PLAIN ? "plain" : "compressed",
		 look->header.platform ? ", platform mode" : "");
	search->images++;
	search->found_device = *device;
	found->device = device->disk;
	memcpy(found->name, name, sizeof(found->name));
	found->start_lba = device->start_lba;
	found->device_pages = find_device_pages(device);
	found->header_page = search->request.header_page;
	found->header = look->header;
	found->header_bytes = *search->page;
}

/*
 * Looks at one device. STATUS_END: the search is over: the device that was named holds no image, or it is the second
 * of its name. STATUS_IO_ERROR, STATUS_TIMEOUT: it can't be read.
 */
static enum status visit_device(struct find_search *search, const struct find_device *device)
{
	struct find_look look;
	char name[sizeof(search->found->name)] = "";
	enum status status;

	find_device_name(device, name, sizeof(name));
	status = find_device_look(&search->request, device, search->page, &look);
	if (status != STATUS_OK) {
		note_unreadable(search, name, status);
		if (!find_names_partition(&search->request))
			return status;
		search->named++;
		return STATUS_END;
	}
	if (look.is_container) {
		log_line("%s: LUKS or LVM2, not looked into", name);
		search->has_containers = true;
	}
	if (!look.is_named)
		return STATUS_OK;
	search->named++;
	if (look.image == STATUS_OK) {
		keep_image(search, device, name, &look);
	} else if (look.image != STATUS_NOT_FOUND || is_exact(&search->request)) {
		log_line("%s: %s", name, look.reason);
		if (search->refused == STATUS_OK) {
			search->refused = look.image;
			search->refused_reason = look.reason;
		}
	}
	return is_exact(&search->request) && (search->images != 1 || search->named > 1) ? STATUS_END : STATUS_OK;
}

static enum status disk_read(void *context, struct lba lba, uint32_t count, void *buffer)
{
	struct block_device *disk = context;

	return block_read_sync(disk, lba, buffer, (uint64_t)count * disk->identity.sector_bytes);
}

static void log_table(const struct block_identity *identity, const struct partition_table *table)
{
	static const char *const kinds[] = {
		[PARTITION_TABLE_NONE] = "no partition table",
		[PARTITION_TABLE_MBR] = "MBR",
		[PARTITION_TABLE_GPT] = "GPT",
	};

	log_line("%s: %lu MiB, %s, partitions: %u%s%s", identity->name,
		 identity->sector_count / (MIB / identity->sector_bytes), kinds[table->kind], table->count,
		 table->damage == STATUS_OK ? "" : "; the table is damaged: ",
		 table->damage == STATUS_OK ? "" : status_text(table->damage));
}

/* Reads the table, or takes a disk without one as a single device. */
static enum status read_table(struct find_search *search, struct block_device *disk)
{
	const struct block_identity *identity = &disk->identity;
	const struct disk_reader reader = {disk_read, disk, identity->sector_bytes, identity->sector_count,
					   search->table_scratch};
	struct partition_table *table = search->table;

	TRY(partition_table_read(&reader, table));
	log_table(identity, table);
	if (table->damage == STATUS_TIMEOUT)
		return table->damage;
	if (table->damage == STATUS_IO_ERROR)
		note_unreadable(search, identity->name, table->damage);
	if (table->count == 0) {
		memset(&table->partitions[0], 0, sizeof(table->partitions[0]));
		table->partitions[0].sector_count = identity->sector_count;
		table->count = 1;
	}
	return STATUS_OK;
}

/* STATUS_END: the search is over. A disk that can't be read is noted and left. */
static enum status visit_disk(struct find_search *search, struct block_device *disk)
{
	enum status status = read_table(search, disk);
	uint32_t errors = 0;

	if (status != STATUS_OK) {
		note_unreadable(search, disk->identity.name, status);
		return STATUS_OK;
	}
	for (uint32_t i = 0; i < search->table->count; i++) {
		const struct partition *partition = &search->table->partitions[i];
		const struct find_device device = {disk, partition->number, partition->start_lba,
						   partition->sector_count};

		if (find_names_partition(&search->request) &&
		    !find_matches_partition(&search->request, search->table, i))
			continue;
		status = visit_device(search, &device);
		if (status == STATUS_END)
			return status;
		if (status == STATUS_TIMEOUT || (status != STATUS_OK && ++errors == READ_ERRORS_MAX)) {
			log_line("%s: given up", disk->identity.name);
			break;
		}
	}
	return STATUS_OK;
}

static enum status fail(enum status status, const char *reason, const char **reason_out)
{
	*reason_out = reason;
	return status;
}

/* Exactly one image was found, and no second device of its name. */
static enum status accept(const struct find_search *search, const char **reason_out)
{
	uint32_t number;
	enum status status;

	if (search->request.kind == RESUME_NODE && find_node_number(search->request.spec->text, &number) == STATUS_OK &&
	    number != search->found_device.number)
		return fail(STATUS_NOT_FOUND, "the only image is on another partition number than resume= names",
			    reason_out);
	status = find_device_check_raid(&search->found_device, search->page);
	if (status == STATUS_UNSUPPORTED)
		return fail(status, "the device of the image is a member of a RAID array", reason_out);
	if (status != STATUS_OK)
		return fail(status, "the end of the device can't be read", reason_out);
	return STATUS_OK;
}

/* What follows from all that was seen. */
static enum status decide(const struct find_search *search, const char **reason_out)
{
	const bool exact = is_exact(&search->request);

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
	if (!exact)
		return fail(STATUS_NOT_FOUND, "no image", reason_out);
	if (search->has_containers)
		return fail(STATUS_UNSUPPORTED,
			    "what resume= names may be inside LUKS or LVM2, which Thaw does not read", reason_out);
	return fail(STATUS_NOT_FOUND, "no device has the name that resume= gives", reason_out);
}

static enum status search_alloc(struct find_search *search, struct arena *arena)
{
	void *memory;

	TRY(arena_alloc(arena, sizeof(*search->found), _Alignof(struct found_image), &memory));
	search->found = memory;
	TRY(arena_alloc(arena, sizeof(*search->table), _Alignof(struct partition_table), &memory));
	search->table = memory;
	TRY(arena_alloc(arena, 2 * sizeof(struct page), PAGE_BYTES, &memory));
	search->page = memory;
	search->table_scratch = search->page + 1;
	return STATUS_OK;
}

enum status find_image(const struct block_registry *registry, const struct resume_spec *own,
		       const struct resume_spec *kernel, struct arena *arena, struct found_image *found_out,
		       const char **reason_out)
{
	struct find_search search = {.refused_reason = ""};
	const size_t mark = arena_mark(arena);
	enum status status;

	*reason_out = "";
	TRY(find_request_make(own, kernel, &search.request, reason_out));
	status = search_alloc(&search, arena);
	if (status != STATUS_OK) {
		*reason_out = "no memory to look for an image";
	} else {
		for (uint32_t i = 0; i < registry->count && status == STATUS_OK; i++)
			status = visit_disk(&search, registry->devices[i]);
		status = decide(&search, reason_out);
		if (status == STATUS_OK)
			*found_out = *search.found;
	}
	arena_rewind(arena, mark);
	return status;
}
