/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map (UEFI specification 2.10, 7.2.3): as Linux's EFI stub turns it into an e820 map, and what
 * of it is free.
 */
#pragma once

#include "include/status.h"
#include "lib/span.h"
#include "mm/memory_map.h"

/* The firmware's map as it is now. */
struct efi_memory_map {
	struct span descriptors;
	size_t stride; /* bytes from one descriptor to the next */
	uint64_t key;  /* ExitBootServices wants it */
};

/* One descriptor, decoded; end does not overflow. */
struct efi_memory_range {
	uint32_t type;
	uint64_t start;
	uint64_t end;
	uint64_t attributes;
};

/* Takes pages for the map, for good. STATUS_NO_MEMORY. */
nodiscard enum status efi_memory_map_init(void);

/* *map_out is valid until the next call. Errors: STATUS_NO_MEMORY (it is larger than what was taken), STATUS_CORRUPT.
 */
nodiscard enum status efi_memory_map_get(struct efi_memory_map *map_out);

/* Descriptor number index. STATUS_END: there are no more. STATUS_CORRUPT: its end overflows. */
nodiscard enum status efi_memory_map_at(const struct efi_memory_map *map, size_t index,
					struct efi_memory_range *range_out);

/* Who hands the map to Linux. */
enum efi_memory_view {
	EFI_MEMORY_STUB, /* Linux's EFI stub, started as an application or through the handover protocol */
	EFI_MEMORY_GRUB, /* GRUB's `linux` by the plain boot protocol (GRUB 2.06, grub-core/mmap/efi/mmap.c) */
};

/*
 * As Linux gets it (drivers/firmware/efi/libstub/x86-stub.c, setup_e820, 6.1 to 6.12, and what setup_arch makes of it):
 * memory that the firmware or a loader uses until ExitBootServices is RAM. More than 128 entries reach Linux in two
 * parts, which it joins before the checksum. GRUB tells code of the runtime services and the rest of memory apart.
 * Memory that must be accepted first is left out: Thaw does not accept any. STATUS_CORRUPT, STATUS_NO_MEMORY (more than
 * MEMORY_RANGES_MAX ranges), STATUS_NOT_FOUND (no RAM).
 */
nodiscard enum status efi_memory_map_convert(const struct efi_memory_map *map, enum efi_memory_view view,
					     struct memory_map *map_out);
