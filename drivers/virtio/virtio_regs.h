/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers and feature bits of a virtio block device on PCI (VIRTIO 1.2, sections 2.1, 4.1, 5.2 and 6). */
#pragma once

#include "include/types.h"

#define VIRTIO_PCI_VENDOR           0x1AF4
#define VIRTIO_PCI_BLK_TRANSITIONAL 0x1001
#define VIRTIO_PCI_BLK_MODERN       0x1042
#define VIRTIO_PCI_LEGACY_BAR       0

/* Capabilities in configuration space: PCI 3.0, appendix H, and 6.8.2. */
#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_CAPABILITY_MSIX   0x11
#define PCI_CONFIG_BYTES      256

#define PCI_MSIX_CONTROL        2
#define PCI_MSIX_CONTROL_ENABLE BIT(15)

/* A capability that says where a structure is (4.1.4). */
enum virtio_pci_cap_field {
	VIRTIO_PCI_CAP_LEN = 2,
	VIRTIO_PCI_CAP_CFG_TYPE = 3,
	VIRTIO_PCI_CAP_BAR = 4,
	VIRTIO_PCI_CAP_OFFSET = 8,
	VIRTIO_PCI_CAP_LENGTH = 12,
	VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER = 16, /* VIRTIO_PCI_CAP_NOTIFY_CFG only */
};

#define VIRTIO_PCI_CAP_BYTES        16
#define VIRTIO_PCI_CAP_NOTIFY_BYTES 20

enum virtio_pci_cap_type {
	VIRTIO_PCI_CAP_COMMON_CFG = 1,
	VIRTIO_PCI_CAP_NOTIFY_CFG = 2,
	VIRTIO_PCI_CAP_DEVICE_CFG = 4,
};

/* The common configuration structure (4.1.4.3). 64-bit fields are accessed by halves. */
enum virtio_common_register {
	VIRTIO_COMMON_DEVICE_FEATURE_SELECT = 0x00,
	VIRTIO_COMMON_DEVICE_FEATURE = 0x04,
	VIRTIO_COMMON_DRIVER_FEATURE_SELECT = 0x08,
	VIRTIO_COMMON_DRIVER_FEATURE = 0x0C,
	VIRTIO_COMMON_DEVICE_STATUS = 0x14,
	VIRTIO_COMMON_QUEUE_SELECT = 0x16,
	VIRTIO_COMMON_QUEUE_SIZE = 0x18,
	VIRTIO_COMMON_QUEUE_ENABLE = 0x1C,
	VIRTIO_COMMON_QUEUE_NOTIFY_OFF = 0x1E,
	VIRTIO_COMMON_QUEUE_DESC = 0x20,
	VIRTIO_COMMON_QUEUE_DRIVER = 0x28,
	VIRTIO_COMMON_QUEUE_DEVICE = 0x30,
	VIRTIO_COMMON_BYTES = 0x38,
};

/* The legacy interface (4.1.4.10); the device's own registers follow, unless MSI-X is enabled. */
enum virtio_legacy_register {
	VIRTIO_LEGACY_DEVICE_FEATURES = 0x00,
	VIRTIO_LEGACY_DRIVER_FEATURES = 0x04,
	VIRTIO_LEGACY_QUEUE_ADDRESS = 0x08, /* a page number */
	VIRTIO_LEGACY_QUEUE_SIZE = 0x0C,
	VIRTIO_LEGACY_QUEUE_SELECT = 0x0E,
	VIRTIO_LEGACY_QUEUE_NOTIFY = 0x10,
	VIRTIO_LEGACY_DEVICE_STATUS = 0x12,
	VIRTIO_LEGACY_CONFIG = 0x14,
};

/* Device status (2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE BIT(0)
#define VIRTIO_STATUS_DRIVER      BIT(1)
#define VIRTIO_STATUS_DRIVER_OK   BIT(2)
#define VIRTIO_STATUS_FEATURES_OK BIT(3)
#define VIRTIO_STATUS_NEEDS_RESET BIT(6)
#define VIRTIO_STATUS_GONE        0xFF /* what reads from a device that is not there any more */

/* Features (5.2.3 and 6). */
#define VIRTIO_BLK_F_SIZE_MAX    BIT64(1)
#define VIRTIO_BLK_F_SEG_MAX     BIT64(2)
#define VIRTIO_BLK_F_RO          BIT64(5)
#define VIRTIO_BLK_F_BLK_SIZE    BIT64(6)
#define VIRTIO_BLK_F_FLUSH       BIT64(9)
#define VIRTIO_F_INDIRECT_DESC   BIT64(28)
#define VIRTIO_F_VERSION_1       BIT64(32)
#define VIRTIO_F_ACCESS_PLATFORM BIT64(33)
#define VIRTIO_F_ORDER_PLATFORM  BIT64(36)

/* Configuration of a block device (5.2.4). */
enum virtio_blk_config_register {
	VIRTIO_BLK_CONFIG_CAPACITY = 0x00, /* 64 bits; in units of 512 bytes whatever blk_size is */
	VIRTIO_BLK_CONFIG_SIZE_MAX = 0x08,
	VIRTIO_BLK_CONFIG_SEG_MAX = 0x0C,
	VIRTIO_BLK_CONFIG_BLK_SIZE = 0x14,
};
