/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restarting the computer.
 */
#pragma once

/* Tries the keyboard controller, port 0xCF9 and at last a triple fault. Never returns. */
_Noreturn void machine_reset(void);
