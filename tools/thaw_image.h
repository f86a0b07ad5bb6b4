/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of `thaw` that look at a hibernation image on a device or in a file.
 */
#pragma once

#include <stdint.h>

/* What a command ends with, and the exit status of the program. */
enum thaw_exit {
	THAW_EXIT_OK = 0,      /* the image is there and nothing is wrong with it */
	THAW_EXIT_REFUSED = 1, /* there is one, but Thaw would not restore it */
	THAW_EXIT_TROUBLE = 2, /* usage, or the device can't be read */
	THAW_EXIT_NO_IMAGE = 3,
};

/* Reads and checks the whole image whose header lies in page header_page of the device, and prints a summary. */
enum thaw_exit swsusp_verify(const char *path, uint64_t header_page);

/* Prints what the header and the information page say, and reads nothing else. */
enum thaw_exit swsusp_inspect(const char *path, uint64_t header_page);
