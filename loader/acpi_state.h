/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's fixed registers across a power-off (ACPI specification 6.5, 4.8.3 and 4.8.4): a session that jumped out does
 * not set them up again when it comes back.
 */
#pragma once

#include "drivers/acpi.h"
#include "image/core_format.h"

/* Reads the registers that *acpi names into its values. */
void acpi_state_record(struct core_acpi *acpi);

/*
 * Switches ACPI mode on if it is off, clears what is pending (else the press that powered the machine on arrives as an
 * event), and puts the recorded enables back. Only to registers that today's tables name, too.
 * STATUS_UNSUPPORTED: they are others today; STATUS_TIMEOUT: ACPI mode did not come.
 */
nodiscard enum status acpi_state_restore(const struct core_acpi *acpi, const struct acpi_registers *today);

/* S5 by the recorded sleep types. Returns when that is not to be had, or has no effect within 5 s. */
void acpi_power_off(const struct core_acpi *acpi);
