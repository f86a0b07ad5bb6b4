/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of the firmware (UEFI specification 2.10, 7.2), and a list of them, so that all can be given back.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define EFI_PAGES_RANGES_MAX 512

/* Contiguous pages that end at or below `below`. STATUS_NO_MEMORY. */
nodiscard enum status efi_pages_allocate(uint64_t pages, uint64_t below, struct paddr *start_out);

/* Those at start. STATUS_NO_MEMORY: somebody has one of them, or the list is full. */
nodiscard enum status efi_pages_allocate_at(struct paddr start, uint64_t pages);

/* From now on nothing is given back: a device may still write to it. */
void efi_pages_abandon(void);

/* Gives all of them back. */
void efi_pages_free_all(void);
