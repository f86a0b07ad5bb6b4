/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The switch into ACPI mode by the fixed registers (ACPI specification 6.5, 4.8.2.5 and 4.8.3).
 */
#include "drivers/acpi.h"

#include "drivers/acpi_format.h"
#include "drivers/io.h"
#include "drivers/timer.h"

#define ENABLE_TIMEOUT_US 3000000u
#define PM1_FIXED_STATUS                                                                                               \
	(ACPI_PM1_TMR | ACPI_PM1_BM_STS | ACPI_PM1_GBL | ACPI_PM1_PWRBTN | ACPI_PM1_SLPBTN | ACPI_PM1_RTC |            \
	 ACPI_PM1_PCIEXP_WAKE | ACPI_PM1_WAK_STS)

static bool sci_enabled(void *context)
{
	const struct acpi_registers *registers = context;
	uint16_t control = port_read16(registers->pm1a_control.port);

	if (registers->pm1b_control.port != 0)
		control |= port_read16(registers->pm1b_control.port);
	return (control & ACPI_PM1_SCI_EN) != 0;
}

/* PM1 a and b are one register in two places (4.8.1): what is written goes to both. */
static void pm1_write_status(const struct acpi_registers *registers, uint32_t clear)
{
	port_write16(registers->pm1a_event.port, (uint16_t)clear);
	if (registers->pm1b_event.port != 0)
		port_write16(registers->pm1b_event.port, (uint16_t)clear);
}

static void pm1_write_enable(const struct acpi_registers *registers, uint32_t enable)
{
	const struct acpi_block *a = &registers->pm1a_event;
	const struct acpi_block *b = &registers->pm1b_event;

	port_write16((uint16_t)(a->port + a->bytes / 2), (uint16_t)enable);
	if (b->port != 0)
		port_write16((uint16_t)(b->port + b->bytes / 2), (uint16_t)enable);
}

enum status acpi_enable(const struct acpi_registers *registers)
{
	struct acpi_registers context = *registers;
	uint32_t enable = ACPI_PM1_GBL;

	if (registers->hardware_reduced)
		return STATUS_OK;
	if (registers->pm1a_event.port == 0 || registers->pm1a_control.port == 0)
		return STATUS_UNSUPPORTED;
	if (sci_enabled(&context))
		return STATUS_OK;
	if (registers->smi_command == 0 || registers->acpi_enable == 0)
		return STATUS_UNSUPPORTED;
	/* First: the press that powered the machine on must not arrive as an event. */
	pm1_write_status(registers, PM1_FIXED_STATUS);
	port_write8(registers->smi_command, registers->acpi_enable);
	TRY(poll_until(sci_enabled, &context, ENABLE_TIMEOUT_US));
	if (registers->power_button_fixed)
		enable |= ACPI_PM1_PWRBTN;
	if (registers->sleep_button_fixed)
		enable |= ACPI_PM1_SLPBTN;
	pm1_write_enable(registers, enable);
	return STATUS_OK;
}
