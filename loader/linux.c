/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Booting the normal kernel (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol").
 */
#include "loader/linux.h"

#include "drivers/acpi.h"
#include "drivers/io.h"
#include "lib/log.h"
#include "lib/string.h"
#include "loader/linux_internal.h"
#include "loader/options.h"
#include "mm/page_tables.h"

#define VGA_CRTC_INDEX       0x3D4
#define VGA_CRTC_DATA        0x3D5
#define VGA_CRTC_CURSOR_HIGH 0x0E
#define VGA_CRTC_CURSOR_LOW  0x0F

static bool has_role(const struct boot_module *module, const char *role)
{
	const char *text = module->command_line;
	const size_t length = strlen(role);

	return strncmp(text, role, length) == 0 && (text[length] == ' ' || text[length] == '\0');
}

/* What stands behind the first word of the module's string. */
static const char *module_arguments(const struct boot_module *module)
{
	const char *text = module->command_line;

	while (*text != '\0' && *text != ' ')
		text++;
	while (*text == ' ')
		text++;
	return text;
}

/* The rest of the kernel module's string, or "". */
static const char *module_command_line(const struct boot_info *info)
{
	for (uint32_t i = 0; i < info->module_count; i++)
		if (has_role(&info->modules[i], "kernel"))
			return module_arguments(&info->modules[i]);
	return "";
}

const char *linux_command_line_find(const struct boot_info *info, bool by_path)
{
	const char *own = options_kernel_command_line(info->command_line);
	const char *module = module_command_line(info);

	if (by_path)
		return own[0] != '\0' ? own : module;
	return module[0] != '\0' ? module : own;
}

enum status linux_files_of_modules(const struct boot_info *info, struct linux_files *files_out)
{
	struct linux_files files = {.command_line = linux_command_line_find(info, false)};

	for (uint32_t i = 0; i < info->module_count && i < BOOT_MODULES_MAX; i++) {
		const struct boot_module *module = &info->modules[i];
		const struct memory_range range = {.start = module->start, .end = module->end};

		if (has_role(module, "kernel") && files.kernel.end == 0)
			files.kernel = range;
		else if (has_role(module, "initrd"))
			files.initrds[files.initrd_count++] = range;
		else
			log_line("boot module %u ignored: %.40s", i, module->command_line);
	}
	if (files.kernel.end == 0)
		return STATUS_NOT_FOUND;
	files.kernel_head = span_of(paddr_to_virt((struct paddr){files.kernel.start}),
				    min_u64(files.kernel.end - files.kernel.start, LINUX_HEAD_BYTES));
	*files_out = files;
	return STATUS_OK;
}

static struct page *table_page(void *context)
{
	void *page;

	return arena_alloc(context, PAGE_BYTES, PAGE_BYTES, &page) == STATUS_OK ? page : NULL;
}

/* Everything below 4 GiB one to one, writable and executable, page 0 too: the kernel reads the BIOS's data there. */
static enum status build_tables(struct arena *arena, struct handoff_linux *sealed)
{
	struct page_tables tables = {.allocate = table_page, .context = arena};

	TRY(page_tables_create(&tables));
	TRY(page_tables_map(&tables, 0, LINUX_HIGHEST, 0, MAP_WRITE));
	sealed->page_tables = virt_to_paddr(tables.root).value;
	return STATUS_OK;
}

static uint8_t crtc_read(uint8_t index)
{
	port_write8(VGA_CRTC_INDEX, index);
	return port_read8(VGA_CRTC_DATA);
}

/* From the hardware: Thaw may have written since the BIOS noted it. */
static void read_cursor(const struct boot_screen *screen, struct linux_parameters *parameters)
{
	uint32_t position;

	if (screen->kind != BOOT_SCREEN_TEXT)
		return;
	position = (uint32_t)crtc_read(VGA_CRTC_CURSOR_HIGH) << 8;
	position |= crtc_read(VGA_CRTC_CURSOR_LOW);
	if (position >= screen->width * screen->height)
		return;
	parameters->cursor_column = (uint8_t)(position % screen->width);
	parameters->cursor_row = (uint8_t)(position / screen->width);
}

static enum status alloc_pages(struct arena *arena, size_t bytes, void **memory_out)
{
	return arena_alloc(arena, (size_t)align_up(bytes, PAGE_BYTES), PAGE_BYTES, memory_out);
}

/* What the kernel finds in the arena: its parameters, its command line, the rest of the memory map. */
static enum status build_parameters(struct linux_parameters *parameters, const char *original, const char *reason,
				    struct arena *arena, struct handoff_linux *sealed)
{
	const size_t extra_bytes = linux_extra_bytes(&parameters->info->memory);
	void *params;
	void *line;
	void *extra = NULL;

	TRY(alloc_pages(arena, sizeof(struct linux_boot_params), &params));
	TRY(alloc_pages(arena, LINUX_COMMAND_LINE_BYTES, &line));
	if (extra_bytes > 0)
		TRY(alloc_pages(arena, extra_bytes, &extra));
	linux_command_line_build(original, reason, parameters->image->command_line_max, line);
	parameters->command_line = line;
	parameters->extra = extra;
	linux_boot_params_fill(parameters, params);
	sealed->boot_params = virt_to_paddr(params).value;
	sealed->entry = parameters->places.kernel_address + LINUX_ENTRY_64_OFFSET;
	return STATUS_OK;
}

static enum status prepare(const struct boot_info *info, const struct linux_files *files, struct arena *arena,
			   const char *reason, struct linux_request *request, struct handoff_linux *sealed)
{
	struct linux_parameters parameters = {.info = info, .image = &request->image, .file = files->kernel_head};

	TRY(linux_image_parse(files->kernel_head, files->kernel.end - files->kernel.start, &request->image));
	TRY(linux_plan_make(request, &parameters.places, sealed));
	TRY(build_tables(arena, sealed));
	if (acpi_rsdp_find(&info->memory, &parameters.rsdp_address) != STATUS_OK)
		log_line("no RSDP found: the kernel will look for it itself");
	read_cursor(&info->screen, &parameters);
	return build_parameters(&parameters, files->command_line, reason, arena, sealed);
}

/* Both are too large for the stack. */
static enum status alloc_and_prepare(const struct boot_info *info, const struct linux_files *files, struct arena *arena,
				     const char *reason, struct handoff_linux **sealed_out)
{
	struct linux_request *request;
	void *sealed;
	void *memory;

	TRY(arena_alloc(arena, sizeof(struct handoff_linux), PAGE_BYTES, &sealed));
	TRY(arena_alloc(arena, sizeof(*request), PAGE_BYTES, &memory));
	request = memory;
	linux_request_init(request, &info->memory, files, arena);
	TRY(prepare(info, files, arena, reason, request, sealed));
	*sealed_out = sealed;
	return STATUS_OK;
}

void linux_request_init(struct linux_request *request, const struct memory_map *memory, const struct linux_files *files,
			const struct arena *arena)
{
	request->memory = memory;
	request->kernel = files->kernel;
	request->initrd_count = files->initrd_count;
	memcpy(request->initrds, files->initrds, sizeof(request->initrds));
	request->reserved.start = virt_to_paddr(arena->base).value;
	request->reserved.end = request->reserved.start + arena->size_bytes;
}

enum status linux_prepare(const struct boot_info *info, const struct linux_files *files, struct arena *arena,
			  const char *reason, struct handoff_linux **sealed_out)
{
	const size_t mark = arena_mark(arena);
	const enum status status = alloc_and_prepare(info, files, arena, reason, sealed_out);

	if (status != STATUS_OK)
		arena_rewind(arena, mark);
	return status;
}
