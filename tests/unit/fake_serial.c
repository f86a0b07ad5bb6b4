/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1. */
#include "tests/unit/fake_serial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/serial_regs.h"
#include "tests/unit/fake_hw.h"

struct fake_serial fake_serial;

void fake_serial_receive(uint8_t byte)
{
	assert_true(fake_serial.received_count < sizeof(fake_serial.received));
	fake_serial.received[fake_serial.received_count++] = byte;
}

uint8_t fake_serial_take(void)
{
	const uint8_t first = fake_serial.received[0];

	if (fake_serial.received_count == 0)
		return 0;
	memmove(fake_serial.received, fake_serial.received + 1, --fake_serial.received_count);
	return first;
}

static uint64_t port_read(void *context, uint32_t offset, unsigned width)
{
	(void)context;
	(void)width;
	switch (offset) {
	case SERIAL_RBR:
		return fake_serial_take();
	case SERIAL_IER:
		return fake_serial.ier;
	case SERIAL_LSR:
		return SERIAL_LSR_THR_EMPTY | SERIAL_LSR_IDLE |
		       (fake_serial.received_count ? SERIAL_LSR_DATA_READY : 0);
	default:
		return 0;
	}
}

static void send(uint8_t byte)
{
	if ((fake_serial.mcr & SERIAL_MCR_LOOP) != 0) {
		fake_serial_receive(byte);
		if (fake_serial.on_looped)
			fake_serial.on_looped();
		return;
	}
	assert_true(fake_serial.sent_count + 1 < sizeof(fake_serial.sent));
	fake_serial.sent[fake_serial.sent_count++] = (char)byte;
	fake_serial.sent[fake_serial.sent_count] = '\0';
	if (fake_serial.on_sent)
		fake_serial.on_sent();
}

static void port_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)width;
	if (offset == SERIAL_LCR)
		fake_serial.lcr = (uint8_t)value;
	if (offset == SERIAL_MCR)
		fake_serial.mcr = (uint8_t)value;
	if (offset == SERIAL_IER)
		fake_serial.ier = (uint8_t)value & 0x0F;
	if (offset == SERIAL_THR && (fake_serial.lcr & SERIAL_LCR_DLAB) == 0)
		send((uint8_t)value);
}

void fake_serial_add(void)
{
	static const struct fake_hw_ops ops = {port_read, port_write};

	fake_serial = (struct fake_serial){.ier = 0x0F};
	fake_hw_add_ports(FAKE_SERIAL_PORT, 8, &ops, NULL);
}
