/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A register model of an NVMe controller with namespaces, for the driver's tests. It executes commands from memory and
 * does DMA to host pointers. It fails the test when the driver breaks a rule: doorbells of a controller that is not
 * ready, queues changed while it is enabled, DMA without bus mastering, PRP offsets inside a list.
 */
#pragma once

#include "drivers/driver.h"
#include "tests/unit/fake_hw.h"
#include "tests/unit/fake_log.h"

#define FAKE_NVME_BASE       0xFEA00000
#define FAKE_NVME_BYTES      0x4000
#define FAKE_NVME_NAMESPACES 20
#define FAKE_NVME_SECTORS    8192
#define FAKE_NVME_PENDING    64
#define FAKE_NVME_WRITES     512

/* A sector that was written; there is one for each. */
struct fake_nvme_write {
	uint32_t nsid;
	uint64_t sector;
	bool is_flushed;
	uint8_t bytes[4096];
};

struct fake_nvme_queue {
	uint64_t commands, completions;
	uint32_t entries, tail, head, done; /* done: next completion */
	uint16_t phase;
	bool exists;
};

struct fake_nvme {
	struct fake_pci_function pci;

	/* The test's to set. */
	uint64_t cap;
	uint32_t namespaces[FAKE_NVME_NAMESPACES]; /* sector_bytes of number i + 1, 0: not active */
	uint32_t metadata_bytes, mdts, format_index, format_count;
	bool has_list; /* CNS 2 */
	bool has_write_cache;
	uint64_t ready_us;   /* from EN to RDY; UINT64_MAX: never */
	uint64_t stop_us;    /* likewise to RDY off */
	bool is_fatal;       /* CFS instead of RDY */
	bool is_gone;        /* all ones */
	uint64_t latency_us; /* of an I/O command */
	uint64_t bad_sector; /* reading or writing it fails, bad_times times, with bad_status */
	uint32_t bad_times;
	uint16_t bad_status;
	uint32_t flushes_mute;
	uint32_t mute;      /* so many I/O commands are never answered */
	uint32_t wrong_ids; /* so many completions carry a wrong id */
	uint32_t writes_fail, flushes_fail;

	/* What was seen. */
	uint32_t reads, writes, flushes, in_flight_most, enables;
	uint64_t bytes_most;
	struct fake_nvme_write writes_seen[FAKE_NVME_WRITES];
	uint32_t sectors_written;

	/* Registers and state. */
	uint32_t cc, csts, aqa;
	uint64_t asq, acq, change_due_us; /* 0: none */
	struct fake_nvme_queue queues[2];
	struct {
		bool used;
		uint64_t due_us;
		uint8_t command[64];
	} pending[FAKE_NVME_PENDING];
};

/* Resets the fake hardware and adds a controller with one namespace of 512-byte sectors at 00:03.0. */
void fake_nvme_init(struct fake_nvme *nvme);

/* What was written to the sector; NULL: nothing. */
const struct fake_nvme_write *fake_nvme_written(const struct fake_nvme *nvme, uint32_t nsid, uint64_t sector);

/* What a byte of a sector holds that was not written. */
uint8_t fake_nvme_byte(uint32_t nsid, uint64_t sector, uint32_t offset);

/* Runs nvme_driver's probe with a fresh arena; the registry is emptied first. The log is kept (fake_log.h). */
enum status fake_nvme_probe(struct fake_nvme *nvme, struct block_registry *registry);
