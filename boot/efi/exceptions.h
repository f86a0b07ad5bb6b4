/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU exceptions while the firmware has the machine: its interrupt table, copied, with own gates for exceptions. The
 * first one is handed to loader_on_exception on a fresh stack; one more, in there, resets the machine.
 */
#pragma once

/* After firmware_init; firmware_restore_cpu undoes it. */
void efi_exceptions_init(void);
