/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the image, inside: the names, and one volume.
 */
#pragma once

#include "loader/find.h"
#include "loader/volumes.h"

/* What is looked for. */
struct find_request {
	enum resume_kind kind;
	const struct resume_spec *spec; /* its text and partition_offset; its offset is not used */
	uint64_t header_page;
	bool allows_snapshot; /* thaw.snapshot */
	bool allows_dump;     /* thaw.entry= */
};

/* What a look at one volume brought to light. */
struct find_look {
	bool is_named;               /* it is what the request names; always true when the request has no name */
	enum filesystem_kind kind;   /* as far as it was of interest */
	enum status image;           /* is_named: STATUS_OK: an image; otherwise as of find_image */
	const char *reason;          /* of image, static */
	bool has_image;              /* also one that is refused */
	enum image_kind image_kind;  /* valid with STATUS_OK */
	struct swsusp_header header; /* likewise */
};

/* --- find_name.c: no access to a disk ------------------------------------------------------------------------ */

/* Combines the two command lines. STATUS_UNSUPPORTED: a value was not understood, or it can't be found by Thaw. */
nodiscard enum status find_request_make(const struct resume_spec *own, const struct resume_spec *kernel,
					struct find_request *request_out, const char **reason_out);

/* True when the request's name is found in the partition table (PARTUUID=, PARTLABEL=). */
bool find_names_partition(const struct find_request *request);

/* True when it is found on the device itself (UUID=, LABEL=). */
bool find_names_content(const struct find_request *request);

/* True when only one device can be meant: with any name but a node's (/dev/sda3). */
bool find_names_one(const struct find_request *request);

/* partition: one of the table. */
bool find_matches_partition(const struct find_request *request, const struct partition_table *table,
			    const struct partition *partition);

/* For RESUME_MAPPER: whether /dev/mapper/vg-lv or /dev/vg/lv is this one. */
bool find_matches_logical(const struct find_request *request, const struct logical_volume *logical);

bool find_matches_identity(const struct find_request *request, const struct identity *identity);

/*
 * The partition number that a name like /dev/sda3 ends in, 0 for a whole disk. STATUS_NOT_FOUND: the name does not
 * tell.
 */
nodiscard enum status find_node_number(const char *name, uint32_t *number_out);

/* --- find_look.c ----------------------------------------------------------------------------------------------- */

/*
 * Looks at a volume in one or two small reads, three when it holds nothing that is known. logical: NULL for a
 * partition. *page: the header page when look_out->image is STATUS_OK, otherwise of no meaning. An error
 * (STATUS_IO_ERROR, STATUS_TIMEOUT) says that nothing is known of the volume.
 */
nodiscard enum status find_look_at(const struct find_request *request, const struct volume *volume,
				   const struct logical_volume *logical, struct page *page, struct find_look *look_out);
