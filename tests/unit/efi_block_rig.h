/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk behind fake_efi.h's firmware, and what a test of its driver needs: memory to read to, and requests.
 */
#pragma once

#include "include/block.h"
#include "mm/arena.h"
#include "tests/unit/fake_efi.h"

#define RIG_DISK_BYTES   (8 * MIB)
#define RIG_MEMORY_BYTES (8 * MIB)
#define RIG_ARENA_BYTES  (16 * MIB)

struct efi_block_rig {
	uint8_t disk[RIG_DISK_BYTES] __attribute__((aligned(4096)));
	uint8_t memory[RIG_MEMORY_BYTES] __attribute__((aligned(4096)));
	uint8_t arena_bytes[RIG_ARENA_BYTES] __attribute__((aligned(4096)));
	struct arena arena;
	struct block_registry registry;
};

extern struct efi_block_rig efi_rig;

int efi_rig_set_up(void **state);
int efi_rig_tear_down(void **state);

/* The only disk, found. */
struct fake_efi_disk *efi_rig_add_disk(uint32_t sector_bytes, bool has_io2);
struct block_device *efi_rig_device(void);

/* Of efi_rig.memory. */
struct block_segment efi_rig_segment(uint64_t offset, uint32_t bytes);

enum status efi_rig_submit(const struct block_segment *segments, uint32_t count, uint64_t lba);

/* Polls until all of `count` requests are completed, and says whether one failed. */
enum status efi_rig_wait_for(uint32_t count);
