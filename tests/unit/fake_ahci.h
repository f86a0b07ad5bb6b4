/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A register model of an AHCI controller with disks (AHCI 1.3.1), for the driver's tests. It executes command lists
 * from memory and does DMA to host pointers. It fails the test when the driver breaks a rule of the specification:
 * lists re-pointed while the engine runs, ST without FRE, CI without ST, queued and other commands mixed, a tag in use
 * or too high, the C bit, PRDs that do not add up, DMA without bus mastering.
 *
 * What a disk holds is computed from the sector's number; sectors that were written are remembered.
 */
#pragma once

#include "drivers/driver.h"
#include "tests/unit/fake_hw.h"
#include "tests/unit/fake_log.h"

#define FAKE_AHCI_BASE    0xFEBF0000
#define FAKE_AHCI_BYTES   0x2000
#define FAKE_AHCI_PORTS   32
#define FAKE_AHCI_WRITES  512
#define FAKE_AHCI_FOREVER UINT32_MAX

struct fake_ahci_write {
	uint64_t lba;
	bool is_durable; /* a flush followed */
	uint8_t bytes[4096];
};

struct fake_ahci_slot {
	bool is_pending;
	uint64_t due_us;
	uint64_t order;
};

/* The first part is the test's to set, before the probe or later. */
struct fake_ahci_port {
	uint32_t signature; /* 0: nothing is connected */
	uint64_t sector_count;
	uint32_t sector_bytes;
	bool has_ncq, has_lba48, has_general_log, has_write_cache, has_flush;
	uint8_t queue_depth;
	uint64_t latency_us; /* of a command */
	uint64_t link_us;    /* from the end of COMRESET to the link */
	uint64_t ready_us;   /* from the link to the first FIS */
	uint64_t stop_us;    /* from clearing ST to CR */
	bool has_no_dma;
	bool is_lifo; /* the newest queued command is finished first */

	/* Faults. */
	uint64_t bad_lba; /* reading or writing it fails, bad_times times */
	uint32_t bad_times;
	bool is_error_lost; /* of a queued command: nothing but a bit in SERR */
	bool is_ci_cleared_by_error;
	uint32_t log_fails; /* READ LOG EXT ends with an error, so many times */
	bool is_log_wrong;  /* the log names a tag that was not in flight */
	uint32_t writes_fail, flushes_fail;
	uint32_t flushes_mute; /* so many flushes are never answered */
	uint32_t mute_times;   /* so many commands are taken and never answered */
	bool is_never_ready;
	bool is_list_stuck;       /* CR stays until the controller is reset */
	bool is_receiver_stuck;   /* FR stays, whatever happens */
	bool is_active_kept;      /* clearing ST does not clear CI and SACT: QEMU */
	bool is_interface_error;  /* errors are IFS, and the task file says nothing */
	bool is_busy_after_error; /* until COMRESET */
	bool is_present_early;    /* the device shows before the link is up */
	bool has_prc_only;        /* a new link raises PRCS without PCS */

	/* What was seen. */
	uint32_t commands[256];
	uint32_t in_flight_most;
	uint32_t comresets;
	uint32_t stops;                 /* times that both list and receiver came to a stop */
	struct fake_ahci_write *writes; /* FAKE_AHCI_WRITES of them; a sector is there once */
	uint32_t write_count;

	/* Registers and state of the model. */
	uint64_t clb, fb;
	uint32_t is, ie, cmd, tfd, sig, ssts, sctl, serr, sact, ci;
	struct fake_ahci_slot slots[32];
	uint64_t order;
	bool is_halted;     /* after an error, until ST is cleared */
	bool has_ncq_error; /* the device refuses everything but the log */
	uint8_t failed_tag;
	uint64_t stop_due_us, link_due_us, ready_due_us; /* 0: not awaited */
};

struct fake_ahci {
	struct fake_pci_function pci;
	struct fake_ahci_port ports[FAKE_AHCI_PORTS];
	uint32_t cap, ghc, pi, cap2, bohc;
	bool is_reset_stuck;
	bool is_pi_lost_by_reset;
	uint64_t handoff_us;   /* the firmware lets go after so long */
	bool has_handoff_busy; /* and says meanwhile that it is busy */
	uint64_t handoff_due_us;
	uint32_t resets;
};

/* Resets the fake hardware and adds a controller with 6 empty ports, 32 slots, NCQ, 64-bit, at 00:1f.2. */
void fake_ahci_init(struct fake_ahci *ahci);

/* Connects a disk of 2^21 512-byte sectors with LBA48, NCQ of depth 32, a write cache and an error log. */
struct fake_ahci_port *fake_ahci_add_disk(struct fake_ahci *ahci, unsigned port);

/* As a firmware leaves it: running, with lists at some address. */
void fake_ahci_leave_running(struct fake_ahci *ahci, unsigned port, uint64_t list);

/* Pulls the disk. */
void fake_ahci_remove(struct fake_ahci *ahci, unsigned port);

/* What the sector holds now. buffer: sector_bytes. */
void fake_ahci_sector(const struct fake_ahci_port *port, uint64_t lba, uint8_t *buffer);

/* --- the driver on it ------------------------------------------------------------------------------------------ */

/* Runs ahci_driver's probe with an arena below 4 GiB; the registry is emptied first. The log is kept (fake_log.h). */
enum status fake_ahci_probe(struct fake_ahci *ahci, struct block_registry *registry);
