/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A firmware for tests of what calls it: memory map, pages, ExitBootServices, events, disks. It defines what
 * drivers/efi/firmware_cpu.c does. Time is that of fake_hw.h.
 */
#pragma once

#include "drivers/efi/ata_protocol.h"
#include "drivers/efi/firmware.h"
#include "include/block.h"

#define FAKE_EFI_DESCRIPTORS 1024
#define FAKE_EFI_STRIDE      48 /* larger than a descriptor, as real ones are */
#define FAKE_EFI_DISKS       4
#define FAKE_EFI_CALLS       16

struct fake_efi_disk {
	EFI_BLOCK_IO io;
	EFI_BLOCK_IO2_PROTOCOL io2;
	EFI_BLOCK_IO_MEDIA media;
	bool has_io2;
	uint8_t *bytes;
	/* Faults and properties. */
	uint64_t latency_us; /* of a call of Block I/O 2 */
	bool never_ends;     /* nor do these */
	bool refuses;        /* ReadBlocksEx returns an error at once */
	uint64_t bad_lba;    /* a read of it fails; UINT64_MAX: none */
	bool lies;           /* says that such a read went well, and reads what is before the sector only */
	bool write_fails, flush_fails;
	bool has_ata;           /* the firmware passes ATA commands through to it */
	EFI_STATUS ata_returns; /* and to a command it answers this, */
	uint8_t ata_status;     /* and the disk this */
	/* What happened. */
	uint32_t reads, waiting_reads, writes, flushes;
	uint32_t ata_flushes;
	struct efi_ata_protocol ata;
	uint64_t largest_bytes;
	const void *last_buffer;
	uint32_t in_flight, most_in_flight;
};

struct fake_efi {
	EFI_MEMORY_DESCRIPTOR map[FAKE_EFI_DESCRIPTORS];
	uint32_t map_count;
	EFI_STATUS map_status;
	uint64_t map_key;
	uint32_t map_calls;

	uint64_t refused_start; /* AllocateAddress there fails; UINT64_MAX: nowhere */
	bool is_full;           /* AllocateMaxAddress fails */
	uint32_t allocations;   /* that were not freed */
	struct {
		uint64_t start, pages;
	} taken[FAKE_EFI_DESCRIPTORS]; /* by AllocateAddress */
	uint32_t taken_count;

	uint32_t exit_failures; /* so many calls of ExitBootServices fail, each with a new map key */
	uint32_t exit_calls;
	bool exited;
	bool called_after_failure; /* something that is not allowed then */

	EFI_TPL task_priority;
	uint32_t open_events;
	struct fake_efi_disk disks[FAKE_EFI_DISKS];
	uint32_t disk_count;
};

extern struct fake_efi fake_efi;

/* An empty firmware; fake_hw_reset is the test's. */
void fake_efi_reset(void);

void fake_efi_add_memory(uint32_t type, uint64_t start, uint64_t end);

/* A disk with a medium in memory: bytes: sectors x sector_bytes, the caller's. */
struct fake_efi_disk *fake_efi_add_disk(uint8_t *bytes, uint64_t sectors, uint32_t sector_bytes, bool has_io2);
