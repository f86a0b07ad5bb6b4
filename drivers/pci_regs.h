/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration mechanism 1 and the configuration space header (PCI Local Bus Specification 3.0, 3.2.2.3.2 and 6). */
#pragma once

#include "include/types.h"

/* I/O ports. */
#define PCI_CONFIG_ADDRESS 0xCF8
#define PCI_CONFIG_DATA    0xCFC

#define PCI_ADDRESS_ENABLE         BIT(31)
#define PCI_ADDRESS_BUS_SHIFT      16
#define PCI_ADDRESS_DEVICE_SHIFT   11
#define PCI_ADDRESS_FUNCTION_SHIFT 8

enum pci_register {
	PCI_VENDOR_ID = 0x00,
	PCI_DEVICE_ID = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_PROG_IF = 0x09,
	PCI_SUBCLASS = 0x0A,
	PCI_CLASS_CODE = 0x0B,
	PCI_HEADER_TYPE = 0x0E,
	PCI_BAR_0 = 0x10,
	PCI_SECONDARY_BUS = 0x19,
	PCI_CAPABILITIES = 0x34,
	PCI_CARDBUS_CAPABILITIES = 0x14,
};

#define PCI_COMMAND_IO           BIT(0)
#define PCI_COMMAND_MEMORY       BIT(1)
#define PCI_COMMAND_BUS_MASTER   BIT(2)
#define PCI_COMMAND_INTX_DISABLE BIT(10)

#define PCI_STATUS_CAPABILITIES BIT(4)

#define PCI_HEADER_MULTI_FUNCTION BIT(7)
enum pci_header_type {
	PCI_HEADER_DEVICE = 0,
	PCI_HEADER_BRIDGE = 1,
	PCI_HEADER_CARDBUS = 2,
};

#define PCI_BAR_IO             BIT(0)
#define PCI_BAR_IO_FLAGS       (BIT(0) | BIT(1))
#define PCI_BAR_MEMORY_TYPE    (BIT(1) | BIT(2))
#define PCI_BAR_MEMORY_32      0
#define PCI_BAR_MEMORY_LOW_MIB BIT(1)
#define PCI_BAR_MEMORY_64      BIT(2)
#define PCI_BAR_MEMORY_FLAGS   (BIT(0) | BIT(1) | BIT(2) | BIT(3))

#define PCI_CAPABILITY_FIRST    0x40 /* the header ends here: no capability lies below */
#define PCI_CAPABILITY_ALIGN    0xFC
#define PCI_CAPABILITY_NEXT     1  /* offset in a capability */
#define PCI_CAPABILITIES_IN_ALL 48 /* as many as fit behind the header, four bytes each */
