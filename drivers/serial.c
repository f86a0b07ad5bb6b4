/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console: a 16550 UART driven by polling (National Semiconductor PC16550D, June 1995). A 16450 or 8250 is
 * the same without the FIFO. Nothing here can hang: each wait is bounded, and a port that ran into its bound is
 * written to only while it says by itself that it has room.
 */
#include "drivers/serial.h"

#include "drivers/io.h"
#include "drivers/serial_regs.h"
#include "drivers/timer.h"

#define DRAIN_TIMEOUT_US    100000 /* 16 characters at 9600 baud are 17 ms */
#define LOOPBACK_TIMEOUT_US 50000  /* one character: 33 ms at 300 baud */
#define LOOPBACK_PATTERN    0xA5
#define FIFO_CHARACTERS     16
#define CHARACTER_BITS      10 /* start, 8 data, stop */
#define US_PER_SECOND       1000000
#define PACE_SLACK_US       50000 /* an emulated port may wait for its host */

static const uint16_t port_bases[SERIAL_PORTS] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};

static struct {
	uint16_t base;            /* 0: no port */
	uint32_t fifo_characters; /* that may be sent each time the transmitter is empty */
	uint32_t room;            /* of them left */
	uint64_t empty_timeout_us;
	bool stuck;
} console;

static uint8_t register_read(uint16_t base, enum serial_register offset)
{
	return port_read8((uint16_t)(base + offset));
}

static void register_write(uint16_t base, enum serial_register offset, uint32_t value)
{
	port_write8((uint16_t)(base + offset), (uint8_t)value);
}

static bool line_status_has(uint16_t base, uint32_t bits)
{
	return (register_read(base, SERIAL_LSR) & bits) == bits;
}

static bool transmitter_is_idle(void *context)
{
	return line_status_has(*(const uint16_t *)context, SERIAL_LSR_IDLE);
}

static bool transmitter_is_empty(void *context)
{
	return line_status_has(*(const uint16_t *)context, SERIAL_LSR_THR_EMPTY);
}

static bool receiver_has_data(void *context)
{
	return line_status_has(*(const uint16_t *)context, SERIAL_LSR_DATA_READY);
}

/* IER's upper half reads 0 on every 8250 descendant; an absent port floats to all ones. */
static bool port_answers(uint16_t base)
{
	register_write(base, SERIAL_IER, 0);
	return register_read(base, SERIAL_IER) == 0 && register_read(base, SERIAL_LSR) != 0xFF;
}

static void port_set_rate(uint16_t base, uint32_t baud)
{
	const uint32_t divisor = (SERIAL_CLOCK_BAUD + baud / 2) / baud;
	const uint32_t latch = divisor > UINT16_MAX ? UINT16_MAX : divisor;

	register_write(base, SERIAL_LCR, SERIAL_LCR_8N1 | SERIAL_LCR_DLAB);
	register_write(base, SERIAL_DLL, latch & 0xFF);
	register_write(base, SERIAL_DLM, latch >> 8);
	register_write(base, SERIAL_LCR, SERIAL_LCR_8N1);
}

/* True when a byte comes back through the port's own loop. At most 16 leftovers may come before it. */
static bool port_loops_back(uint16_t base)
{
	bool found = false;

	register_write(base, SERIAL_MCR, SERIAL_MCR_LOOP | SERIAL_MCR_RTS | SERIAL_MCR_DTR);
	register_write(base, SERIAL_THR, LOOPBACK_PATTERN);
	for (uint32_t i = 0; i <= FIFO_CHARACTERS && !found; i++) {
		if (poll_until(receiver_has_data, &base, LOOPBACK_TIMEOUT_US) != STATUS_OK)
			break;
		found = register_read(base, SERIAL_RBR) == LOOPBACK_PATTERN;
	}
	register_write(base, SERIAL_MCR, SERIAL_MCR_DTR | SERIAL_MCR_RTS | SERIAL_MCR_OUT2);
	return found;
}

static void console_send(uint8_t byte)
{
	uint64_t timeout_us = console.stuck ? 0 : console.empty_timeout_us;

	if (console.room == 0) {
		console.stuck = poll_until(transmitter_is_empty, &console.base, timeout_us) != STATUS_OK;
		if (console.stuck)
			return;
		console.room = console.fifo_characters;
	}
	register_write(console.base, SERIAL_THR, byte);
	console.room--;
}

enum status serial_init(uint32_t port_index, uint32_t baud)
{
	uint16_t base;

	if (port_index >= SERIAL_PORTS || baud == 0 || baud > SERIAL_CLOCK_BAUD)
		return STATUS_INVALID;
	base = port_bases[port_index];
	console.base = 0;
	if (!port_answers(base))
		return STATUS_NOT_FOUND;
	/* Not an error: a transmitter that never gets idle shows itself in the loopback test. */
	ignore_status(poll_until(transmitter_is_idle, &base, DRAIN_TIMEOUT_US));
	port_set_rate(base, baud);
	register_write(base, SERIAL_FCR, SERIAL_FCR_ENABLE | SERIAL_FCR_CLEAR_RECEIVE | SERIAL_FCR_CLEAR_TRANSMIT);
	if (!port_loops_back(base))
		return STATUS_NOT_FOUND;
	console.fifo_characters =
		(register_read(base, SERIAL_IIR) & SERIAL_IIR_FIFO_MASK) == SERIAL_IIR_FIFO_ON ? FIFO_CHARACTERS : 1;
	console.empty_timeout_us =
		(uint64_t)CHARACTER_BITS * (FIFO_CHARACTERS + 1) * US_PER_SECOND / baud + PACE_SLACK_US;
	console.room = 0;
	console.stuck = false;
	console.base = base;
	return STATUS_OK;
}

void serial_write(const char *text, size_t size)
{
	if (console.base == 0)
		return;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			console_send('\r');
		console_send((uint8_t)text[i]);
	}
}

bool serial_read(uint8_t *byte_out)
{
	if (console.base == 0 || !receiver_has_data(&console.base))
		return false;
	*byte_out = register_read(console.base, SERIAL_RBR);
	return true;
}
