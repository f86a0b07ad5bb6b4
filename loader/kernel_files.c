/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding kernel and initrds by filesystem and path, and reading them (docs/kernel-from-disk.md).
 */
#include "loader/kernel_files.h"

#include "disk/file.h"
#include "disk/uuid.h"
#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/file_read.h"
#include "loader/linux_internal.h"
#include "loader/volumes.h"

#define FILES_MAX (1 + OPTION_INITRDS_MAX)

struct wanted_file {
	const struct file_spec *spec;
	bool found;
	struct volume volume;
	struct linear_disk *linear; /* of a logical volume */
	struct file_map *map;
};

struct search {
	struct volumes volumes;
	struct page *page;
	struct file_workspace *workspace;
	struct wanted_file files[FILES_MAX]; /* the kernel is the first */
	uint32_t count;
	enum status status; /* of the first file that was not found where it should be, or of a disk */
	const char *reason;
	char text[LOG_LINE_BYTES]; /* a reason that names its file */
};

static void note(struct search *search, enum status status, const char *reason)
{
	if (search->status != STATUS_OK)
		return;
	search->status = status;
	search->reason = reason;
}

static void note_unreadable(void *context, const char *name, enum status status)
{
	(void)context;
	log_line("%s: %s", name, status_text(status));
}

static bool all_found(const struct search *search)
{
	for (uint32_t i = 0; i < search->count; i++)
		if (!search->files[i].found)
			return false;
	return true;
}

/* A logical volume's device goes with the file. */
static enum status keep_volume(struct wanted_file *file, const struct volume *volume,
			       const struct logical_volume *logical)
{
	file->volume = *volume;
	if (!logical)
		return STATUS_OK;
	file->volume.disk = &file->linear->device;
	return linear_disk_copy(file->linear, logical->linear, 0);
}

/* The file's filesystem is this one. */
static void look_up(struct search *search, struct wanted_file *file, const struct volume *volume,
		    const struct logical_volume *logical)
{
	struct disk_reader reader;
	const char *reason = "its logical volume can't be read";
	enum status status;

	file->found = true;
	status = keep_volume(file, volume, logical);
	reader = volume_reader(&file->volume, search->page);
	if (status == STATUS_OK)
		status = file_find(&reader, search->workspace, file->spec->path, file->map, &reason);
	if (status == STATUS_OK)
		return;
	log_line("%s: %s", file->spec->path, reason);
	if (search->status == STATUS_OK)
		format_text(search->text, sizeof(search->text), "%s: %s", reason, file->spec->path);
	note(search, status, search->text);
}

static enum status visit(void *context, const struct volume *volume, const struct partition_table *table,
			 const struct partition *partition, const struct logical_volume *logical)
{
	struct search *search = context;
	struct volume_content content;
	char name[VOLUME_NAME_BYTES];
	enum status status;

	(void)table;
	(void)partition;
	if (logical && !logical->linear)
		return STATUS_OK;
	status = volume_identify(volume, search->page, &content);
	if (status != STATUS_OK) {
		volume_name(volume, name);
		note_unreadable(NULL, name, status);
		return status;
	}
	if (content.kind == FILESYSTEM_LVM2 && !logical)
		volumes_note_physical(&search->volumes, volume);
	for (uint32_t i = 0; i < search->count; i++)
		if (!search->files[i].found && uuid_text_equal(search->files[i].spec->uuid, content.identity.uuid))
			look_up(search, &search->files[i], volume, logical);
	return all_found(search) ? STATUS_END : STATUS_OK;
}

static enum status add_file(struct search *search, const struct file_spec *spec, struct arena *arena)
{
	struct wanted_file *file = &search->files[search->count++];
	void *memory;

	file->spec = spec;
	TRY(arena_alloc(arena, sizeof(struct file_map), _Alignof(struct file_map), &memory));
	file->map = memory;
	TRY(arena_alloc(arena, sizeof(struct linear_disk), _Alignof(struct linear_disk), &memory));
	file->linear = memory;
	return STATUS_OK;
}

static enum status search_all(struct search *search, const struct block_registry *registry,
			      const struct options *options, struct arena *arena)
{
	const struct volume_visitor visitor = {search, visit, note_unreadable};
	void *memory;

	TRY(arena_alloc(arena, sizeof(struct page), PAGE_BYTES, &memory));
	search->page = memory;
	TRY(arena_alloc(arena, sizeof(*search->workspace), PAGE_BYTES, &memory));
	search->workspace = memory;
	TRY(add_file(search, &options->kernel, arena));
	for (uint32_t i = 0; i < options->initrd_count; i++)
		TRY(add_file(search, &options->initrds[i], arena));
	TRY(volumes_init(&search->volumes, registry, arena));
	volumes_visit(&search->volumes, &visitor);
	TRY(search->status);
	if (all_found(search))
		return STATUS_OK;
	search->reason = "no filesystem that Thaw can see has the UUID of thaw.kernel= or thaw.initrd=";
	return STATUS_NOT_FOUND;
}

static uint64_t initrd_bytes(const struct search *search)
{
	uint64_t bytes = 0;

	for (uint32_t i = 1; i < search->count; i++)
		bytes += align_up(search->files[i].map->bytes, PAGE_BYTES);
	return bytes;
}

static enum status read_kernel(struct search *search, const struct boot_info *boot, struct arena *arena,
			       struct linux_places *places_out, struct linux_files *files)
{
	const struct wanted_file *kernel = &search->files[0];
	const uint64_t head_bytes = min_u64(kernel->map->bytes, LINUX_HEAD_BYTES);
	struct linux_request *request;
	struct linux_files modules = {.initrd_count = 0};
	void *head;
	void *memory;

	TRY(arena_alloc(arena, LINUX_HEAD_BYTES, PAGE_BYTES, &head));
	TRY(arena_alloc(arena, sizeof(*request), _Alignof(struct linux_request), &memory));
	request = memory;
	search->reason = "the kernel can't be read";
	TRY(file_read(&kernel->volume, kernel->map, 0, head_bytes, virt_to_paddr(head), search->page));
	files->kernel_head = span_of(head, head_bytes);
	ignore_status(linux_files_of_modules(boot, &modules));
	linux_request_init(request, &boot->memory, &modules, arena);
	search->reason = "thaw.kernel= names no kernel that can be started";
	TRY(linux_image_parse(files->kernel_head, kernel->map->bytes, &request->image));
	search->reason = "no memory for kernel and initrd";
	TRY(linux_plan_reading(request, initrd_bytes(search), places_out));
	search->reason = "the kernel can't be read";
	TRY(file_read(&kernel->volume, kernel->map, request->image.kernel_offset, request->image.kernel_bytes,
		      (struct paddr){places_out->kernel_address}, search->page));
	files->kernel.start = places_out->kernel_address - request->image.kernel_offset;
	files->kernel.end = files->kernel.start + kernel->map->bytes;
	return STATUS_OK;
}

/* One after the other, each at the beginning of a page. */
static enum status read_initrds(struct search *search, uint64_t address, struct linux_files *files)
{
	search->reason = "the initrd can't be read";
	for (uint32_t i = 1; i < search->count; i++) {
		const struct wanted_file *file = &search->files[i];
		const uint64_t end = address + file->map->bytes;

		TRY(file_read(&file->volume, file->map, 0, file->map->bytes, (struct paddr){address}, search->page));
		files->initrds[files->initrd_count++] = (struct memory_range){.start = address, .end = end};
		address = align_up(end, PAGE_BYTES);
	}
	return STATUS_OK;
}

static enum status read_all(struct search *search, const struct boot_info *boot, struct arena *arena,
			    struct linux_files *files)
{
	const uint64_t start_us = timer_now_us();
	struct linux_places places;

	TRY(read_kernel(search, boot, arena, &places, files));
	TRY(read_initrds(search, places.initrd_address, files));
	log_line("kernel: %s, %lu KiB, and %lu KiB of initrd; read in %lu ms", search->files[0].spec->path,
		 search->files[0].map->bytes / KIB, initrd_bytes(search) / KIB, (timer_now_us() - start_us) / 1000);
	return STATUS_OK;
}

enum status kernel_files_read(const struct block_registry *registry, const struct options *options,
			      const struct boot_info *boot, struct arena *arena, struct linux_files *files_out,
			      const char **reason_out)
{
	struct linux_files *files;
	struct search *search;
	enum status status;
	void *memory;

	*reason_out = "no memory";
	TRY(arena_alloc(arena, sizeof(*search) + sizeof(*files), PAGE_BYTES, &memory));
	search = memory;
	files = (struct linux_files *)(search + 1);
	search->reason = *reason_out;
	files->command_line = linux_command_line_find(boot, true);
	status = search_all(search, registry, options, arena);
	if (status == STATUS_OK)
		status = read_all(search, boot, arena, files);
	*reason_out = status == STATUS_OK ? "" : search->reason;
	if (status == STATUS_OK)
		*files_out = *files;
	return status;
}
