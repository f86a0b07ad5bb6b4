/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time and the only wait. The TSC is calibrated against PIT channel 2 (Intel 8254), without ACPI.
 * Unit tests supply their own implementation, whose clock moves when it is read.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/*
 * Calibrates the TSC; bounded (about 10 ms). Falls back to an assumed 5 GHz, logged, when the PIT is silent: waits are
 * then longer than said, never shorter.
 */
void timer_init(void);

/* Microseconds since the TSC was 0, monotonic. */
uint64_t timer_now_us(void);

/* Busy wait. */
void timer_delay_us(uint64_t us);

/*
 * Calls condition(context) until it returns true, at most timeout_us long (the condition is checked once more at the
 * end). STATUS_TIMEOUT when it never did. The only loop in Thaw that waits for hardware.
 */
nodiscard enum status poll_until(bool (*condition)(void *context), void *context, uint64_t timeout_us);
