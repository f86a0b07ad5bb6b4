/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a file's extents to requests.
 */
#include "loader/file_read.h"

#include "lib/string.h"

#define SECTOR_UNIT_BYTES 512 /* memory that a device reads into is aligned to it */
#define COMPLETIONS       16

struct transfer {
	const struct volume *volume;
	struct block_device *device;
	struct page *bounce;
	uint32_t in_flight;
	enum status failure; /* the first of any request */
};

/* A part of one extent. */
struct piece {
	uint64_t from; /* bytes from the start of the volume; FILE_HOLE */
	uint64_t to;   /* physical address */
	uint64_t bytes;
};

static void collect(struct transfer *transfer)
{
	struct block_completion completions[COMPLETIONS];
	uint32_t count;

	transfer->device->ops->poll(transfer->device, completions, COMPLETIONS, &count);
	transfer->in_flight -= count;
	for (uint32_t i = 0; i < count; i++)
		if (transfer->failure == STATUS_OK)
			transfer->failure = completions[i].status;
}

static enum status drain(struct transfer *transfer)
{
	while (transfer->in_flight > 0)
		collect(transfer);
	return transfer->failure;
}

static struct lba lba_of(const struct transfer *transfer, uint64_t from)
{
	return (struct lba){transfer->volume->start_lba + from / transfer->device->identity.sector_bytes};
}

static enum status submit(struct transfer *transfer, uint64_t from, uint64_t to, uint32_t bytes)
{
	const struct block_segment segment = {{to}, bytes};
	enum status status;

	for (;;) {
		status = transfer->device->ops->submit_read(transfer->device, &segment, 1, lba_of(transfer, from), 0);
		if (status != STATUS_AGAIN)
			break;
		collect(transfer);
		TRY(transfer->failure);
	}
	TRY(status);
	transfer->in_flight++;
	return STATUS_OK;
}

/* Whole sectors into aligned memory. */
static enum status read_sectors(struct transfer *transfer, struct piece piece)
{
	while (piece.bytes > 0) {
		/* What begins inside a page touches one more. */
		const uint64_t most = transfer->device->identity.max_transfer_bytes - piece.to % PAGE_BYTES;
		const uint32_t part =
			(uint32_t)min_u64(piece.bytes, align_down(most, transfer->device->identity.sector_bytes));

		if (part == 0)
			return STATUS_INVALID;
		TRY(submit(transfer, piece.from, piece.to, part));
		piece.from += part;
		piece.to += part;
		piece.bytes -= part;
	}
	return STATUS_OK;
}

/* A part of one sector, by way of the bounce page. Returns in *bytes_out how much. */
static enum status read_partial(struct transfer *transfer, const struct piece *piece, uint64_t *bytes_out)
{
	const uint32_t sector_bytes = transfer->device->identity.sector_bytes;
	const uint64_t skipped = piece->from % sector_bytes;
	const uint64_t bytes = min_u64(piece->bytes, sector_bytes - skipped);

	TRY(drain(transfer));
	TRY(block_read_sync(transfer->device, lba_of(transfer, piece->from), transfer->bounce, sector_bytes));
	memcpy(paddr_to_virt((struct paddr){piece->to}), transfer->bounce->bytes + skipped, bytes);
	*bytes_out = bytes;
	return STATUS_OK;
}

static enum status read_piece(struct transfer *transfer, struct piece piece)
{
	const uint32_t sector_bytes = transfer->device->identity.sector_bytes;

	if (piece.from == FILE_HOLE) {
		memset(paddr_to_virt((struct paddr){piece.to}), 0, piece.bytes);
		return STATUS_OK;
	}
	while (piece.bytes > 0) {
		uint64_t bytes = align_down(piece.bytes, sector_bytes);

		if (piece.from % sector_bytes != 0 || bytes == 0 || piece.to % SECTOR_UNIT_BYTES != 0)
			TRY(read_partial(transfer, &piece, &bytes));
		else
			TRY(read_sectors(transfer, (struct piece){piece.from, piece.to, bytes}));
		piece.from += bytes;
		piece.to += bytes;
		piece.bytes -= bytes;
	}
	return STATUS_OK;
}

static enum status read_pieces(struct transfer *transfer, const struct file_map *map, uint64_t offset, uint64_t bytes,
			       uint64_t to)
{
	for (uint32_t i = 0; i < map->count && bytes > 0; i++) {
		const struct file_extent *extent = &map->extents[i];
		const uint64_t skipped = min_u64(offset, extent->bytes);
		const uint64_t part = min_u64(bytes, extent->bytes - skipped);
		const uint64_t from = extent->device_offset == FILE_HOLE ? FILE_HOLE : extent->device_offset + skipped;

		offset -= skipped;
		if (part == 0)
			continue;
		TRY(read_piece(transfer, (struct piece){from, to, part}));
		to += part;
		bytes -= part;
	}
	return bytes == 0 ? STATUS_OK : STATUS_INVALID;
}

enum status file_read(const struct volume *volume, const struct file_map *map, uint64_t offset, uint64_t bytes,
		      struct paddr to, struct page *bounce)
{
	struct transfer transfer = {.volume = volume, .device = volume->disk, .bounce = bounce};
	enum status status;

	if (offset > map->bytes || bytes > map->bytes - offset)
		return STATUS_INVALID;
	status = read_pieces(&transfer, map, offset, bytes, to.value);
	if (drain(&transfer) != STATUS_OK && status == STATUS_OK)
		status = transfer.failure;
	return status;
}
