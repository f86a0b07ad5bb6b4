/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk's requests, and the parts that the firmware gets of them: it takes one contiguous buffer a call.
 */
#pragma once

#include "drivers/efi/ata.h"
#include "drivers/efi/block.h"
#include "drivers/efi/firmware.h"

#define EFI_BLOCK_REQUESTS     2 /* large ones */
#define EFI_BLOCK_TRIALS       2 /* calls of Block I/O 2 that must be quick before it is used */
#define EFI_BLOCK_SEGMENTS     256
#define EFI_BLOCK_PARTS        8
#define EFI_BLOCK_BOUNCES      2
#define EFI_BLOCK_PART_BYTES   (4 * MIB) /* most of one call: each costs the firmware some waiting */
#define EFI_BLOCK_BOUNCE_BYTES (1 * MIB)
#define EFI_BLOCK_DIRECT_BYTES (64 * KIB) /* a piece of memory that is worth a call of its own */

/* A place in a request's memory. */
struct efi_block_cursor {
	uint32_t segment;
	uint32_t offset;
};

struct efi_block_request {
	bool active;
	uint32_t tag;
	uint64_t sequence; /* of its submission */
	uint64_t lba;      /* of what has not been asked for */
	struct block_segment segments[EFI_BLOCK_SEGMENTS];
	uint32_t segment_count;
	struct efi_block_cursor next; /* what has not been asked for */
	uint32_t parts_in_flight;
	enum status status;
};

/* One call of the firmware. */
struct efi_block_part {
	bool active;
	bool is_waiting; /* for the token's event */
	struct efi_block_request *request;
	struct efi_block_cursor start; /* where its data goes, when it comes through a bounce buffer */
	uint32_t bytes;
	uint32_t bounce; /* number of the buffer, EFI_BLOCK_BOUNCES: none */
	uint8_t *buffer; /* where the firmware reads to */
	uint64_t stain;  /* of its sectors, until they are read; 0: none */
	uint64_t start_us;
	EFI_BLOCK_IO2_TOKEN token;
};

/* Of all disks. Their memory is the firmware's, taken when first needed: some firmwares clear what they get back. */
struct efi_block_bounces {
	uint8_t *memory[EFI_BLOCK_BOUNCES];
	struct page *sector; /* an aligned buffer for one that is written */
	bool taken[EFI_BLOCK_BOUNCES];
	bool is_lost; /* a call was not finished in its time: the firmware may still write to memory */
};

struct efi_block_disk {
	struct block_device device;
	EFI_BLOCK_IO *io;
	EFI_BLOCK_IO2_PROTOCOL *io2; /* NULL: there is none */
	struct efi_ata ata;
	bool is_concurrent;   /* io2 is used, once the disk is pressed */
	bool is_pressed;      /* it had two requests at a time */
	uint32_t trials_left; /* with one call in flight at a time */
	struct efi_block_bounces *bounces;
	uint32_t alignment; /* of a buffer, at least 1 */
	uint64_t sequence;
	struct efi_block_request requests[EFI_BLOCK_REQUESTS];
	struct efi_block_part parts[EFI_BLOCK_PARTS];
};

/*
 * Carves the next part off the request: straight to its memory where that is large, or small and alone, and aligned;
 * else as many small pieces as fit through a bounce buffer. *buffer_out: where the firmware reads to. STATUS_AGAIN:
 * there is no bounce buffer now. STATUS_END: all has been asked for. STATUS_NO_MEMORY: there will be no bounce buffer;
 * the request ends with that.
 */
nodiscard enum status efi_block_carve(struct efi_block_disk *disk, struct efi_block_request *request,
				      struct efi_block_part *part, void **buffer_out);

/*
 * Before the call, for disks whose firmware says of failed reads that they went well (seen in OVMF 2022.11, AHCI): each
 * sector of the buffer begins with what no disk has there, so that one that was not read is noticed.
 */
void efi_block_stain(const struct efi_block_disk *disk, struct efi_block_part *part);

/* The part's data, if it came well, goes to its place; the bounce buffer is free again. */
void efi_block_finish(struct efi_block_disk *disk, struct efi_block_part *part, enum status status);
