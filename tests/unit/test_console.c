/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console on models of the serial port and of the keyboard controller: log lines begin lines whatever was drawn
 * before, and keys are what they are on both.
 */
#include "loader/console.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"
#include "loader/console_devices.h"
#include "loader/memory.h"
#include "tests/unit/fake_hw.h"
#include "tests/unit/fake_serial.h"

#define KEYBOARD            0x60
#define KEYBOARD_STATUS     4 /* from there */
#define KEYBOARD_FULL       0x01
#define KEYBOARD_FROM_MOUSE 0x20
#define QUEUE               16

static struct machine {
	uint8_t scan_codes[QUEUE];
	uint32_t scan_count;
	bool is_mouse;
} machine;

static uint8_t take_scan_code(void)
{
	const uint8_t first = machine.scan_codes[0];

	memmove(machine.scan_codes, machine.scan_codes + 1, QUEUE - 1);
	machine.scan_count--;
	return first;
}

static uint64_t keyboard_read(void *context, uint32_t offset, unsigned width)
{
	(void)context;
	(void)width;
	if (offset == KEYBOARD_STATUS)
		return (machine.scan_count ? KEYBOARD_FULL : 0) | (machine.is_mouse ? KEYBOARD_FROM_MOUSE : 0);
	return machine.scan_count ? take_scan_code() : 0;
}

static void keyboard_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)offset;
	(void)width;
	(void)value;
	fail();
}

static const struct fake_hw_ops keyboard_ops = {keyboard_read, keyboard_write};

enum status memory_map_mmio(struct paddr base, uint64_t bytes)
{
	(void)base;
	(void)bytes;
	abort();
}

static void start(bool quiet)
{
	const struct options options = {.console_serial = true, .serial_baud = 115200, .quiet = quiet};
	static const struct boot_screen no_screen;

	machine = (struct machine){0};
	fake_hw_reset();
	fake_serial_add();
	fake_hw_add_ports(KEYBOARD, 5, &keyboard_ops, NULL);
	console_init(&options, &no_screen, NULL);
	/* Whatever the last test left behind an Esc is over. */
	fake_hw_advance_us(1000000);
	console_drop_keys();
	console_write_line("");
	fake_serial.sent_count = 0;
}

static int setup(void **state)
{
	(void)state;
	start(false);
	return 0;
}

static void receive(const char *text)
{
	for (; *text; text++)
		fake_serial_receive((uint8_t)*text);
}

static void press(uint8_t code)
{
	machine.scan_codes[machine.scan_count++] = code;
}

static void test_log_begins_a_line(void **state)
{
	(void)state;
	log_line("a");
	console_draw_line("[# ] 1");
	console_draw_line("[##] 2");
	log_line("b");
	log_line("c");
	assert_string_equal(fake_serial.sent, "thaw: a\r\n\r[# ] 1\r[##] 2\r\nthaw: b\r\nthaw: c\r\n");
}

static void test_shorter_line_covers_the_longer_one(void **state)
{
	(void)state;
	console_draw_line("10 s");
	console_draw_line("9 s");
	console_draw_line("8 s");
	console_write_line("x");
	console_draw_line("1");
	assert_string_equal(fake_serial.sent, "\r10 s\r9 s \r8 s\r\nx\r\n\r1");
}

static void test_line_is_cut(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	console_draw_line(text);
	assert_int_equal(console_columns(), 79);
	assert_int_equal(fake_serial.sent_count, 80);
}

static void test_quiet_shows_bar_and_decisions(void **state)
{
	(void)state;
	start(true);
	log_line("chatter");
	console_draw_line("[#]");
	log_line("more chatter");
	console_draw_line("[#]");
	log_line("boot: user");
	assert_string_equal(fake_serial.sent, "\r[#]\r[#]\r\nthaw: boot: user\r\n");
}

static void test_keys_of_the_keyboard(void **state)
{
	static const struct {
		uint8_t codes[3];
		uint8_t key;
	} cases[] = {
		{{0x01}, KEY_ESCAPE},
		{{0x02}, '1'},
		{{0x0A}, '9'},
		{{0x0B}, KEY_OTHER},
		{{0x1C}, KEY_ENTER},
		{{0xE0, 0x1C}, KEY_ENTER},
		{{0x4F}, '1'},
		{{0x49}, '9'},
		{{0xE0, 0x4F}, KEY_OTHER},
		{{0xE0, 0xCF, 0x04}, '3'},
		{{0x81, 0x03}, '2'},
		{{0x82}, 0},
		{{0xE0, 0x01}, KEY_OTHER},
		{{0x4E}, KEY_OTHER},
		{{0x53}, KEY_OTHER},
		{{0x47}, '7'},
		{{0x46}, KEY_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t k = 0; k < 3 && cases[i].codes[k]; k++)
			press(cases[i].codes[k]);
		assert_int_equal(console_read_key(), cases[i].key);
		assert_int_equal(machine.scan_count, 0);
	}
	machine.is_mouse = true;
	press(0x01);
	assert_int_equal(console_read_key(), 0);
}

static void test_keys_of_the_terminal(void **state)
{
	(void)state;
	receive("1\r\n9x");
	assert_int_equal(console_read_key(), '1');
	assert_int_equal(console_read_key(), KEY_ENTER);
	assert_int_equal(console_read_key(), KEY_ENTER);
	assert_int_equal(console_read_key(), '9');
	assert_int_equal(console_read_key(), KEY_OTHER);
	assert_int_equal(console_read_key(), 0);
}

static void test_escape_of_the_terminal(void **state)
{
	(void)state;
	receive("\033");
	assert_false(console_escape_pressed());
	fake_hw_advance_us(125000);
	assert_true(console_escape_pressed());
	fake_hw_advance_us(125000);
	assert_false(console_escape_pressed());
	receive("1\033\033");
	assert_true(console_escape_pressed());
}

/* Cursor keys, what a terminal answers to a question of GRUB's, and a sequence that never ends. */
static void test_sequences_are_no_escape(void **state)
{
	static const char *const sequences[] = {"\033[A", "\033OP", "\033[24;80R", "\033[0n", "\033[12", "\033x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sequences); i++) {
		receive(sequences[i]);
		assert_false(console_escape_pressed());
		fake_hw_advance_us(125000);
		assert_false(console_escape_pressed());
		fake_hw_advance_us(125000);
		receive("2");
		assert_int_equal(console_read_key(), '2');
	}
	/* What is in them is no digit. */
	receive("\033[3~\033O9");
	for (unsigned i = 0; i < 8; i++)
		assert_true(console_read_key() <= KEY_OTHER);
	/* Its beginning came just before a look. */
	receive("\033");
	assert_false(console_escape_pressed());
	fake_hw_advance_us(125000);
	receive("[B");
	assert_false(console_escape_pressed());
}

static void test_keys_from_before_are_dropped(void **state)
{
	const struct options options = {.console_serial = true, .serial_baud = 115200};
	static const struct boot_screen no_screen;

	(void)state;
	press(0x01);
	console_init(&options, &no_screen, NULL);
	assert_false(console_escape_pressed());
	press(0x01);
	assert_true(console_escape_pressed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_log_begins_a_line, setup),
		cmocka_unit_test_setup(test_shorter_line_covers_the_longer_one, setup),
		cmocka_unit_test_setup(test_line_is_cut, setup),
		cmocka_unit_test_setup(test_quiet_shows_bar_and_decisions, setup),
		cmocka_unit_test_setup(test_keys_of_the_keyboard, setup),
		cmocka_unit_test_setup(test_keys_of_the_terminal, setup),
		cmocka_unit_test_setup(test_escape_of_the_terminal, setup),
		cmocka_unit_test_setup(test_sequences_are_no_escape, setup),
		cmocka_unit_test_setup(test_keys_from_before_are_dropped, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
