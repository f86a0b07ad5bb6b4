/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of the terminal at the serial port (ECMA-48, 5th edition, 5.4: what a cursor key or an answer of the terminal
 * sends begins like Esc).
 */
#pragma once

#include "include/types.h"

/*
 * True when a byte came, or when an Esc turned out to be one because nothing followed it; *key_out: the key (see
 * loader/console_devices.h), or 0.
 */
bool serial_keys_read(uint8_t *key_out);
