/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sleep types of S5 (soft off), which firmware keeps in the AML object \_S5 of its DSDT or an SSDT (ACPI 6.5, 7.4.2
 * and 20.2). AML is not interpreted: only the one form that firmware uses, Name (_S5, Package () {…constants…}), is
 * recognised. Pure.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

struct acpi_s5 {
	uint8_t type_a; /* for SLP_TYP of PM1a_CNT: 0 to 7 */
	uint8_t type_b;
};

/*
 * table: a DSDT or SSDT with its header. STATUS_NOT_FOUND: no such name; STATUS_UNSUPPORTED: there is one, of another
 * form or with values that are no sleep types; STATUS_CORRUPT: the table's header contradicts its length.
 */
nodiscard enum status acpi_s5_find(const void *table, size_t bytes, struct acpi_s5 *s5_out);
