/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of a PCI IDE controller: the ATA command and control blocks (ATA/ATAPI-7, volume 2, section 5; T13/1532D),
 * the PCI IDE Controller Specification 1.0 and the Programming Interface for Bus Master IDE Controller 1.0.
 */
#pragma once

#include "include/types.h"

/* Command block: offsets from its base. */
enum ide_command_register {
	IDE_DATA = 0,    /* 16 bits wide */
	IDE_ERROR = 1,   /* read */
	IDE_FEATURE = 1, /* write */
	IDE_COUNT = 2,
	IDE_LBA_LOW = 3,
	IDE_LBA_MIDDLE = 4,
	IDE_LBA_HIGH = 5,
	IDE_DEVICE = 6,
	IDE_STATUS = 7,  /* read: clears the device's pending interrupt */
	IDE_COMMAND = 7, /* write */
};
#define IDE_COMMAND_PORTS 8

#define IDE_DEVICE_OBSOLETE (BIT(7) | BIT(5)) /* old devices want them set */

/* Control block: read alternate status, write device control. In native mode at base + 2. */
#define IDE_NATIVE_CONTROL_OFFSET 2
#define IDE_NATIVE_CONTROL_PORTS  4

/* Compatibility mode (PCI IDE 1.0, 2.1). */
#define IDE_LEGACY_PRIMARY_COMMAND   0x1F0
#define IDE_LEGACY_PRIMARY_CONTROL   0x3F6
#define IDE_LEGACY_SECONDARY_COMMAND 0x170
#define IDE_LEGACY_SECONDARY_CONTROL 0x376

/* What a bus that nobody drives reads; with bit 7 pulled down, as ATA asks of hosts, it looks like no signature. */
#define IDE_FLOATING 0xFF

/* PCI: class code, programming interface, base address registers. */
#define IDE_PCI_CLASS                  0x01
#define IDE_PCI_SUBCLASS               0x01
#define IDE_INTERFACE_PRIMARY_NATIVE   BIT(0)
#define IDE_INTERFACE_SECONDARY_NATIVE BIT(2)
#define IDE_INTERFACE_BUS_MASTER       BIT(7)
#define IDE_BAR_COMMAND(channel)       (2 * (channel))
#define IDE_BAR_CONTROL(channel)       (2 * (channel) + 1)
#define IDE_BAR_BUS_MASTER             4

/* Bus master registers: offsets from the channel's base. */
enum ide_bus_master_register {
	BMIDE_COMMAND = 0,
	BMIDE_STATUS = 2,
	BMIDE_TABLE = 4, /* 32 bits */
};
#define BMIDE_CHANNEL_PORTS 8

#define BMIDE_COMMAND_START     BIT(0)
#define BMIDE_COMMAND_TO_MEMORY BIT(3)

#define BMIDE_STATUS_ACTIVE    BIT(0)
#define BMIDE_STATUS_ERROR     BIT(1)            /* write 1 to clear */
#define BMIDE_STATUS_INTERRUPT BIT(2)            /* write 1 to clear */
#define BMIDE_STATUS_CAPABLE   (BIT(6) | BIT(5)) /* set by firmware for each device, kept */
#define BMIDE_STATUS_SIMPLEX   BIT(7)            /* only one channel may transfer at a time */

/* A physical region descriptor: even address and length, not across a 64 KiB boundary, length 0 means 64 KiB. */
struct ide_prd {
	uint32_t address;
	uint32_t length; /* bits 0-15: bytes; bit 31: last */
};
_Static_assert(sizeof(struct ide_prd) == 8, "BMIDE 1.0, 1.2");

#define IDE_PRD_BOUNDARY    (64 * KIB)
#define IDE_PRD_LENGTH_MASK 0xFFFFU
#define IDE_PRD_LAST        BIT(31)
