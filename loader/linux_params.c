/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct boot_params (Documentation/arch/x86/zero-page.rst), filled so that the kernel sees what GRUB's own `linux`
 * command (2.06, on a BIOS) would have told it.
 */
#include "lib/string.h"
#include "loader/linux_internal.h"

#define TEXT_MODE           3
#define TEXT_COLUMNS        80
#define TEXT_LINES          25
#define VBE_MODE_TEXT       3 /* 80 x 25, what GRUB says of it */
#define FONT_LINES          16
#define FALLBACK_MEMORY_KIB (32 * 1024) /* only believed when there is no memory map */
#define HEAP_END            0x8E00      /* of the 16-bit code, which does not run */
#define ROOT_DEV_RAM0       0x0100
#define LFB_UNIT_BYTES      (64 * KIB)

static uint32_t high_half(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

static bool has_word(const char *line, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = line; *at != '\0';) {
		const char *end = at;

		while (*end != '\0' && *end != ' ')
			end++;
		if ((size_t)(end - at) == length && strncmp(at, word, length) == 0)
			return true;
		at = *end == ' ' ? end + 1 : end;
	}
	return false;
}

static void fill_header(const struct linux_parameters *parameters, struct linux_setup_header *header)
{
	const struct linux_places *places = &parameters->places;

	memcpy(header, parameters->file.bytes + LINUX_SETUP_HEADER_OFFSET,
	       parameters->image->header_end - LINUX_SETUP_HEADER_OFFSET);
	header->type_of_loader = LINUX_LOADER_UNDEFINED;
	header->loadflags |= LINUX_CAN_USE_HEAP;
	if (has_word(parameters->command_line, "quiet"))
		header->loadflags |= LINUX_QUIET_FLAG;
	header->heap_end_ptr = HEAP_END;
	header->code32_start = (uint32_t)places->kernel_address;
	header->cmd_line_ptr = (uint32_t)virt_to_paddr(parameters->command_line).value;
	header->ramdisk_image = (uint32_t)places->initrd_address;
	header->ramdisk_size = (uint32_t)places->initrd_bytes;
	header->setup_data = 0;
	if (places->initrd_bytes != 0)
		header->root_dev = ROOT_DEV_RAM0;
}

static void fill_text_screen(const struct linux_parameters *parameters, struct linux_screen_info *screen)
{
	const struct boot_screen *from = &parameters->info->screen;

	screen->orig_video_mode = TEXT_MODE;
	screen->orig_video_is_vga = LINUX_VIDEO_TYPE_TEXT;
	screen->orig_video_cols = from->kind == BOOT_SCREEN_TEXT ? (uint8_t)from->width : TEXT_COLUMNS;
	screen->orig_video_lines = from->kind == BOOT_SCREEN_TEXT ? (uint8_t)from->height : TEXT_LINES;
	screen->orig_x = parameters->cursor_column;
	screen->orig_y = parameters->cursor_row;
}

static void fill_graphic_screen(const struct boot_screen *from, struct linux_screen_info *screen)
{
	const uint64_t bytes = (uint64_t)from->pitch_bytes * from->height;
	const uint32_t stored_bits = (uint32_t)align_up(from->bits_per_pixel, 8);
	const uint32_t used_bits = (uint32_t)max_u64(max_u64(from->red_position + (uint64_t)from->red_size,
							     from->green_position + (uint64_t)from->green_size),
						     from->blue_position + (uint64_t)from->blue_size);

	screen->orig_video_is_vga = LINUX_VIDEO_TYPE_VLFB;
	screen->lfb_width = (uint16_t)from->width;
	screen->lfb_height = (uint16_t)from->height;
	screen->lfb_depth = from->bits_per_pixel;
	screen->lfb_linelength = (uint16_t)from->pitch_bytes;
	screen->lfb_base = (uint32_t)from->address;
	screen->ext_lfb_base = high_half(from->address);
	if (screen->ext_lfb_base != 0)
		screen->capabilities |= LINUX_CAPABILITY_64BIT_BASE;
	screen->lfb_size = (uint32_t)div_round_up(bytes, LFB_UNIT_BYTES);
	screen->red_size = from->red_size;
	screen->red_pos = from->red_position;
	screen->green_size = from->green_size;
	screen->green_pos = from->green_position;
	screen->blue_size = from->blue_size;
	screen->blue_pos = from->blue_position;
	/* The tag leaves it out; without it the kernel takes 32-bit pixels for 24-bit ones. */
	if (used_bits < stored_bits) {
		screen->rsvd_size = (uint8_t)(stored_bits - used_bits);
		screen->rsvd_pos = (uint8_t)used_bits;
	}
}

static void fill_screen(const struct linux_parameters *parameters, struct linux_screen_info *screen)
{
	const struct boot_info *info = parameters->info;

	screen->ext_mem_k = FALLBACK_MEMORY_KIB;
	screen->orig_video_points = FONT_LINES;
	if (info->screen.kind == BOOT_SCREEN_RGB && info->screen.pitch_bytes <= UINT16_MAX)
		fill_graphic_screen(&info->screen, screen);
	else if (info->screen.kind == BOOT_SCREEN_TEXT || info->vbe_mode == 0 || info->vbe_mode == VBE_MODE_TEXT)
		fill_text_screen(parameters, screen);
	/* Otherwise a graphic mode that we can't describe: a kernel told of none leaves the screen alone. */
}

static struct linux_e820_entry e820_entry(const struct memory_range *range)
{
	return (struct linux_e820_entry){range->start, range->end - range->start, range->type};
}

static void fill_memory_map(const struct linux_parameters *parameters, struct linux_boot_params *params)
{
	const struct memory_map *map = &parameters->info->memory;
	const uint32_t count = (uint32_t)min_u64(map->count, LINUX_E820_ENTRIES_MAX);
	struct linux_setup_data *extra = parameters->extra;
	struct linux_e820_entry *more;

	for (uint32_t i = 0; i < count; i++)
		params->e820_table[i] = e820_entry(&map->ranges[i]);
	params->e820_entries = (uint8_t)count;
	if (!extra)
		return;
	more = (struct linux_e820_entry *)(void *)(extra + 1);
	for (uint32_t i = count; i < map->count; i++)
		more[i - count] = e820_entry(&map->ranges[i]);
	*extra = (struct linux_setup_data){
		.type = LINUX_SETUP_E820_EXT,
		.len = (uint32_t)((map->count - count) * sizeof(*more)),
	};
	params->hdr.setup_data = virt_to_paddr(extra).value;
}

size_t linux_extra_bytes(const struct memory_map *map)
{
	if (map->count <= LINUX_E820_ENTRIES_MAX)
		return 0;
	return sizeof(struct linux_setup_data) +
	       (map->count - LINUX_E820_ENTRIES_MAX) * sizeof(struct linux_e820_entry);
}

void linux_boot_params_fill(const struct linux_parameters *parameters, struct linux_boot_params *params_out)
{
	memset(params_out, 0, sizeof(*params_out));
	fill_header(parameters, &params_out->hdr);
	fill_screen(parameters, &params_out->screen_info);
	params_out->alt_mem_k = FALLBACK_MEMORY_KIB;
	params_out->acpi_rsdp_addr = parameters->rsdp_address;
	params_out->ext_cmd_line_ptr = high_half(virt_to_paddr(parameters->command_line).value);
	params_out->ext_ramdisk_image = high_half(parameters->places.initrd_address);
	params_out->ext_ramdisk_size = high_half(parameters->places.initrd_bytes);
	fill_memory_map(parameters, params_out);
}
