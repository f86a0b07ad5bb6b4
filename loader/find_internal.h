/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the image, inside: the names, one device, and the search over all of them.
 */
#pragma once

#include "disk/filesystem.h"
#include "disk/partitions.h"
#include "loader/find.h"

/* What is looked for. */
struct find_request {
	enum resume_kind kind;
	const struct resume_spec *spec; /* its text and partition_offset; its offset is not used */
	uint64_t header_page;
};

/* A partition, or a whole disk, that may be the resume device. */
struct find_device {
	struct block_device *disk;
	uint32_t number; /* of the partition; 0: the whole disk */
	uint64_t start_lba;
	uint64_t sector_count;
};

/* What a look at one device brought to light. */
struct find_look {
	bool is_named;               /* it is what the request names; always true when the request has no name */
	bool is_container;           /* LUKS or LVM2 */
	enum status image;           /* is_named: STATUS_OK: an image; otherwise as of find_image */
	const char *reason;          /* of image, static */
	struct swsusp_header header; /* valid with STATUS_OK */
};

/* --- find_name.c: no access to a disk ------------------------------------------------------------------------ */

/* Combines the two command lines. STATUS_UNSUPPORTED: a value was not understood, or it can't be found by Thaw. */
nodiscard enum status find_request_make(const struct resume_spec *own, const struct resume_spec *kernel,
					struct find_request *request_out, const char **reason_out);

/* True when the request's name is found in the partition table (PARTUUID=, PARTLABEL=). */
bool find_names_partition(const struct find_request *request);

/* True when it is found on the device itself (UUID=, LABEL=). */
bool find_names_content(const struct find_request *request);

/* index: of the partition in the table. */
bool find_matches_partition(const struct find_request *request, const struct partition_table *table, uint32_t index);

bool find_matches_identity(const struct find_request *request, const struct identity *identity);

/*
 * The partition number that a name like /dev/sda3 ends in, 0 for a whole disk. STATUS_NOT_FOUND: the name does not
 * tell.
 */
nodiscard enum status find_node_number(const char *name, uint32_t *number_out);

/* --- find_device.c ------------------------------------------------------------------------------------------- */

/* The device's name for people: as in struct found_image. */
void find_device_name(const struct find_device *device, char *name_out, size_t name_bytes);

/* Whole pages of the device; what is behind the last one belongs to no swap area. */
uint64_t find_device_pages(const struct find_device *device);

/* Reads one device page. STATUS_NOT_FOUND: beyond the device. STATUS_IO_ERROR, STATUS_TIMEOUT. */
nodiscard enum status find_device_read(const struct find_device *device, uint64_t device_page, struct page *page_out);

/*
 * Looks at a device in one or two small reads, three when it holds nothing that is known. *page: the header page when
 * look_out->image is STATUS_OK, otherwise of no meaning. An error (STATUS_IO_ERROR, STATUS_TIMEOUT) says that nothing
 * is known of the device.
 */
nodiscard enum status find_device_look(const struct find_request *request, const struct find_device *device,
				       struct page *page, struct find_look *look_out);

/* STATUS_OK when neither the device nor its disk is a member of a RAID array; STATUS_UNSUPPORTED when one is. */
nodiscard enum status find_device_check_raid(const struct find_device *device, struct page *scratch);
