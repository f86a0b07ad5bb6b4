/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the save role needs of the FADT (ACPI 6.5, 5.2.9): where the fixed registers are. Pure.
 */
#pragma once

#include "image/core_format.h"
#include "include/status.h"
#include "tools/acpi_s5.h"

#define ACPI_SLEEP_TYPE_UNKNOWN 0xFF

/*
 * table: as /sys/firmware/acpi/tables/FACP has it. Blocks that are not in I/O space read as 0; sleep types as unknown.
 * STATUS_CORRUPT: no FADT, or shorter than the first version's.
 */
nodiscard enum status acpi_fadt_read(const void *table, size_t bytes, struct core_acpi *acpi_out);

/* Whether Thaw can switch the machine off with what is known; reason_out: why not. */
bool acpi_can_power_off(const struct core_acpi *acpi, const char **reason_out);
