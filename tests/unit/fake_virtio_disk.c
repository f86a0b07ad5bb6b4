/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queue and disk of the virtio model: chains of descriptors, executed from memory; see fake_virtio.h. */
#include "tests/unit/fake_virtio_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_format.h"
#include "drivers/virtio/virtio_regs.h"

#define STATUS_IOERR  1
#define STATUS_UNSUPP 2
#define USED_JUMP     100
#define EARLY_US      500000

static struct virtq_avail *avail_of(const struct fake_virtio *virtio)
{
	return (struct virtq_avail *)(uintptr_t)virtio->avail;
}

static struct virtq_used *used_of(const struct fake_virtio *virtio)
{
	return (struct virtq_used *)(uintptr_t)virtio->used;
}

static bool consume(uint32_t *times)
{
	if (*times == 0)
		return false;
	if (*times != FAKE_VIRTIO_FOREVER)
		(*times)--;
	return true;
}

/* --- the disk -------------------------------------------------------------------------------------------------- */

void fake_virtio_sector(const struct fake_virtio *virtio, uint64_t sector, uint8_t *buffer)
{
	for (uint32_t i = 0; i < 64; i++) {
		const uint64_t word = (sector + 1) * 0x9E3779B97F4A7C15 + i;
		memcpy(buffer + 8 * (size_t)i, &word, 8);
	}
	for (uint32_t i = 0; i < virtio->write_count; i++) {
		if (virtio->writes[i].sector == sector)
			memcpy(buffer, virtio->writes[i].bytes, 512);
	}
}

/* --- a chain as the device sees it ------------------------------------------------------------------------------ */

struct request {
	struct virtio_blk_header header;
	struct virtq_desc data[FAKE_VIRTIO_CHAINS];
	uint32_t data_count;
	uint32_t bytes;
	uint64_t sum;
	bool is_indirect;
	uint8_t *status;
};

/* FNV-1a */
static void sum_add(uint64_t *sum, const void *memory, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		*sum = (*sum ^ ((const uint8_t *)memory)[i]) * 0x100000001B3;
}

static void piece_take(const struct fake_virtio *virtio, struct request *request, const struct virtq_desc *piece)
{
	const bool is_write = (piece->flags & VIRTQ_DESC_F_WRITE) != 0;

	if ((virtio->driver_features & VIRTIO_BLK_F_SIZE_MAX) != 0 && request->header.type != VIRTIO_BLK_T_GET_ID)
		assert_true(piece->bytes <= virtio->size_max);
	assert_true(piece->bytes > 0);
	assert_true(is_write ==
		    (request->header.type == VIRTIO_BLK_T_IN || request->header.type == VIRTIO_BLK_T_GET_ID));
	request->data[request->data_count++] = *piece;
	request->bytes += piece->bytes;
}

/* Checks the chain against 2.7.5 and 5.2.6. */
static void request_fetch(struct fake_virtio *virtio, uint16_t head, struct request *request)
{
	const struct virtq_desc *table = (const struct virtq_desc *)(uintptr_t)virtio->desc;
	uint32_t table_size = virtio->size_set;
	uint32_t length = 0;
	uint32_t next = head;
	const struct virtq_desc *piece;

	memset(request, 0, sizeof(*request));
	assert_true(head < virtio->size_set);
	if ((table[head].flags & VIRTQ_DESC_F_INDIRECT) != 0) {
		assert_true((virtio->driver_features & VIRTIO_F_INDIRECT_DESC) != 0);
		assert_int_equal(table[head].flags, VIRTQ_DESC_F_INDIRECT);
		assert_int_equal(table[head].bytes % sizeof(*table), 0);
		sum_add(&request->sum, &table[head], sizeof(*table));
		table_size = table[head].bytes / (uint32_t)sizeof(*table);
		table = (const struct virtq_desc *)(uintptr_t)table[head].address;
		next = 0;
		request->is_indirect = true;
	}
	do {
		assert_true(next < table_size);
		piece = &table[next];
		sum_add(&request->sum, piece, sizeof(*piece));
		assert_int_equal(piece->flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE), 0);
		assert_true(++length <= virtio->size_set);
		if (length == 1) {
			assert_int_equal(piece->flags, VIRTQ_DESC_F_NEXT);
			assert_int_equal(piece->bytes, sizeof(request->header));
			memcpy(&request->header, (const void *)(uintptr_t)piece->address, sizeof(request->header));
			assert_int_equal(request->header.reserved, 0);
			sum_add(&request->sum, &request->header, sizeof(request->header));
		} else if ((piece->flags & VIRTQ_DESC_F_NEXT) != 0) {
			piece_take(virtio, request, piece);
		}
		next = piece->next;
	} while ((piece->flags & VIRTQ_DESC_F_NEXT) != 0);
	assert_int_equal(piece->flags, VIRTQ_DESC_F_WRITE);
	assert_int_equal(piece->bytes, 1);
	request->status = (uint8_t *)(uintptr_t)piece->address;
	assert_true(request->header.type < ARRAY_COUNT(virtio->requests));
	const bool has_limit = (virtio->driver_features & VIRTIO_BLK_F_SEG_MAX) != 0;
	assert_true(request->data_count <= (has_limit && virtio->seg_max > 0 ? virtio->seg_max : 1));
	virtio->pieces_most = (uint32_t)max_u64(virtio->pieces_most, request->data_count);
}

/* Byte by byte in sectors through all pieces. */
static void dma(struct fake_virtio *virtio, const struct request *request, uint8_t *data, bool to_memory)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < request->data_count; i++) {
		uint8_t *memory = (uint8_t *)(uintptr_t)request->data[i].address;
		if (to_memory)
			memcpy(memory, data + done, request->data[i].bytes);
		else
			memcpy(data + done, memory, request->data[i].bytes);
		done += request->data[i].bytes;
	}
	virtio->dma_writes += to_memory ? done : 0;
}

static uint8_t transfer_buffer[(size_t)4 << 20];

static void range_check(const struct fake_virtio *virtio, const struct request *request)
{
	const uint32_t block = (virtio->driver_features & VIRTIO_BLK_F_BLK_SIZE) != 0 ? virtio->blk_size : 512;

	assert_true(request->bytes > 0 && request->bytes <= sizeof(transfer_buffer));
	assert_int_equal(request->bytes % block, 0);
	assert_int_equal(request->header.sector % (block / 512), 0);
	assert_true(request->header.sector + request->bytes / 512 <= virtio->capacity);
}

static bool is_bad(struct fake_virtio *virtio, const struct request *request)
{
	return virtio->bad_sector >= request->header.sector &&
	       virtio->bad_sector < request->header.sector + request->bytes / 512 && consume(&virtio->bad_times);
}

static uint8_t execute_read(struct fake_virtio *virtio, const struct request *request)
{
	const uint64_t first = request->header.sector;

	range_check(virtio, request);
	for (uint32_t i = 0; i < request->bytes / 512; i++)
		fake_virtio_sector(virtio, first + i, transfer_buffer + (size_t)i * 512);
	if (is_bad(virtio, request))
		return virtio->bad_status;
	dma(virtio, request, transfer_buffer, true);
	return VIRTIO_BLK_S_OK;
}

/* Where the sector's new contents go. */
static struct fake_virtio_write *write_find(struct fake_virtio *virtio, uint64_t sector)
{
	for (uint32_t i = 0; i < virtio->write_count; i++) {
		if (virtio->writes[i].sector == sector)
			return &virtio->writes[i];
	}
	assert_true(virtio->write_count < FAKE_VIRTIO_WRITES);
	return &virtio->writes[virtio->write_count++];
}

static uint8_t execute_write(struct fake_virtio *virtio, const struct request *request)
{
	range_check(virtio, request);
	assert_true((virtio->features & VIRTIO_BLK_F_RO) == 0);
	if (consume(&virtio->writes_fail))
		return STATUS_IOERR;
	if (is_bad(virtio, request))
		return virtio->bad_status;
	dma(virtio, request, transfer_buffer, false);
	for (uint32_t i = 0; i < request->bytes / 512; i++) {
		struct fake_virtio_write *write = write_find(virtio, request->header.sector + i);
		*write = (struct fake_virtio_write){.sector = request->header.sector + i,
						    .is_durable = !virtio->has_write_cache};
		memcpy(write->bytes, transfer_buffer + (size_t)i * 512, 512);
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t execute(struct fake_virtio *virtio, const struct request *request)
{
	virtio->requests[request->header.type]++;
	switch (request->header.type) {
	case VIRTIO_BLK_T_IN:
		return execute_read(virtio, request);
	case VIRTIO_BLK_T_OUT:
		return execute_write(virtio, request);
	case VIRTIO_BLK_T_FLUSH:
		assert_true((virtio->driver_features & VIRTIO_BLK_F_FLUSH) != 0);
		assert_true(request->bytes == 0 && request->header.sector == 0);
		if (consume(&virtio->flushes_fail))
			return STATUS_IOERR;
		for (uint32_t i = 0; i < virtio->write_count; i++)
			virtio->writes[i].is_durable = true;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		assert_int_equal(request->bytes, VIRTIO_BLK_ID_BYTES);
		if (consume(&virtio->ids_fail))
			return STATUS_UNSUPP;
		memcpy(transfer_buffer, virtio->id, VIRTIO_BLK_ID_BYTES);
		dma(virtio, request, transfer_buffer, true);
		return VIRTIO_BLK_S_OK;
	default:
		fail_msg("unexpected request of type %u", request->header.type);
		return STATUS_UNSUPP;
	}
}

/* --- the queue ------------------------------------------------------------------------------------------------- */

static void answer_put(struct fake_virtio *virtio, uint32_t id)
{
	struct virtq_used *used = used_of(virtio);

	used->ring[virtio->used_index % virtio->size_set].id = id;
	/* Not to be trusted: it claims to have written nothing, or too much. */
	used->ring[virtio->used_index % virtio->size_set].bytes = id % 2 == 0 ? 0 : UINT32_MAX;
	used->index = ++virtio->used_index;
}

static void chain_finish(struct fake_virtio *virtio, struct fake_virtio_chain chain)
{
	static struct request request;
	const uint16_t head = chain.head;

	request_fetch(virtio, head, &request);
	assert_true(request.sum == chain.sum);
	const bool is_flush = request.header.type == VIRTIO_BLK_T_FLUSH;
	if (consume(&virtio->mute_times) || (is_flush && consume(&virtio->flushes_mute)))
		return;
	if (consume(&virtio->trouble_times)) {
		virtio->status |= VIRTIO_STATUS_NEEDS_RESET;
		return;
	}
	if (consume(&virtio->early_times)) {
		answer_put(virtio, head);
		chain.due_us = fake_hw_now_us() + EARLY_US;
		virtio->chains[virtio->chain_count++] = chain;
		return;
	}
	const uint8_t status = execute(virtio, &request);
	if (!consume(&virtio->blank_times))
		*request.status = status;
	answer_put(virtio, consume(&virtio->garbage_times) ? virtio->garbage_id : head);
	if (consume(&virtio->twice_times))
		answer_put(virtio, head);
	if (consume(&virtio->jump_times))
		used_of(virtio)->index = virtio->used_index = (uint16_t)(virtio->used_index + USED_JUMP);
}

void fake_virtio_fetch(struct fake_virtio *virtio)
{
	static struct request request;
	const struct virtq_avail *avail = avail_of(virtio);

	assert_int_equal(avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
	while (virtio->avail_seen != avail->index) {
		const uint16_t head = avail->ring[virtio->avail_seen++ % virtio->size_set];
		for (uint32_t i = 0; i < virtio->chain_count; i++)
			assert_int_not_equal(virtio->chains[i].head, head);
		assert_true(virtio->chain_count < virtio->size_set);
		request_fetch(virtio, head, &request);
		virtio->indirect += request.is_indirect;
		virtio->chains[virtio->chain_count++] =
			(struct fake_virtio_chain){head, fake_hw_now_us() + virtio->latency_us, request.sum};
	}
	virtio->in_flight_most = (uint32_t)max_u64(virtio->in_flight_most, virtio->chain_count);
	used_of(virtio)->flags = virtio->wants_no_notify && virtio->chain_count > 0 ? VIRTQ_USED_F_NO_NOTIFY : 0;
}

static uint32_t chain_choose(struct fake_virtio *virtio)
{
	if (virtio->shuffle != 0) {
		virtio->shuffle = virtio->shuffle * 1664525 + 1013904223;
		return (virtio->shuffle >> 16) % virtio->chain_count;
	}
	return virtio->is_lifo ? virtio->chain_count - 1 : 0;
}

void fake_virtio_run(struct fake_virtio *virtio, uint64_t now_us)
{
	if (!virtio->is_enabled || virtio->is_removed || (virtio->status & VIRTIO_STATUS_NEEDS_RESET) != 0 ||
	    !fake_pci_is_bus_master(&virtio->pci))
		return;
	if (virtio->wants_no_notify && virtio->chain_count > 0)
		fake_virtio_fetch(virtio);
	while (virtio->chain_count > 0 && (virtio->status & VIRTIO_STATUS_NEEDS_RESET) == 0) {
		const uint32_t next = chain_choose(virtio);
		const struct fake_virtio_chain chain = virtio->chains[next];
		if (now_us < chain.due_us)
			return;
		virtio->chain_count--;
		memmove(&virtio->chains[next], &virtio->chains[next + 1],
			(virtio->chain_count - next) * sizeof(virtio->chains[0]));
		/* One after the other, so that the driver sees the order. */
		for (uint32_t i = 0; i < virtio->chain_count && virtio->is_lifo; i++)
			virtio->chains[i].due_us = max_u64(virtio->chains[i].due_us, now_us + 20);
		chain_finish(virtio, chain);
		if (virtio->wants_no_notify && virtio->chain_count == 0)
			fake_virtio_fetch(virtio);
	}
}
