/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model of a PIIX-like PCI IDE controller with up to four disks. It fails the test where a driver breaks the rules:
 * registers written while a device is busy, a command without nIEN, an engine started without bus mastering or twice,
 * a descriptor that is odd or crosses 64 KiB, a table whose length is not the transfer's.
 */
#pragma once

#include "tests/unit/fake_hw.h"

#define FAKE_IDE_BUS_MASTER 0xC000
#define FAKE_IDE_LOG_MAX    512

struct fake_ide_command {
	uint8_t channel, device, command;
	uint64_t lba;
	uint32_t sectors;
	bool is_48bit;
};

struct fake_ide_disk {
	bool is_present, is_atapi;
	bool is_deaf;         /* takes a command and stays busy; a reset does not help */
	uint32_t hang_count;  /* so many commands stay busy until a reset */
	uint8_t hang_command; /* 0: any but IDENTIFY DEVICE */
	uint64_t bad_lba;     /* a sector that can't be read or written */
	uint32_t bad_count;   /* so many times */
	uint32_t crc_errors;  /* so many DMA commands end with ICRC */
	uint32_t extra_data;  /* so many PIO commands want one block more */
	uint64_t reset_us;    /* busy after a reset */
	uint32_t short_data;  /* so many PIO commands end one block early */
	bool flush_fails;
	uint32_t sector_bytes;
	uint64_t sector_count;
	uint8_t *data;         /* sector_count * sector_bytes; the part that is backed */
	uint64_t data_sectors; /* reads beyond it give 0xEE */
	uint16_t identify[256];
	uint32_t writes_cached, writes_durable;
	/* Registers. */
	uint8_t status, error, device, feature;
	uint8_t count[2], lba_low[2], lba_middle[2], lba_high[2]; /* [1]: what was written before */
	/* A command that runs. */
	uint8_t command;
	uint64_t due_us;
	uint64_t next_lba;
	uint32_t sectors_left;
	uint8_t block[4096];
	uint32_t block_bytes, block_used;
};

struct fake_ide_channel {
	struct fake_ide *owner;
	uint8_t number;
	uint8_t selected;
	uint8_t control;
	uint8_t bus_master_command, bus_master_status;
	uint32_t table;
	bool engine_sticks;     /* Active never goes away */
	uint32_t engine_errors; /* so many transfers end with a PCI error */
	bool engine_never_ends; /* the device is done, Active stays until it is stopped */
	uint32_t resets;
	struct fake_ide_disk disks[2];
};

struct fake_ide {
	struct fake_pci_function function;
	struct fake_ide_channel channels[2];
	uint64_t latency_us;
	uint8_t floating; /* what an empty channel reads */
	/* As an emulator does: a reset keeps the selection, and any busy device keeps it from being changed. */
	bool keeps_selection;
	uint8_t absent;             /* the status of a lone disk's missing neighbour */
	uint32_t busy_channels_max; /* engines that ran at the same time */
	struct fake_ide_command log[FAKE_IDE_LOG_MAX];
	uint32_t log_count;
};

/* Adds the function at 00:01.1 with prog_if and its ports; legacy addresses, or 0x1000-0x103F in native mode. */
void fake_ide_init(struct fake_ide *ide, uint8_t prog_if);

/* Puts a disk in; data: sectors of pattern. Legs of IDENTIFY can be changed afterwards. */
struct fake_ide_disk *fake_ide_add_disk(struct fake_ide *ide, unsigned channel, unsigned device, uint64_t sector_count,
					uint32_t sector_bytes);

void fake_ide_free(struct fake_ide *ide);

/* The byte that the disk holds at an offset. */
uint8_t fake_ide_pattern(uint64_t offset);

/* How many logged commands were this one. */
uint32_t fake_ide_commands(const struct fake_ide *ide, uint8_t command);
