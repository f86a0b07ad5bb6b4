/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model of an IDE controller; see fake_ide.h. */
#include "tests/unit/fake_ide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide_internal.h"

#define RESET_US           5000 /* longer than the 2 ms after which the status is valid */
#define LATENCY_US         100
#define BACKED_SECTORS_MAX 4096

uint8_t fake_ide_pattern(uint64_t offset)
{
	return (uint8_t)(offset ^ (offset >> 9) * 7 ^ (offset >> 17));
}

uint32_t fake_ide_commands(const struct fake_ide *ide, uint8_t command)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ide->log_count; i++)
		count += ide->log[i].command == command;
	return count;
}

static void ide_on_clock(void *context, uint64_t now_us)
{
	struct fake_ide *ide = context;

	for (unsigned c = 0; c < 2; c++)
		for (unsigned d = 0; d < 2; d++)
			if (ide->channels[c].disks[d].due_us <= now_us)
				fake_ide_disk_due(&ide->channels[c], &ide->channels[c].disks[d]);
}

/* --- the command block ----------------------------------------------------------------------------------------- */

static void command_decode(const struct fake_ide_channel *channel, struct fake_ide_disk *disk, uint8_t command)
{
	const bool wide = fake_ide_is_48bit(command);
	const uint64_t low = disk->lba_low[0] | (uint64_t)disk->lba_middle[0] << 8 | (uint64_t)disk->lba_high[0] << 16;
	const uint64_t high =
		wide ? (disk->lba_low[1] | (uint64_t)disk->lba_middle[1] << 8 | (uint64_t)disk->lba_high[1] << 16) << 24
		     : (uint64_t)(disk->device & 0x0F) << 24;
	uint32_t sectors = wide ? (uint32_t)disk->count[0] | (uint32_t)disk->count[1] << 8 : disk->count[0];
	struct fake_ide *ide = channel->owner;

	if (sectors == 0)
		sectors = wide ? 65536 : 256;
	disk->next_lba = low | high;
	disk->sectors_left = sectors;
	disk->block_bytes = disk->sector_bytes;
	assert_true(ide->log_count < FAKE_IDE_LOG_MAX);
	ide->log[ide->log_count++] = (struct fake_ide_command){.channel = channel->number,
							       .device = channel->selected,
							       .command = command,
							       .lba = low | high,
							       .sectors = sectors,
							       .is_48bit = wide};
}

static bool command_is_transfer(uint8_t command)
{
	return fake_ide_is_dma(command) || fake_ide_is_write(command) || command == ATA_READ_SECTORS ||
	       command == ATA_READ_SECTORS_EXT;
}

static void command_start(struct fake_ide_channel *channel, struct fake_ide_disk *disk, uint8_t command)
{
	assert_true((channel->control & ATA_CONTROL_NIEN) != 0);
	assert_int_equal(channel->control & ATA_CONTROL_SRST, 0);
	assert_int_equal(disk->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ), 0);
	assert_true(!fake_ide_is_dma(command) || (channel->bus_master_command & BMIDE_COMMAND_START) == 0);
	disk->command = command;
	disk->status = ATA_STATUS_BSY;
	disk->due_us = fake_hw_now_us() + channel->owner->latency_us;
	command_decode(channel, disk, command);
	if (command == ATA_IDENTIFY_DEVICE) {
		memcpy(disk->block, disk->identify, sizeof(disk->identify));
		disk->block_bytes = sizeof(disk->identify);
		disk->sectors_left = 1;
	}
	if (command_is_transfer(command)) {
		assert_true((disk->device & ATA_DEVICE_LBA) != 0);
		if (disk->next_lba + disk->sectors_left > disk->sector_count)
			fail_msg("transfer beyond the disk's end");
	}
	if (disk->is_deaf && command != ATA_IDENTIFY_DEVICE)
		disk->due_us = FAKE_IDE_NEVER;
	if (disk->hang_count > 0 &&
	    (disk->hang_command == 0 ? command != ATA_IDENTIFY_DEVICE : command == disk->hang_command)) {
		disk->hang_count--;
		disk->due_us = FAKE_IDE_NEVER;
	}
}

static bool channel_is_empty(const struct fake_ide_channel *channel)
{
	return !channel->disks[0].is_present && !channel->disks[1].is_present;
}

static uint64_t data_read(struct fake_ide_disk *disk, uint64_t latency_us)
{
	uint16_t value;

	assert_true((disk->status & ATA_STATUS_DRQ) != 0);
	assert_true(!fake_ide_is_write(disk->command));
	memcpy(&value, disk->block + disk->block_used, sizeof(value));
	disk->block_used += 2;
	if (disk->block_used == disk->block_bytes)
		fake_ide_disk_block_done(disk, latency_us);
	return value;
}

static uint8_t status_of(const struct fake_ide_channel *channel)
{
	const struct fake_ide_disk *disk = &channel->disks[channel->selected];

	if (channel_is_empty(channel))
		return channel->owner->floating;
	if (!disk->is_present)
		return channel->owner->absent;
	return (channel->control & ATA_CONTROL_SRST) != 0 ? ATA_STATUS_BSY : disk->status;
}

static uint64_t command_read(void *context, uint32_t offset, unsigned width)
{
	struct fake_ide_channel *channel = context;
	struct fake_ide_disk *disk = &channel->disks[channel->selected];

	if (offset == IDE_DATA) {
		assert_int_equal(width, 2);
		return data_read(disk, channel->owner->latency_us);
	}
	assert_int_equal(width, 1);
	if (channel_is_empty(channel))
		return channel->owner->floating;
	if (offset == IDE_STATUS)
		return status_of(channel);
	if (!disk->is_present)
		disk = &channel->disks[1 - channel->selected];
	switch (offset) {
	case IDE_ERROR:
		return disk->error;
	case IDE_COUNT:
		return disk->count[0];
	case IDE_LBA_LOW:
		return disk->lba_low[0];
	case IDE_LBA_MIDDLE:
		return disk->lba_middle[0];
	case IDE_LBA_HIGH:
		return disk->lba_high[0];
	default:
		return disk->device;
	}
}

static void push(uint8_t pair[2], uint8_t value)
{
	pair[1] = pair[0];
	pair[0] = value;
}

static void data_write(struct fake_ide_disk *disk, uint64_t value, uint64_t latency_us)
{
	const uint16_t word = (uint16_t)value;

	assert_true((disk->status & ATA_STATUS_DRQ) != 0);
	assert_true(fake_ide_is_write(disk->command));
	memcpy(disk->block + disk->block_used, &word, sizeof(word));
	disk->block_used += 2;
	if (disk->block_used == disk->block_bytes)
		fake_ide_disk_block_done(disk, latency_us);
}

static void register_write(struct fake_ide_disk *disk, bool is_selected, uint32_t offset, uint8_t value)
{
	if (!disk->is_present)
		return;
	if ((disk->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0) {
		/* A busy one may be looked at, and left for the other one. */
		if (is_selected && offset != IDE_DEVICE)
			fail_msg("register %u written while the device is busy", offset);
		return;
	}
	switch (offset) {
	case IDE_FEATURE:
		disk->feature = value;
		break;
	case IDE_COUNT:
		push(disk->count, value);
		break;
	case IDE_LBA_LOW:
		push(disk->lba_low, value);
		break;
	case IDE_LBA_MIDDLE:
		push(disk->lba_middle, value);
		break;
	case IDE_LBA_HIGH:
		push(disk->lba_high, value);
		break;
	default:
		disk->device = value;
	}
}

/* A busy device keeps the channel. */
static bool selection_is_free(const struct fake_ide_channel *channel)
{
	const uint8_t busy = ATA_STATUS_BSY | ATA_STATUS_DRQ;
	bool is_free = !channel->disks[channel->selected].is_present || (status_of(channel) & busy) == 0;

	for (unsigned i = 0; i < 2 && channel->owner->keeps_selection; i++)
		is_free = is_free && (!channel->disks[i].is_present || (channel->disks[i].status & busy) == 0);
	return is_free;
}

static void command_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	struct fake_ide_channel *channel = context;
	struct fake_ide_disk *disk = &channel->disks[channel->selected];

	if (offset == IDE_DATA) {
		assert_int_equal(width, 2);
		data_write(disk, value, channel->owner->latency_us);
		return;
	}
	assert_int_equal(width, 1);
	if (offset == IDE_COMMAND) {
		if (disk->is_present)
			command_start(channel, disk, (uint8_t)value);
		return;
	}
	if (offset == IDE_DEVICE && selection_is_free(channel))
		channel->selected = (value & ATA_DEVICE_SECOND) != 0;
	for (uint8_t i = 0; i < 2; i++)
		register_write(&channel->disks[i], i == channel->selected, offset, (uint8_t)value);
}

/* --- control block and engine registers ------------------------------------------------------------------------ */

static uint64_t control_read(void *context, uint32_t offset, unsigned width)
{
	(void)offset;
	assert_int_equal(width, 1);
	return status_of(context);
}

static void control_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	struct fake_ide_channel *channel = context;

	(void)offset;
	assert_int_equal(width, 1);
	assert_true((value & ATA_CONTROL_NIEN) != 0);
	if ((channel->control & ATA_CONTROL_SRST) != 0 && (value & ATA_CONTROL_SRST) == 0) {
		channel->resets++;
		if (!channel->owner->keeps_selection)
			channel->selected = 0;
		for (unsigned i = 0; i < 2; i++)
			fake_ide_disk_reset(&channel->disks[i]);
	}
	channel->control = (uint8_t)value;
}

static uint64_t bus_master_read(void *context, uint32_t offset, unsigned width)
{
	struct fake_ide *ide = context;
	const struct fake_ide_channel *channel = &ide->channels[offset / BMIDE_CHANNEL_PORTS];

	switch (offset % BMIDE_CHANNEL_PORTS) {
	case BMIDE_COMMAND:
		return channel->bus_master_command;
	case BMIDE_STATUS:
		return channel->bus_master_status;
	default:
		assert_int_equal(width, 4);
		return channel->table;
	}
}

static void bus_master_command(struct fake_ide_channel *channel, uint8_t value)
{
	const bool was_on = (channel->bus_master_command & BMIDE_COMMAND_START) != 0;
	const bool is_on = (value & BMIDE_COMMAND_START) != 0;
	uint32_t running = 0;

	assert_true(!was_on || !is_on);
	channel->bus_master_command = value;
	if (is_on) {
		assert_true(fake_pci_is_bus_master(&channel->owner->function));
		fake_ide_table_check((const struct ide_prd *)(uintptr_t)channel->table);
		channel->bus_master_status |= BMIDE_STATUS_ACTIVE;
	} else if (was_on && !channel->engine_sticks) {
		channel->bus_master_status &= (uint8_t)~BMIDE_STATUS_ACTIVE;
	}
	for (unsigned i = 0; i < 2; i++)
		running += (channel->owner->channels[i].bus_master_command & BMIDE_COMMAND_START) != 0;
	if (running > channel->owner->busy_channels_max)
		channel->owner->busy_channels_max = running;
}

static void bus_master_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	struct fake_ide *ide = context;
	struct fake_ide_channel *channel = &ide->channels[offset / BMIDE_CHANNEL_PORTS];
	const uint8_t byte = (uint8_t)value;

	switch (offset % BMIDE_CHANNEL_PORTS) {
	case BMIDE_COMMAND:
		bus_master_command(channel, byte);
		break;
	case BMIDE_STATUS:
		channel->bus_master_status &= (uint8_t) ~(byte & (BMIDE_STATUS_ERROR | BMIDE_STATUS_INTERRUPT));
		channel->bus_master_status =
			(uint8_t)((channel->bus_master_status & ~BMIDE_STATUS_CAPABLE) | (byte & BMIDE_STATUS_CAPABLE));
		break;
	case BMIDE_TABLE:
		assert_int_equal(width, 4);
		assert_int_equal(channel->bus_master_command & BMIDE_COMMAND_START, 0);
		assert_int_equal(channel->bus_master_status & BMIDE_STATUS_ACTIVE, 0);
		channel->table = (uint32_t)value;
		break;
	default:
		fail_msg("write to a reserved bus master register");
	}
}

static const struct fake_hw_ops command_ops = {command_read, command_write};
static const struct fake_hw_ops control_ops = {control_read, control_write};
static const struct fake_hw_ops bus_master_ops = {bus_master_read, bus_master_write};

/* --- building -------------------------------------------------------------------------------------------------- */

void fake_ide_init(struct fake_ide *ide, uint8_t prog_if)
{
	static const uint16_t command_ports[2][2] = {{0x1F0, 0x170}, {0x1000, 0x1020}};
	static const uint16_t control_ports[2][2] = {{0x3F6, 0x376}, {0x1012, 0x1032}};

	memset(ide, 0, sizeof(*ide));
	ide->latency_us = LATENCY_US;
	ide->floating = 0xFF;
	fake_pci_add(&ide->function, 0, 1, 1, 0x70108086, 0x010100U | prog_if);
	if ((prog_if & IDE_INTERFACE_BUS_MASTER) != 0) {
		fake_pci_set_bar(&ide->function, 4, FAKE_IDE_BUS_MASTER, 16, 1);
		fake_hw_add_ports(FAKE_IDE_BUS_MASTER, 16, &bus_master_ops, ide);
	}
	for (uint8_t i = 0; i < 2; i++) {
		struct fake_ide_channel *channel = &ide->channels[i];
		const bool is_native = (prog_if & (i == 0 ? 1 : 4)) != 0;

		channel->owner = ide;
		channel->number = i;
		channel->bus_master_status = BIT(5);
		channel->disks[0].due_us = channel->disks[1].due_us = FAKE_IDE_NEVER;
		fake_hw_add_ports(command_ports[is_native][i], 8, &command_ops, channel);
		fake_hw_add_ports(control_ports[is_native][i], 1, &control_ops, channel);
		if (is_native) {
			fake_pci_set_bar(&ide->function, 2U * i, command_ports[1][i], 8, 1);
			fake_pci_set_bar(&ide->function, 2U * i + 1, (uint64_t)control_ports[1][i] - 2, 4, 1);
		}
	}
	fake_hw_on_clock(ide_on_clock, ide);
}

static void identify_text(uint16_t *words, const char *text, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const char a = *text != '\0' ? *text++ : ' ';
		const char b = *text != '\0' ? *text++ : ' ';

		words[i] = (uint16_t)((uint8_t)a << 8 | (uint8_t)b);
	}
}

static void identify_fill(struct fake_ide_disk *disk)
{
	const uint64_t count = disk->sector_count;
	const uint32_t count28 = count > 0x0FFFFFFF ? 0x0FFFFFFF : (uint32_t)count;
	uint16_t *words = disk->identify;

	words[0] = 0x0040;
	identify_text(&words[10], "SER-1", 10);
	identify_text(&words[27], "FAKE IDE DISK", 20);
	words[49] = 0x0300;
	words[53] = 0x0006;
	words[60] = (uint16_t)count28;
	words[61] = (uint16_t)(count28 >> 16);
	words[63] = 0x0007;
	words[80] = 0x007E;
	words[82] = 0x0020;
	words[83] = 0x7400;
	words[84] = 0x4000;
	words[85] = 0x0020;
	words[86] = 0x3400;
	words[87] = 0x4000;
	words[88] = 0x203F;
	for (unsigned i = 0; i < 4; i++)
		words[100 + i] = (uint16_t)(count >> (16 * i));
	if (disk->sector_bytes != 512) {
		words[106] = 0x5000;
		words[117] = (uint16_t)(disk->sector_bytes / 2);
	}
}

struct fake_ide_disk *fake_ide_add_disk(struct fake_ide *ide, unsigned channel, unsigned device, uint64_t sector_count,
					uint32_t sector_bytes)
{
	struct fake_ide_disk *disk = &ide->channels[channel].disks[device];

	disk->is_present = true;
	disk->reset_us = RESET_US;
	disk->sector_bytes = sector_bytes;
	disk->sector_count = sector_count;
	disk->data_sectors = min_u64(sector_count, BACKED_SECTORS_MAX);
	disk->data = malloc(disk->data_sectors * sector_bytes);
	assert_non_null(disk->data);
	for (uint64_t i = 0; i < disk->data_sectors * sector_bytes; i++)
		disk->data[i] = fake_ide_pattern(i);
	identify_fill(disk);
	fake_ide_disk_signature(disk);
	return disk;
}

void fake_ide_free(struct fake_ide *ide)
{
	for (unsigned c = 0; c < 2; c++)
		for (unsigned d = 0; d < 2; d++)
			free(ide->channels[c].disks[d].data);
	memset(ide, 0, sizeof(*ide));
}
