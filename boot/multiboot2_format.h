/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot information structure as it lies in memory (Multiboot2 specification 2.0, section 3.6). Little endian,
 * read through lib/span.h; the structures exist for their offsets only.
 *
 * The framebuffer tag follows what GRUB writes: its reserved field has two bytes, the specification's text says one.
 */
#pragma once

#include "include/types.h"

#define MULTIBOOT2_TAG_ALIGNMENT 8

enum multiboot2_tag_type {
	MULTIBOOT2_TAG_END = 0,
	MULTIBOOT2_TAG_COMMAND_LINE = 1,
	MULTIBOOT2_TAG_MODULE = 3,
	MULTIBOOT2_TAG_MEMORY_MAP = 6,
	MULTIBOOT2_TAG_VBE = 7,
	MULTIBOOT2_TAG_FRAMEBUFFER = 8,
	MULTIBOOT2_TAG_APM = 10,
	MULTIBOOT2_TAG_ACPI_OLD = 14,
	MULTIBOOT2_TAG_ACPI_NEW = 15,
};

enum multiboot2_framebuffer_type {
	MULTIBOOT2_FRAMEBUFFER_INDEXED = 0,
	MULTIBOOT2_FRAMEBUFFER_RGB = 1,
	MULTIBOOT2_FRAMEBUFFER_TEXT = 2,
};

/* The head of the whole structure (3.6.1). */
struct multiboot2_head {
	uint32_t total_size; /* bytes, this field included */
	uint32_t reserved;
} __attribute__((packed));

/* The head of every tag (3.6.2); size does not count the padding to the next tag. */
struct multiboot2_tag {
	uint32_t type;
	uint32_t size;
} __attribute__((packed));

/* 3.6.6; the string follows. */
struct multiboot2_module {
	struct multiboot2_tag tag;
	uint32_t mod_start;
	uint32_t mod_end;
} __attribute__((packed));

/* 3.6.8; the entries follow, entry_size bytes apart. */
struct multiboot2_memory_map {
	struct multiboot2_tag tag;
	uint32_t entry_size;
	uint32_t entry_version;
} __attribute__((packed));

struct multiboot2_memory_entry {
	uint64_t base_addr;
	uint64_t length;
	uint32_t type;
	uint32_t reserved;
} __attribute__((packed));

/* 3.6.12, type RGB. */
struct multiboot2_framebuffer {
	struct multiboot2_tag tag;
	uint64_t framebuffer_addr;
	uint32_t framebuffer_pitch;
	uint32_t framebuffer_width;
	uint32_t framebuffer_height;
	uint8_t framebuffer_bpp;
	uint8_t framebuffer_type;
	uint16_t reserved;
	uint8_t red_field_position;
	uint8_t red_mask_size;
	uint8_t green_field_position;
	uint8_t green_mask_size;
	uint8_t blue_field_position;
	uint8_t blue_mask_size;
} __attribute__((packed));

_Static_assert(sizeof(struct multiboot2_head) == 8, "head");
_Static_assert(offsetof(struct multiboot2_head, total_size) == 0, "total_size");
_Static_assert(sizeof(struct multiboot2_tag) == 8, "tag");
_Static_assert(offsetof(struct multiboot2_tag, size) == 4, "size");
_Static_assert(offsetof(struct multiboot2_module, mod_start) == 8, "mod_start");
_Static_assert(offsetof(struct multiboot2_module, mod_end) == 12, "mod_end");
_Static_assert(sizeof(struct multiboot2_module) == 16, "module");
_Static_assert(offsetof(struct multiboot2_memory_map, entry_size) == 8, "entry_size");
_Static_assert(offsetof(struct multiboot2_memory_map, entry_version) == 12, "entry_version");
_Static_assert(sizeof(struct multiboot2_memory_map) == 16, "memory map");
_Static_assert(offsetof(struct multiboot2_memory_entry, length) == 8, "length");
_Static_assert(offsetof(struct multiboot2_memory_entry, type) == 16, "type");
_Static_assert(sizeof(struct multiboot2_memory_entry) == 24, "memory entry");
_Static_assert(offsetof(struct multiboot2_framebuffer, framebuffer_addr) == 8, "framebuffer_addr");
_Static_assert(offsetof(struct multiboot2_framebuffer, framebuffer_pitch) == 16, "framebuffer_pitch");
_Static_assert(offsetof(struct multiboot2_framebuffer, framebuffer_width) == 20, "framebuffer_width");
_Static_assert(offsetof(struct multiboot2_framebuffer, framebuffer_height) == 24, "framebuffer_height");
_Static_assert(offsetof(struct multiboot2_framebuffer, framebuffer_bpp) == 28, "framebuffer_bpp");
_Static_assert(offsetof(struct multiboot2_framebuffer, framebuffer_type) == 29, "framebuffer_type");
_Static_assert(offsetof(struct multiboot2_framebuffer, red_field_position) == 32, "red_field_position");
_Static_assert(sizeof(struct multiboot2_framebuffer) == 38, "framebuffer");
