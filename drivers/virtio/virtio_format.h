/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What driver and device share in memory: the split virtqueue (VIRTIO 1.2, 2.7, in the legacy layout of 2.7.2, which
 * the modern interface takes, too) and block requests (5.2.6). Little endian, as the CPU is. What the device writes is
 * read through volatile members, once.
 */
#pragma once

#include "include/types.h"

/* A descriptor (2.7.5). */
struct virtq_desc {
	uint64_t address;
	uint32_t bytes;
	uint16_t flags;
	uint16_t next;
};

_Static_assert(sizeof(struct virtq_desc) == 16, "2.7.5");

#define VIRTQ_DESC_F_NEXT     BIT(0)
#define VIRTQ_DESC_F_WRITE    BIT(1) /* by the device */
#define VIRTQ_DESC_F_INDIRECT BIT(2)

/* The available ring (2.7.6), written by the driver. */
struct virtq_avail {
	volatile uint16_t flags;
	volatile uint16_t index;
	volatile uint16_t ring[];
};

_Static_assert(offsetof(struct virtq_avail, ring) == 4, "2.7.6");

#define VIRTQ_AVAIL_F_NO_INTERRUPT 1

struct virtq_used_element {
	volatile uint32_t id;
	volatile uint32_t bytes;
};

/* The used ring (2.7.8), written by the device. */
struct virtq_used {
	volatile uint16_t flags;
	volatile uint16_t index;
	struct virtq_used_element ring[];
};

_Static_assert(offsetof(struct virtq_used, ring) == 4 && sizeof(struct virtq_used_element) == 8, "2.7.8");

#define VIRTQ_USED_F_NO_NOTIFY 1

#define VIRTQ_ALIGNMENT 4096 /* of the whole and of the used ring (2.7.2) */

/* Behind either ring stands a 16-bit index that we don't use (VIRTIO_F_EVENT_IDX). */
#define VIRTQ_EVENT_BYTES 2

enum virtio_blk_request_type {
	VIRTIO_BLK_T_IN = 0,
	VIRTIO_BLK_T_OUT = 1,
	VIRTIO_BLK_T_FLUSH = 4,
	VIRTIO_BLK_T_GET_ID = 8,
};

#define VIRTIO_BLK_ID_BYTES 20

#define VIRTIO_BLK_SECTOR_BYTES 512 /* the unit of a request's sector */

/* The first descriptor of a request; the last is one byte of status. */
struct virtio_blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};

_Static_assert(sizeof(struct virtio_blk_header) == 16, "5.2.6");

#define VIRTIO_BLK_S_OK   0
#define VIRTIO_BLK_S_NONE 0xFF /* ours: the device has written nothing yet */
