/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image of a kexec jump on a device or in a file, for the commands that look at one: the readers of image/ over
 * pread.
 */
#pragma once

#include "image/core.h"
#include "tools/thaw_image.h"

struct core_file {
	const char *path;
	int descriptor;
	bool is_linear; /* a regular file: its pages are in order, whatever the anchor's extents say of a partition */
	uint64_t partition_pages;
	uint64_t anchor_page;
	struct core_anchor *anchor;
	uint8_t *header; /* anchor->header_bytes; NULL: not read */
	struct core core;
	enum core_codec codec;
};

/* Does an anchor begin there? False also when it can't be read. */
bool core_file_is_there(const char *path, uint64_t anchor_page);

/*
 * Reads and checks the anchor and, where it has a core, the header part. *reason_out: static text, written with every
 * error. core_file_close afterwards in any case.
 */
nodiscard enum status core_file_open(struct core_file *file, const char *path, uint64_t anchor_page,
				     const char **reason_out);
void core_file_close(struct core_file *file);

/* The chunk at the cursor. */
struct core_file_chunk {
	struct core_chunk_place place;
	uint8_t raw[CORE_CHUNK_PAGES * 4096] __attribute__((aligned(4096)));
	uint8_t stored[CORE_CHUNK_PAGES * 4096] __attribute__((aligned(4096)));
};

/* STATUS_END: that was all; errors as core_file_open. */
nodiscard enum status core_file_next(const struct core_file *file, struct core_chunk_cursor *cursor,
				     struct core_file_chunk *chunk, const char **reason_out);

/* As swsusp_verify and swsusp_inspect; the header part tells all that inspect wants. tools/thaw_core_look.c. */
enum thaw_exit core_verify(const struct image_options *options);
enum thaw_exit core_inspect(const struct image_options *options);
