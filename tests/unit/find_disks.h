/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two disks with GPTs of eight partitions, for the tests of the search for the image.
 */
#pragma once

#include "loader/find.h"
#include "memory_disk.h"

#define PARTITION_PAGES 64
#define PARTITION_BYTES (PARTITION_PAGES * PAGE_BYTES)
#define PARTITIONS      8

#define WITH_DISKS(test) cmocka_unit_test_setup_teardown(test, find_disks_setup, find_disks_teardown)

/* resume= for the swap area that swap_put or image_put made with this number. */
#define UUID(nn) "resume=UUID=ff000000-0000-0000-0000-0000000000" nn

extern struct memory_disk *disks[2]; /* ahci0.0 of 512-byte sectors, ahci0.1 of 4096 */
extern struct block_registry registry;
extern uint8_t arena_memory[1024 * 1024];
extern struct arena arena;       /* over arena_memory */
extern struct found_image found; /* of the last find */
extern const char *reason;
extern char log_text[8192];

int find_disks_setup(void **state);
int find_disks_teardown(void **state);

/* Partitions count from 1. */
uint8_t *at(uint32_t disk, uint32_t partition, uint32_t page);

/* UUID ff000000-0000-0000-0000-0000000000NN, NN = uuid. */
void swap_put(uint8_t *page, uint8_t uuid, const char *label);
void image_put(uint8_t *page, uint8_t uuid, const char *label);

/* UUID ee000000-0000-0000-0000-0000000000NN. */
void ext_put(uint8_t *page, uint8_t uuid, const char *label);

/* Two of them can be in use at a time. */
const struct resume_spec *spec_of(const char *words);

/* Searches with these words as Thaw's own, and none of the kernel's. */
enum status find(const char *words);

/* … and the result is this status, with a reason, and the arena rewound. */
void expect(const char *words, enum status status);

/* … and the image is this one. */
void expect_found(const char *words, uint32_t disk, uint32_t partition, uint32_t header_page);
