/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layers of the AHCI driver and what they know of each other, from the bottom up: controller (ahci.c), port
 * (ahci_port.c: engine, link, recovery, single commands), queue (ahci_queue.c: requests in flight), disk (ahci_disk.c:
 * the block device). Serial ATA AHCI 1.3.1.
 */
#pragma once

#include "drivers/ata/ahci_format.h"
#include "drivers/ata/ata.h"
#include "drivers/driver.h"
#include "drivers/io.h"

#define AHCI_PORTS_MAX 32

#define AHCI_ENGINE_STOP_US 500000 /* CR and FR clear within 500 ms (10.1.2) */

/*
 * Where a port is on its way. Each state but the last three has a deadline; ahci_port_step() moves it on without
 * waiting, so that at the start all ports are brought up side by side, and recovery happens across polls.
 */
enum ahci_port_state {
	AHCI_PORT_STOPPING, /* ST is clear, CR not yet */
	AHCI_PORT_HOLDING,  /* COMRESET is being sent */
	AHCI_PORT_LINKING,  /* waiting for the link */
	AHCI_PORT_SETTLING, /* waiting for the device's first FIS: BSY and DRQ clear */
	AHCI_PORT_ASKING,   /* IDENTIFY DEVICE, or the error log, is under way */
	AHCI_PORT_RUNNING,
	AHCI_PORT_OFF,  /* no disk there */
	AHCI_PORT_GONE, /* there was a disk; it, or the whole controller, was given up */
};

/* What a port does when it has come to a stop. */
enum ahci_port_plan {
	AHCI_PLAN_RESTART,  /* start again if nothing speaks against it, else COMRESET */
	AHCI_PLAN_READ_LOG, /* the same, and read the error log of queued commands */
	AHCI_PLAN_RESET,    /* COMRESET */
	AHCI_PLAN_GIVE_UP,  /* nothing more */
};

enum ahci_request_state {
	AHCI_REQUEST_FREE,
	AHCI_REQUEST_WAITING, /* accepted, not with the controller (any more) */
	AHCI_REQUEST_ISSUED,
	AHCI_REQUEST_DONE, /* to be reported */
};

/* One read or write; its place in the array is its command slot and queue tag. */
struct ahci_request {
	enum ahci_request_state state;
	enum status status; /* when done */
	uint32_t tag;       /* the caller's */
	enum ata_transfer transfer;
	struct lba lba;
	uint32_t sectors;
	uint32_t prd_count;
	uint8_t errors;  /* failures that were its own */
	uint8_t stalls;  /* how often it was in flight when nothing came any more */
	bool is_suspect; /* was in flight at an error whose cause is not known: to be tried alone */
	uint64_t issued_us;
};

struct ahci_queue {
	struct ahci_transfer_table *tables; /* one a slot; NULL: the port has no block device */
	struct ahci_request requests[AHCI_SLOTS_MAX];
	uint32_t slot_count;
	uint32_t issued;   /* bit n: slot n is with the controller */
	uint32_t failed;   /* bit n: slot n was in flight at the error that is being recovered from */
	uint32_t suspects; /* requests with is_suspect */
	bool uses_ncq;
	uint8_t ncq_troubles;
	uint8_t stalls_in_row;
	uint64_t progress_us;  /* when something was last issued to an idle port, or completed */
	uint64_t age_check_us; /* when the requests' ages are looked at next */
};

struct ahci_controller;

struct ahci_port {
	struct ahci_controller *controller;
	uint32_t index;
	struct mmio registers;
	struct ahci_port_memory *memory;
	enum ahci_port_state state;
	enum ahci_port_plan plan;
	enum status gone_status; /* what requests end with when the port is gone */
	uint64_t deadline_us;
	uint64_t link_start_us;
	bool was_empty; /* the firmware, which had found devices at other ports, saw none here */
	bool is_identified;
	bool is_log_valid; /* ncq_error is about the failure just recovered from */
	struct ata_ncq_error ncq_error;
	struct ata_identity ata;
	struct ahci_queue queue;
	struct block_device device;
};

struct ahci_controller {
	struct pci_function function;
	uint32_t index;
	struct mmio registers;
	uint32_t cap;
	uint32_t ports_implemented;
	uint32_t ports_linked; /* where the firmware had found a device */
	uint32_t slot_count;
	bool has_ncq;
	bool is_quiesced; /* its port registers may be out of reach: it was perhaps reset */
	uint64_t dma_limit;
	struct ahci_port *ports[AHCI_PORTS_MAX]; /* NULL where none is implemented */
};

/* --- controller: ahci.c ---------------------------------------------------------------------------------------- */

/* Bus mastering off and every port gone: no memory is written any more, at once and without a wait. */
void ahci_controller_fail(struct ahci_controller *controller, const char *why);

/* Resets the whole controller and brings its ports up again. No request may be in flight on any of them. */
void ahci_controller_restart(struct ahci_controller *controller);

/* For good: all ports stopped, or else the controller reset; bus mastering off in every case. Never logs. */
void ahci_controller_quiesce(struct ahci_controller *controller);

/* --- port: ahci_port.c ----------------------------------------------------------------------------------------- */

/* Engine stopped: points the port to its memory, interrupts off. Before bus mastering is switched on. */
void ahci_port_attach(struct ahci_port *port);

/* Switches the port on, beginning with a COMRESET. Ends, by steps, in RUNNING (an identified disk), OFF or GONE. */
void ahci_port_begin(struct ahci_port *port);

/* Clears ST and goes on by the plan. */
void ahci_port_stop_begin(struct ahci_port *port, enum ahci_port_plan plan);

/* One look at the hardware, without waiting. */
void ahci_port_step(struct ahci_port *port);

bool ahci_port_is_settled(const struct ahci_port *port);

/* Steps until the port is settled, at most timeout_us. STATUS_OK: RUNNING. STATUS_IO_ERROR, STATUS_TIMEOUT. */
nodiscard enum status ahci_port_settle(struct ahci_port *port, uint64_t timeout_us);

/* Clears ST, waits for CR, clears FRE, waits for FR (10.1.2). STATUS_TIMEOUT: one of them did not clear. */
nodiscard enum status ahci_port_stop(struct ahci_port *port);

/* After ahci_port_stop: FRE and ST again. */
void ahci_port_start(struct ahci_port *port);

/*
 * Runs one command on an idle, running port and waits for it, at most timeout_us. Up to 4 MiB of data at an even
 * address. STATUS_IO_ERROR (the task file said so), STATUS_TIMEOUT; recovery is then under way: settle first.
 */
nodiscard enum status ahci_port_command(struct ahci_port *port, const struct ata_taskfile *taskfile, struct paddr data,
					uint32_t bytes, uint64_t timeout_us);

uint32_t ahci_port_read(const struct ahci_port *port, uint32_t offset);
void ahci_port_write(const struct ahci_port *port, uint32_t offset, uint32_t value);

/* --- queue: ahci_queue.c --------------------------------------------------------------------------------------- */

/* See struct block_ops for these two. The port is a block device already. transfer: by DMA. */
nodiscard enum status ahci_queue_submit(struct ahci_port *port, enum ata_transfer transfer,
					const struct block_segment *segments, uint32_t count, struct lba lba,
					uint32_t tag);
void ahci_queue_poll(struct ahci_port *port, struct block_completion *completions_out, uint32_t capacity,
		     uint32_t *count_out);

/* No request accepted and unreported. */
bool ahci_queue_is_idle(const struct ahci_port *port);

/* --- disk: ahci_disk.c ----------------------------------------------------------------------------------------- */

/* Makes the running port a block device. STATUS_NO_MEMORY: the arena or the registry is full. */
nodiscard enum status ahci_disk_add(struct ahci_port *port, const struct driver_environment *environment);
