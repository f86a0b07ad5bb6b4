/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One serial port (8250 to 16550A) as a console, polled, at the PC's fixed addresses: 0x3F8, 0x2F8, 0x3E8, 0x2E8.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define SERIAL_PORTS 4

/*
 * Takes port_index (0: COM1, ttyS0) as the console, 8N1 at baud (1-115200; the nearest rate the divisor allows).
 * A port that is not there, or does not return a byte in loopback, is not used. Characters that the boot loader
 * left in the transmitter are sent first.
 * Errors: STATUS_INVALID (index or rate), STATUS_NOT_FOUND (no working port). Bounded: 1 s.
 */
nodiscard enum status serial_init(uint32_t port_index, uint32_t baud);

/*
 * Sends size bytes; a newline goes out as CR LF. Without a port it does nothing. A transmitter that makes no room
 * in time loses the text, and is not waited for again until it has shown room.
 */
void serial_write(const char *text, size_t size);

/* A received byte, without waiting; false: none. */
bool serial_read(uint8_t *byte_out);
