/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A register model of a virtio block device on PCI (VIRTIO 1.2) with both interfaces, for the driver's tests. It takes
 * chains of descriptors from memory and does DMA to host pointers. It fails the test when the driver breaks a rule of
 * the specification: steps of the initialization out of order, features that were not offered, a chain that is too long
 * or goes the wrong way, pieces beyond the device's limits, a notification that was not wanted or that comes without
 * bus mastering, a queue that is moved while it is in use, a chain that changes while the device has it. Without bus
 * mastering the device reaches no memory.
 *
 * What the disk holds is computed from the sector's number; sectors that were written are remembered.
 */
#pragma once

#include "drivers/driver.h"
#include "tests/unit/fake_hw.h"
#include "tests/unit/fake_log.h"

#define FAKE_VIRTIO_MMIO    0xFEBD0000 /* BAR 4 */
#define FAKE_VIRTIO_PORTS   0xC040     /* BAR 0 */
#define FAKE_VIRTIO_COMMON  0x0000     /* in BAR 4 */
#define FAKE_VIRTIO_DEVICE  0x2000
#define FAKE_VIRTIO_NOTIFY  0x3000
#define FAKE_VIRTIO_WRITES  1024
#define FAKE_VIRTIO_CHAINS  1024
#define FAKE_VIRTIO_FOREVER UINT32_MAX

/* Offsets of the capabilities in configuration space. */
#define FAKE_VIRTIO_CAP_MSIX   0x40
#define FAKE_VIRTIO_CAP_COMMON 0x50
#define FAKE_VIRTIO_CAP_NOTIFY 0x60
#define FAKE_VIRTIO_CAP_DEVICE 0x78

/* A sector that was written; there is one for each. */
struct fake_virtio_write {
	uint64_t sector;
	bool is_durable; /* a flush followed */
	uint8_t bytes[512];
};

/* A chain that the device has taken. */
struct fake_virtio_chain {
	uint16_t head;
	uint64_t due_us;
	uint64_t sum; /* of its descriptors and header: they stay as they are */
};

/* The first part is the test's to set, before the probe or later. */
struct fake_virtio {
	struct fake_pci_function pci;
	uint64_t features;   /* offered */
	uint16_t queue_size; /* the device's most */
	uint64_t capacity;   /* in 512 bytes */
	uint32_t size_max, seg_max, blk_size;
	char id[21];
	uint64_t latency_us;
	uint64_t reset_us;
	bool is_lifo;          /* the newest request is finished first */
	uint32_t shuffle;      /* not 0: the seed of the order in which requests are finished */
	bool wants_no_notify;  /* it looks by itself while it has something to do */
	bool has_write_cache;  /* a write is durable only after a flush */
	uint16_t notify_off;   /* queue_notify_off */
	uint32_t notify_at;    /* in BAR 4; 0: where multiplier and notify_off say */
	uint32_t torn_configs; /* so many times the capacity changes while it is read */
	size_t arena_bytes;    /* for the driver */
	bool refuses_map;      /* BAR 4 can't be made accessible */
	uint32_t disks_before; /* in the registry */

	/* Faults. */
	uint64_t bad_sector; /* reading or writing it fails with bad_status, bad_times times */
	uint32_t bad_times;
	uint8_t bad_status;
	uint32_t writes_fail, flushes_fail, ids_fail;
	uint32_t mute_times;    /* so many requests are taken and never answered */
	uint32_t flushes_mute;  /* so many flushes */
	uint32_t trouble_times; /* so many times DEVICE_NEEDS_RESET comes instead of an answer */
	uint32_t garbage_times; /* so many answers are for garbage_id */
	uint32_t garbage_id;
	uint32_t early_times;    /* so many answers come half a second before the data */
	uint32_t blank_times;    /* so many requests are executed and answered, but their status is not written */
	uint32_t twice_times;    /* so many are given twice */
	uint32_t jump_times;     /* so many times the used index runs ahead */
	bool refuses_features;   /* FEATURES_OK does not stay */
	bool is_reset_stuck;     /* the status never becomes 0 */
	uint32_t sticks_after;   /* not 0: so many resets work, no more */
	bool is_removed;         /* everything reads as ones */
	uint16_t shrinks_queue;  /* after the next reset queue_size is this */
	uint64_t loses_features; /* after the next reset these are not offered */

	/* What was seen. */
	uint32_t requests[16]; /* by type */
	uint32_t in_flight_most, resets, notifications, indirect, pieces_most;
	uint64_t dma_writes; /* bytes */
	struct fake_virtio_write writes[FAKE_VIRTIO_WRITES];
	uint32_t write_count;

	/* Registers and state of the model. */
	uint8_t status;
	uint32_t device_feature_select, driver_feature_select;
	uint64_t driver_features;
	uint16_t size_set, queue_select;
	bool is_enabled, is_modern_used;
	uint64_t desc, avail, used;
	uint16_t avail_seen, used_index;
	uint64_t reset_due_us;
	struct fake_virtio_chain chains[FAKE_VIRTIO_CHAINS];
	uint32_t chain_count;
};

/*
 * Resets the fake hardware and adds at 00:04.0 a transitional device: 2^21 sectors, a queue of 256, indirect
 * descriptors, SEG_MAX 254, BLK_SIZE 512, a write cache that can be flushed.
 */
void fake_virtio_init(struct fake_virtio *virtio);

/* Takes one of the two interfaces away. */
void fake_virtio_make_legacy(struct fake_virtio *virtio);
void fake_virtio_make_modern(struct fake_virtio *virtio);

/* As a firmware leaves it: running, with a queue at some address. */
void fake_virtio_leave_running(struct fake_virtio *virtio, uint64_t queue);

/* What 512 bytes of the disk hold now. */
void fake_virtio_sector(const struct fake_virtio *virtio, uint64_t sector, uint8_t *buffer);

/* Runs virtio_blk_driver's probe with an arena below 4 GiB; the registry is emptied first. The log is kept. */
enum status fake_virtio_probe(struct fake_virtio *virtio, struct block_registry *registry);
