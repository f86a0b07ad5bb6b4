/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COM1 on fake_hw.h's ports, as far as a console needs it: always ready to send, never full.
 */
#pragma once

#include "include/types.h"

#define FAKE_SERIAL_PORT 0x3F8

struct fake_serial {
	uint8_t mcr, lcr, ier;
	uint8_t received[16];
	uint32_t received_count;
	char sent[2048]; /* a string */
	uint32_t sent_count;
	void (*on_looped)(void); /* a byte came back by the loop; may be NULL */
	void (*on_sent)(void);   /* after each character; may be NULL */
};

extern struct fake_serial fake_serial;

/* An idle port; fake_hw_reset is the test's. */
void fake_serial_add(void);

/* A byte for the computer. */
void fake_serial_receive(uint8_t byte);

/* What a read of the receive buffer gives: the oldest byte, 0 when there is none. */
uint8_t fake_serial_take(void);
