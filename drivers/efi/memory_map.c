/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map.
 */
#include "drivers/efi/memory_map.h"

#include "drivers/efi/firmware.h"
#include "drivers/efi/pages.h"
#include "lib/checked.h"

#define MAP_PAGES 32

/* E820 types beyond those of the memory map's header (arch/x86/include/asm/e820/types.h). */
#define TYPE_NONE          0u
#define TYPE_SOFT_RESERVED 0xefffffffu
#define TYPE_GRUB_CODE     20u

/* Newer than the headers (UEFI specification 2.10, tables 7.10 and 7.11). */
#define EFI_PERSISTENT_MEMORY_TYPE 14u
#define EFI_ATTRIBUTE_SPECIFIC     BIT64(18)

static struct paddr buffer;

/* Neighbours of one type joined, until memory_map_build has them. */
static struct memory_range ranges[MEMORY_RANGES_MAX];

enum status efi_memory_map_init(void)
{
	return efi_pages_allocate(MAP_PAGES, 4 * GIB, &buffer);
}

enum status efi_memory_map_get(struct efi_memory_map *map_out)
{
	UINTN bytes = MAP_PAGES * (UINTN)PAGE_BYTES;
	UINTN key;
	UINTN stride;
	UINT32 version;
	const EFI_STATUS status = firmware.boot->GetMemoryMap(&bytes, paddr_to_virt(buffer), &key, &stride, &version);

	if (status == EFI_BUFFER_TOO_SMALL)
		return STATUS_NO_MEMORY;
	if (status != EFI_SUCCESS || stride < sizeof(EFI_MEMORY_DESCRIPTOR) || bytes > MAP_PAGES * (UINTN)PAGE_BYTES)
		return STATUS_CORRUPT;
	*map_out = (struct efi_memory_map){span_of(paddr_to_virt(buffer), bytes), stride, key};
	return STATUS_OK;
}

enum status efi_memory_map_at(const struct efi_memory_map *map, size_t index, struct efi_memory_range *range_out)
{
	struct span descriptor = map->descriptors;
	const size_t at = index * map->stride;
	uint64_t pages;

	if (index >= map->descriptors.size / map->stride)
		return STATUS_END;
	pages = span_u64(&descriptor, at + offsetof(EFI_MEMORY_DESCRIPTOR, NumberOfPages));
	range_out->type = span_u32(&descriptor, at + offsetof(EFI_MEMORY_DESCRIPTOR, Type));
	range_out->start = span_u64(&descriptor, at + offsetof(EFI_MEMORY_DESCRIPTOR, PhysicalStart));
	range_out->attributes = span_u64(&descriptor, at + offsetof(EFI_MEMORY_DESCRIPTOR, Attribute));
	if (!span_ok(&descriptor) || pages > UINT64_MAX / PAGE_BYTES ||
	    !checked_add_u64(range_out->start, pages * PAGE_BYTES, &range_out->end))
		return STATUS_CORRUPT;
	return STATUS_OK;
}

static uint32_t e820_type(const struct efi_memory_range *range)
{
	switch (range->type) {
	case EfiReservedMemoryType:
	case EfiRuntimeServicesCode:
	case EfiRuntimeServicesData:
	case EfiMemoryMappedIO:
	case EfiMemoryMappedIOPortSpace:
	case EfiPalCode:
		return MEMORY_RESERVED;
	case EfiUnusableMemory:
		return MEMORY_UNUSABLE;
	case EfiACPIReclaimMemory:
		return MEMORY_ACPI_RECLAIM;
	case EfiACPIMemoryNVS:
		return MEMORY_ACPI_NVS;
	case EFI_PERSISTENT_MEMORY_TYPE:
		return MEMORY_PERSISTENT;
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		return range->attributes & EFI_ATTRIBUTE_SPECIFIC ? TYPE_SOFT_RESERVED : MEMORY_RAM;
	default:
		return TYPE_NONE;
	}
}

/* GRUB knows no attributes, and takes for reserved what it does not know. */
static uint32_t grub_type(const struct efi_memory_range *range)
{
	const uint32_t type = e820_type(range);

	if (range->type == EfiRuntimeServicesCode)
		return TYPE_GRUB_CODE;
	if (type == TYPE_SOFT_RESERVED)
		return MEMORY_RAM;
	return type == TYPE_NONE ? MEMORY_RESERVED : type;
}

enum status efi_memory_map_convert(const struct efi_memory_map *map, enum efi_memory_view view,
				   struct memory_map *map_out)
{
	struct efi_memory_range range;
	struct memory_range *last = NULL;
	uint32_t count = 0;
	enum status status;

	for (size_t i = 0; (status = efi_memory_map_at(map, i, &range)) == STATUS_OK; i++) {
		const uint32_t type = view == EFI_MEMORY_GRUB ? grub_type(&range) : e820_type(&range);

		if (type == TYPE_NONE)
			continue;
		if (last && last->type == type && last->end == range.start) {
			last->end = range.end;
			continue;
		}
		if (count == MEMORY_RANGES_MAX)
			return STATUS_NO_MEMORY;
		last = &ranges[count++];
		*last = (struct memory_range){range.start, range.end, type};
	}
	if (status != STATUS_END)
		return status;
	TRY(memory_map_build(ranges, count, map_out));
	return memory_map_ram_end(map_out) > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}
