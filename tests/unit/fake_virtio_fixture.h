/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader of single pages for the virtio tests: pages in flight by number, and what came of each. */
#pragma once

#include "include/block.h"
#include "tests/unit/fake_virtio.h"

#define RIG_PAGES 64
#define RIG_TAGS  256

struct virtio_rig {
	struct fake_virtio virtio;
	struct block_registry registry;
	struct block_device *device;
	struct page pages[RIG_PAGES]; /* page n is read into the one of number n modulo RIG_PAGES */
	uint32_t count;               /* completions */
	uint32_t order[RIG_TAGS];     /* their tags, as they came */
	enum status status[RIG_TAGS]; /* by tag, which is the page's number */
	uint32_t times[RIG_TAGS];
};

extern struct virtio_rig rig;

/* cmocka setups: everything new, nothing probed; a transitional device, or one with the legacy interface only. */
int rig_setup(void **state);
int rig_setup_legacy(void **state);

/* Brings the driver up; one disk is expected. */
void rig_probe(void);

/* The probe fails with this status, and the device can do no harm. */
void rig_expect_refused(enum status status);

/* Starts the read of a page: tag and place on the disk are its number. */
enum status rig_submit(uint32_t number);

/* The same for a write: the page is filled first, differently for each number. */
enum status rig_submit_write(uint32_t number);

/* One poll. True when as many completions came as *(const uint32_t *)count. For poll_until(). */
bool rig_poll(void *count);

/* Polls until count completions came in all. */
void rig_await(uint32_t count);

/* Reads pages 0 to count - 1 together. */
void rig_read(uint32_t count);

/* The page came once, and right. */
void rig_expect(uint32_t number);

/* The write of the page was completed once, well, and the disk holds it; durable: a flush followed. */
void rig_expect_written(uint32_t number, bool is_durable);

/* All of count pages came once: right, or with this error. */
void rig_expect_all(uint32_t count);
void rig_expect_all_end(uint32_t count, enum status status);

/* All of count pages came but bad, which ended with this status. */
void rig_expect_all_but(uint32_t count, uint32_t bad, enum status status);

/* The memory holds count sectors of 512 bytes from this one on. */
void rig_expect_sectors(const void *memory, uint64_t sector, uint32_t count);
