/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time and the only wait. Time is the TSC's; what it is calibrated against is the front end's: PIT channel 2 (Intel
 * 8254) under a BIOS, the firmware's own delay under UEFI.
 * Unit tests supply their own implementation, whose clock moves when it is read.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/*
 * Calibrates the TSC; bounded (about 10 ms). Falls back to an assumed 5 GHz, logged, when the clock is silent: waits
 * are then longer than said, never shorter.
 */
void timer_init(void);

/* For timer_init: what it found out. */
uint64_t timer_read_tsc(void);
void timer_set_frequency(uint64_t tsc_cycles_per_us);

/* Microseconds since the TSC was 0, monotonic. */
uint64_t timer_now_us(void);

/* Busy wait. */
void timer_delay_us(uint64_t us);

/*
 * Calls condition(context) until it returns true, at most timeout_us long (the condition is checked once more at the
 * end). STATUS_TIMEOUT when it never did. The only loop in Thaw that waits for hardware.
 */
nodiscard enum status poll_until(bool (*condition)(void *context), void *context, uint64_t timeout_us);
