/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's memory map as Linux was given it: e820_table of struct boot_params
 * (Documentation/arch/x86/zero-page.rst; /sys/kernel/boot_params/data). Pure.
 */
#pragma once

#include "image/core_format.h"
#include "include/status.h"

#define BOOT_PARAMS_E820_RAM 1

/*
 * Up to CORE_MEMORY_ENTRIES_MAX entries, as they stand. STATUS_CORRUPT: too short, no entry, no RAM or an entry that
 * wraps around; *reason_out: static text, written with every error.
 */
nodiscard enum status boot_params_memory(const void *data, size_t bytes, struct core_memory_entry *entries_out,
					 uint32_t *count_out, const char **reason_out);

/* Whole pages of RAM, without [region_start, region_end); entries are taken to be disjoint. */
uint64_t boot_params_ram_pages(const struct core_memory_entry *entries, uint32_t count, uint64_t region_start,
			       uint64_t region_end);
