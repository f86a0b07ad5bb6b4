/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Multiboot2 boot information reader (Multiboot2 specification 2.0, section 3.6; GRUB 2.06's own form of it).
 */
#include "boot/multiboot2.h"

#include "boot/multiboot2_format.h"
#include "lib/checked.h"
#include "lib/log.h"
#include "lib/string.h"

#define VGA_WINDOW_START    0xA0000u
#define VGA_WINDOW_END      0xC0000u
#define TEXT_CHARACTERS_MAX 256u   /* a side of a text screen */
#define SCREEN_PIXELS_MAX   16384u /* a side of a graphic screen */
#define RSDP_OLD_BYTES      20u

/* The map's entries in the firmware's order, until memory_map_build() has read them. */
static struct memory_range raw_entries[MEMORY_RANGES_MAX];

/* Which tags have been seen; of each the first one counts. */
struct decoder {
	struct boot_info *info;
	bool command_line;
	bool memory_map;
	bool framebuffer;
	bool vbe;
	bool apm;
	bool rsdp_old;
	bool rsdp_new;
};

static uint32_t read_u32(const void *memory)
{
	struct span span = span_of(memory, sizeof(uint32_t));

	return span_u32(&span, 0);
}

/* The NUL-terminated text behind a tag's fixed part; a missing NUL is supplied. */
static void copy_text(const struct span *tag, size_t offset, const char *what, char text_out[BOOT_COMMAND_LINE_BYTES])
{
	size_t count = 0;

	while (offset + count < tag->size && tag->bytes[offset + count] != 0)
		count++;
	if (count >= BOOT_COMMAND_LINE_BYTES) {
		count = BOOT_COMMAND_LINE_BYTES - 1;
		/* Half a word could mean something else than the whole. */
		while (count > 0 && tag->bytes[offset + count] != ' ')
			count--;
		log_line("%s longer than %d characters, cut", what, BOOT_COMMAND_LINE_BYTES - 1);
	}
	memcpy(text_out, tag->bytes + offset, count);
	text_out[count] = '\0';
}

static void decode_module(struct span tag, struct boot_info *info)
{
	const uint64_t start = span_u32(&tag, offsetof(struct multiboot2_module, mod_start));
	const uint64_t end = span_u32(&tag, offsetof(struct multiboot2_module, mod_end));
	struct boot_module *module;

	if (!span_ok(&tag) || end <= start || start == 0 || start % PAGE_BYTES != 0) {
		log_line("boot module at 0x%llx-0x%llx ignored", (unsigned long long)start, (unsigned long long)end);
		return;
	}
	if (info->module_count == BOOT_MODULES_MAX) {
		log_line("more than %d boot modules, the others are ignored", BOOT_MODULES_MAX);
		return;
	}
	module = &info->modules[info->module_count++];
	module->start = start;
	module->end = end;
	copy_text(&tag, sizeof(struct multiboot2_module), "module string", module->command_line);
}

/* False when the entry says nothing. An end beyond 2^64 is cut for what is taken away from RAM, but is no RAM. */
static bool decode_memory_entry(struct span *tag, size_t offset, struct memory_range *range_out)
{
	const uint64_t base = span_u64(tag, offset + offsetof(struct multiboot2_memory_entry, base_addr));
	const uint64_t length = span_u64(tag, offset + offsetof(struct multiboot2_memory_entry, length));
	const uint32_t type = span_u32(tag, offset + offsetof(struct multiboot2_memory_entry, type));
	uint64_t end;

	if (length == 0)
		return false;
	if (!checked_add_u64(base, length, &end)) {
		if (type == MEMORY_RAM)
			return false;
		end = UINT64_MAX;
	}
	*range_out = (struct memory_range){.start = base, .end = end, .type = type};
	return true;
}

static enum status decode_memory_map(struct span tag, struct boot_info *info)
{
	const uint32_t stride = span_u32(&tag, offsetof(struct multiboot2_memory_map, entry_size));
	const uint32_t version = span_u32(&tag, offsetof(struct multiboot2_memory_map, entry_version));
	uint32_t count = 0;

	if (!span_ok(&tag) || version != 0 || stride < sizeof(struct multiboot2_memory_entry) || stride % 8 != 0)
		return STATUS_NOT_FOUND;
	for (size_t offset = sizeof(struct multiboot2_memory_map);
	     offset <= tag.size && tag.size - offset >= sizeof(struct multiboot2_memory_entry); offset += stride) {
		struct memory_range range;

		if (!decode_memory_entry(&tag, offset, &range))
			continue;
		if (count == MEMORY_RANGES_MAX)
			return STATUS_NO_MEMORY;
		raw_entries[count++] = range;
	}
	TRY(memory_map_build(raw_entries, count, &info->memory));
	info->other_memory_checksum = memory_map_checksum(&info->memory);
	return STATUS_OK;
}

static bool screen_fields_fit(const struct boot_screen *screen)
{
	const uint32_t ends[] = {(uint32_t)screen->red_position + screen->red_size,
				 (uint32_t)screen->green_position + screen->green_size,
				 (uint32_t)screen->blue_position + screen->blue_size};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		if (ends[i] > screen->bits_per_pixel)
			return false;
	}
	return screen->red_size != 0 && screen->green_size != 0 && screen->blue_size != 0;
}

static bool screen_usable(const struct boot_screen *screen)
{
	const uint64_t bytes = (uint64_t)screen->pitch_bytes * screen->height;
	const uint64_t row_bytes = div_round_up((uint64_t)screen->width * screen->bits_per_pixel, 8);
	uint64_t end;

	if (screen->width == 0 || screen->height == 0 || screen->pitch_bytes < row_bytes)
		return false;
	if (!checked_add_u64(screen->address, bytes, &end))
		return false;
	if (screen->kind == BOOT_SCREEN_TEXT)
		return screen->bits_per_pixel == 16 && screen->width <= TEXT_CHARACTERS_MAX &&
		       screen->height <= TEXT_CHARACTERS_MAX && screen->address >= VGA_WINDOW_START &&
		       end <= VGA_WINDOW_END;
	return screen->width <= SCREEN_PIXELS_MAX && screen->height <= SCREEN_PIXELS_MAX && screen->address != 0 &&
	       screen->pitch_bytes <= SCREEN_PIXELS_MAX * 8 && screen->bits_per_pixel >= 15 &&
	       screen->bits_per_pixel <= 32 && screen_fields_fit(screen);
}

static void decode_framebuffer(struct span tag, struct boot_screen *screen_out)
{
	const uint8_t type = span_u8(&tag, offsetof(struct multiboot2_framebuffer, framebuffer_type));
	struct boot_screen screen = {
		.address = span_u64(&tag, offsetof(struct multiboot2_framebuffer, framebuffer_addr)),
		.pitch_bytes = span_u32(&tag, offsetof(struct multiboot2_framebuffer, framebuffer_pitch)),
		.width = span_u32(&tag, offsetof(struct multiboot2_framebuffer, framebuffer_width)),
		.height = span_u32(&tag, offsetof(struct multiboot2_framebuffer, framebuffer_height)),
		.bits_per_pixel = span_u8(&tag, offsetof(struct multiboot2_framebuffer, framebuffer_bpp)),
	};

	if (type == MULTIBOOT2_FRAMEBUFFER_RGB) {
		screen.kind = BOOT_SCREEN_RGB;
		screen.red_position = span_u8(&tag, offsetof(struct multiboot2_framebuffer, red_field_position));
		screen.red_size = span_u8(&tag, offsetof(struct multiboot2_framebuffer, red_mask_size));
		screen.green_position = span_u8(&tag, offsetof(struct multiboot2_framebuffer, green_field_position));
		screen.green_size = span_u8(&tag, offsetof(struct multiboot2_framebuffer, green_mask_size));
		screen.blue_position = span_u8(&tag, offsetof(struct multiboot2_framebuffer, blue_field_position));
		screen.blue_size = span_u8(&tag, offsetof(struct multiboot2_framebuffer, blue_mask_size));
	} else if (type == MULTIBOOT2_FRAMEBUFFER_TEXT) {
		screen.kind = BOOT_SCREEN_TEXT;
	}
	if (screen.kind != BOOT_SCREEN_NONE && span_ok(&tag) && screen_usable(&screen))
		*screen_out = screen;
}

/* A screen over RAM would make its first line of text destroy somebody's memory. */
static void screen_drop_if_in_ram(const struct memory_map *map, struct boot_screen *screen)
{
	const uint64_t end = screen->address + (uint64_t)screen->pitch_bytes * screen->height;

	if (screen->kind == BOOT_SCREEN_NONE)
		return;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->ranges[i];

		if (range->type != MEMORY_RAM || range->end <= screen->address || range->start >= end)
			continue;
		log_line("screen at 0x%llx lies over RAM, not used", (unsigned long long)screen->address);
		*screen = (struct boot_screen){.kind = BOOT_SCREEN_NONE};
		return;
	}
}

static void decode_rsdp(const struct span *tag, uint32_t bytes_max, struct boot_info *info)
{
	const size_t available = tag->size - sizeof(struct multiboot2_tag);
	const uint32_t bytes = (uint32_t)min_u64(available, bytes_max);

	memset(info->rsdp, 0, sizeof(info->rsdp));
	memcpy(info->rsdp, tag->bytes + sizeof(struct multiboot2_tag), bytes);
	info->rsdp_bytes = bytes;
}

/* Sets the flag; false when it was set before. */
static bool first(bool *seen)
{
	const bool is_first = !*seen;

	*seen = true;
	return is_first;
}

static enum status decode_tag(struct decoder *decoder, uint32_t type, struct span tag)
{
	struct boot_info *info = decoder->info;

	switch (type) {
	case MULTIBOOT2_TAG_COMMAND_LINE:
		if (first(&decoder->command_line))
			copy_text(&tag, sizeof(struct multiboot2_tag), "command line", info->command_line);
		break;
	case MULTIBOOT2_TAG_MODULE:
		decode_module(tag, info);
		break;
	case MULTIBOOT2_TAG_MEMORY_MAP:
		return first(&decoder->memory_map) ? decode_memory_map(tag, info) : STATUS_OK;
	case MULTIBOOT2_TAG_VBE:
		if (first(&decoder->vbe))
			info->vbe_mode = span_u16(&tag, sizeof(struct multiboot2_tag));
		break;
	case MULTIBOOT2_TAG_FRAMEBUFFER:
		if (first(&decoder->framebuffer))
			decode_framebuffer(tag, &info->screen);
		break;
	case MULTIBOOT2_TAG_APM:
		if (first(&decoder->apm))
			info->apm_version = span_u16(&tag, sizeof(struct multiboot2_tag));
		break;
	case MULTIBOOT2_TAG_ACPI_OLD:
		if (first(&decoder->rsdp_old) && !decoder->rsdp_new)
			decode_rsdp(&tag, RSDP_OLD_BYTES, info);
		break;
	case MULTIBOOT2_TAG_ACPI_NEW:
		if (first(&decoder->rsdp_new))
			decode_rsdp(&tag, BOOT_RSDP_BYTES, info);
		break;
	default:
		break;
	}
	return STATUS_OK;
}

enum status multiboot2_decode(struct span information, struct boot_info *info_out)
{
	const uint32_t total = span_u32(&information, offsetof(struct multiboot2_head, total_size));
	struct span whole = span_part(&information, 0, total);
	struct decoder decoder = {.info = info_out};
	size_t offset = sizeof(struct multiboot2_head);

	memset(info_out, 0, sizeof(*info_out));
	if (!span_ok(&information) || total > MULTIBOOT2_BYTES_MAX)
		return STATUS_CORRUPT;
	for (;;) {
		const uint32_t type = span_u32(&whole, offset + offsetof(struct multiboot2_tag, type));
		const uint32_t size = span_u32(&whole, offset + offsetof(struct multiboot2_tag, size));
		const struct span tag = span_part(&whole, offset, size);

		if (!span_ok(&whole) || size < sizeof(struct multiboot2_tag))
			return STATUS_CORRUPT;
		if (type == MULTIBOOT2_TAG_END)
			break;
		TRY(decode_tag(&decoder, type, tag));
		offset += (size_t)align_up(size, MULTIBOOT2_TAG_ALIGNMENT);
	}
	if (memory_map_ram_end(&info_out->memory) == 0)
		return STATUS_NOT_FOUND;
	screen_drop_if_in_ram(&info_out->memory, &info_out->screen);
	return STATUS_OK;
}

enum status multiboot2_parse(const void *information, struct boot_info *info_out)
{
	uint32_t total;

	if (information == NULL || (uintptr_t)information % MULTIBOOT2_TAG_ALIGNMENT != 0)
		return STATUS_INVALID;
	total = read_u32(information);
	if (total > MULTIBOOT2_BYTES_MAX)
		return STATUS_CORRUPT;
	return multiboot2_decode(span_of(information, total), info_out);
}

uint32_t multiboot2_reserved(const void *information, const struct boot_info *info,
			     struct memory_range ranges_out[MULTIBOOT2_RESERVED_MAX])
{
	const uint64_t start = (uint64_t)(uintptr_t)information;
	uint32_t count = 0;

	ranges_out[count++] = (struct memory_range){
		.start = align_down(start, PAGE_BYTES),
		.end = align_up(start + read_u32(information), PAGE_BYTES),
		.type = MEMORY_RESERVED,
	};
	for (uint32_t i = 0; i < info->module_count; i++) {
		ranges_out[count++] = (struct memory_range){
			.start = info->modules[i].start,
			.end = align_up(info->modules[i].end, PAGE_BYTES),
			.type = MEMORY_RESERVED,
		};
	}
	return count;
}
