/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The switch into ACPI mode against a model of the PM1 registers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/acpi.h"
#include "drivers/acpi_format.h"
#include "lib/string.h"
#include "tests/unit/fake_hw.h"

static struct acpi_registers registers;

static struct {
	uint16_t status, enable, control;
	bool b_written;
	uint8_t smi;
	uint64_t smi_at_us;
	uint64_t delay_us; /* from the SMI to SCI_EN */
	uint16_t status_at_smi;
	bool enabled_before_sci;
} model;

static bool model_sci(void)
{
	return model.smi == 0xF1 && fake_hw_now_us() >= model.smi_at_us + model.delay_us;
}

static uint64_t pm1_read(void *context, uint32_t offset, unsigned width_bytes)
{
	(void)context;
	assert_int_equal(width_bytes, 2);
	if (offset == 4)
		return model.control | (model_sci() ? 1u : 0);
	return offset == 0 ? model.status : model.enable;
}

static void pm1_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	(void)context;
	assert_int_equal(width_bytes, 2);
	if (offset == 0) {
		model.status &= (uint16_t)~value;
	} else {
		assert_int_equal(offset, 2);
		model.enable = (uint16_t)value;
		model.enabled_before_sci |= !model_sci();
	}
}

static uint64_t b_read(void *context, uint32_t offset, unsigned width_bytes)
{
	(void)context;
	(void)offset;
	(void)width_bytes;
	return 0;
}

static void b_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	(void)context;
	(void)width_bytes;
	model.b_written |= offset == 4 && value == (ACPI_PM1_GBL | ACPI_PM1_PWRBTN);
}

static void smi_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	(void)context;
	assert_int_equal(offset, 0);
	assert_int_equal(width_bytes, 1);
	model.smi = (uint8_t)value;
	model.smi_at_us = fake_hw_now_us();
	model.status_at_smi = model.status;
}

static const struct fake_hw_ops pm1_ops = {.read = pm1_read, .write = pm1_write};
static const struct fake_hw_ops b_ops = {.read = b_read, .write = b_write};
static const struct fake_hw_ops smi_ops = {.write = smi_write};

static int setup(void **state)
{
	(void)state;
	registers = (struct acpi_registers){
		.power_button_fixed = true,
		.smi_command = 0xB2,
		.acpi_enable = 0xF1,
		.pm1a_event = {.port = 0x600, .bytes = 4},
		.pm1a_control = {.port = 0x604, .bytes = 2},
	};
	memset(&model, 0, sizeof(model));
	model.status = 0x8121;
	model.enable = 0xFFFF;
	model.delay_us = 100000;
	fake_hw_reset();
	fake_hw_add_ports(0x600, 6, &pm1_ops, NULL);
	fake_hw_add_ports(0x700, 8, &b_ops, NULL);
	fake_hw_add_ports(0xB2, 1, &smi_ops, NULL);
	return 0;
}

static void test_enable(void **state)
{
	(void)state;
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	assert_int_equal(model.smi, 0xF1);
	assert_int_equal(model.status_at_smi, 0);
	assert_int_equal(model.enable, ACPI_PM1_GBL | ACPI_PM1_PWRBTN);
	assert_false(model.enabled_before_sci);
	registers.power_button_fixed = false;
	registers.sleep_button_fixed = true;
	model.smi = 0;
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	assert_int_equal(model.enable, ACPI_PM1_GBL | ACPI_PM1_SLPBTN);
}

static void test_enable_b(void **state)
{
	(void)state;
	registers.pm1b_event = (struct acpi_block){.port = 0x700, .bytes = 8};
	registers.pm1b_control = (struct acpi_block){.port = 0x702, .bytes = 2};
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	assert_true(model.b_written);
	model.b_written = false;
	model.smi = 0;
	registers.pm1b_event = registers.pm1a_event;
	registers.pm1a_event = (struct acpi_block){.port = 0x700, .bytes = 8};
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	assert_true(model.b_written);
	assert_int_equal(model.enable, ACPI_PM1_GBL | ACPI_PM1_PWRBTN);
}

static void test_enable_nothing_to_do(void **state)
{
	(void)state;
	model.control = 1;
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	assert_int_equal(model.enable, 0xFFFF);
	assert_int_equal(model.status, 0x8121);
	model.control = 0;
	registers.hardware_reduced = true;
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	assert_int_equal(model.smi, 0);
	assert_int_equal(model.enable, 0xFFFF);
}

static void test_enable_refusals(void **state)
{
	uint64_t start;

	(void)state;
	registers.acpi_enable = 0;
	assert_int_equal(acpi_enable(&registers), STATUS_UNSUPPORTED);
	registers.acpi_enable = 0xF1;
	registers.smi_command = 0;
	assert_int_equal(acpi_enable(&registers), STATUS_UNSUPPORTED);
	registers.smi_command = 0xB2;
	registers.pm1a_event.port = 0;
	assert_int_equal(acpi_enable(&registers), STATUS_UNSUPPORTED);
	registers.pm1a_event.port = 0x600;
	registers.pm1a_control.port = 0;
	assert_int_equal(acpi_enable(&registers), STATUS_UNSUPPORTED);
	registers.pm1a_control.port = 0x604;
	assert_int_equal(model.status, 0x8121);
	model.delay_us = 2900000;
	assert_int_equal(acpi_enable(&registers), STATUS_OK);
	model.delay_us = 60000000;
	model.smi = 0;
	start = fake_hw_now_us();
	assert_int_equal(acpi_enable(&registers), STATUS_TIMEOUT);
	assert_in_range(fake_hw_now_us() - start, 2900000, 3200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_enable, setup),
		cmocka_unit_test_setup(test_enable_b, setup),
		cmocka_unit_test_setup(test_enable_nothing_to_do, setup),
		cmocka_unit_test_setup(test_enable_refusals, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
