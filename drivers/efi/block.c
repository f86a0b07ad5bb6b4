/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks through the firmware. With Block I/O 2 several calls are in flight, each with an event that is asked for; else
 * poll makes one call and waits in it, as long as the firmware's own time-outs last.
 *
 * Many firmwares (EDK2's AHCI and NVMe drivers) look after what is in flight only when their timer ticks, every 10 ms:
 * a call that waits is ten times as fast then. So Block I/O 2 is used after its first calls ended in no more time than
 * a slow disk needs; and it is tried when two requests wait at a time, not for the few single reads of a boot without
 * an image.
 */
#include "drivers/efi/block_internal.h"

#include "drivers/block_check.h"
#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"

#define PART_TIMEOUT_US  30000000u
#define CLOSE_TIMEOUT_US 5000000u
#define ALIGNMENT_MAX    PAGE_BYTES
#define TRIAL_US         3000u /* a firmware without such a tick has ended a call by then … */
#define TRIAL_BYTES_US   200u  /* … and the time for its bytes, so many in a microsecond */

static struct efi_block_disk *disk_of(const struct block_device *device)
{
	return device->driver;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static enum status disk_submit_read(struct block_device *device, const struct block_segment *segments, uint32_t count,
				    struct lba lba, uint32_t tag)
{
	struct efi_block_disk *disk = disk_of(device);
	struct efi_block_request *request = disk->requests;
	uint64_t bytes;

	if (disk->bounces->is_lost)
		return STATUS_IO_ERROR;
	if (count == 0 || count > EFI_BLOCK_SEGMENTS)
		return STATUS_INVALID;
	TRY(block_check_transfer(&device->identity, segments, count, lba, &bytes));
	while (request < disk->requests + EFI_BLOCK_REQUESTS && request->active)
		request++;
	if (request == disk->requests + EFI_BLOCK_REQUESTS)
		return STATUS_AGAIN;
	disk->is_pressed |= request > disk->requests;
	request->active = true;
	request->tag = tag;
	request->sequence = disk->sequence++;
	request->lba = lba.value;
	request->segment_count = count;
	request->next = (struct efi_block_cursor){0, 0};
	request->parts_in_flight = 0;
	request->status = STATUS_OK;
	memcpy(request->segments, segments, count * sizeof(*segments));
	return STATUS_OK;
}

static bool all_asked(const struct efi_block_request *request)
{
	return request->status != STATUS_OK || request->next.segment == request->segment_count;
}

/* The oldest request of which not all has been asked for; NULL: none. */
static struct efi_block_request *next_request(struct efi_block_disk *disk)
{
	struct efi_block_request *oldest = NULL;

	for (uint32_t i = 0; i < EFI_BLOCK_REQUESTS; i++) {
		struct efi_block_request *request = &disk->requests[i];

		if (request->active && !all_asked(request) && (!oldest || request->sequence < oldest->sequence))
			oldest = request;
	}
	return oldest;
}

static struct efi_block_part *free_part(struct efi_block_disk *disk)
{
	for (uint32_t i = 0; i < EFI_BLOCK_PARTS; i++)
		if (!disk->parts[i].active)
			return &disk->parts[i];
	return NULL;
}

static bool has_part(const struct efi_block_disk *disk)
{
	for (uint32_t i = 0; i < EFI_BLOCK_PARTS; i++)
		if (disk->parts[i].active)
			return true;
	return false;
}

/* Calls go through Block I/O 2. */
static bool overlaps(const struct efi_block_disk *disk)
{
	return disk->is_concurrent && disk->is_pressed;
}

static EFI_STATUS call(struct efi_block_disk *disk, struct efi_block_part *part, uint64_t lba, void *buffer)
{
	const UINT32 media = disk->io->Media->MediaId;

	if (disk->ata.protocol)
		efi_block_stain(disk, part);
	part->start_us = timer_now_us();
	part->is_waiting = overlaps(disk);
	if (part->is_waiting)
		return disk->io2->ReadBlocksEx(disk->io2, media, lba, &part->token, part->bytes, buffer);
	return disk->io->ReadBlocks(disk->io, media, lba, part->bytes, buffer);
}

/* Asks the firmware for the next part. False: nothing to ask for, or no place. */
static bool ask(struct efi_block_disk *disk)
{
	struct efi_block_request *request = next_request(disk);
	struct efi_block_part *part = free_part(disk);
	EFI_STATUS status;
	uint64_t lba;
	void *buffer;

	if (request && disk->bounces->is_lost)
		request->status = STATUS_TIMEOUT;
	if (!request || !part || all_asked(request) || (overlaps(disk) && disk->trials_left > 0 && has_part(disk)) ||
	    efi_block_carve(disk, request, part, &buffer) != STATUS_OK)
		return false;
	lba = request->lba;
	request->lba += part->bytes / disk->device.identity.sector_bytes;
	request->parts_in_flight++;
	part->active = true;
	status = call(disk, part, lba, buffer);
	if (!part->is_waiting || status != EFI_SUCCESS)
		efi_block_finish(disk, part, status == EFI_SUCCESS ? STATUS_OK : STATUS_IO_ERROR);
	return true;
}

/* Whoever reads shall know whether requests overlap. */
static void set_concurrent(struct efi_block_disk *disk, bool is_concurrent)
{
	disk->is_concurrent = is_concurrent;
	disk->device.identity.is_serial = !is_concurrent;
}

/* A call of a trial: Block I/O 2 is given up when it is slow, and used when none was. */
static void judge(struct efi_block_disk *disk, const struct efi_block_part *part, bool has_ended)
{
	const uint64_t us = timer_now_us() - part->start_us;

	if (disk->trials_left == 0 || !disk->is_concurrent)
		return;
	if (us > TRIAL_US + part->bytes / TRIAL_BYTES_US)
		set_concurrent(disk, false);
	else if (has_ended)
		disk->trials_left--;
}

/* What the firmware finished, or did not in its time: then nobody knows what it still does. */
static void collect_part(struct efi_block_disk *disk, struct efi_block_part *part)
{
	const bool has_ended = firmware.boot->CheckEvent(part->token.Event) == EFI_SUCCESS;

	judge(disk, part, has_ended);
	if (has_ended) {
		efi_block_finish(disk, part,
				 part->token.TransactionStatus == EFI_SUCCESS ? STATUS_OK : STATUS_IO_ERROR);
	} else if (timer_now_us() - part->start_us > PART_TIMEOUT_US) {
		log_line("%s: the firmware does not answer", disk->device.identity.name);
		disk->bounces->is_lost = true;
		efi_block_finish(disk, part, STATUS_TIMEOUT);
	}
}

static void disk_poll(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		      uint32_t *count_out)
{
	struct efi_block_disk *disk = disk_of(device);

	*count_out = 0;
	for (uint32_t i = 0; disk->io2 && i < EFI_BLOCK_PARTS; i++)
		if (disk->parts[i].active)
			collect_part(disk, &disk->parts[i]);
	while (ask(disk) && overlaps(disk))
		continue;
	for (uint32_t i = 0; i < EFI_BLOCK_REQUESTS && *count_out < capacity; i++) {
		struct efi_block_request *request = &disk->requests[i];

		if (!request->active || !all_asked(request) || request->parts_in_flight > 0)
			continue;
		request->active = false;
		completions_out[(*count_out)++] = (struct block_completion){request->tag, request->status};
	}
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

/* The loader under UEFI saves nothing. */
static enum status disk_submit_write(struct block_device *device, const struct block_segment *segments, uint32_t count,
				     struct lba lba, uint32_t tag)
{
	(void)device;
	(void)segments;
	(void)count;
	(void)lba;
	(void)tag;
	return STATUS_UNSUPPORTED;
}

static enum status disk_flush_sync(struct block_device *device)
{
	struct efi_block_disk *disk = disk_of(device);

	if (disk->io->FlushBlocks(disk->io) != EFI_SUCCESS)
		return STATUS_IO_ERROR;
	return disk->ata.protocol ? efi_ata_flush(&disk->ata) : STATUS_OK;
}

static enum status disk_write_sync(struct block_device *device, struct lba lba, const void *data, uint32_t bytes)
{
	struct efi_block_disk *disk = disk_of(device);
	uint8_t *buffer = disk->bounces->sector->bytes;

	TRY(block_check_write(&device->identity, lba, data, bytes));
	if (disk->bounces->is_lost)
		return STATUS_IO_ERROR;
	memcpy(buffer, data, bytes);
	if (disk->io->WriteBlocks(disk->io, disk->io->Media->MediaId, lba.value, bytes, buffer) != EFI_SUCCESS)
		return STATUS_IO_ERROR;
	return disk_flush_sync(device);
}

/* Its driver is the firmware's: ExitBootServices stops it. */
static enum status disk_rehearse_stop(struct block_device *device)
{
	(void)device;
	return STATUS_OK;
}

static void disk_quiesce(struct block_device *device)
{
	(void)device;
}

static const struct block_ops disk_ops = {
	.submit_read = disk_submit_read,
	.submit_write = disk_submit_write,
	.poll = disk_poll,
	.flush_sync = disk_flush_sync,
	.write_sync = disk_write_sync,
	.rehearse_stop = disk_rehearse_stop,
	.quiesce = disk_quiesce,
};

/* --- finding ----------------------------------------------------------------------------------------------------- */

static void close_events(struct efi_block_disk *disk, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		(void)firmware.boot->CloseEvent(disk->parts[i].token.Event);
}

/* Several calls at once, if there are events for them. */
static void use_block_io2(struct efi_block_disk *disk, EFI_HANDLE handle)
{
	static const EFI_GUID guid = EFI_BLOCK_IO2_PROTOCOL_GUID;
	EFI_BLOCK_IO2_PROTOCOL *io2 = firmware_protocol(handle, &guid);

	if (!io2)
		return;
	for (uint32_t i = 0; i < EFI_BLOCK_PARTS; i++) {
		if (firmware.boot->CreateEvent(0, 0, NULL, NULL, &disk->parts[i].token.Event) != EFI_SUCCESS) {
			close_events(disk, i);
			return;
		}
	}
	disk->io2 = io2;
	set_concurrent(disk, true);
	disk->trials_left = EFI_BLOCK_TRIALS;
}

static bool is_disk(const EFI_BLOCK_IO *io)
{
	const EFI_BLOCK_IO_MEDIA *media = io->Media;

	return media && media->MediaPresent && !media->LogicalPartition &&
	       (media->BlockSize == 512 || media->BlockSize == 4096) && media->LastBlock > 0 &&
	       media->IoAlign <= ALIGNMENT_MAX && (media->IoAlign & (media->IoAlign - 1)) == 0;
}

static enum status add_disk(struct block_registry *registry, struct arena *arena, struct efi_block_bounces *bounces,
			    EFI_HANDLE handle, EFI_BLOCK_IO *io)
{
	const EFI_BLOCK_IO_MEDIA *media = io->Media;
	struct efi_block_disk *disk;
	void *memory;

	TRY(arena_alloc(arena, sizeof(*disk), _Alignof(struct efi_block_disk), &memory));
	disk = memory;
	disk->io = io;
	disk->ata = efi_ata_find(handle);
	disk->bounces = bounces;
	disk->alignment = (uint32_t)max_u64(media->IoAlign, 1);
	disk->device.ops = &disk_ops;
	disk->device.driver = disk;
	disk->device.identity = (struct block_identity){
		.sector_bytes = media->BlockSize,
		.sector_count = media->LastBlock + 1,
		.max_segments = EFI_BLOCK_SEGMENTS,
		.max_transfer_bytes = EFI_BLOCK_PART_BYTES,
		.queue_depth = EFI_BLOCK_REQUESTS,
		.controller = registry->count,
		.dma_limit = UINT64_MAX,
		.is_serial = true,
	};
	format_text(disk->device.identity.name, BLOCK_NAME_BYTES, "efi%u", registry->count);
	TRY(block_registry_add(registry, &disk->device));
	use_block_io2(disk, handle);
	return STATUS_OK;
}

static enum status make_bounces(struct arena *arena, struct efi_block_bounces **bounces_out)
{
	struct efi_block_bounces *bounces;
	void *memory;

	TRY(arena_alloc(arena, sizeof(*bounces), _Alignof(struct efi_block_bounces), &memory));
	bounces = memory;
	TRY(arena_alloc(arena, sizeof(struct page), PAGE_BYTES, &memory));
	bounces->sector = memory;
	*bounces_out = bounces;
	return STATUS_OK;
}

void efi_block_find(struct block_registry *registry, struct arena *arena)
{
	static EFI_GUID guid = EFI_BLOCK_IO_PROTOCOL_GUID;
	struct efi_block_bounces *bounces;
	EFI_HANDLE *handles;
	UINTN count;

	if (make_bounces(arena, &bounces) != STATUS_OK ||
	    firmware.boot->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles) != EFI_SUCCESS)
		return;
	for (UINTN i = 0; i < count; i++) {
		EFI_BLOCK_IO *io = firmware_protocol(handles[i], &guid);
		enum status status;

		if (!io || !is_disk(io))
			continue;
		status = add_disk(registry, arena, bounces, handles[i], io);
		if (status != STATUS_OK)
			log_line("a disk is left out: %s", status_text(status));
	}
	(void)firmware.boot->FreePool(handles);
}

static bool nothing_in_flight(void *context)
{
	struct efi_block_disk *disk = context;
	bool idle = true;

	for (uint32_t i = 0; disk->io2 && i < EFI_BLOCK_PARTS; i++) {
		if (disk->parts[i].active)
			collect_part(disk, &disk->parts[i]);
		idle &= !disk->parts[i].active;
	}
	return idle;
}

bool efi_block_close(struct block_device *device)
{
	struct efi_block_disk *disk = disk_of(device);

	if (poll_until(nothing_in_flight, disk, CLOSE_TIMEOUT_US) != STATUS_OK)
		disk->bounces->is_lost = true;
	if (disk->io2 && !disk->bounces->is_lost)
		close_events(disk, EFI_BLOCK_PARTS);
	disk->io2 = NULL;
	set_concurrent(disk, false);
	return !disk->bounces->is_lost;
}
