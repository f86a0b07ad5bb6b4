/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When Thaw began, for systemd's time stamps.
 */
#pragma once

#include "include/types.h"

/* Microseconds of drivers/timer.h; known once timer_init has run. */
uint64_t efi_timer_began_us(void);
