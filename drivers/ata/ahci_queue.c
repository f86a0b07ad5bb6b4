/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests in flight on one AHCI port: queued (NCQ) where disk and controller have it, else several plain commands
 * in the list. Errors follow Serial ATA AHCI 1.3.1, section 6.2.2.
 *
 * Doing the same again does no harm, which makes recovery simple and certain: after an error everything that was in
 * flight is issued again. Only the request that is known to have failed is charged for it (the error log of queued
 * commands names it). When the culprit is not known, all of them become suspects and are tried one at a time without
 * queuing, where there can be no doubt. So every recovery either charges a request or leads to this mode, and each
 * suspect leaves it completed: it ends.
 */
#include "drivers/ata/ahci_internal.h"

#include "drivers/ata/ahci_regs.h"
#include "drivers/block_check.h"
#include "drivers/timer.h"
#include "lib/log.h"

enum {
	ERRORS_MAX = 3,           /* failures of a request's own until it ends with STATUS_IO_ERROR */
	STALLS_MAX = 2,           /* timeouts until it ends with STATUS_TIMEOUT */
	STALLS_IN_ROW_MAX = 3,    /* timeouts with no success between them until the disk is given up */
	NCQ_TROUBLES_MAX = 3,     /* errors of unknown cause until queued commands are no longer used */
	STALL_US = 10000000,      /* nothing was completed for so long */
	STALL_NOISY_US = 2000000, /* the same, while the link reports errors */
	AGE_US = 30000000,        /* one request alone was not completed for so long */
	AGE_CHECK_US = 1000000,
};

static bool slot_is_in(uint32_t slots, uint32_t slot)
{
	return (slots & BIT(slot)) != 0;
}

static void request_finish(struct ahci_port *port, uint32_t slot, enum status status)
{
	struct ahci_request *request = &port->queue.requests[slot];

	request->state = AHCI_REQUEST_DONE;
	request->status = status;
	if (request->is_suspect)
		port->queue.suspects--;
	request->is_suspect = false;
}

static void request_suspect(struct ahci_queue *queue, uint32_t slot)
{
	struct ahci_request *request = &queue->requests[slot];

	if (!request->is_suspect)
		queue->suspects++;
	request->is_suspect = true;
}

/* The failure was this request's own. */
static void request_charge(struct ahci_port *port, uint32_t slot)
{
	if (++port->queue.requests[slot].errors >= ERRORS_MAX)
		request_finish(port, slot, STATUS_IO_ERROR);
}

/* Takes everything back from the controller that was with it. */
static void queue_withdraw(struct ahci_queue *queue)
{
	for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
		if (slot_is_in(queue->issued, slot))
			queue->requests[slot].state = AHCI_REQUEST_WAITING;
	}
	queue->failed = queue->issued;
	queue->issued = 0;
}

/* --- issuing --------------------------------------------------------------------------------------------------- */

static void request_issue(struct ahci_port *port, uint32_t slot, bool is_queued)
{
	struct ahci_queue *queue = &port->queue;
	struct ahci_request *request = &queue->requests[slot];
	struct ahci_transfer_table *table = &queue->tables[slot];
	struct ata_taskfile taskfile;
	enum status status;

	if (is_queued)
		status = ata_queued_build(&port->ata, request->transfer, request->lba, request->sectors, (uint8_t)slot,
					  &taskfile);
	else
		status = ata_transfer_build(&port->ata, request->transfer, request->lba, request->sectors, &taskfile);
	if (status != STATUS_OK) {
		request_finish(port, slot, STATUS_IO_ERROR);
		return;
	}
	ahci_table_build(&table->head, &taskfile);
	ahci_header_build(&port->memory->headers[slot], virt_to_paddr(table), request->prd_count, taskfile.is_write);
	request->state = AHCI_REQUEST_ISSUED;
	request->issued_us = timer_now_us();
	if (queue->issued == 0)
		queue->progress_us = request->issued_us;
	queue->issued |= BIT(slot);
	if (is_queued)
		ahci_port_write(port, AHCI_PX_SACT, BIT(slot));
	ahci_port_write(port, AHCI_PX_CI, BIT(slot));
}

/*
 * Suspects go first, each alone and unqueued. Queued and other commands never meet: suspects appear and vanish, and
 * queuing is switched off, only while nothing is issued.
 */
static void queue_issue(struct ahci_port *port)
{
	struct ahci_queue *queue = &port->queue;

	for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
		const struct ahci_request *request = &queue->requests[slot];
		if (request->state != AHCI_REQUEST_WAITING)
			continue;
		if (queue->suspects > 0 && (queue->issued != 0 || !request->is_suspect))
			continue;
		request_issue(port, slot, queue->uses_ncq && queue->suspects == 0);
	}
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void ncq_trouble(struct ahci_port *port)
{
	struct ahci_queue *queue = &port->queue;

	if (!queue->uses_ncq || ++queue->ncq_troubles < NCQ_TROUBLES_MAX)
		return;
	queue->uses_ncq = false;
	log_line("ahci%u.%u: queued commands are not used any more", port->controller->index, port->index);
}

static void suspect_failed(struct ahci_port *port)
{
	for (uint32_t slot = 0; slot < port->queue.slot_count; slot++) {
		if (slot_is_in(port->queue.failed, slot))
			request_suspect(&port->queue, slot);
	}
	ncq_trouble(port);
}

static void error_log_line(const struct ahci_port *port, uint32_t interrupts)
{
	const uint32_t task_file = ahci_port_read(port, AHCI_PX_TFD);
	uint32_t slot = 0;

	while (slot + 1 < port->queue.slot_count && !slot_is_in(port->queue.issued, slot))
		slot++;
	log_line("ahci%u.%u: error, slots %x, first at %llu: status %02x error %02x, interrupts %x, link error %x",
		 port->controller->index, port->index, port->queue.issued,
		 (unsigned long long)port->queue.requests[slot].lba.value, task_file & AHCI_PX_TFD_STATUS_MASK,
		 (task_file >> AHCI_PX_TFD_ERROR_SHIFT) & 0xFF, interrupts, ahci_port_read(port, AHCI_PX_SERR));
}

/* What was issued and not completed at an error goes back to waiting; the port recovers. */
static void queue_fail(struct ahci_port *port, bool was_queued)
{
	struct ahci_queue *queue = &port->queue;

	queue_withdraw(queue);
	const bool is_alone = (queue->failed & (queue->failed - 1)) == 0;
	if (was_queued && port->ata.general_log) {
		ahci_port_stop_begin(port, AHCI_PLAN_READ_LOG);
		return;
	}
	ahci_port_stop_begin(port, was_queued ? AHCI_PLAN_RESET : AHCI_PLAN_RESTART);
	if (!is_alone || queue->failed == 0) {
		suspect_failed(port);
	} else {
		request_charge(port, (uint32_t)__builtin_ctz(queue->failed));
	}
	queue->failed = 0;
}

/* Back from recovery: the log of queued commands, if it was read, names the one that failed. */
static void queue_resume(struct ahci_port *port)
{
	struct ahci_queue *queue = &port->queue;
	const struct ata_ncq_error *error = &port->ncq_error;

	if (queue->failed == 0)
		return;
	if (port->is_log_valid && error->is_queued && slot_is_in(queue->failed, error->tag)) {
		log_line("ahci%u.%u: it was slot %u: status %02x error %02x at %llu", port->controller->index,
			 port->index, error->tag, error->status, error->error, (unsigned long long)error->lba);
		request_charge(port, error->tag);
	} else {
		suspect_failed(port);
	}
	queue->failed = 0;
}

/* Nothing came for too long: COMRESET, and another try for each alone. */
static void queue_stall(struct ahci_port *port)
{
	struct ahci_queue *queue = &port->queue;

	log_line("ahci%u.%u: no answer, slots %x: task file %x, link error %x", port->controller->index, port->index,
		 queue->issued, ahci_port_read(port, AHCI_PX_TFD), ahci_port_read(port, AHCI_PX_SERR));
	queue_withdraw(queue);
	suspect_failed(port);
	for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
		if (slot_is_in(queue->failed, slot) && ++queue->requests[slot].stalls >= STALLS_MAX)
			request_finish(port, slot, STATUS_TIMEOUT);
	}
	queue->failed = 0;
	const bool is_hopeless = ++queue->stalls_in_row >= STALLS_IN_ROW_MAX;
	if (is_hopeless)
		port->gone_status = STATUS_TIMEOUT;
	ahci_port_stop_begin(port, is_hopeless ? AHCI_PLAN_GIVE_UP : AHCI_PLAN_RESET);
}

static bool queue_is_stalled(struct ahci_port *port, uint64_t now_us)
{
	struct ahci_queue *queue = &port->queue;
	const uint64_t quiet_us = now_us - queue->progress_us;

	if (quiet_us >= STALL_US)
		return true;
	if (now_us < queue->age_check_us)
		return false;
	queue->age_check_us = now_us + AGE_CHECK_US;
	for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
		if (slot_is_in(queue->issued, slot) && now_us - queue->requests[slot].issued_us >= AGE_US)
			return true;
	}
	/* An emulator and some bridges lose the error of a queued command, but not the trace of it in SERR. */
	return quiet_us >= STALL_NOISY_US && ahci_port_read(port, AHCI_PX_SERR) != 0;
}

/* --- completion ------------------------------------------------------------------------------------------------ */

static void queue_complete(struct ahci_port *port, uint32_t done)
{
	struct ahci_queue *queue = &port->queue;

	if (done == 0)
		return;
	for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
		if (slot_is_in(done, slot))
			request_finish(port, slot, STATUS_OK);
	}
	queue->issued &= ~done;
	queue->stalls_in_row = 0;
	queue->progress_us = timer_now_us();
}

enum trouble { TROUBLE_NONE, TROUBLE_LINK, TROUBLE_COMMAND };

/* interrupts: as read after done was. */
static enum trouble trouble_find(const struct ahci_port *port, uint32_t interrupts, uint32_t done)
{
	ahci_port_write(port, AHCI_PX_IS, interrupts);
	const uint32_t task_file = ahci_port_read(port, AHCI_PX_TFD);
	const uint32_t link = ahci_port_read(port, AHCI_PX_SSTS) & AHCI_PX_SSTS_DET_MASK;

	if ((interrupts & AHCI_PX_IS_LINK) != 0 && link != AHCI_PX_SSTS_DET_READY)
		return TROUBLE_LINK;
	/* DF does not raise an interrupt of its own; after a reset it may stand there without meaning. */
	if ((interrupts & AHCI_PX_IS_FATAL) != 0 || (task_file & ATA_STATUS_ERR) != 0 ||
	    (done != 0 && (task_file & ATA_STATUS_DF) != 0))
		return TROUBLE_COMMAND;
	return TROUBLE_NONE;
}

static void queue_lose_link(struct ahci_port *port)
{
	queue_withdraw(&port->queue);
	suspect_failed(port);
	port->queue.failed = 0;
	ahci_port_stop_begin(port, AHCI_PLAN_RESET);
}

static void queue_collect(struct ahci_port *port)
{
	struct ahci_queue *queue = &port->queue;
	const bool is_queued = queue->uses_ncq && queue->suspects == 0;

	if (queue->issued == 0)
		return;
	/* First what is finished, then whether there was an error: the other way round one could be lost between. */
	const uint32_t active = ahci_port_read(port, is_queued ? AHCI_PX_SACT : AHCI_PX_CI);
	const uint32_t interrupts = ahci_port_read(port, AHCI_PX_IS);
	const uint32_t done = queue->issued & ~active;
	const bool is_news = interrupts != 0 || done != 0;
	const enum trouble trouble = is_news ? trouble_find(port, interrupts, done) : TROUBLE_NONE;
	if (trouble == TROUBLE_NONE) {
		queue_complete(port, done);
		if (done == 0 && queue_is_stalled(port, timer_now_us()))
			queue_stall(port);
		return;
	}
	error_log_line(port, interrupts);
	/* SACT falls only for what succeeded; CI may fall for the command that failed, too. */
	if (is_queued)
		queue_complete(port, done);
	if (trouble == TROUBLE_LINK)
		queue_lose_link(port);
	else
		queue_fail(port, is_queued);
}

/* The port is gone and its engine stopped. */
static void queue_abandon(struct ahci_port *port)
{
	struct ahci_queue *queue = &port->queue;

	queue_withdraw(queue);
	queue->failed = 0;
	for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
		if (queue->requests[slot].state == AHCI_REQUEST_WAITING)
			request_finish(port, slot, port->gone_status);
	}
}

static void queue_step(struct ahci_port *port)
{
	if (port->state == AHCI_PORT_RUNNING) {
		queue_collect(port);
	} else if (port->state != AHCI_PORT_GONE) {
		ahci_port_step(port);
	}
	if (port->state == AHCI_PORT_GONE) {
		queue_abandon(port);
	} else if (port->state == AHCI_PORT_RUNNING) {
		queue_resume(port);
		queue_issue(port);
	}
}

/* --- for the other layers -------------------------------------------------------------------------------------- */

enum status ahci_queue_submit(struct ahci_port *port, enum ata_transfer transfer, const struct block_segment *segments,
			      uint32_t count, struct lba lba, uint32_t tag)
{
	struct ahci_queue *queue = &port->queue;
	const struct block_identity *identity = &port->device.identity;
	uint32_t slot = 0;
	uint64_t bytes = 0;
	uint32_t prd_count;

	if (port->state == AHCI_PORT_GONE)
		return STATUS_IO_ERROR;
	TRY(block_check_transfer(identity, segments, count, lba, &bytes));
	while (slot < queue->slot_count && queue->requests[slot].state != AHCI_REQUEST_FREE)
		slot++;
	if (slot == queue->slot_count)
		return STATUS_AGAIN;
	TRY(ahci_prds_build(segments, count, queue->tables[slot].prds, AHCI_PRDS, &prd_count));
	queue->requests[slot] = (struct ahci_request){
		.state = AHCI_REQUEST_WAITING,
		.tag = tag,
		.transfer = transfer,
		.lba = lba,
		.sectors = (uint32_t)(bytes / identity->sector_bytes),
		.prd_count = prd_count,
	};
	if (port->state == AHCI_PORT_RUNNING && queue->suspects == 0 && queue->failed == 0)
		request_issue(port, slot, queue->uses_ncq);
	return STATUS_OK;
}

void ahci_queue_poll(struct ahci_port *port, struct block_completion *completions_out, uint32_t capacity,
		     uint32_t *count_out)
{
	struct ahci_queue *queue = &port->queue;
	uint32_t count = 0;

	queue_step(port);
	for (uint32_t slot = 0; slot < queue->slot_count && count < capacity; slot++) {
		struct ahci_request *request = &queue->requests[slot];
		if (request->state != AHCI_REQUEST_DONE)
			continue;
		completions_out[count++] = (struct block_completion){.tag = request->tag, .status = request->status};
		request->state = AHCI_REQUEST_FREE;
	}
	*count_out = count;
}

bool ahci_queue_is_idle(const struct ahci_port *port)
{
	for (uint32_t slot = 0; slot < port->queue.slot_count; slot++) {
		if (port->queue.requests[slot].state != AHCI_REQUEST_FREE)
			return false;
	}
	return true;
}
