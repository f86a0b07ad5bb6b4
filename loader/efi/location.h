/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's note of where it put the image (systemd 255, src/shared/hibernate-util.c): JSON with uuid and offset.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/* "resume=UUID=… resume_offset=…". STATUS_CORRUPT: not such a note. line_out: at least EFI_LOCATION_LINE_BYTES. */
#define EFI_LOCATION_LINE_BYTES 96
nodiscard enum status efi_location_parse(const char *json, char line_out[EFI_LOCATION_LINE_BYTES]);
