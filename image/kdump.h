/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory dumps that other programs make: telling them apart, and reading kdump-compressed ones (makedumpfile 1.7, -c
 * and -l; header version 6). Host-clean: the caller reads the parts of the file that are named here. Nothing of what is
 * read is trusted; the format has no checksums but those inside of zlib streams.
 *
 *     header, sub-header ── kdump_header_parse ── bitmaps, descriptors ── kdump_page_parse ── kdump_page_unpack
 */
#pragma once

#include "image/inflate.h"

enum dump_kind {
	DUMP_NONE,
	DUMP_KDUMP,
	DUMP_ELF,
	DUMP_FLATTENED, /* of one of the two above: image/flattened.h */
	DUMP_USED,      /* any of these, restored already */
};

/* From the first page of the file. */
enum dump_kind dump_identify(const struct page *first);

/* Makes the first page that of a dump that was restored: another signature, of the same length. */
void dump_mark_used(struct page *first);

#define KDUMP_HEADER_BYTES      448 /* at offset 0 */
#define KDUMP_SUB_HEADER_OFFSET 4096
#define KDUMP_SUB_HEADER_BYTES  104
#define KDUMP_DESCRIPTOR_BYTES  24

struct kdump {
	uint64_t frames;             /* bits that count in each of the bitmaps: lowest bit first, from frame 0 on */
	uint64_t bitmap_bytes;       /* of each: whole pages */
	uint64_t existing_offset;    /* bitmap of the frames of the machine */
	uint64_t dumped_offset;      /* bitmap of those that are in the dump; the others held zeroes */
	uint64_t descriptors_offset; /* one for each bit of that */
	uint64_t file_bytes;
};

/*
 * file_bytes: of the file, or an end that it must not pass. STATUS_NOT_FOUND: no such dump. STATUS_UNSUPPORTED: another
 * version, page size, machine or codec; part of a split dump; pages other than those of zeroes were left out.
 * STATUS_CORRUPT: sizes that contradict each other or the file; the dump says that it is not complete.
 */
nodiscard enum status kdump_header_parse(const uint8_t header[KDUMP_HEADER_BYTES],
					 const uint8_t sub_header[KDUMP_SUB_HEADER_BYTES], uint64_t file_bytes,
					 struct kdump *kdump_out, const char **reason_out);

/* Where a page's data is; raw or packed, at most a page of it. */
struct kdump_page {
	uint64_t offset;
	uint32_t bytes;
	uint32_t codec; /* 0: raw */
};

/* STATUS_UNSUPPORTED: a codec. STATUS_CORRUPT: beyond the end of the file, among its headers, or of a wrong size. */
nodiscard enum status kdump_page_parse(const struct kdump *kdump, const uint8_t descriptor[KDUMP_DESCRIPTOR_BYTES],
				       struct kdump_page *page_out, const char **reason_out);

/* stored: page->bytes. STATUS_CORRUPT: it does not unpack to a page. */
nodiscard enum status kdump_page_unpack(const struct kdump_page *page, const uint8_t *stored, struct inflate *work,
					struct page *out);
