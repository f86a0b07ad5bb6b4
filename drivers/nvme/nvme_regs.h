/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of an NVMe controller (NVM Express Base Specification 2.0, section 3.1.3; the same since 1.0). */
#pragma once

#include "include/types.h"

/* Offsets in BAR 0. */
enum nvme_register {
	NVME_CAP = 0x00, /* 64 bits */
	NVME_VS = 0x08,
	NVME_INTMS = 0x0C,
	NVME_CC = 0x14,
	NVME_CSTS = 0x1C,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28, /* 64 bits */
	NVME_ACQ = 0x30, /* 64 bits */
	NVME_DOORBELLS = 0x1000,
};

#define NVME_CAP_MQES_MASK    0xFFFFu /* entries of a queue - 1 */
#define NVME_CAP_TO_SHIFT     24      /* units of 500 ms */
#define NVME_CAP_TO_MASK      0xFFu
#define NVME_CAP_DSTRD_SHIFT  32 /* doorbells are 4 << DSTRD bytes apart */
#define NVME_CAP_DSTRD_MASK   0xFu
#define NVME_CAP_CSS_NVM      BIT64(37)
#define NVME_CAP_MPSMIN_SHIFT 48 /* the smallest page is 4096 << MPSMIN */
#define NVME_CAP_MPSMIN_MASK  0xFu

#define NVME_CC_EN           BIT(0)
#define NVME_CC_IOSQES_SHIFT 16 /* log2 of an entry's bytes */
#define NVME_CC_IOCQES_SHIFT 20

#define NVME_CSTS_RDY BIT(0)
#define NVME_CSTS_CFS BIT(1)

#define NVME_AQA_ACQS_SHIFT 16

/* What a register reads when the device is gone. */
#define NVME_GONE UINT32_MAX
