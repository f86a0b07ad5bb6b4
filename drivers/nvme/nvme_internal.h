/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layers of the NVMe driver: the controller (nvme.c), its queues (nvme_queue.c), its namespaces as block devices
 * (nvme_disk.c).
 */
#pragma once

#include "drivers/driver.h"
#include "drivers/nvme/nvme_format.h"
#include "drivers/nvme/nvme_regs.h"

#define NVME_ENTRIES_MAX    64 /* of a queue: a page of commands */
#define NVME_SLOTS_MAX      32 /* requests in flight */
#define NVME_NAMESPACES_MAX 16

_Static_assert(NVME_ENTRIES_MAX * sizeof(struct nvme_command) == PAGE_BYTES, "a submission queue is a page");

/* A pair of queues; 0 is the admin queue, 1 the one for I/O. */
struct nvme_queue {
	struct nvme_command *commands;                /* a page */
	volatile struct nvme_completion *completions; /* a page */
	uint32_t entries;
	uint32_t tail;  /* next command */
	uint32_t head;  /* next completion */
	uint16_t phase; /* of new completions: 0 or 1 */
	uint32_t id;
};

enum nvme_request_state { NVME_REQUEST_FREE, NVME_REQUEST_ISSUED, NVME_REQUEST_DONE };

/* Its number is the command's id. */
struct nvme_request {
	enum nvme_request_state state;
	struct block_device *device;
	uint32_t tag;
	uint32_t tries;
	enum status status;
	struct nvme_command command; /* for another try */
};

struct nvme_namespace {
	struct block_device device;
	struct nvme_controller *controller;
	uint32_t id;
};

struct nvme_controller {
	struct pci_function function;
	uint32_t index;
	struct mmio registers;
	uint32_t doorbell_bytes; /* from one to the next */
	uint64_t ready_us;       /* CAP.TO */
	struct nvme_controller_identity identity;
	struct nvme_queue admin;
	struct nvme_queue io;
	struct page *data;           /* identify data */
	struct nvme_prp_list *lists; /* one for each slot */
	struct nvme_request requests[NVME_SLOTS_MAX];
	uint32_t slot_count;
	uint32_t in_flight;
	uint64_t progress_us; /* when something was issued to an idle queue, or completed */
	bool is_gone;         /* stopped for good: bus mastering is off */
	struct nvme_namespace *namespaces[NVME_NAMESPACES_MAX];
	uint32_t namespace_count;
};

/* --- nvme.c ------------------------------------------------------------------------------------------------------ */

/* From reset to working queues. STATUS_TIMEOUT, STATUS_IO_ERROR. */
nodiscard enum status nvme_controller_start(struct nvme_controller *controller);

/* CC.EN off, CSTS.RDY seen 0: no DMA after it. STATUS_TIMEOUT, or STATUS_IO_ERROR: the device is gone. */
nodiscard enum status nvme_controller_stop(struct nvme_controller *controller);

/* Takes the controller out of service: stopped if it can be, bus mastering off; everything in flight ends as status. */
void nvme_controller_give_up(struct nvme_controller *controller, const char *why, enum status status);

/* For good; can't fail. */
void nvme_controller_quiesce(struct nvme_controller *controller);

/* --- nvme_queue.c ------------------------------------------------------------------------------------------------ */

/* Empties a queue pair, as after a controller reset. */
void nvme_queue_reset(struct nvme_queue *queue, uint32_t id);

/* Sends a command. The caller knows that there is room. */
void nvme_queue_send(struct nvme_controller *controller, struct nvme_queue *queue, const struct nvme_command *command);

/* One completion, if there is one. */
bool nvme_queue_receive(struct nvme_controller *controller, struct nvme_queue *queue,
			struct nvme_completion *completion_out);

/* A command on the admin queue, waited for. STATUS_IO_ERROR: it failed; STATUS_TIMEOUT. */
nodiscard enum status nvme_admin(struct nvme_controller *controller, struct nvme_command *command);

/* Starts command in a free slot. STATUS_AGAIN: none; STATUS_IO_ERROR: the controller is gone. */
nodiscard enum status nvme_request_start(struct nvme_namespace *space, struct nvme_command *command,
					 const struct block_segment *segments, uint32_t count, uint32_t tag);

/* Collects what was completed, tries again what may be, watches the time. */
void nvme_requests_step(struct nvme_controller *controller);

/* --- nvme_disk.c ------------------------------------------------------------------------------------------------- */

/* Adds every namespace that Thaw can read. STATUS_IO_ERROR, STATUS_TIMEOUT, STATUS_NO_MEMORY. */
nodiscard enum status nvme_namespaces_add(struct nvme_controller *controller,
					  const struct driver_environment *environment);
