/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that takes its time; see late_disk.h.
 */
#include "tests/unit/late_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COMPLETED_AT_ONCE 3
#define POLLS_IN_VAIN     3 /* between two that bring something */

static uint32_t next_random(struct late_disk *disk)
{
	disk->seed = disk->seed * 1664525u + 1013904223u;
	return disk->seed >> 16;
}

/* The rules of include/block.h for a request. */
static bool is_allowed(const struct late_disk *disk, const struct block_segment *segments, uint32_t count,
		       struct lba lba, uint64_t *sectors_out)
{
	const struct block_identity *identity = &disk->device.identity;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct block_segment *segment = &segments[i];

		if (segment->bytes == 0 || (segment->address.value | segment->bytes) % 512 != 0 ||
		    segment->address.value + segment->bytes > identity->dma_limit ||
		    (i > 0 && segment->address.value % PAGE_BYTES != 0) ||
		    (i + 1 < count && (segment->address.value + segment->bytes) % PAGE_BYTES != 0))
			return false;
		bytes += segment->bytes;
	}
	*sectors_out = bytes / identity->sector_bytes;
	return count > 0 && count <= identity->max_segments && bytes <= identity->max_transfer_bytes &&
	       bytes % identity->sector_bytes == 0 && lba.value < identity->sector_count &&
	       *sectors_out <= identity->sector_count - lba.value;
}

static bool overlap(const struct late_request *a, uint64_t lba, uint64_t sectors)
{
	return a->lba < lba + sectors && lba < a->lba + a->sectors;
}

static enum status submit(struct block_device *device, const struct block_segment *segments, uint32_t count,
			  struct lba lba, uint32_t tag, bool is_write)
{
	struct late_disk *disk = device->driver;
	struct late_request *request = &disk->requests[disk->in_flight];
	uint64_t sectors;

	assert_int_equal(disk->quiesced, 0);
	if (disk->in_flight == device->identity.queue_depth)
		return STATUS_AGAIN;
	if (!is_allowed(disk, segments, count, lba, &sectors))
		return STATUS_INVALID;
	if (is_write && disk->gone_after && disk->writes + 1 >= disk->gone_after)
		return STATUS_IO_ERROR;
	for (uint32_t i = 0; i < disk->in_flight; i++) {
		assert_int_not_equal(disk->requests[i].tag, tag);
		if (is_write || disk->requests[i].is_write)
			assert_false(overlap(&disk->requests[i], lba.value, sectors));
	}
	*request = (struct late_request){.is_write = is_write, .tag = tag, .count = count, .lba = lba.value};
	request->sectors = sectors;
	request->number = is_write ? ++disk->writes : ++disk->reads;
	memcpy(request->segments, segments, count * sizeof(*segments));
	disk->in_flight++;
	disk->unflushed += is_write;
	disk->most_in_flight = (uint32_t)max_u64(disk->most_in_flight, disk->in_flight);
	disk->largest_pages = (uint32_t)max_u64(disk->largest_pages, sectors * device->identity.sector_bytes / 4096);
	/* Nobody may look at the memory before the request is completed. */
	for (uint32_t i = 0; i < count && !is_write; i++)
		memset(paddr_to_virt(segments[i].address), 0xDB, segments[i].bytes);
	return STATUS_OK;
}

static enum status submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
			       struct lba lba, uint32_t tag)
{
	return submit(device, segments, count, lba, tag, false);
}

static enum status submit_write(struct block_device *device, const struct block_segment *segments, uint32_t count,
				struct lba lba, uint32_t tag)
{
	return submit(device, segments, count, lba, tag, true);
}

static enum status carry_out(struct late_disk *disk, const struct late_request *request)
{
	uint8_t *at = disk->bytes + request->lba * disk->device.identity.sector_bytes;

	if ((request->lba < disk->bad_end && request->lba + request->sectors > disk->bad_first) ||
	    (request->is_write && request->number == disk->bad_write))
		return STATUS_IO_ERROR;
	for (uint32_t i = 0; i < request->count; at += request->segments[i++].bytes) {
		void *memory = paddr_to_virt(request->segments[i].address);

		if (request->is_write)
			memcpy(at, memory, request->segments[i].bytes);
		else
			memcpy(memory, at, request->segments[i].bytes);
	}
	return STATUS_OK;
}

static void poll_late(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	struct late_disk *disk = device->driver;

	*count_out = 0;
	if (++disk->polls % (POLLS_IN_VAIN + 1) != 0)
		return;
	while (*count_out < capacity && *count_out < COMPLETED_AT_ONCE && disk->in_flight > 0) {
		struct late_request *request = &disk->requests[next_random(disk) % disk->in_flight];

		completions_out[(*count_out)++] = (struct block_completion){request->tag, carry_out(disk, request)};
		*request = disk->requests[--disk->in_flight];
	}
}

static enum status flush_sync(struct block_device *device)
{
	struct late_disk *disk = device->driver;

	assert_int_equal(disk->in_flight, 0);
	assert_int_equal(disk->quiesced, 0);
	if (++disk->flushes == disk->bad_flush)
		return STATUS_IO_ERROR;
	disk->unflushed = 0;
	return STATUS_OK;
}

static enum status write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	struct late_disk *disk = device->driver;
	const uint32_t number = ++disk->syncs;
	const bool bad = number >= disk->bad_sync && number < disk->bad_sync_end;

	assert_int_equal(disk->in_flight, 0);
	assert_int_equal(disk->quiesced, 0);
	assert_int_equal(bytes % device->identity.sector_bytes, 0);
	assert_true(virt_to_paddr(data).value % 512 == 0);
	if (disk->on_sync)
		disk->on_sync(disk, lba.value, data);
	if ((!bad || disk->bad_sync_stores) && number != disk->lost_sync)
		memcpy(disk->bytes + lba.value * device->identity.sector_bytes, data, bytes);
	return bad ? STATUS_IO_ERROR : STATUS_OK;
}

static enum status rehearse_stop(struct block_device *device)
{
	(void)device;
	return STATUS_OK;
}

static void quiesce(struct block_device *device)
{
	struct late_disk *disk = device->driver;

	assert_int_equal(disk->in_flight, 0);
	disk->quiesced++;
}

static const struct block_ops ops = {
	.submit_read = submit_read,
	.submit_write = submit_write,
	.poll = poll_late,
	.flush_sync = flush_sync,
	.write_sync = write_sync,
	.rehearse_stop = rehearse_stop,
	.quiesce = quiesce,
};

void late_disk_init(struct late_disk *disk, void *bytes, uint64_t sector_count, uint32_t sector_bytes)
{
	memset(disk, 0, sizeof(*disk));
	disk->bytes = bytes;
	disk->seed = 1;
	disk->device.ops = &ops;
	disk->device.driver = disk;
	disk->device.identity = (struct block_identity){
		.name = "late0.0",
		.sector_bytes = sector_bytes,
		.sector_count = sector_count,
		.max_segments = 24,
		.max_transfer_bytes = 64 * 1024,
		.queue_depth = 8,
		.dma_limit = UINT64_MAX,
	};
}
