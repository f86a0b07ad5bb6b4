/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial console against a model of the 16550. */
#include "drivers/serial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/serial_regs.h"
#include "tests/unit/fake_hw.h"

#define COM1        0x3F8
#define DRAIN_POLLS 3

static struct uart {
	bool present;
	bool fifo_works;
	bool loop_broken;
	bool jammed; /* the transmitter never gets empty */
	uint8_t lcr, mcr, fcr, ier;
	uint16_t divisor;
	char received[16];
	uint32_t received_count;
	uint32_t in_fifo; /* characters since the transmitter was last seen empty */
	uint32_t burst_max;
	uint32_t drain; /* looks at LSR until the transmitter is empty */
	char sent[256];
	uint32_t sent_count;
} uart;

static uint64_t uart_read_lsr(void)
{
	uint32_t value = uart.received_count > 0 ? SERIAL_LSR_DATA_READY : 0;

	if (uart.jammed)
		return value;
	if (uart.drain > 0) {
		uart.drain--;
		return value;
	}
	uart.in_fifo = 0;
	return value | SERIAL_LSR_THR_EMPTY | SERIAL_LSR_IDLE;
}

static uint64_t uart_take_received(void)
{
	const char byte = uart.received[0];

	if (uart.received_count == 0)
		return 0;
	memmove(uart.received, uart.received + 1, --uart.received_count);
	return (uint8_t)byte;
}

static uint64_t uart_read(void *context, uint32_t offset, unsigned width)
{
	(void)context;
	assert_int_equal(width, 1);
	if (!uart.present)
		return 0xFF;
	switch (offset) {
	case SERIAL_RBR:
		return uart_take_received();
	case SERIAL_IER:
		return uart.ier;
	case SERIAL_IIR:
		return uart.fifo_works && (uart.fcr & SERIAL_FCR_ENABLE) != 0 ? SERIAL_IIR_FIFO_ON | 1 : 1;
	case SERIAL_LSR:
		return uart_read_lsr();
	default:
		fail_msg("unexpected read of register %u", offset);
		return 0;
	}
}

static void uart_transmit(uint8_t byte)
{
	if ((uart.mcr & SERIAL_MCR_LOOP) != 0) {
		if (!uart.loop_broken)
			uart.received[uart.received_count++] = (char)byte;
		return;
	}
	assert_true(uart.sent_count < sizeof(uart.sent));
	uart.sent[uart.sent_count++] = (char)byte;
	uart.in_fifo++;
	uart.drain = DRAIN_POLLS;
	if (uart.in_fifo > uart.burst_max)
		uart.burst_max = uart.in_fifo;
}

static void uart_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	const uint8_t byte = (uint8_t)value;
	const bool latch = (uart.lcr & SERIAL_LCR_DLAB) != 0;

	(void)context;
	assert_int_equal(width, 1);
	switch (offset) {
	case SERIAL_THR:
		if (latch)
			uart.divisor = (uint16_t)((uart.divisor & 0xFF00) | byte);
		else
			uart_transmit(byte);
		break;
	case SERIAL_IER:
		if (latch)
			uart.divisor = (uint16_t)((uart.divisor & 0xFF) | byte << 8);
		else
			uart.ier = byte & 0x0F;
		break;
	case SERIAL_FCR:
		uart.fcr = byte;
		if ((byte & SERIAL_FCR_CLEAR_RECEIVE) != 0)
			uart.received_count = 0;
		break;
	case SERIAL_LCR:
		uart.lcr = byte;
		break;
	case SERIAL_MCR:
		uart.mcr = byte;
		break;
	default:
		fail_msg("unexpected write of register %u", offset);
	}
}

static const struct fake_hw_ops uart_ops = {uart_read, uart_write};

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	fake_hw_add_ports(COM1, 8, &uart_ops, NULL);
	uart = (struct uart){.present = true, .fifo_works = true, .ier = 0x0F};
	return 0;
}

static void write_text(const char *text)
{
	serial_write(text, strlen(text));
}

static void assert_sent(const char *expected)
{
	assert_int_equal(uart.sent_count, strlen(expected));
	assert_memory_equal(uart.sent, expected, uart.sent_count);
}

static void test_sends_with_carriage_returns(void **state)
{
	(void)state;
	assert_int_equal(serial_init(0, 115200), STATUS_OK);
	assert_int_equal(uart.divisor, 1);
	assert_int_equal(uart.lcr, SERIAL_LCR_8N1);
	assert_int_equal(uart.mcr & SERIAL_MCR_LOOP, 0);
	assert_int_equal(uart.ier, 0);
	write_text("thaw: one\ntwo\n");
	assert_sent("thaw: one\r\ntwo\r\n");
}

static void test_fills_the_fifo_and_never_more(void **state)
{
	(void)state;
	assert_int_equal(serial_init(0, 9600), STATUS_OK);
	assert_int_equal(uart.divisor, 12);
	write_text("0123456789abcdef0123456789abcdef0123456789");
	assert_int_equal(uart.sent_count, 42);
	assert_int_equal(uart.burst_max, 16);
}

static void test_one_by_one_without_fifo(void **state)
{
	(void)state;
	uart.fifo_works = false;
	assert_int_equal(serial_init(0, 115200), STATUS_OK);
	write_text("abcdef");
	assert_sent("abcdef");
	assert_int_equal(uart.burst_max, 1);
}

static void test_missing_port(void **state)
{
	const uint64_t start_us = fake_hw_now_us();

	(void)state;
	uart.present = false;
	assert_int_equal(serial_init(0, 115200), STATUS_NOT_FOUND);
	write_text("nobody hears this");
	assert_int_equal(uart.sent_count, 0);
	assert_true(fake_hw_now_us() - start_us < 1000);
}

static void test_broken_loop(void **state)
{
	uint8_t byte;

	(void)state;
	uart.loop_broken = true;
	assert_int_equal(serial_init(0, 115200), STATUS_NOT_FOUND);
	assert_int_equal(uart.mcr & SERIAL_MCR_LOOP, 0);
	assert_false(serial_read(&byte));
	assert_true(fake_hw_now_us() < 1000000 + 1000000);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(serial_init(4, 115200), STATUS_INVALID);
	assert_int_equal(serial_init(0, 0), STATUS_INVALID);
	assert_int_equal(serial_init(0, 115201), STATUS_INVALID);
	assert_int_equal(serial_init(0, 1), STATUS_OK);
	assert_int_equal(uart.divisor, 0xFFFF);
}

/* One bound is paid when it jams, no more as long as it stays so, and it is used again when it moves. */
static void test_jammed_port_costs_one_wait(void **state)
{
	uint64_t start_us;

	(void)state;
	assert_int_equal(serial_init(0, 115200), STATUS_OK);
	uart.jammed = true;
	start_us = fake_hw_now_us();
	for (int i = 0; i < 50; i++)
		write_text("a line that goes nowhere\n");
	assert_true(fake_hw_now_us() - start_us > 50000);
	assert_true(fake_hw_now_us() - start_us < 150000);
	assert_int_equal(uart.sent_count, 0);
	uart.jammed = false;
	write_text("back");
	assert_sent("back");
}

static void test_reads_without_waiting(void **state)
{
	uint8_t byte = 0;

	(void)state;
	assert_int_equal(serial_init(0, 115200), STATUS_OK);
	assert_false(serial_read(&byte));
	uart.received[uart.received_count++] = 'n';
	assert_true(serial_read(&byte));
	assert_int_equal(byte, 'n');
	assert_false(serial_read(&byte));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sends_with_carriage_returns, setup),
		cmocka_unit_test_setup(test_fills_the_fifo_and_never_more, setup),
		cmocka_unit_test_setup(test_one_by_one_without_fifo, setup),
		cmocka_unit_test_setup(test_missing_port, setup),
		cmocka_unit_test_setup(test_broken_loop, setup),
		cmocka_unit_test_setup(test_bad_arguments, setup),
		cmocka_unit_test_setup(test_jammed_port_costs_one_wait, setup),
		cmocka_unit_test_setup(test_reads_without_waiting, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
