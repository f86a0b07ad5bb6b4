/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the IDE tests begin with: the model, an arena and a buffer that its engine can reach, and the usual requests.
 */
#pragma once

#include "drivers/ata/ide.h"
#include "tests/unit/fake_ide.h"

#define LEGACY      0x80 /* bus master, both channels in compatibility mode */
#define NATIVE      0x8F
#define WITHOUT_DMA 0x00
#define SECOND_US   1000000ULL

extern struct fake_ide ide;
extern struct arena ide_arena;
extern struct block_registry ide_registry;
extern struct driver_environment ide_environment;
extern uint8_t *ide_low_memory; /* arena and buffer, below 4 GiB as the engine wants it */
extern uint8_t *ide_buffer;     /* at a 64 KiB boundary */

/* For cmocka. */
int ide_group_setup(void **state);
int ide_setup(void **state);
int ide_teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, ide_setup, ide_teardown)

struct pci_function ide_function(const struct fake_ide *model);

/* Probes the model, which must succeed. */
void ide_probe(void);

/* The model with one disk as the primary master, probed. */
struct fake_ide_disk *ide_start(uint8_t prog_if, uint64_t sectors);

/* The first disk of the registry. */
struct block_device *ide_disk0(void);

/* Polls for up to seconds until count requests came back, each with this status. */
void ide_collect(struct block_device *device, uint32_t count, enum status expected, uint64_t seconds);

/* Reads into one segment, and expects this status. */
void ide_read_one(struct block_device *device, uint8_t *memory, uint32_t bytes, uint64_t lba, enum status expected);

/* memory holds what the disk does from offset. */
void ide_assert_pattern(const uint8_t *memory, uint64_t offset, uint32_t bytes);
