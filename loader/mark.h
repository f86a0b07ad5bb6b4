/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mark: the image is used from now on, durably (design.md, invariant 5).
 */
#pragma once

#include "loader/find.h"

/* What stands on the disk afterwards. */
enum mark_state {
	MARK_USED,      /* written, flushed and read back: jump */
	MARK_UNCHANGED, /* an error, and the image stands as before: it can still be resumed */
	MARK_UNKNOWN,   /* an error, and nobody can say; a mark that was not flushed may be gone after a power cut */
};

/* Goes into the result record of the header page (left out where the swap header lists bad pages). */
struct mark_result {
	uint64_t pages;
	uint64_t milliseconds;
};

/*
 * Gives the swap area its original signature back. result: NULL: the image is discarded, nobody resumed it. scratch:
 * two pages of the arena. The last disk access of a resume.
 */
nodiscard enum mark_state mark_image_used(const struct found_image *found, const struct mark_result *result,
					  struct page scratch[2]);

/*
 * Takes back what mark_image_used wrote, with the scratch pages as it left them. MARK_UNCHANGED: the image stands as
 * before, durably; MARK_UNKNOWN: nobody can say.
 */
nodiscard enum mark_state mark_take_back(const struct found_image *found, struct page scratch[2]);
