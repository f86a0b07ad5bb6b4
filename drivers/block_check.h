/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks that every disk driver makes of what it is asked to do (include/block.h). */
#pragma once

#include "include/block.h"

/*
 * A read or write of the segments at lba: even addresses, sizes in multiples of 512, all below the device's dma_limit,
 * the sum in whole sectors, within max_transfer_bytes and the device. STATUS_INVALID otherwise; *bytes_out is the sum.
 * The number of segments is for the driver to check, which may merge some.
 */
nodiscard enum status block_check_transfer(const struct block_identity *identity, const struct block_segment *segments,
					   uint32_t count, struct lba lba, uint64_t *bytes_out);

/* A write_sync: bytes in whole sectors, at most PAGE_BYTES, data 512-byte aligned and below dma_limit. */
nodiscard enum status block_check_write(const struct block_identity *identity, struct lba lba, const void *data,
					uint32_t bytes);
