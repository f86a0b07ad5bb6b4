/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the model's registers (fake_ide.c) and what is behind them (fake_ide_disk.c). */
#pragma once

#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide.h"

#define FAKE_IDE_NEVER UINT64_MAX

bool fake_ide_is_dma(uint8_t command);
bool fake_ide_is_write(uint8_t command);
bool fake_ide_is_48bit(uint8_t command);

/* The registers as a reset leaves them, at once. */
void fake_ide_disk_signature(struct fake_ide_disk *disk);

/* A software reset, with the time it takes. */
void fake_ide_disk_reset(struct fake_ide_disk *disk);

/* The host has moved a whole DRQ block. */
void fake_ide_disk_block_done(struct fake_ide_disk *disk, uint64_t latency_us);

/* The time has come for what the disk was about to do. */
void fake_ide_disk_due(struct fake_ide_channel *channel, struct fake_ide_disk *disk);

/* Fails the test unless the engine may use it; the bytes it describes. */
uint64_t fake_ide_table_check(const struct ide_prd *prds);
