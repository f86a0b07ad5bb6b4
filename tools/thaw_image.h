/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of `thaw` that look at a hibernation image on a device or in a file. They only read.
 */
#pragma once

#include <stdint.h>

#include "include/status.h"
#include "tools/here.h"
#include "tools/image_facts.h"

/* What a command ends with, and the exit status of the program. */
enum thaw_exit {
	THAW_EXIT_OK = 0,      /* the image is there and nothing is wrong with it */
	THAW_EXIT_REFUSED = 1, /* there is one, but Thaw would not restore it */
	THAW_EXIT_TROUBLE = 2, /* usage, or the device can't be read */
	THAW_EXIT_NO_IMAGE = 3,
};

struct image_options {
	const char *path;
	uint64_t page; /* where the header, or the anchor, is */
	bool is_quiet;
	bool compares_here; /* verify: with this machine */
	const char *svg;    /* inspect: a file that is not there yet; NULL: none */
	struct image_print print;
};

/* Reads and checks the whole image whose header lies in a page of the device, and prints a summary. */
enum thaw_exit swsusp_verify(const struct image_options *options);

/* Prints what the header, the information page and the frame list say; reads on until the kernel's version is found. */
enum thaw_exit swsusp_inspect(const struct image_options *options);

/* --- for both kinds of image ---------------------------------------------------------------------------------------
 */

enum thaw_exit image_exit(enum status status);

/* "thaw: PATH: reason", or with --json an object; returns image_exit(status). */
enum thaw_exit image_refuse(const struct image_options *options, enum status status, const char *reason);

/* Of --here: false: said. *here_out: NULL when it was not asked for. The caller frees it. */
bool image_here_begin(const struct image_options *options, struct here **here_out);

/*
 * Prints how the image fits this machine, as text or into the open object (json: or NULL). has_checksum, has_signature:
 * whether the image tells them. False, with *reason_out: the loader would refuse it here.
 */
struct image_machine {
	bool has_checksum, has_signature;
	uint32_t checksum, signature;
};
bool image_here_end(const struct here *here, const struct image_machine *machine, struct json *json,
		    const char **reason_out);

/* Writes the picture; false: said. */
bool image_svg_write(const struct image_options *options, const struct image_facts *facts);
