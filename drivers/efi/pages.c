/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of the firmware.
 */
#include "drivers/efi/pages.h"

#include "drivers/efi/firmware.h"

struct owned {
	uint64_t start;
	uint64_t pages;
};

static struct owned owned[EFI_PAGES_RANGES_MAX];
static uint32_t owned_count;

static enum status allocate(EFI_ALLOCATE_TYPE type, uint64_t pages, uint64_t *address)
{
	EFI_PHYSICAL_ADDRESS at = *address;

	if (owned_count == EFI_PAGES_RANGES_MAX ||
	    firmware.boot->AllocatePages(type, EfiLoaderData, pages, &at) != EFI_SUCCESS)
		return STATUS_NO_MEMORY;
	owned[owned_count++] = (struct owned){at, pages};
	*address = at;
	return STATUS_OK;
}

enum status efi_pages_allocate(uint64_t pages, uint64_t below, struct paddr *start_out)
{
	uint64_t address = below - 1;

	TRY(allocate(AllocateMaxAddress, pages, &address));
	start_out->value = address;
	return STATUS_OK;
}

enum status efi_pages_allocate_at(struct paddr start, uint64_t pages)
{
	return allocate(AllocateAddress, pages, &start.value);
}

void efi_pages_abandon(void)
{
	owned_count = 0;
}

void efi_pages_free_all(void)
{
	while (owned_count > 0) {
		const struct owned *last = &owned[--owned_count];

		(void)firmware.boot->FreePages(last->start, last->pages);
	}
}
