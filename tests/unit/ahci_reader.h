/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader and writer of single pages for the AHCI tests: pages in flight by number, and what came of each. */
#pragma once

#include "include/block.h"
#include "tests/unit/fake_ahci.h"

#define READER_PAGES 64
#define READER_TAGS  256

/* One controller with one disk, at port 0. */
struct reader {
	struct fake_ahci ahci;
	struct fake_ahci_port *disk;
	struct block_registry registry;
	struct block_device *device;
	struct page pages[READER_PAGES]; /* page n is read into the one of number n modulo READER_PAGES */
	uint32_t count;                  /* completions */
	uint32_t order[READER_TAGS];     /* their tags, as they came */
	enum status status[READER_TAGS]; /* by tag, which is the page's number */
	uint32_t times[READER_TAGS];
};

extern struct reader reader;

/* A cmocka setup: everything new, the disk connected, nothing probed. */
int reader_setup(void **state);

/* Brings the driver up; one disk is expected. */
void reader_probe(void);

/* Forgets what came so far. */
void reader_forget(void);

/* Starts the read of a page: tag and place on the disk are its number. */
enum status reader_submit(uint32_t number);

/* The same for a write: the page is filled first, differently for each number. */
enum status reader_submit_write(uint32_t number);

/* One poll. True when as many completions came as *(const uint32_t *)count. For poll_until(). */
bool reader_poll(void *count);

/* Polls until count completions came in all. */
void reader_await(uint32_t count);

/* Reads pages 0 to count - 1 together. */
void reader_read(uint32_t count);

/* The page came once, and right. */
void reader_expect(uint32_t number);

/* The write of the page was completed once, well, and the disk holds it; durable: a flush followed. */
void reader_expect_written(uint32_t number, bool is_durable);

/* All of count pages came but bad, which ended with this status. */
void reader_expect_all_but(uint32_t count, uint32_t bad, enum status status);
