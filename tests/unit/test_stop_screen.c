/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last screen, against a model of the serial port and of the keyboard controller, which ends the test by a reset.
 */
#include "loader/normal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handoff/linux.h"
#include "lib/log.h"
#include "loader/console.h"
#include "loader/memory.h"
#include "tests/unit/fake_hw.h"
#include "tests/unit/fake_serial.h"

#define KEYBOARD            0x60
#define KEYBOARD_STATUS     4 /* from there */
#define KEYBOARD_FULL       0x01
#define KEYBOARD_FROM_MOUSE 0x20
#define PULSE_RESET         0xFE
#define ENTER_DOWN          0x1C
#define ENTER_UP            0x9C
#define SECOND_US           1000000
#define PATIENCE_US         (590 * (uint64_t)SECOND_US)
#define PROMPT              "thaw: press Enter to restart the computer\r\n"

static struct machine {
	uint8_t scan_code, keyboard_status;
	void (*prompted)(void); /* called when the prompt's last character is sent */
	jmp_buf reset;
} machine;

static bool prompt_is_sent(void)
{
	const uint32_t size = sizeof(PROMPT) - 1;

	return fake_serial.sent_count >= size &&
	       !memcmp(fake_serial.sent + fake_serial.sent_count - size, PROMPT, size);
}

static void look_for_prompt(void)
{
	if (machine.prompted && prompt_is_sent())
		machine.prompted();
}

static uint64_t keyboard_read(void *context, uint32_t offset, unsigned width)
{
	(void)context;
	(void)width;
	if (offset == KEYBOARD_STATUS)
		return machine.keyboard_status;
	machine.keyboard_status = 0;
	return machine.scan_code;
}

static void keyboard_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)width;
	if (offset == KEYBOARD_STATUS && value == PULSE_RESET)
		longjmp(machine.reset, 1);
}

static const struct fake_hw_ops keyboard_ops = {keyboard_read, keyboard_write};

/* boot_normal() is not called here. */
_Noreturn void handoff_linux_jump(struct handoff_linux *sealed)
{
	(void)sealed;
	abort();
}

/* For a screen with a frame buffer, which is not there. */
enum status memory_map_mmio(struct paddr base, uint64_t bytes)
{
	(void)base;
	(void)bytes;
	abort();
}

static int setup(void **state)
{
	static const struct options options = {.console_serial = true, .serial_baud = 115200, .quiet = true};
	static const struct boot_screen no_screen;

	(void)state;
	machine = (struct machine){0};
	fake_hw_reset();
	fake_serial_add();
	fake_serial.on_sent = look_for_prompt;
	fake_hw_add_ports(KEYBOARD, 5, &keyboard_ops, NULL);
	console_init(&options, &no_screen, NULL);
	return 0;
}

/* How long the screen stood until the machine was reset. */
static uint64_t stop(void)
{
	const uint64_t start_us = fake_hw_now_us();

	if (setjmp(machine.reset) == 0)
		stop_with_screen("what", "why");
	return fake_hw_now_us() - start_us;
}

static void press_serial(void)
{
	fake_serial_receive('\r');
}

static void press_key(void)
{
	machine.scan_code = ENTER_DOWN;
	machine.keyboard_status = KEYBOARD_FULL;
}

static void release_key(void)
{
	machine.scan_code = ENTER_UP;
	machine.keyboard_status = KEYBOARD_FULL;
}

static void move_mouse(void)
{
	machine.scan_code = ENTER_DOWN;
	machine.keyboard_status = KEYBOARD_FULL | KEYBOARD_FROM_MOUSE;
}

static void test_says_what_and_why_even_if_quiet(void **state)
{
	static const char expected[] = "thaw: what\r\nthaw: why\r\n" PROMPT;

	(void)state;
	stop();
	assert_int_equal(fake_serial.sent_count, sizeof(expected) - 1);
	assert_memory_equal(fake_serial.sent, expected, sizeof(expected) - 1);
}

static void test_key_that_comes_with_the_prompt_is_an_answer(void **state)
{
	(void)state;
	machine.prompted = press_serial;
	assert_true(stop() < SECOND_US);
}

static void test_key_of_the_keyboard_too(void **state)
{
	(void)state;
	machine.prompted = press_key;
	assert_true(stop() < SECOND_US);
}

static void test_keys_from_before_the_prompt_are_none(void **state)
{
	(void)state;
	press_serial();
	press_key();
	assert_true(stop() > PATIENCE_US);
}

static void test_released_key_and_mouse_are_none(void **state)
{
	(void)state;
	machine.prompted = release_key;
	assert_true(stop() > PATIENCE_US);
	setup(NULL);
	machine.prompted = move_mouse;
	assert_true(stop() > PATIENCE_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_says_what_and_why_even_if_quiet, setup),
		cmocka_unit_test_setup(test_key_that_comes_with_the_prompt_is_an_answer, setup),
		cmocka_unit_test_setup(test_key_of_the_keyboard_too, setup),
		cmocka_unit_test_setup(test_keys_from_before_the_prompt_are_none, setup),
		cmocka_unit_test_setup(test_released_key_and_mouse_are_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
