/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of a Serial ATA AHCI controller (AHCI 1.3.1, section 3), and of two vendors' configuration space. */
#pragma once

#include "include/types.h"

/* Generic host control (3.1), offsets in the ABAR. */
enum ahci_host_register {
	AHCI_CAP = 0x00,
	AHCI_GHC = 0x04,
	AHCI_IS = 0x08,
	AHCI_PI = 0x0C,
	AHCI_VS = 0x10,
	AHCI_CAP2 = 0x24,
	AHCI_BOHC = 0x28,
};

#define AHCI_ABAR_INDEX   5 /* the BAR (2.1.11) */
#define AHCI_PORTS_OFFSET 0x100
#define AHCI_PORT_BYTES   0x80

#define AHCI_CAP_NP_MASK   0x1F /* number of ports - 1 */
#define AHCI_CAP_NCS_SHIFT 8    /* number of command slots - 1 */
#define AHCI_CAP_NCS_MASK  ((uint32_t)0x1F)
#define AHCI_CAP_SSS       BIT(27)
#define AHCI_CAP_SNCQ      BIT(30)
#define AHCI_CAP_S64A      BIT(31)

#define AHCI_GHC_HR BIT(0)
#define AHCI_GHC_IE BIT(1)
#define AHCI_GHC_AE BIT(31)

#define AHCI_CAP2_BOH BIT(0)

#define AHCI_BOHC_BOS BIT(0)
#define AHCI_BOHC_OOS BIT(1)
#define AHCI_BOHC_OOC BIT(3) /* write 1 to clear */
#define AHCI_BOHC_BB  BIT(4)

/* Port registers (3.3), offsets in the port's block. */
enum ahci_port_register {
	AHCI_PX_CLB = 0x00,
	AHCI_PX_CLBU = 0x04,
	AHCI_PX_FB = 0x08,
	AHCI_PX_FBU = 0x0C,
	AHCI_PX_IS = 0x10, /* write 1 to clear */
	AHCI_PX_IE = 0x14,
	AHCI_PX_CMD = 0x18,
	AHCI_PX_TFD = 0x20,
	AHCI_PX_SIG = 0x24,
	AHCI_PX_SSTS = 0x28,
	AHCI_PX_SCTL = 0x2C,
	AHCI_PX_SERR = 0x30, /* write 1 to clear */
	AHCI_PX_SACT = 0x34, /* write 1 to set */
	AHCI_PX_CI = 0x38,   /* write 1 to set */
};

#define AHCI_PX_IS_PCS   BIT(6)
#define AHCI_PX_IS_PRCS  BIT(22)
#define AHCI_PX_IS_IFS   BIT(27)
#define AHCI_PX_IS_HBDS  BIT(28)
#define AHCI_PX_IS_HBFS  BIT(29)
#define AHCI_PX_IS_TFES  BIT(30)
/* The errors after which the port does nothing more until it is restarted (6.1). */
#define AHCI_PX_IS_FATAL (AHCI_PX_IS_IFS | AHCI_PX_IS_HBDS | AHCI_PX_IS_HBFS | AHCI_PX_IS_TFES)
/* The link changed. */
#define AHCI_PX_IS_LINK  (AHCI_PX_IS_PCS | AHCI_PX_IS_PRCS)

#define AHCI_PX_CMD_ST         BIT(0)
#define AHCI_PX_CMD_SUD        BIT(1)
#define AHCI_PX_CMD_POD        BIT(2)
#define AHCI_PX_CMD_FRE        BIT(4)
#define AHCI_PX_CMD_FR         BIT(14)
#define AHCI_PX_CMD_CR         BIT(15)
#define AHCI_PX_CMD_ICC_ACTIVE ((uint32_t)1 << 28)

#define AHCI_PX_TFD_STATUS_MASK 0xFF
#define AHCI_PX_TFD_ERROR_SHIFT 8

#define AHCI_PX_SSTS_DET_MASK    0x0F
#define AHCI_PX_SSTS_DET_PRESENT 1 /* a device, but no communication yet */
#define AHCI_PX_SSTS_DET_READY   3 /* a device, and communication established */

#define AHCI_PX_SCTL_DET_NONE  0
#define AHCI_PX_SCTL_DET_RESET 1
#define AHCI_PX_SCTL_IPM_NONE  ((uint32_t)3 << 8) /* neither Partial nor Slumber */

#define AHCI_ALL_ONES UINT32_MAX /* write-1-to-clear everything; what reads from a controller that is gone */

/* Intel: port control and status, 16 bits in configuration space; bit n enables port n (ICH9 datasheet, 15.1.33). */
#define INTEL_PCS            0x92
#define INTEL_PCS_PORTS_MASK 0x3F
