/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PM1 and GPE registers: read at the save, written at the restore; and the way to S5.
 */
#include "loader/acpi_state.h"

#include "drivers/io.h"
#include "drivers/timer.h"

#define PM1_STATUS_ALL     0xFFFFu
#define PM1_CONTROL_KEPT   0x0203u /* SCI_EN, BM_RLD, and bit 9, which is to be kept */
#define PM1_SLP_TYPE_SHIFT 10
#define PM1_SLP_TYPE_MASK  0x7u
#define PM1_SLP_ENABLE     BIT(13)
#define SLEEP_TYPE_UNKNOWN 0xFFu
#define POWER_OFF_US       5000000u

static uint16_t event_enable(const struct core_acpi *acpi, uint16_t port)
{
	return (uint16_t)(port + acpi->pm1_event_bytes / 2);
}

static void gpe_record(uint16_t port, uint8_t bytes, uint8_t values_out[CORE_GPE_BYTES_MAX])
{
	const uint8_t half = (uint8_t)min_u64(bytes / 2, CORE_GPE_BYTES_MAX);

	for (uint8_t i = 0; port != 0 && i < half; i++)
		values_out[i] = port_read8((uint16_t)(port + bytes / 2 + i));
}

void acpi_state_record(struct core_acpi *acpi)
{
	if (acpi->hardware_reduced)
		return;
	if (acpi->pm1a_event)
		acpi->pm1a_enable_value = port_read16(event_enable(acpi, acpi->pm1a_event));
	if (acpi->pm1b_event)
		acpi->pm1b_enable_value = port_read16(event_enable(acpi, acpi->pm1b_event));
	if (acpi->pm1a_control)
		acpi->pm1a_control_value = port_read16(acpi->pm1a_control);
	if (acpi->pm1b_control)
		acpi->pm1b_control_value = port_read16(acpi->pm1b_control);
	gpe_record(acpi->gpe0, acpi->gpe0_bytes, acpi->gpe0_enable_value);
	gpe_record(acpi->gpe1, acpi->gpe1_bytes, acpi->gpe1_enable_value);
}

/* A block that was not recorded is not written, whatever it is today. */
static bool same_block(uint16_t port, uint8_t bytes, const struct acpi_block *today)
{
	return port == 0 || (port == today->port && bytes == today->bytes);
}

static bool same_registers(const struct core_acpi *acpi, const struct acpi_registers *today)
{
	return same_block(acpi->pm1a_event, acpi->pm1_event_bytes, &today->pm1a_event) &&
	       same_block(acpi->pm1b_event, acpi->pm1_event_bytes, &today->pm1b_event) &&
	       same_block(acpi->gpe0, acpi->gpe0_bytes, &today->gpe0) &&
	       same_block(acpi->gpe1, acpi->gpe1_bytes, &today->gpe1);
}

static void gpe_restore(uint16_t port, uint8_t bytes, const uint8_t values[CORE_GPE_BYTES_MAX])
{
	const uint8_t half = (uint8_t)min_u64(bytes / 2, CORE_GPE_BYTES_MAX);

	for (uint8_t i = 0; port != 0 && i < half; i++) {
		port_write8((uint16_t)(port + i), 0xFF);
		port_write8((uint16_t)(port + bytes / 2 + i), values[i]);
	}
}

enum status acpi_state_restore(const struct core_acpi *acpi, const struct acpi_registers *today)
{
	if (acpi->hardware_reduced || today->hardware_reduced)
		return STATUS_OK;
	if (!same_registers(acpi, today))
		return STATUS_UNSUPPORTED;
	if (acpi->pm1a_event)
		port_write16(acpi->pm1a_event, PM1_STATUS_ALL);
	if (acpi->pm1b_event)
		port_write16(acpi->pm1b_event, PM1_STATUS_ALL);
	TRY(acpi_enable(today));
	if (acpi->pm1a_event)
		port_write16(event_enable(acpi, acpi->pm1a_event), acpi->pm1a_enable_value);
	if (acpi->pm1b_event)
		port_write16(event_enable(acpi, acpi->pm1b_event), acpi->pm1b_enable_value);
	gpe_restore(acpi->gpe0, acpi->gpe0_bytes, acpi->gpe0_enable_value);
	gpe_restore(acpi->gpe1, acpi->gpe1_bytes, acpi->gpe1_enable_value);
	return STATUS_OK;
}

/* enable: 0, or PM1_SLP_ENABLE. */
static void sleep_write(uint16_t port, uint8_t type, uint32_t enable)
{
	if (port != 0)
		port_write16(port, (uint16_t)((port_read16(port) & PM1_CONTROL_KEPT) |
					      (type & PM1_SLP_TYPE_MASK) << PM1_SLP_TYPE_SHIFT | enable));
}

void acpi_power_off(const struct core_acpi *acpi)
{
	if (acpi->hardware_reduced || acpi->pm1a_control == 0 || acpi->sleep_type_a == SLEEP_TYPE_UNKNOWN)
		return;
	if (acpi->pm1a_event)
		port_write16(acpi->pm1a_event, PM1_STATUS_ALL);
	if (acpi->pm1b_event)
		port_write16(acpi->pm1b_event, PM1_STATUS_ALL);
	/* The types of both before the first enable: that one may be all it takes. */
	sleep_write(acpi->pm1a_control, acpi->sleep_type_a, 0);
	sleep_write(acpi->pm1b_control, acpi->sleep_type_b, 0);
	sleep_write(acpi->pm1a_control, acpi->sleep_type_a, PM1_SLP_ENABLE);
	sleep_write(acpi->pm1b_control, acpi->sleep_type_b, PM1_SLP_ENABLE);
	timer_delay_us(POWER_OFF_US);
}
