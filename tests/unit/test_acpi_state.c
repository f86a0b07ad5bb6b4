/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's registers across a power-off, against a model of them: what is recorded comes back, what was pending does not,
 * and S5 gets its types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loader/acpi_state.h"
#include "tests/unit/fake_hw.h"

#define PM1A_EVENT   0x600
#define PM1A_CONTROL 0x604
#define PM1B_EVENT   0x700
#define PM1B_CONTROL 0x708
#define GPE0         0x620
#define GPE0_BYTES   8
#define GPE1         0x640
#define GPE1_BYTES   4
#define SMI          0xB2
#define SCI_ENABLE   1u
#define SLEEP_ENABLE 0x2000u

static struct core_acpi acpi;
static struct acpi_registers today;

static struct {
	uint16_t a_status, a_enable, a_control;
	uint16_t b_status, b_enable, b_control;
	uint8_t gpe0[GPE0_BYTES], gpe1[GPE1_BYTES]; /* status, then enable */
	uint8_t smi;
	bool smi_is_dead;
	uint32_t writes;
	uint16_t b_control_at_a_enable; /* when A's SLP_EN was written */
	bool enabled_while_pending;
} model;

static uint16_t *register_at(uint32_t port)
{
	switch (port) {
	case PM1A_EVENT:
		return &model.a_status;
	case PM1A_EVENT + 2:
		return &model.a_enable;
	case PM1A_CONTROL:
		return &model.a_control;
	case PM1B_EVENT:
		return &model.b_status;
	case PM1B_EVENT + 4: /* its block is 8 bytes long in the tests that name it */
		return &model.b_enable;
	case PM1B_CONTROL:
		return &model.b_control;
	default:
		fail_msg("no register at %#x", port);
		return NULL;
	}
}

static uint64_t pm1_read(void *context, uint32_t offset, unsigned width_bytes)
{
	assert_int_equal(width_bytes, 2);
	return *register_at(*(const uint32_t *)context + offset);
}

static void pm1_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	uint16_t *at = register_at(*(const uint32_t *)context + offset);

	assert_int_equal(width_bytes, 2);
	model.writes++;
	if (at == &model.a_status || at == &model.b_status) {
		*at &= (uint16_t)~value;
		return;
	}
	*at = (uint16_t)value;
	if (at == &model.a_control && (value & SLEEP_ENABLE))
		model.b_control_at_a_enable = model.b_control;
	if (at == &model.a_enable)
		model.enabled_while_pending |= model.a_status != 0;
}

static uint64_t gpe_read(void *context, uint32_t offset, unsigned width_bytes)
{
	assert_int_equal(width_bytes, 1);
	return ((const uint8_t *)context)[offset];
}

static void gpe_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	uint8_t *block = context;
	const uint32_t half = block == model.gpe0 ? GPE0_BYTES / 2 : GPE1_BYTES / 2;

	assert_int_equal(width_bytes, 1);
	model.writes++;
	if (offset < half) {
		block[offset] &= (uint8_t)~value;
		return;
	}
	model.enabled_while_pending |= block[offset - half] != 0;
	block[offset] = (uint8_t)value;
}

static void smi_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	(void)context;
	(void)offset;
	assert_int_equal(width_bytes, 1);
	model.writes++;
	model.smi = (uint8_t)value;
	if (!model.smi_is_dead)
		model.a_control |= SCI_ENABLE;
}

static const struct fake_hw_ops pm1_ops = {pm1_read, pm1_write};
static const struct fake_hw_ops gpe_ops = {gpe_read, gpe_write};
static const struct fake_hw_ops smi_ops = {.write = smi_write};

/* A session's registers. */
static void registers_live(void)
{
	memset(&model, 0, sizeof(model));
	model.a_status = 0x0011;
	model.a_enable = 0x0321;
	model.a_control = 0x0203;
	model.b_enable = 0x0100;
	model.b_control = 0x1C01;
	memcpy(model.gpe0, (const uint8_t[]){1, 2, 3, 4, 0xA1, 0xA2, 0xA3, 0xA4}, GPE0_BYTES);
	memcpy(model.gpe1, (const uint8_t[]){5, 6, 0xB1, 0xB2}, GPE1_BYTES);
}

/* After a power-on: everything off, the press of the button pending. */
static void registers_cold(void)
{
	memset(&model, 0, sizeof(model));
	model.a_status = 0x8100;
	model.b_status = 0x0100;
	memset(model.gpe0, 0x55, GPE0_BYTES / 2);
	memset(model.gpe1, 0xAA, GPE1_BYTES / 2);
}

static int setup(void **state)
{
	static uint32_t a = PM1A_EVENT, b = PM1B_EVENT;

	(void)state;
	acpi = (struct core_acpi){
		.smi_command = SMI,
		.acpi_enable = 0xF1,
		.pm1a_event = PM1A_EVENT,
		.pm1a_control = PM1A_CONTROL,
		.pm1_event_bytes = 4,
		.pm1_control_bytes = 2,
		.gpe0 = GPE0,
		.gpe0_bytes = GPE0_BYTES,
		.gpe1 = GPE1,
		.gpe1_bytes = GPE1_BYTES,
		.sleep_type_a = 5,
		.sleep_type_b = 6,
	};
	today = (struct acpi_registers){
		.smi_command = SMI,
		.acpi_enable = 0xF1,
		.pm1a_event = {PM1A_EVENT, 4},
		.pm1a_control = {PM1A_CONTROL, 2},
		.gpe0 = {GPE0, GPE0_BYTES},
		.gpe1 = {GPE1, GPE1_BYTES},
	};
	fake_hw_reset();
	fake_hw_add_ports(PM1A_EVENT, 6, &pm1_ops, &a);
	fake_hw_add_ports(PM1B_EVENT, 10, &pm1_ops, &b);
	fake_hw_add_ports(GPE0, GPE0_BYTES, &gpe_ops, model.gpe0);
	fake_hw_add_ports(GPE1, GPE1_BYTES, &gpe_ops, model.gpe1);
	fake_hw_add_ports(SMI, 1, &smi_ops, NULL);
	registers_live();
	return 0;
}

/* B's registers as well; every event block is 8 bytes long then, so that A's are not looked at. */
static void use_b(void)
{
	acpi.pm1a_event = 0;
	acpi.pm1b_event = PM1B_EVENT;
	acpi.pm1b_control = PM1B_CONTROL;
	acpi.pm1_event_bytes = 8;
	today.pm1b_event = (struct acpi_block){PM1B_EVENT, 8};
	today.pm1b_control = (struct acpi_block){PM1B_CONTROL, 2};
}

static void test_the_enables_are_recorded(void **state)
{
	(void)state;
	acpi_state_record(&acpi);
	assert_int_equal(acpi.pm1a_enable_value, 0x0321);
	assert_int_equal(acpi.pm1a_control_value, 0x0203);
	assert_int_equal(acpi.pm1b_enable_value, 0);
	assert_memory_equal(acpi.gpe0_enable_value, model.gpe0 + 4, 4);
	assert_int_equal(acpi.gpe0_enable_value[4], 0);
	assert_memory_equal(acpi.gpe1_enable_value, model.gpe1 + 2, 2);
	assert_int_equal(model.writes, 0);
	use_b();
	acpi_state_record(&acpi);
	assert_int_equal(acpi.pm1b_enable_value, 0x0100);
	assert_int_equal(acpi.pm1b_control_value, 0x1C01);
}

static void test_they_come_back(void **state)
{
	(void)state;
	acpi_state_record(&acpi);
	registers_cold();
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_OK);
	assert_int_equal(model.smi, 0xF1);
	assert_int_equal(model.a_enable, 0x0321);
	assert_int_equal(model.a_status, 0);
	assert_memory_equal(model.gpe0, ((const uint8_t[]){0, 0, 0, 0, 0xA1, 0xA2, 0xA3, 0xA4}), GPE0_BYTES);
	assert_memory_equal(model.gpe1, ((const uint8_t[]){0, 0, 0xB1, 0xB2}), GPE1_BYTES);
	assert_false(model.enabled_while_pending);
}

/* The firmware left ACPI mode on: no SMI, but the rest. */
static void test_acpi_mode_is_on_already(void **state)
{
	(void)state;
	acpi_state_record(&acpi);
	registers_cold();
	model.a_control = SCI_ENABLE;
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_OK);
	assert_int_equal(model.smi, 0);
	assert_int_equal(model.a_enable, 0x0321);
	assert_int_equal(model.a_status, 0);
	assert_int_equal(model.gpe0[4], 0xA1);
}

static void test_b_comes_back(void **state)
{
	(void)state;
	use_b();
	acpi_state_record(&acpi);
	registers_cold();
	model.a_control = SCI_ENABLE;
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_OK);
	assert_int_equal(model.b_enable, 0x0100);
	assert_int_equal(model.b_status, 0);
	assert_int_equal(model.a_status, 0x8100); /* not named */
}

static void test_other_registers_are_left_alone(void **state)
{
	const struct acpi_registers same = today;

	(void)state;
	acpi_state_record(&acpi);
	for (unsigned what = 0; what < 7; what++) {
		today = same;
		today.pm1a_event.port = what == 0 ? PM1B_EVENT : today.pm1a_event.port;
		today.pm1a_event.bytes = what == 1 ? 8 : today.pm1a_event.bytes;
		today.gpe0.port = what == 2 ? GPE1 : today.gpe0.port;
		today.gpe0.bytes = what == 3 ? 4 : today.gpe0.bytes;
		today.gpe1.port = what == 4 ? 0 : today.gpe1.port;
		today.gpe1.bytes = what == 5 ? 2 : today.gpe1.bytes;
		if (what == 6)
			acpi.pm1b_event = PM1B_EVENT;
		registers_cold();
		assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_UNSUPPORTED);
		assert_int_equal(model.writes, 0);
	}
}

/* Lengths of blocks that are not in I/O space, or too long to be recorded, mean nothing. */
static void test_what_was_not_recorded_is_no_difference(void **state)
{
	(void)state;
	acpi.gpe1 = 0;
	today.gpe1 = (struct acpi_block){0, 0};
	acpi.gpe0 = 0;
	acpi.gpe0_bytes = 0;
	acpi_state_record(&acpi);
	registers_cold();
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_OK);
	assert_int_equal(model.a_enable, 0x0321);
	assert_int_equal(model.gpe0[0], 0x55);
	assert_int_equal(model.gpe1[0], 0xAA);
}

static void test_reduced_hardware_has_none_of_this(void **state)
{
	(void)state;
	acpi.hardware_reduced = 1;
	acpi_state_record(&acpi);
	assert_int_equal(acpi.pm1a_enable_value, 0);
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_OK);
	acpi_power_off(&acpi);
	assert_int_equal(model.writes, 0);
	acpi.hardware_reduced = 0;
	today.hardware_reduced = true;
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_OK);
	assert_int_equal(model.writes, 0);
}

static void test_acpi_mode_that_does_not_come_is_said(void **state)
{
	(void)state;
	acpi_state_record(&acpi);
	registers_cold();
	model.smi_is_dead = true;
	assert_int_equal(acpi_state_restore(&acpi, &today), STATUS_TIMEOUT);
	assert_int_equal(model.a_enable, 0);
}

static void test_power_off(void **state)
{
	const uint64_t start_us = fake_hw_now_us();

	(void)state;
	acpi.pm1b_control = PM1B_CONTROL;
	acpi.pm1b_event = PM1B_EVENT;
	model.b_status = 0xFFFF;
	acpi_power_off(&acpi);
	assert_int_equal(model.a_status, 0);
	assert_int_equal(model.b_status, 0);
	assert_int_equal(model.a_control, 0x0203 | 5u << 10 | SLEEP_ENABLE);
	assert_int_equal(model.b_control, 0x0001 | 6u << 10 | SLEEP_ENABLE);
	/* A's enable may be all that it takes: B's type is there by then, and not enabled. */
	assert_int_equal(model.b_control_at_a_enable, 0x0001 | 6u << 10);
	assert_true(fake_hw_now_us() - start_us >= 5000000);
}

static void test_power_off_needs_to_know_how(void **state)
{
	(void)state;
	acpi.sleep_type_a = 0xFF;
	acpi_power_off(&acpi);
	acpi.sleep_type_a = 5;
	acpi.pm1a_control = 0;
	acpi_power_off(&acpi);
	assert_int_equal(model.writes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_enables_are_recorded, setup),
		cmocka_unit_test_setup(test_they_come_back, setup),
		cmocka_unit_test_setup(test_acpi_mode_is_on_already, setup),
		cmocka_unit_test_setup(test_b_comes_back, setup),
		cmocka_unit_test_setup(test_other_registers_are_left_alone, setup),
		cmocka_unit_test_setup(test_what_was_not_recorded_is_no_difference, setup),
		cmocka_unit_test_setup(test_reduced_hardware_has_none_of_this, setup),
		cmocka_unit_test_setup(test_acpi_mode_that_does_not_come_is_said, setup),
		cmocka_unit_test_setup(test_power_off, setup),
		cmocka_unit_test_setup(test_power_off_needs_to_know_how, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
