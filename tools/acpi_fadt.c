/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FADT's fixed registers (ACPI 6.5, 5.2.9; generic addresses 5.2.3.2).
 */
#include "tools/acpi_fadt.h"

#include <string.h>

#include "drivers/acpi_format.h"
#include "lib/span.h"

#define FADT(field) offsetof(struct acpi_fadt_format, field)

/* Behind what acpi_format.h names: X_PM2_CNT_BLK and X_PM_TMR_BLK lie between. */
#define FADT_X_GPE0_BLK (FADT(x_pm1b_cnt_blk) + 3 * sizeof(struct acpi_gas_format))
#define FADT_X_GPE1_BLK (FADT_X_GPE0_BLK + sizeof(struct acpi_gas_format))

#define PM1_EVENT_BYTES   4
#define PM1_CONTROL_BYTES 2

/* The X_ field counts when it names anything; fields that a shorter table lacks read as 0. */
static uint16_t port_read(struct span *fadt, size_t field, size_t extended_field, uint8_t bytes)
{
	const uint64_t extended = span_u64(fadt, extended_field + offsetof(struct acpi_gas_format, address));
	uint64_t port = span_u32(fadt, field);

	if (extended != 0)
		port = span_u8(fadt, extended_field) == ACPI_GAS_SYSTEM_IO ? extended : 0;
	return port != 0 && bytes != 0 && port + bytes <= (uint64_t)UINT16_MAX + 1 ? (uint16_t)port : 0;
}

/* A block of status and enable registers, halves of it. */
static uint8_t gpe_bytes(uint8_t length)
{
	return length / 2 <= CORE_GPE_BYTES_MAX && length % 2 == 0 ? length : 0;
}

enum status acpi_fadt_read(const void *table, size_t bytes, struct core_acpi *acpi_out)
{
	struct core_acpi acpi = {.sleep_type_a = ACPI_SLEEP_TYPE_UNKNOWN, .sleep_type_b = ACPI_SLEEP_TYPE_UNKNOWN};
	struct span file = span_of(table, bytes);
	const uint32_t length = span_u32(&file, offsetof(struct acpi_table_format, length));
	struct span fadt = span_part(&file, 0, length);
	uint32_t smi_command;

	if (!span_ok(&fadt) || length < ACPI_FADT_V1_BYTES || memcmp(fadt.bytes, ACPI_FADT_SIGNATURE, 4) != 0)
		return STATUS_CORRUPT;
	smi_command = span_u32(&fadt, FADT(smi_cmd));
	acpi.smi_command = smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
	acpi.acpi_enable = span_u8(&fadt, FADT(acpi_enable));
	acpi.hardware_reduced = (span_u32(&fadt, FADT(flags)) & ACPI_FADT_HW_REDUCED_ACPI) != 0;
	acpi.pm1_event_bytes = span_u8(&fadt, FADT(pm1_evt_len));
	acpi.pm1_control_bytes = span_u8(&fadt, FADT(pm1_cnt_len));
	acpi.gpe0_bytes = gpe_bytes(span_u8(&fadt, FADT(gpe0_blk_len)));
	acpi.gpe1_bytes = gpe_bytes(span_u8(&fadt, FADT(gpe1_blk_len)));
	if (acpi.pm1_event_bytes >= PM1_EVENT_BYTES) {
		acpi.pm1a_event = port_read(&fadt, FADT(pm1a_evt_blk), FADT(x_pm1a_evt_blk), acpi.pm1_event_bytes);
		acpi.pm1b_event = port_read(&fadt, FADT(pm1b_evt_blk), FADT(x_pm1b_evt_blk), acpi.pm1_event_bytes);
	}
	if (acpi.pm1_control_bytes >= PM1_CONTROL_BYTES) {
		acpi.pm1a_control = port_read(&fadt, FADT(pm1a_cnt_blk), FADT(x_pm1a_cnt_blk), acpi.pm1_control_bytes);
		acpi.pm1b_control = port_read(&fadt, FADT(pm1b_cnt_blk), FADT(x_pm1b_cnt_blk), acpi.pm1_control_bytes);
	}
	acpi.gpe0 = port_read(&fadt, FADT(gpe0_blk), FADT_X_GPE0_BLK, acpi.gpe0_bytes);
	acpi.gpe1 = port_read(&fadt, FADT(gpe1_blk), FADT_X_GPE1_BLK, acpi.gpe1_bytes);
	*acpi_out = acpi;
	return STATUS_OK;
}

bool acpi_can_power_off(const struct core_acpi *acpi, const char **reason_out)
{
	if (acpi->hardware_reduced)
		*reason_out = "the hardware is ACPI-reduced: it has no PM1 control register";
	else if (acpi->pm1a_control == 0)
		*reason_out = "the FADT names no PM1a control register in I/O space";
	else if (acpi->sleep_type_a == ACPI_SLEEP_TYPE_UNKNOWN)
		*reason_out = "no sleep type of S5 was found (\\_S5 in the DSDT and SSDTs)";
	else
		return true;
	return false;
}
