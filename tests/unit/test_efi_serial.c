/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial port beside a firmware whose terminal reads it at each tick.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/efi/serial.h"
#include "drivers/serial.h"
#include "tests/unit/fake_efi.h"
#include "tests/unit/fake_hw.h"
#include "tests/unit/fake_serial.h"

static void tick(void)
{
	if (fake_efi.task_priority < TPL_NOTIFY)
		(void)fake_serial_take();
}

static int set_up(void **state)
{
	(void)state;
	fake_hw_reset();
	fake_efi_reset();
	fake_serial_add();
	return 0;
}

static void test_the_firmware_does_not_take_what_comes_back(void **state)
{
	(void)state;
	fake_serial.on_looped = tick;
	assert_int_equal(efi_serial_init(0, 115200), STATUS_OK);
	assert_int_equal(fake_efi.task_priority, TPL_APPLICATION);
	serial_write("x\n", 2);
	assert_string_equal(fake_serial.sent, "x\r\n");
}

static void lose(void)
{
	(void)fake_serial_take();
}

static void test_a_port_without_an_echo_is_left_alone(void **state)
{
	(void)state;
	fake_serial.on_looped = lose;
	assert_int_equal(efi_serial_init(0, 115200), STATUS_NOT_FOUND);
	serial_write("x", 1);
	assert_int_equal(fake_serial.sent_count, 0);
	assert_int_equal(fake_efi.task_priority, TPL_APPLICATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_firmware_does_not_take_what_comes_back, set_up),
		cmocka_unit_test_setup(test_a_port_without_an_echo_is_left_alone, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
