/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * makedumpfile's flattened format (makedumpfile 1.7, -F): a file as the sequence of writes that made it. What is read
 * of it: where each byte of that file lies. Host-clean, no allocation.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define FLATTENED_RECORD_BYTES 16 /* in front of each write's data */

struct flattened_write {
	uint64_t offset; /* in the file that the writes make */
	uint64_t place;  /* of its data, in the flattened file */
	uint64_t bytes;
};

struct flattened {
	struct flattened_write *writes; /* the caller's */
	uint32_t count, capacity;
	uint64_t next;  /* where the next record is */
	uint64_t bytes; /* of the file that they make */
};

/* The signature is known. STATUS_UNSUPPORTED: another version. *index_out has no writes yet. */
nodiscard enum status flattened_open(const struct page *header, struct flattened_write *writes, uint32_t capacity,
				     struct flattened *index_out);

/*
 * The record at index->next; file_bytes: of the flattened file. STATUS_END: that was all. STATUS_CORRUPT: its data lies
 * beyond the end of the file, or writes overlap in an unusual way. STATUS_NO_MEMORY: more writes than there is room
 * for.
 */
nodiscard enum status flattened_add(struct flattened *index, const uint8_t record[FLATTENED_RECORD_BYTES],
				    uint64_t file_bytes);

/*
 * After STATUS_END. Where the byte at offset lies, and in *run_out how many follow it on both sides. False: nothing was
 * written there.
 */
nodiscard bool flattened_find(const struct flattened *index, uint64_t offset, uint64_t *place_out, uint64_t *run_out);
