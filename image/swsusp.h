/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reader of Linux swsusp hibernation images (kernel/power/swap.c, kernel/power/snapshot.c, kernel/power/power.h,
 * arch/x86/power/hibernate.c; kernels 6.1 to 6.12). Host-clean: no hardware, no allocation, no logging.
 *
 * It is a pull-style state machine. The caller asks which device page is wanted next, reads it wherever it likes
 * (many at a time), and supplies what the reader must see: swap map pages, the information page and the PFN list.
 * Data pages of a plain image never pass through here: the caller reads them straight into their frames.
 *
 *     open(header page) ── next_read: MAP, INFO, PFNS…, DATA…          (plain)
 *                       └─ next_read: MAP, INFO, CHUNK, CHUNK, …       (compressed)
 *
 * "Device page" means: 4096-byte page counted from the start of the resume device (the partition).
 * "Stream page" means: position in the order that the swap map lists, 0 = information page.
 *
 * Every error of a reader is final: all later calls return it again. STATUS_AGAIN and STATUS_END are no errors.
 * docs/swsusp-format.md describes the format.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

enum swsusp_codec { SWSUSP_PLAIN, SWSUSP_LZO, SWSUSP_LZ4 };

/* What the header page said. */
struct swsusp_header {
	enum swsusp_codec codec;
	bool platform; /* the image re-enables ACPI itself */
	bool has_crc32;
	uint32_t crc32;
	bool has_hardware_signature;
	uint32_t hardware_signature;
	uint64_t first_map_page; /* device page */
	uint8_t original_signature[10];
	bool has_bad_pages; /* the original swap header lists bad pages: its boot area is in use */
	uint32_t last_page; /* of the swap area, from the original swap header */
	uint8_t uuid[16];
	char label[17];
};

/* Offsets in the header page that the mark writes. */
#define SWSUSP_RESULT_OFFSET    4032
#define SWSUSP_RESULT_BYTES     16
#define SWSUSP_SIGNATURE_OFFSET 4086
#define SWSUSP_SIGNATURE_BYTES  10

/*
 * Decodes a swap area's first page (for a partition its first page, for a file the page that resume_offset names).
 * STATUS_OK: a swsusp image. STATUS_NOT_FOUND: no image (plain swap, or no swap).
 * STATUS_UNSUPPORTED: a foreign image (S2SUSPEND, ULSUSPEND, LINHIB0001, TuxOnIce) or unknown flags; *reason_out
 * names it (a static string). STATUS_CORRUPT: contradictory fields; *reason_out says which. reason_out is always
 * written.
 */
nodiscard enum status swsusp_header_parse(const struct page *page, struct swsusp_header *header_out,
					  const char **reason_out);

/* What the information page (stream page 0) said, validated against itself. */
struct swsusp_info {
	uint64_t jump_address; /* virtual */
	uint64_t jump_address_physical;
	uint64_t cr3; /* physical address of the image's root page table */
	uint32_t e820_checksum;
	uint64_t machine_pages; /* num_physpages */
	uint64_t data_pages;    /* image_pages: PFNs that have data in the stream */
	uint64_t stream_pages;  /* pages: 1 + meta + data */
	uint64_t meta_pages;    /* of the PFN list */
};

/*
 * Bookkeeping of device pages already used, for uniqueness: blocks of one bit a page over 32768 pages, taken from the
 * caller on demand through next_block. A directory entry covers one block.
 */
struct swsusp_page_marks {
	struct page **directory;                   /* directory_entries pointers, zeroed by the caller */
	uint64_t directory_entries;                /* at least device_pages / 32768, rounded up */
	struct page *(*next_block)(void *context); /* a zeroed page that the reader keeps, or NULL: no memory */
	void *context;
};

enum swsusp_read_kind {
	SWSUSP_READ_MAP,   /* supply with swsusp_supply_map */
	SWSUSP_READ_INFO,  /* supply with swsusp_supply_info; nothing but maps can be wanted before */
	SWSUSP_READ_PFNS,  /* plain: a page of the PFN list; supply with swsusp_decode_pfns, in order */
	SWSUSP_READ_DATA,  /* plain: the page of PFN number `index` among those with data */
	SWSUSP_READ_CHUNK, /* compressed: stream page `index`, part of the chunks */
};

struct swsusp_read {
	enum swsusp_read_kind kind;
	uint64_t device_page;
	uint64_t index; /* MAP: map number; PFNS: 0…meta_pages-1; DATA: 0…data_pages-1; CHUNK: 0… from stream page 1 */
	uint32_t count; /* pages that follow each other, on the device as in the stream; 1 for MAP and INFO */
};

#define SWSUSP_MAP_ENTRIES      511
#define SWSUSP_PFNS_PER_PAGE    512
#define SWSUSP_CHUNK_PAGES      32        /* unpacked; the last chunk of an image may be shorter */
#define SWSUSP_CHUNK_DISK_PAGES 35        /* packed, at most */
#define SWSUSP_PFN_ZERO         BIT64(63) /* the frame is all zeroes and has no data in the stream */
#define SWSUSP_MAPS_AHEAD       8         /* map pages held at most */

struct swsusp_reader {
	struct swsusp_header header;
	struct swsusp_info info; /* valid once swsusp_supply_info succeeded */
	struct swsusp_page_marks marks;
	uint64_t header_page;  /* device page of the header */
	uint64_t device_pages; /* pages of the resume device */
	const char *reason;    /* static text: why the last error; "" before one; never NULL */

	/* The rest is the reader's own state. */
	enum status failure; /* STATUS_OK, or the error that ended it */
	uint64_t page_limit; /* entries must be below: the device, or the swap area where that is known */
	struct {
		uint64_t entries[SWSUSP_MAP_ENTRIES];
		uint32_t count;    /* fewer than SWSUSP_MAP_ENTRIES only in the last map */
	} maps[SWSUSP_MAPS_AHEAD]; /* a ring: map number n lies at n modulo SWSUSP_MAPS_AHEAD */
	uint64_t next_map_page;    /* device page that was not handed out yet, 0: none known */
	uint64_t maps_wanted;      /* MAP reads handed out */
	uint64_t maps_supplied;
	uint64_t maps_consumed; /* all entries handed out */
	uint32_t map_position;  /* the next entry in map number maps_consumed */
	uint64_t entries_taken; /* stream pages handed out */
	bool info_supplied;
	uint64_t pfn_pages_decoded;
	uint64_t pfns_decoded; /* all of them */
	uint64_t pfns_with_data;
	uint64_t last_pfn; /* valid when pfns_decoded > 0 */
};

_Static_assert(sizeof(struct swsusp_reader) <= 40 * 1024, "small enough to live anywhere");

/*
 * Starts reading. header: as parsed from device page header_page. Nothing of the reader need be set before; its reason
 * is valid after an error too. Errors: STATUS_CORRUPT (first map page out of range), STATUS_NO_MEMORY,
 * STATUS_INVALID (header_page not on the device, directory too small).
 */
nodiscard enum status swsusp_open(struct swsusp_reader *reader, const struct swsusp_header *header,
				  uint64_t header_page, uint64_t device_pages, struct swsusp_page_marks marks);

/*
 * The next pages to read, 1 to most, in stream order; a map page is handed out as soon as its predecessor was supplied
 * and one of the SWSUSP_MAPS_AHEAD places is free. The entries were checked: in range, unique, neither the header nor a
 * map page. STATUS_OK; STATUS_AGAIN: supply the map, information or PFN-list pages under way first (DATA is handed out
 * only when the whole PFN list was decoded); STATUS_END: all handed out, and the number of entries was right: exactly
 * stream_pages for a plain image, between the possible bounds for a compressed one, whose last chunk the caller must
 * find to end with the last page handed out. Errors: STATUS_CORRUPT, STATUS_NO_MEMORY (reader->reason says why).
 */
nodiscard enum status swsusp_next_read(struct swsusp_reader *reader, uint32_t most, struct swsusp_read *read_out);

/* True when every page that the maps at hand list was handed out: nothing more can be wanted but the next map. */
bool swsusp_waits_for_map(const struct swsusp_reader *reader);

/*
 * A map page arrived; in order of the wants. Checks it: no entry behind the list's end, no successor of the last map,
 * successor in range and unique (so chains can't loop). Errors: STATUS_CORRUPT, STATUS_NO_MEMORY,
 * STATUS_INVALID (no map page was wanted).
 */
nodiscard enum status swsusp_supply_map(struct swsusp_reader *reader, const struct page *page);

/*
 * The information page arrived. STATUS_UNSUPPORTED: another arch header magic, or fields that these kernels leave zero
 * (older, newer or patched kernels); STATUS_CORRUPT: counts that contradict each other or the device's size, a jump
 * address outside the canonical upper half or not congruent to its physical address modulo 2 MiB, cr3 not page aligned;
 * STATUS_INVALID: it was not wanted.
 */
nodiscard enum status swsusp_supply_info(struct swsusp_reader *reader, const struct page *page);

/*
 * Decodes the next page of the PFN list, in order: up to 512 entries, SWSUSP_PFN_ZERO kept in bit 63, strictly
 * ascending over the whole list. With the last page of the list (number meta_pages - 1) the counts are checked too.
 * Errors: STATUS_CORRUPT (order, garbage behind the end, PFN beyond 2^40, too many, too few),
 * STATUS_INVALID (before the information page, or more pages than the list has).
 */
nodiscard enum status swsusp_decode_pfns(struct swsusp_reader *reader, const struct page *page,
					 uint64_t pfns_out[SWSUSP_PFNS_PER_PAGE], uint32_t *count_out);

/* STATUS_OK only after the last page of a list whose counts are exactly those of the information page. */
nodiscard enum status swsusp_check_pfns(struct swsusp_reader *reader);

/* Bytes that all chunks together must unpack to: (stream_pages - 1) pages. */
uint64_t swsusp_unpacked_bytes(const struct swsusp_info *info);

/*
 * Reads a chunk's length from its first 8 bytes and bounds it (kernel/power/swap.c, CMP_SIZE and the sanity check of
 * load_compressed_image). packed_bytes_out: without the length itself; disk_pages_out: 1-35, length included.
 * STATUS_CORRUPT: 0 or beyond the bound.
 */
nodiscard enum status swsusp_chunk_frame(const uint8_t first[8], uint32_t *packed_bytes_out, uint32_t *disk_pages_out);

/*
 * Unpacks one chunk. packed: behind the length word; out: exactly out_bytes (a multiple of PAGE_BYTES, at most 32
 * pages) must come out, neither more nor less, and all of packed must be used up. Nothing outside out is written;
 * after an error its contents are undefined. STATUS_CORRUPT otherwise; STATUS_INVALID for SWSUSP_PLAIN
 * or sizes out of bounds.
 */
nodiscard enum status swsusp_chunk_unpack(enum swsusp_codec codec, const uint8_t *packed, uint32_t packed_bytes,
					  uint8_t *out, uint32_t out_bytes);
