/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Status codes in words.
 */
#include "include/status.h"

const char *status_text(enum status status)
{
	switch (status) {
	case STATUS_OK:
		return "ok";
	case STATUS_AGAIN:
		return "not yet";
	case STATUS_END:
		return "end";
	case STATUS_NOT_FOUND:
		return "not found";
	case STATUS_AMBIGUOUS:
		return "ambiguous";
	case STATUS_UNSUPPORTED:
		return "unsupported";
	case STATUS_MISMATCH:
		return "not for this machine";
	case STATUS_STALE:
		return "stale";
	case STATUS_CORRUPT:
		return "corrupt";
	case STATUS_IO_ERROR:
		return "I/O error";
	case STATUS_TIMEOUT:
		return "no answer in time";
	case STATUS_NO_MEMORY:
		return "no memory";
	case STATUS_USER:
		return "stopped by the user";
	case STATUS_INVALID:
		return "invalid argument";
	}
	return "unknown status";
}
