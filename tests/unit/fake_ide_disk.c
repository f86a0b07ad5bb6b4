/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model's disks and bus master engine; see fake_ide.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide_internal.h"

#define ABSENT_FILL  0xEE
#define ATAPI_STATUS 0x10
#define ATAPI_MIDDLE 0x14
#define ATAPI_HIGH   0xEB

/* --- the disk -------------------------------------------------------------------------------------------------- */

bool fake_ide_is_dma(uint8_t command)
{
	return command == ATA_READ_DMA || command == ATA_READ_DMA_EXT || command == ATA_WRITE_DMA ||
	       command == ATA_WRITE_DMA_EXT;
}

bool fake_ide_is_write(uint8_t command)
{
	return command == ATA_WRITE_DMA || command == ATA_WRITE_DMA_EXT || command == ATA_WRITE_SECTORS ||
	       command == ATA_WRITE_SECTORS_EXT;
}

bool fake_ide_is_48bit(uint8_t command)
{
	return command == ATA_READ_DMA_EXT || command == ATA_WRITE_DMA_EXT || command == ATA_READ_SECTORS_EXT ||
	       command == ATA_WRITE_SECTORS_EXT || command == ATA_FLUSH_CACHE_EXT;
}

static void disk_access(struct fake_ide_disk *disk, uint64_t lba, uint8_t *bytes, bool write)
{
	if (lba >= disk->data_sectors)
		memset(bytes, ABSENT_FILL, write ? 0 : disk->sector_bytes);
	else if (write)
		memcpy(disk->data + lba * disk->sector_bytes, bytes, disk->sector_bytes);
	else
		memcpy(bytes, disk->data + lba * disk->sector_bytes, disk->sector_bytes);
}

static void disk_end(struct fake_ide_disk *disk, uint8_t error)
{
	disk->status = (uint8_t)(ATA_STATUS_DRDY | (error != 0 ? ATA_STATUS_ERR : 0));
	disk->error = error;
	disk->command = 0;
	disk->due_us = FAKE_IDE_NEVER;
}

void fake_ide_disk_signature(struct fake_ide_disk *disk)
{
	disk->status = disk->is_atapi ? ATAPI_STATUS : ATA_STATUS_DRDY;
	disk->error = 1;
	disk->command = 0;
	disk->due_us = FAKE_IDE_NEVER;
	disk->count[0] = disk->lba_low[0] = 1;
	disk->lba_middle[0] = disk->is_atapi ? ATAPI_MIDDLE : 0;
	disk->lba_high[0] = disk->is_atapi ? ATAPI_HIGH : 0;
	disk->device = 0;
}

void fake_ide_disk_reset(struct fake_ide_disk *disk)
{
	if (disk->is_deaf && disk->command != 0)
		return;
	fake_ide_disk_signature(disk);
	if (disk->reset_us == 0)
		return;
	disk->status = ATA_STATUS_BSY;
	disk->due_us = fake_hw_now_us() + disk->reset_us;
}

static bool disk_sector_is_bad(struct fake_ide_disk *disk, uint64_t lba)
{
	if (disk->bad_count == 0 || lba != disk->bad_lba)
		return false;
	disk->bad_count--;
	return true;
}

/* The next block of a PIO transfer, or its end. */
static void disk_pio_next(struct fake_ide_disk *disk)
{
	if (disk->sectors_left == 0 && disk->extra_data > 0) {
		disk->extra_data--;
		disk->sectors_left++;
	}
	if (disk->sectors_left == 0 || (disk->sectors_left == 1 && disk->short_data > 0)) {
		disk->short_data -= disk->short_data > 0;
		if (fake_ide_is_write(disk->command))
			disk->writes_cached++;
		disk_end(disk, 0);
		return;
	}
	if (disk->command != ATA_IDENTIFY_DEVICE && !fake_ide_is_write(disk->command)) {
		if (disk_sector_is_bad(disk, disk->next_lba)) {
			disk_end(disk, ATA_ERROR_UNC);
			return;
		}
		disk_access(disk, disk->next_lba, disk->block, false);
	}
	disk->block_used = 0;
	disk->status = ATA_STATUS_DRDY | ATA_STATUS_DRQ;
	disk->due_us = FAKE_IDE_NEVER;
}

void fake_ide_disk_block_done(struct fake_ide_disk *disk, uint64_t latency_us)
{
	if (fake_ide_is_write(disk->command) && disk_sector_is_bad(disk, disk->next_lba)) {
		disk_end(disk, ATA_ERROR_IDNF);
		return;
	}
	if (fake_ide_is_write(disk->command))
		disk_access(disk, disk->next_lba, disk->block, true);
	disk->next_lba++;
	disk->sectors_left--;
	disk->status = ATA_STATUS_BSY;
	disk->due_us = fake_hw_now_us() + latency_us;
}

/* --- the engine ------------------------------------------------------------------------------------------------ */

static uint32_t prd_bytes(const struct ide_prd *prd)
{
	return (prd->length & 0xFFFF) != 0 ? prd->length & 0xFFFF : 0x10000;
}

uint64_t fake_ide_table_check(const struct ide_prd *prds)
{
	uint64_t total = 0;

	assert_int_equal((uintptr_t)prds % 4, 0);
	for (uint32_t i = 0;; i++) {
		const uint32_t bytes = prd_bytes(&prds[i]);

		assert_int_equal((uintptr_t)prds >> 16, (uintptr_t)&prds[i] >> 16);
		assert_int_equal(prds[i].address % 2, 0);
		assert_int_equal(bytes % 2, 0);
		assert_int_equal(prds[i].address >> 16, (prds[i].address + (uint64_t)bytes - 1) >> 16);
		assert_int_equal(prds[i].length & 0x7FFF0000, 0);
		total += bytes;
		if ((prds[i].length & IDE_PRD_LAST) != 0)
			return total;
	}
}

static void engine_move(struct fake_ide_channel *channel, struct fake_ide_disk *disk)
{
	const struct ide_prd *prds = (const struct ide_prd *)(uintptr_t)channel->table;
	const bool write = fake_ide_is_write(disk->command);
	uint32_t index = 0, offset = 0;

	assert_int_equal((channel->bus_master_command & BMIDE_COMMAND_TO_MEMORY) != 0, !write);
	assert_true(fake_pci_is_bus_master(&channel->owner->function));
	assert_int_equal(fake_ide_table_check(prds), (uint64_t)disk->sectors_left * disk->sector_bytes);
	while (disk->sectors_left > 0) {
		if (disk_sector_is_bad(disk, disk->next_lba)) {
			disk_end(disk, write ? ATA_ERROR_IDNF : ATA_ERROR_UNC);
			return;
		}
		if (!write)
			disk_access(disk, disk->next_lba, disk->block, false);
		for (uint32_t i = 0; i < disk->sector_bytes; i++) {
			uint8_t *byte = (uint8_t *)(uintptr_t)prds[index].address + offset;

			if (write)
				disk->block[i] = *byte;
			else
				*byte = disk->block[i];
			if (++offset == prd_bytes(&prds[index])) {
				offset = 0;
				index++;
			}
		}
		if (write)
			disk_access(disk, disk->next_lba, disk->block, true);
		disk->next_lba++;
		disk->sectors_left--;
	}
	disk->writes_cached += write;
	disk_end(disk, 0);
	if (!channel->engine_sticks && !channel->engine_never_ends)
		channel->bus_master_status &= (uint8_t)~BMIDE_STATUS_ACTIVE;
}

static void dma_due(struct fake_ide_channel *channel, struct fake_ide_disk *disk)
{
	if ((channel->bus_master_command & BMIDE_COMMAND_START) == 0)
		return; /* the device waits for the host */
	if (disk->crc_errors > 0) {
		disk->crc_errors--;
		disk_end(disk, ATA_ERROR_ICRC | ATA_ERROR_ABORT);
	} else if (channel->engine_errors > 0) {
		channel->engine_errors--;
		channel->bus_master_status |= BMIDE_STATUS_ERROR;
		channel->bus_master_status &= (uint8_t)~BMIDE_STATUS_ACTIVE;
		disk_end(disk, 0);
	} else {
		engine_move(channel, disk);
	}
}

void fake_ide_disk_due(struct fake_ide_channel *channel, struct fake_ide_disk *disk)
{
	switch (disk->command) {
	case 0:
		fake_ide_disk_signature(disk);
		break;
	case ATA_FLUSH_CACHE:
	case ATA_FLUSH_CACHE_EXT:
		if (!disk->flush_fails) {
			disk->writes_durable += disk->writes_cached;
			disk->writes_cached = 0;
		}
		disk_end(disk, disk->flush_fails ? ATA_ERROR_ABORT : 0);
		break;
	case ATA_SET_FEATURES:
		disk_end(disk, 0);
		break;
	case ATA_IDENTIFY_DEVICE:
	case ATA_READ_SECTORS:
	case ATA_READ_SECTORS_EXT:
	case ATA_WRITE_SECTORS:
	case ATA_WRITE_SECTORS_EXT:
		disk_pio_next(disk);
		break;
	default:
		dma_due(channel, disk);
	}
}
