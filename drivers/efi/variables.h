/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loader leaves for the system that comes up, in the firmware's variables (UEFI specification 2.10, 8.2).
 * Nothing depends on it: errors are logged at most.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/* Volatile, of Thaw's own: ASCII text, `key=value` lines. */
void efi_variables_set_status(const char *text);

/* The time stamps of systemd's boot loader interface: when Thaw began, and when something else goes on. */
void efi_variables_set_times(uint64_t begin_us, uint64_t end_us);

/*
 * systemd's note of where the image is, as ASCII, NUL-terminated. STATUS_NOT_FOUND: there is none, or it is too long.
 */
nodiscard enum status efi_variables_read_location(char *text_out, size_t capacity);

/* The image that it names is used up. */
void efi_variables_delete_location(void);
