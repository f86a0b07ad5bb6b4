/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How code in disk/ sees a disk: a synchronous, bounded read that it is handed. Host-clean.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

struct disk_reader {
	/* Reads count whole sectors at lba into buffer; range-checked by the callee (STATUS_INVALID). */
	enum status (*read)(void *context, struct lba lba, uint32_t count, void *buffer);
	void *context;
	uint32_t sector_bytes; /* 512 or 4096 */
	uint64_t sector_count;
	struct page *scratch; /* one page for the callee's use */
};
