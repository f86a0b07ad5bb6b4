/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Multiboot2 boot loader (GRUB) hands over, turned into struct boot_info (Multiboot2 specification 2.0).
 */
#pragma once

#include "include/boot_info.h"
#include "include/status.h"
#include "lib/span.h"

/* What the boot loader leaves in EAX. */
#define MULTIBOOT2_BOOTLOADER_MAGIC 0x36D76289

/* The structure must not claim to be larger than this. */
#define MULTIBOOT2_BYTES_MAX (1 * MIB)

/*
 * Reads the boot information at `information` (8-byte aligned, readable as far as its own total_size, which is
 * bounded by MULTIBOOT2_BYTES_MAX). Everything is copied: the structure is not needed afterwards.
 *
 * Of tags that may come only once the first one counts. A module that is empty, at 0 or not page aligned, and one too
 * many, is logged and left out; an overlong string is cut at a blank, and that is logged. A screen that can't be used,
 * or that would lie over RAM, becomes BOOT_SCREEN_NONE.
 *
 * Errors: STATUS_INVALID (information is NULL or not aligned), STATUS_CORRUPT (a size does not fit, or there is no
 * end tag), STATUS_NOT_FOUND (no memory map that can be read, or no RAM in it), STATUS_NO_MEMORY (more map entries
 * than MEMORY_RANGES_MAX). *info_out is too large for a second copy: after an error it holds remains, not to be used.
 */
nodiscard enum status multiboot2_parse(const void *information, struct boot_info *info_out);

/* The same for a structure whose readable size is known; the part of it that total_size covers is read. */
nodiscard enum status multiboot2_decode(struct span information, struct boot_info *info_out);

/* How many ranges multiboot2_reserved() can return. */
#define MULTIBOOT2_RESERVED_MAX (BOOT_MODULES_MAX + 1)

/*
 * The byte ranges that must not be overwritten while they may still be needed: the information structure itself and
 * the modules, each widened to whole pages; type MEMORY_RESERVED, in no particular order. info comes from a
 * multiboot2_parse() of the same structure. Returns their number.
 */
uint32_t multiboot2_reserved(const void *information, const struct boot_info *info,
			     struct memory_range ranges_out[MULTIBOOT2_RESERVED_MAX]);
