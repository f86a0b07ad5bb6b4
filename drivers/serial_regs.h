/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the 16550 UART, offsets from the port's base (National Semiconductor PC16550D, June 1995, table II).
 */
#pragma once

#include "include/types.h"

#define SERIAL_CLOCK_BAUD 115200 /* 1.8432 MHz / 16: the rate of divisor 1 */

enum serial_register {
	SERIAL_RBR = 0, /* read: receiver buffer */
	SERIAL_THR = 0, /* write: transmitter holding */
	SERIAL_DLL = 0, /* divisor latch, low byte, while LCR.DLAB is set */
	SERIAL_IER = 1, /* interrupt enable */
	SERIAL_DLM = 1, /* divisor latch, high byte, while LCR.DLAB is set */
	SERIAL_IIR = 2, /* read: interrupt identification */
	SERIAL_FCR = 2, /* write: FIFO control */
	SERIAL_LCR = 3, /* line control */
	SERIAL_MCR = 4, /* modem control */
	SERIAL_LSR = 5, /* line status */
	SERIAL_MSR = 6, /* modem status */
};

#define SERIAL_IIR_FIFO_MASK (BIT(7) | BIT(6))
#define SERIAL_IIR_FIFO_ON   (BIT(7) | BIT(6)) /* bit 7 alone: a 16550 whose FIFO is unusable */

#define SERIAL_FCR_ENABLE         BIT(0)
#define SERIAL_FCR_CLEAR_RECEIVE  BIT(1)
#define SERIAL_FCR_CLEAR_TRANSMIT BIT(2)

#define SERIAL_LCR_8N1  (BIT(1) | BIT(0)) /* 8 data bits, no parity, 1 stop bit */
#define SERIAL_LCR_DLAB BIT(7)

#define SERIAL_MCR_DTR  BIT(0)
#define SERIAL_MCR_RTS  BIT(1)
#define SERIAL_MCR_OUT2 BIT(3)
#define SERIAL_MCR_LOOP BIT(4)

#define SERIAL_LSR_DATA_READY BIT(0)
#define SERIAL_LSR_THR_EMPTY  BIT(5)
#define SERIAL_LSR_IDLE       BIT(6) /* TEMT: the shift register is empty too */
