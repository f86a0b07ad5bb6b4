/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer of kexec-jump images (image/core_format.h): how memory is cut into segments, the header part, packed chunks.
 * Host-clean: no hardware, no allocation, no logging.
 *
 *     core_layout_plan ── core_header_bytes ── core_header_build ── for each chunk, in the order of core_data_next:
 *     core_chunk_pack, write it, core_chunk_set ── write the header part ── core_anchor_complete, core_anchor_seal
 */
#pragma once

#include "image/core.h"

/* Frames that follow each other: all of them zero, or all to be stored. */
struct core_run {
	struct pfn first;
	uint64_t pages; /* at least 1 */
	bool zero;
};

/* The memory to be saved. It is walked several times and must give the same answers each time. */
struct core_source {
	/*
	 * The first run at or behind `from`; as long as possible (a run that is cut in two costs nothing but time).
	 * False: there is none.
	 */
	bool (*next_run)(void *context, struct pfn from, struct core_run *run_out);
	void *context;
};

struct core_layout {
	uint64_t gap_pages; /* a shorter run of zeroes in front of data is stored as data */
	uint32_t segment_count;
	uint64_t data_pages; /* stored, those zeroes included */
	uint64_t zero_pages;
	uint64_t chunk_count;
};

/*
 * Finds the least gap, a power of two, with which segment_count is at most segments_max (CORE_SEGMENTS_MAX, but for
 * tests). STATUS_UNSUPPORTED: memory has too many holes, or there is nothing to store.
 */
nodiscard enum status core_layout_plan(const struct core_source *source, uint32_t segments_max,
				       struct core_layout *layout_out);

/* Size of the header part: a multiple of 4096. */
uint64_t core_header_bytes(const struct core_layout *layout, uint32_t vmcoreinfo_bytes);

struct core_build {
	const struct core_source *source;
	const struct core_layout *layout;
	const struct core_note *note; /* what the caller knows: codec, levels, entry, region, acpi, memory */
	const char *vmcoreinfo;       /* text, not terminated; NULL: none */
	uint32_t vmcoreinfo_bytes;
};

/*
 * Makes the header part in header, core_header_bytes at a multiple of 8, with an empty chunk table. core_out is for
 * core_data_next; its stored_pages is not known yet (0). STATUS_INVALID: the source gave other answers than to
 * core_layout_plan.
 */
nodiscard enum status core_header_build(void *header, const struct core_build *build, struct core *core_out);

/* An entry of the chunk table of a header that core_header_build made. index < chunk_count. */
void core_chunk_set(void *header, uint64_t index, uint32_t stored_bytes, uint32_t crc32);

/* Sets the core's sizes and checksum once header is complete. stored_pages: of data. The state is the caller's. */
void core_anchor_complete(struct core_anchor *anchor, const void *header, uint64_t header_bytes, uint64_t stored_pages);

/* Work memory of core_chunk_pack, at a multiple of 8, and room for what it makes: LZO's worst case is above a chunk. */
#define CORE_PACK_WORK_BYTES (128 * 1024)
#define CORE_PACK_OUT_BYTES  ((uint32_t)CORE_CHUNK_PAGES * PAGE_BYTES + 16 * 1024)

/*
 * Packs bytes, a multiple of 4096 and at most CORE_CHUNK_PAGES pages, into packed (CORE_PACK_OUT_BYTES). Returns how
 * many bytes of packed are to be stored, zeroes behind them up to a whole page; or `bytes` when packing would save no
 * page (and always for CORE_PLAIN): raw is to be stored then.
 */
uint32_t core_chunk_pack(enum core_codec codec, const uint8_t *raw, uint32_t bytes, uint8_t *packed, void *work);
