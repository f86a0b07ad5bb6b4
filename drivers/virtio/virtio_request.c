/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of a virtio block device (VIRTIO 1.2, 5.2.6) and recovery. Whatever goes wrong with the device as a whole
 * (silence, DEVICE_NEEDS_RESET, a used ring that makes no sense) ends in a reset; what was in flight waits until the
 * device is seen to be reset, because only then its memory is ours again, and is then issued once more or ends.
 */
#include "drivers/virtio/virtio_internal.h"

#include "drivers/block_check.h"
#include "drivers/timer.h"
#include "drivers/virtio/virtio_regs.h"
#include "lib/log.h"

enum {
	ERRORS_MAX = 3,
	STALLS_MAX = 2,
	RESETS_IN_ROW_MAX = 3,
	STALL_US = 10000000,
	AGE_FACTOR = 3,                         /* others may overtake a request for so many times the patience */
	HEALTH_US = 10000,                      /* between two looks at the status register */
	AFTER_COMMAND_US = 2 * VIRTIO_RESET_US, /* safety net: the deadlines of the recovery end it before */
};

static bool slot_is(const struct virtio_blk *blk, uint32_t slot, enum virtio_request_state state)
{
	return blk->requests[slot].state == state;
}

static void request_finish(struct virtio_blk *blk, uint32_t slot, enum status status)
{
	blk->requests[slot].state = VIRTIO_REQUEST_DONE;
	blk->requests[slot].status = status;
}

/* --- chains of descriptors -------------------------------------------------------------------------------------- */

static struct virtq_desc *chain_of(const struct virtio_blk *blk, uint32_t slot)
{
	struct virtq_desc *first = blk->tables != NULL ? blk->tables : blk->queue.descriptors;

	return first + slot * blk->chain_max;
}

/* Where the chain begins in the queue. */
static uint16_t head_of(const struct virtio_blk *blk, uint32_t slot)
{
	return (uint16_t)(blk->tables != NULL ? slot : slot * blk->chain_max);
}

/* Adds data behind used descriptors, in pieces; pages side by side share one. STATUS_INVALID: too many. */
static enum status chain_add(const struct virtio_blk *blk, struct virtq_desc *chain, uint32_t *used,
			     const struct block_segment *segment)
{
	uint64_t address = segment->address.value;
	uint32_t left = segment->bytes;

	while (left > 0) {
		struct virtq_desc *last = &chain[*used - 1];
		const bool is_next = *used > 1 && last->address + last->bytes == address;
		uint32_t piece = is_next ? blk->piece_bytes_max - last->bytes : 0;
		if (piece == 0) {
			if (*used == blk->chain_max - 1)
				return STATUS_INVALID;
			last = &chain[(*used)++];
			*last = (struct virtq_desc){.address = address};
			piece = blk->piece_bytes_max;
		}
		piece = (uint32_t)min_u64(piece, left);
		last->bytes += piece;
		address += piece;
		left -= piece;
	}
	return STATUS_OK;
}

/* flags: of the data. The slot's request memory holds the header. */
static enum status chain_build(struct virtio_blk *blk, uint32_t slot, const struct block_segment *segments,
			       uint32_t count, uint32_t flags)
{
	struct virtio_request_memory *memory = &blk->memory[slot];
	struct virtq_desc *chain = chain_of(blk, slot);
	const uint16_t first = blk->tables != NULL ? 0 : head_of(blk, slot);
	uint32_t used = 1;

	chain[0] =
		(struct virtq_desc){.address = virt_to_paddr(&memory->header).value, .bytes = sizeof(memory->header)};
	for (uint32_t i = 0; i < count; i++)
		TRY(chain_add(blk, chain, &used, &segments[i]));
	for (uint32_t i = 0; i < used; i++) {
		chain[i].flags = (uint16_t)(VIRTQ_DESC_F_NEXT | (i > 0 ? flags : 0));
		chain[i].next = (uint16_t)(first + i + 1);
	}
	chain[used] = (struct virtq_desc){
		.address = virt_to_paddr((const void *)&memory->status).value,
		.bytes = sizeof(memory->status),
		.flags = VIRTQ_DESC_F_WRITE,
	};
	if (blk->tables != NULL)
		blk->queue.descriptors[slot] = (struct virtq_desc){
			.address = virt_to_paddr(chain).value,
			.bytes = (used + 1) * (uint32_t)sizeof(*chain),
			.flags = VIRTQ_DESC_F_INDIRECT,
		};
	return STATUS_OK;
}

/* --- issuing and recovery --------------------------------------------------------------------------------------- */

static void request_issue(struct virtio_blk *blk, uint32_t slot)
{
	struct virtio_request *request = &blk->requests[slot];

	blk->memory[slot].status = VIRTIO_BLK_S_NONE;
	request->state = VIRTIO_REQUEST_ISSUED;
	request->issued_us = timer_now_us();
	if (blk->queue.in_flight == 0)
		blk->progress_us = request->issued_us;
	virtio_queue_push(&blk->queue, head_of(blk, slot));
}

void virtio_blk_retire(struct virtio_blk *blk, enum status status)
{
	for (uint32_t slot = 0; slot < blk->slot_count; slot++) {
		if (slot_is(blk, slot, VIRTIO_REQUEST_ISSUED))
			blk->requests[slot].state = VIRTIO_REQUEST_WAITING;
	}
	blk->state = VIRTIO_BLK_GONE;
	blk->gone_status = status;
}

void virtio_blk_give_up(struct virtio_blk *blk, enum status status, const char *why)
{
	virtio_status_write(&blk->transport, 0);
	const bool is_off = pci_bus_master_disable(&blk->transport.function);
	log_line("%s: %s, given up%s", blk->device.identity.name, why, is_off ? "" : "; bus mastering does not go off");
	virtio_blk_retire(blk, status);
}

/* Takes everything back from a device that is about to be reset. cause: STATUS_TIMEOUT, or STATUS_IO_ERROR. */
static void requests_withdraw(struct virtio_blk *blk, enum status cause)
{
	const uint64_t now_us = timer_now_us();

	for (uint32_t slot = 0; slot < blk->slot_count; slot++) {
		struct virtio_request *request = &blk->requests[slot];
		if (!slot_is(blk, slot, VIRTIO_REQUEST_ISSUED))
			continue;
		request->state = VIRTIO_REQUEST_WAITING;
		/* Those that came late are not to blame for the silence. */
		const bool is_charged = cause != STATUS_TIMEOUT || now_us - request->issued_us >= blk->patience_us;
		uint8_t *left = cause == STATUS_TIMEOUT ? &request->stalls_left : &request->errors_left;
		if (is_charged && --*left == 0)
			request->status = cause;
	}
}

static void reset_begin(struct virtio_blk *blk, enum status cause, const char *why)
{
	const bool is_hopeless = ++blk->resets_in_row > RESETS_IN_ROW_MAX;

	requests_withdraw(blk, cause);
	if (is_hopeless) {
		virtio_blk_give_up(blk, cause, why);
		return;
	}
	log_line("%s: %s, device reset", blk->device.identity.name, why);
	virtio_status_write(&blk->transport, 0);
	blk->state = VIRTIO_BLK_RESETTING;
	blk->deadline_us = timer_now_us() + VIRTIO_RESET_US;
}

static void reset_step(struct virtio_blk *blk)
{
	const uint8_t status = virtio_status_read(&blk->transport);

	if (status == VIRTIO_STATUS_GONE) {
		virtio_blk_give_up(blk, STATUS_IO_ERROR, "it is not there any more");
	} else if (status == 0) {
		if (virtio_blk_restart(blk) != STATUS_OK)
			virtio_blk_give_up(blk, STATUS_IO_ERROR, "it can't be set up again");
	} else if (timer_now_us() >= blk->deadline_us) {
		virtio_blk_give_up(blk, STATUS_TIMEOUT, "the reset does not end");
	}
}

/* --- completion ------------------------------------------------------------------------------------------------- */

/* False: the device says that it has done with it, and has written nothing. It may still be at it. */
static bool request_complete(struct virtio_blk *blk, uint32_t slot)
{
	struct virtio_request *request = &blk->requests[slot];
	const uint8_t status = blk->memory[slot].status;

	if (status == VIRTIO_BLK_S_NONE)
		return false;
	if (status == VIRTIO_BLK_S_OK) {
		request_finish(blk, slot, STATUS_OK);
		return true;
	}
	request->state = VIRTIO_REQUEST_WAITING;
	if (--request->errors_left == 0) {
		request->status = STATUS_IO_ERROR;
		log_line("%s: request of type %u at sector %llu failed: status %x", blk->device.identity.name,
			 blk->memory[slot].header.type, (unsigned long long)blk->memory[slot].header.sector, status);
	}
	return true;
}

/* The slot that a used element names. False: none that is with the device. */
static bool slot_find(const struct virtio_blk *blk, uint32_t head, uint32_t *slot_out)
{
	const uint32_t slot = blk->tables != NULL ? head : head / blk->chain_max;

	if (slot >= blk->slot_count || head != head_of(blk, slot) || !slot_is(blk, slot, VIRTIO_REQUEST_ISSUED))
		return false;
	*slot_out = slot;
	return true;
}

/* False: the used ring makes no sense. */
static bool queue_collect(struct virtio_blk *blk)
{
	uint32_t head;

	while (virtio_queue_pop(&blk->queue, &head)) {
		uint32_t slot;
		if (!slot_find(blk, head, &slot) || !request_complete(blk, slot))
			return false;
		blk->resets_in_row = 0;
		blk->progress_us = timer_now_us();
	}
	return true;
}

static bool is_stalled(const struct virtio_blk *blk, uint64_t now_us)
{
	if (now_us - blk->progress_us >= blk->patience_us)
		return true;
	for (uint32_t slot = 0; slot < blk->slot_count; slot++) {
		if (slot_is(blk, slot, VIRTIO_REQUEST_ISSUED) &&
		    now_us - blk->requests[slot].issued_us >= AGE_FACTOR * blk->patience_us)
			return true;
	}
	return false;
}

/* Requests are in flight. A look at the register is dear, and so rare. */
static void watch(struct virtio_blk *blk)
{
	const uint64_t now_us = timer_now_us();

	if (now_us - blk->health_us < HEALTH_US)
		return;
	blk->health_us = now_us;
	const uint8_t status = virtio_status_read(&blk->transport);
	/* A device that is not there any more (VIRTIO_STATUS_GONE) is in trouble, too; the reset finds out. */
	if ((status & VIRTIO_STATUS_NEEDS_RESET) != 0 || (status & VIRTIO_STATUS_DRIVER_OK) == 0)
		reset_begin(blk, STATUS_IO_ERROR, "it is in trouble");
	else if (is_stalled(blk, now_us))
		reset_begin(blk, STATUS_TIMEOUT, "no answer");
}

/* Ends what waits and is decided, issues the rest. */
static void waiting_serve(struct virtio_blk *blk)
{
	for (uint32_t slot = 0; slot < blk->slot_count; slot++) {
		const enum status status = blk->requests[slot].status;
		if (!slot_is(blk, slot, VIRTIO_REQUEST_WAITING))
			continue;
		if (status != STATUS_OK)
			request_finish(blk, slot, status);
		else if (blk->state == VIRTIO_BLK_GONE)
			request_finish(blk, slot, blk->gone_status);
		else
			request_issue(blk, slot);
	}
}

/* One look at the device, without waiting. */
static void step(struct virtio_blk *blk)
{
	if (blk->state == VIRTIO_BLK_RUNNING && blk->queue.in_flight > 0) {
		if (!queue_collect(blk))
			reset_begin(blk, STATUS_IO_ERROR, "its used ring makes no sense");
		else if (blk->queue.in_flight > 0)
			watch(blk);
	} else if (blk->state == VIRTIO_BLK_RESETTING) {
		reset_step(blk);
	}
	if (blk->state != VIRTIO_BLK_RESETTING)
		waiting_serve(blk);
}

/* --- for the other layers --------------------------------------------------------------------------------------- */

enum status virtio_request_submit(struct virtio_blk *blk, enum virtio_blk_request_type type,
				  const struct block_segment *segments, uint32_t count, struct lba lba, uint32_t tag)
{
	const uint32_t units = blk->device.identity.sector_bytes / VIRTIO_BLK_SECTOR_BYTES;
	uint32_t slot = 0;
	uint64_t bytes;

	if (blk->state == VIRTIO_BLK_GONE)
		return STATUS_IO_ERROR;
	TRY(block_check_transfer(&blk->device.identity, segments, count, lba, &bytes));
	while (slot < blk->slot_count && !slot_is(blk, slot, VIRTIO_REQUEST_FREE))
		slot++;
	if (slot == blk->slot_count)
		return STATUS_AGAIN;
	TRY(chain_build(blk, slot, segments, count, type == VIRTIO_BLK_T_IN ? VIRTQ_DESC_F_WRITE : 0));
	blk->memory[slot].header = (struct virtio_blk_header){.type = type, .sector = lba.value * units};
	blk->requests[slot] = (struct virtio_request){
		.state = VIRTIO_REQUEST_WAITING,
		.tag = tag,
		.errors_left = ERRORS_MAX,
		.stalls_left = STALLS_MAX,
	};
	blk->patience_us = STALL_US;
	if (blk->state == VIRTIO_BLK_RUNNING)
		request_issue(blk, slot);
	return STATUS_OK;
}

void virtio_request_poll(struct virtio_blk *blk, struct block_completion *completions_out, uint32_t capacity,
			 uint32_t *count_out)
{
	uint32_t count = 0;

	step(blk);
	for (uint32_t slot = 0; slot < blk->slot_count && count < capacity; slot++) {
		struct virtio_request *request = &blk->requests[slot];
		if (request->state != VIRTIO_REQUEST_DONE)
			continue;
		completions_out[count++] = (struct block_completion){.tag = request->tag, .status = request->status};
		request->state = VIRTIO_REQUEST_FREE;
	}
	*count_out = count;
}

/* Commands take the first slot. */
static bool is_command_done(void *context)
{
	struct virtio_blk *blk = context;

	step(blk);
	return slot_is(blk, 0, VIRTIO_REQUEST_DONE);
}

enum status virtio_request_command(struct virtio_blk *blk, enum virtio_blk_request_type type, uint64_t sector,
				   const void *data, uint32_t bytes, uint64_t timeout_us)
{
	const struct block_segment segment = {.address = virt_to_paddr(data), .bytes = bytes};

	TRY(virtio_request_settle(blk));
	TRY(chain_build(blk, 0, &segment, 1, type == VIRTIO_BLK_T_GET_ID ? VIRTQ_DESC_F_WRITE : 0));
	blk->memory[0].header = (struct virtio_blk_header){.type = type, .sector = sector};
	blk->requests[0] = (struct virtio_request){.state = VIRTIO_REQUEST_WAITING, .errors_left = 1, .stalls_left = 1};
	blk->patience_us = timeout_us;
	request_issue(blk, 0);
	/* The deadlines within step() end it before this one does. */
	if (poll_until(is_command_done, blk, timeout_us + AFTER_COMMAND_US) != STATUS_OK) {
		virtio_blk_give_up(blk, STATUS_TIMEOUT, "a command does not end");
		step(blk);
	}
	blk->requests[0].state = VIRTIO_REQUEST_FREE;
	return blk->requests[0].status;
}

bool virtio_request_is_idle(const struct virtio_blk *blk)
{
	for (uint32_t slot = 0; slot < blk->slot_count; slot++) {
		if (!slot_is(blk, slot, VIRTIO_REQUEST_FREE))
			return false;
	}
	return true;
}

static bool is_settled(void *context)
{
	struct virtio_blk *blk = context;

	step(blk);
	return blk->state != VIRTIO_BLK_RESETTING;
}

enum status virtio_request_settle(struct virtio_blk *blk)
{
	if (poll_until(is_settled, blk, AFTER_COMMAND_US) != STATUS_OK)
		virtio_blk_give_up(blk, STATUS_TIMEOUT, "the reset does not end");
	return blk->state == VIRTIO_BLK_RUNNING ? STATUS_OK : blk->gone_status;
}
