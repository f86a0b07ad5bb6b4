/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a front end learned from the boot loader, in Thaw's own form. Filled once by boot/, read by loader/.
 */
#pragma once

#include "include/types.h"
#include "mm/memory_map.h"

#define BOOT_MODULES_MAX        16
#define BOOT_COMMAND_LINE_BYTES 2048
#define BOOT_RSDP_BYTES         36

/* A boot module: page-aligned memory to be kept until the normal kernel no longer needs it. */
struct boot_module {
	uint64_t start; /* bytes */
	uint64_t end;
	char command_line[BOOT_COMMAND_LINE_BYTES]; /* first word: the role */
};

enum boot_screen_kind { BOOT_SCREEN_NONE, BOOT_SCREEN_TEXT, BOOT_SCREEN_RGB };

/* Multiboot2 framebuffer tag (3.6.12), decoded. */
struct boot_screen {
	enum boot_screen_kind kind;
	uint64_t address;
	uint32_t pitch_bytes;
	uint32_t width; /* pixels, or characters in text mode */
	uint32_t height;
	uint8_t bits_per_pixel;
	uint8_t red_position, red_size, green_position, green_size, blue_position, blue_size; /* bits */
};

struct boot_info {
	char command_line[BOOT_COMMAND_LINE_BYTES];
	struct memory_map memory;
	/* Of the map in the other form in which a kernel may have got it; the same as memory's where there is none. */
	uint32_t other_memory_checksum;
	struct boot_module modules[BOOT_MODULES_MAX];
	uint32_t module_count;
	struct boot_screen screen;
	uint16_t vbe_mode;             /* multiboot2 VBE tag; 0: none */
	uint8_t rsdp[BOOT_RSDP_BYTES]; /* copy of the RSDP tag (new preferred); rsdp_bytes 0: none */
	uint32_t rsdp_bytes;
	uint16_t apm_version;   /* 0: none */
	uint64_t session_entry; /* where a session comes in that jumps here by kexec */
};
