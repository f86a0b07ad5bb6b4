/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial port of drivers/serial.h beside a firmware whose own terminal may read from it.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/* As serial_init, during which the firmware does not run: it takes up to half a second when a port is broken. */
nodiscard enum status efi_serial_init(uint32_t port_index, uint32_t baud);
