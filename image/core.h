/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reader of kexec-jump images (image/core_format.h): anchor, header part, chunks; and of plain ELF64 cores that other
 * programs wrote. Host-clean: no hardware, no allocation, no logging. Nothing of what is read is trusted.
 *
 *     anchor page ── core_anchor_parse ── header part ── core_header_parse ── core_data_next, core_chunk_next
 *     ELF file ── core_elf_header_bytes ── header ── core_elf_parse ── core_data_next
 *
 * "Partition page" means: 4096-byte page counted from the start of the partition that holds the target.
 * "Stored page" means: page of the core as it is stored, 0 = ELF header; core_extents_find says where it lies.
 *
 * reason_out is written on errors only, with a static text. docs/kexec-jump-format.md describes the format;
 * image/core_layout.h is the writer.
 */
#pragma once

#include "image/core_format.h"
#include "include/status.h"

/* --- the anchor ----------------------------------------------------------------------------------------------------
 */

/*
 * Decodes and checks an anchor that was read from partition page anchor_page. partition_pages: an end that extents must
 * not pass. STATUS_NOT_FOUND: no anchor. STATUS_UNSUPPORTED: another version. STATUS_CORRUPT: a checksum is wrong,
 * unknown state, extents that are empty, overlap, lie beyond the partition or on page 0 or the anchor, sizes that
 * contradict each other (of the core: where the state is VALID, USED or SNAPSHOT).
 */
nodiscard enum status core_anchor_parse(const struct page *page, uint64_t anchor_page, uint64_t partition_pages,
					struct core_anchor *anchor_out, const char **reason_out);

/* True where the state says that there is a core: VALID, USED, SNAPSHOT. */
bool core_anchor_has_core(const struct core_anchor *anchor);

/* The checksum of the first sector: after every change. */
void core_anchor_seal(struct core_anchor *anchor);

/* Both checksums, the extents' first: for a new anchor. */
void core_anchor_seal_extents(struct core_anchor *anchor);

/*
 * Where a page of the stored core lies. run_out: how many pages from there follow each other on both sides, at least 1.
 * False: beyond the target.
 */
nodiscard bool core_extents_find(const struct core_anchor *anchor, uint64_t stored_page, uint64_t *partition_page_out,
				 uint64_t *run_out);

/* --- a core ---------------------------------------------------------------------------------------------------------
 */

struct elf_program_header;

/* A checked core; points into the header that it was made from, which must stay. */
struct core {
	const struct core_note *note; /* NULL: another program's core */
	uint64_t data_pages;
	uint64_t zero_pages;
	uint32_t segment_count;
	bool data_aligned; /* every segment's data begins at a page of the file; always so with a note */
	uint64_t chunk_count;
	uint64_t stored_pages;  /* of the whole core, the header part included; another's: of the file, rounded up */
	const char *vmcoreinfo; /* text of the VMCOREINFO note, NULL: none. Not terminated, not checked. */
	uint32_t vmcoreinfo_bytes;

	/* The reader's own. */
	const struct elf_program_header *loads;
	const struct core_chunk *chunks;
	bool skips_text;
};

/*
 * Checks the header part of anchor's core: its checksum, then as core_header_decode. header: anchor->header_bytes, at a
 * multiple of 8. core_anchor_has_core(anchor), else STATUS_INVALID.
 */
nodiscard enum status core_header_parse(const void *header, const struct core_anchor *anchor, struct core *core_out,
					const char **reason_out);

/*
 * Checks a header part of header_bytes, at a multiple of 8, of a core of core_bytes; both are multiples of 4096.
 * STATUS_UNSUPPORTED: another machine, version or codec. STATUS_CORRUPT: anything that contradicts
 * image/core_format.h, itself or core_bytes; so afterwards: segments are in order, disjoint, below 2^52 and outside
 * the region; the entry lies in a page with data; chunks fill the stored core exactly; the ACPI block lengths fit.
 */
nodiscard enum status core_header_decode(const void *header, uint64_t header_bytes, uint64_t core_bytes,
					 struct core *core_out, const char **reason_out);

/*
 * From the first page of an ELF core of file_bytes, how many of its first bytes core_elf_parse must see.
 * STATUS_NOT_FOUND: not ELF at all. STATUS_UNSUPPORTED: no 64-bit little-endian x86-64 core file, more than
 * CORE_SEGMENTS_MAX + 1 program headers, or these not among the file's first MiB. STATUS_CORRUPT: they lie beyond its
 * end.
 */
nodiscard enum status core_elf_header_bytes(const struct page *first, uint64_t file_bytes, uint64_t *bytes_out,
					    const char **reason_out);

/*
 * Checks an ELF core of another program: /proc/vmcore, makedumpfile -E, QEMU. header: the bytes that
 * core_elf_header_bytes asked for, at a multiple of 8. Segments come in any order; frames that a segment covers in part
 * are left out. A segment of the kernel's text mapping is left out if the others cover its frames, STATUS_UNSUPPORTED
 * if not. STATUS_CORRUPT: no data, segments that overlap, lie beyond 2^52 or the end of the file.
 */
nodiscard enum status core_elf_parse(const void *header, uint64_t file_bytes, struct core *core_out,
				     const char **reason_out);

struct core_segment {
	struct pfn first;
	uint64_t data_pages; /* from first on */
	uint64_t zero_pages; /* behind those */
	uint64_t offset;     /* of the data: bytes, in the plain core */
};

/* index < segment_count. A segment with nothing in it (both counts 0) is to be passed over: another program's core. */
struct core_segment core_segment(const struct core *core, uint32_t index);

/* Does the frame of this physical address have data? */
bool core_has_data(const struct core *core, uint64_t address);

/* Zeroed: in front of the first page with data. */
struct core_data_cursor {
	uint32_t segment;
	uint64_t page; /* of that segment */
};

struct core_data_run {
	struct pfn first;
	uint64_t pages;
	uint64_t offset; /* of the first page: bytes, in the plain core */
};

/* The next frames with data, 1 to most, in the order of the segments, which is that of chunks. False: that was all. */
nodiscard bool core_data_next(const struct core *core, struct core_data_cursor *cursor, uint64_t most,
			      struct core_data_run *run_out);

/* Zeroed: in front of the first chunk. */
struct core_chunk_cursor {
	uint64_t index;
	uint64_t stored_page; /* counted from the first page of data */
};

struct core_chunk_place {
	uint64_t index;
	uint64_t stored_page; /* of the core, from its start: for core_extents_find */
	uint32_t stored_pages;
	uint32_t stored_bytes; /* less than raw_pages: packed */
	uint32_t raw_pages;
	uint32_t crc32; /* zlib's, of the stored bytes */
};

/* The next chunk. False: that was the last; and at once for another program's core, which has none. */
nodiscard bool core_chunk_next(const struct core *core, struct core_chunk_cursor *cursor,
			       struct core_chunk_place *place_out);

/*
 * Unpacks a chunk, whose checksum was right, into the out_bytes of its pages; where bytes == out_bytes it copies them.
 * STATUS_CORRUPT; after that the contents of out are undefined. STATUS_INVALID: sizes out of bounds.
 */
nodiscard enum status core_chunk_unpack(enum core_codec codec, const uint8_t *stored, uint32_t bytes, uint8_t *out,
					uint32_t out_bytes);
