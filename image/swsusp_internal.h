/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the swsusp reader share: final errors and the marks of used device pages.
 */
#pragma once

#include "image/swsusp.h"

/* Ends the reader: status (an error) and reason (static text) stay. Returns status. */
nodiscard enum status swsusp_fail(struct swsusp_reader *reader, enum status status, const char *reason);

/*
 * Marks device pages as used. STATUS_CORRUPT: outside the swap area, or used already; STATUS_NO_MEMORY. Both end the
 * reader.
 */
nodiscard enum status swsusp_mark_pages(struct swsusp_reader *reader, uint64_t device_page, uint64_t count);
