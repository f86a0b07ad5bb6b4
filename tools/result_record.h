/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Thaw leaves behind of a power-on: the record in a swap area's header (docs/swsusp-format.md) and the UEFI
 * variable ThawStatus. Pure.
 */
#pragma once

#include "include/types.h"

#define RESULT_VARIABLE "ThawStatus-6b1f4a52-9c0d-4e7b-8f35-2d7c1a90e6c4"

struct result_record {
	uint32_t kind; /* of image: 1 swsusp */
	uint64_t pages;
	uint64_t milliseconds;
};

/* From the header page of a swap area. False: there is no record, or one that is not understood. */
bool result_record_read(const struct page *header, struct result_record *record_out);

#define RESULT_WORD_BYTES 32

struct result_variable {
	char status[RESULT_WORD_BYTES];
	bool has_pages, has_milliseconds;
	uint64_t pages;
	uint64_t milliseconds;
};

/* From the bytes of the file in efivarfs: four of attributes, then lines. False: it says no status. */
bool result_variable_read(const void *data, size_t bytes, struct result_variable *variable_out);
