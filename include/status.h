/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one status type. Every fallible function returns it; results travel through *_out parameters, which are
 * written only on STATUS_OK. What the loader does about each code stands beside it.
 */
#pragma once

enum status {
	STATUS_OK = 0,
	STATUS_AGAIN,       /* nothing to hand out now: supply what is under way, then ask again */
	STATUS_END,         /* a stream ended where it should */
	STATUS_NOT_FOUND,   /* what was looked for is not there: look elsewhere, at last boot with `no-image` */
	STATUS_AMBIGUOUS,   /* several images and nothing that names one: boot with `ambiguous` */
	STATUS_UNSUPPORTED, /* well formed, but not for us (or not for this hardware): boot with `unsupported` */
	STATUS_MISMATCH,    /* not for this machine as it is today (memory map, hardware signature): `mismatch` */
	STATUS_STALE,       /* a filesystem of the session was written since: boot with `stale`, for Linux `noresume` */
	STATUS_CORRUPT,     /* contradicts itself or its checksum: boot with `corrupt` */
	STATUS_IO_ERROR,    /* the device reported an error after its retries: boot with `io-error` */
	STATUS_TIMEOUT,     /* the hardware did not answer within its bound: treated as `io-error` */
	STATUS_NO_MEMORY,   /* no room in the arena or no free frame: boot with `no-memory` */
	STATUS_USER,        /* the user does not want it to go on: what question_answer() says */
	STATUS_INVALID,     /* an argument outside the documented range, from a user's option or a caller */
};

#define nodiscard __attribute__((warn_unused_result))

/* Evaluates expr, an enum status; returns it from the calling function unless it is STATUS_OK. */
#define TRY(expr)                                                                                                      \
	do {                                                                                                           \
		const enum status try_status_ = (expr);                                                                \
		if (try_status_ != STATUS_OK)                                                                          \
			return try_status_;                                                                            \
	} while (0)

/* For a status that does not matter, where the line above says why. */
static inline void ignore_status(enum status status)
{
	(void)status;
}

/* A short lower-case English phrase for logs ("no memory"), never NULL. */
const char *status_text(enum status status);
