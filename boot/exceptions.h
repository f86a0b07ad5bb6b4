/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU exceptions: own GDT with a TSS, own IDT (Intel SDM volume 3A, chapters 6 and 8). The first exception is handed to
 * loader_on_exception on a fresh stack; one more, in there, resets the machine.
 */
#pragma once

/* Loads GDT, TSS and IDT. */
void exceptions_init(void);
