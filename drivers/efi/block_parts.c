/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From scattered memory to the contiguous buffers that the firmware wants.
 */
#include "drivers/efi/block_internal.h"

#include "drivers/efi/pages.h"
#include "drivers/timer.h"
#include "lib/span.h"
#include "lib/string.h"

#define BOUNCE_END   (4 * GIB)
#define STAIN_FACTOR 0x9E3779B97F4A7C15u /* spreads the clock over all bits */

static uint32_t bytes_left(const struct efi_block_request *request, struct efi_block_cursor at)
{
	return at.segment < request->segment_count ? request->segments[at.segment].bytes - at.offset : 0;
}

static uint8_t *memory_at(const struct efi_block_request *request, struct efi_block_cursor at)
{
	return paddr_to_virt((struct paddr){request->segments[at.segment].address.value + at.offset});
}

static void advance(const struct efi_block_request *request, struct efi_block_cursor *at, uint32_t bytes)
{
	at->offset += bytes;
	if (at->offset == request->segments[at->segment].bytes)
		*at = (struct efi_block_cursor){at->segment + 1, 0};
}

static bool goes_direct(const struct efi_block_disk *disk, const struct efi_block_request *request)
{
	const struct efi_block_cursor behind = {request->next.segment + 1, 0};
	const uint32_t bytes = bytes_left(request, request->next);
	const uint32_t bytes_behind = bytes_left(request, behind);
	const uint32_t block = disk->device.identity.sector_bytes;

	if ((uint64_t)(uintptr_t)memory_at(request, request->next) % disk->alignment || bytes % block)
		return false;
	return bytes >= EFI_BLOCK_DIRECT_BYTES || bytes_behind == 0 || bytes_behind >= EFI_BLOCK_DIRECT_BYTES;
}

static uint32_t free_bounce(const struct efi_block_bounces *bounces)
{
	uint32_t at = 0;

	while (at < EFI_BLOCK_BOUNCES && bounces->taken[at])
		at++;
	return at;
}

static enum status bounce_memory(struct efi_block_bounces *bounces, uint32_t bounce)
{
	struct paddr start;

	if (bounces->memory[bounce])
		return STATUS_OK;
	TRY(efi_pages_allocate(EFI_BLOCK_BOUNCE_BYTES / PAGE_BYTES, BOUNCE_END, &start));
	bounces->memory[bounce] = paddr_to_virt(start);
	return STATUS_OK;
}

enum status efi_block_carve(struct efi_block_disk *disk, struct efi_block_request *request, struct efi_block_part *part,
			    void **buffer_out)
{
	const uint32_t bounce = free_bounce(disk->bounces);
	uint32_t bytes = (uint32_t)min_u64(bytes_left(request, request->next), EFI_BLOCK_PART_BYTES);
	struct efi_block_cursor at = request->next;

	if (bytes == 0)
		return STATUS_END;
	*part = (struct efi_block_part){
		.request = request, .start = at, .bounce = EFI_BLOCK_BOUNCES, .token = part->token};
	if (goes_direct(disk, request)) {
		*buffer_out = part->buffer = memory_at(request, at);
		part->bytes = bytes;
		advance(request, &request->next, bytes);
		return STATUS_OK;
	}
	if (bounce == EFI_BLOCK_BOUNCES)
		return STATUS_AGAIN;
	request->status = bounce_memory(disk->bounces, bounce);
	TRY(request->status);
	for (bytes = 0; bytes < EFI_BLOCK_BOUNCE_BYTES && bytes_left(request, at) > 0;) {
		const uint32_t piece = (uint32_t)min_u64(bytes_left(request, at), EFI_BLOCK_BOUNCE_BYTES - bytes);

		/* Not the first: it would go directly if it could. */
		if (bytes > 0 && piece >= EFI_BLOCK_DIRECT_BYTES && bytes % disk->device.identity.sector_bytes == 0)
			break;
		advance(request, &at, piece);
		bytes += piece;
	}
	disk->bounces->taken[bounce] = true;
	part->bounce = bounce;
	part->bytes = bytes;
	request->next = at;
	*buffer_out = part->buffer = disk->bounces->memory[bounce];
	return STATUS_OK;
}

void efi_block_stain(const struct efi_block_disk *disk, struct efi_block_part *part)
{
	part->stain = (timer_now_us() * STAIN_FACTOR) | 1;
	for (uint32_t at = 0; at < part->bytes; at += disk->device.identity.sector_bytes)
		__builtin_memcpy(part->buffer + at, &part->stain, sizeof(part->stain));
}

static bool is_stained(const struct efi_block_disk *disk, const struct efi_block_part *part)
{
	bool stained = false;

	for (uint32_t at = 0; part->stain && at < part->bytes; at += disk->device.identity.sector_bytes)
		stained |= load_le64(part->buffer + at) == part->stain;
	return stained;
}

void efi_block_finish(struct efi_block_disk *disk, struct efi_block_part *part, enum status status)
{
	struct efi_block_request *request = part->request;
	struct efi_block_cursor at = part->start;

	if (status == STATUS_OK && is_stained(disk, part))
		status = STATUS_IO_ERROR;
	for (uint32_t done = 0; status == STATUS_OK && part->bounce < EFI_BLOCK_BOUNCES && done < part->bytes;) {
		const uint32_t piece = (uint32_t)min_u64(bytes_left(request, at), part->bytes - done);

		memcpy(memory_at(request, at), disk->bounces->memory[part->bounce] + done, piece);
		advance(request, &at, piece);
		done += piece;
	}
	if (part->bounce < EFI_BLOCK_BOUNCES)
		disk->bounces->taken[part->bounce] = false;
	if (request->status == STATUS_OK)
		request->status = status;
	request->parts_in_flight--;
	part->active = false;
}
