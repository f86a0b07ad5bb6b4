/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block-device interface: what every disk driver offers and all that the rest of Thaw knows of a disk.
 *
 * Reads and writes are asynchronous and scatter-gather: up to identity.queue_depth of them in flight, done and
 * completed in any order. A driver never waits inside submit_read, submit_write or poll; bounded waiting, retries and
 * error recovery happen across polls, so that a request that was accepted is always completed in the end, with
 * STATUS_OK, STATUS_IO_ERROR or STATUS_TIMEOUT. Until then its memory stays as it is: it may be read or written once
 * more. Errors leave the device usable for other requests wherever the hardware allows.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

/*
 * A piece of physical memory: address a multiple of 512, bytes too, greater than 0. In a request of several segments
 * each but the first begins, and each but the last ends, at a multiple of PAGE_BYTES: what NVMe's PRP lists can say.
 * (Some drivers take more; nobody may rely on it.)
 */
struct block_segment {
	struct paddr address;
	uint32_t bytes;
};

#define BLOCK_NAME_BYTES 48

struct block_identity {
	char name[BLOCK_NAME_BYTES]; /* "ahci0.1": driver, controller, port; stable within one boot */
	char model[41];              /* printable, trimmed */
	char serial[21];             /* printable, trimmed */
	uint32_t sector_bytes;       /* logical sector: 512 or 4096 */
	uint64_t sector_count;       /* logical sectors */
	uint32_t max_segments;       /* any so many page-sized segments fit in one request */
	uint32_t max_transfer_bytes; /* the most bytes in one request, a multiple of PAGE_BYTES */
	uint32_t queue_depth;        /* requests in flight at once, at least 1 */
	uint32_t controller;         /* the same for disks that are quiesced together: pci_address() of theirs */
	uint64_t dma_limit;          /* first physical address that the device can't reach; UINT64_MAX: none */
	bool is_serial;              /* requests wait for each other, and a small one takes long: fewer are better */
};

struct block_completion {
	uint32_t tag;
	enum status status;
};

struct block_device;

struct block_ops {
	/*
	 * Starts a read of the segments' total bytes (a multiple of sector_bytes, within the identity's limits) from
	 * lba. tag is the caller's and comes back in the completion. The segment array is copied before the call
	 * returns. Errors: STATUS_AGAIN (queue full: poll first), STATUS_INVALID (limits, range, alignment, dma_limit),
	 * STATUS_IO_ERROR (the device is gone for good).
	 */
	enum status (*submit_read)(struct block_device *device, const struct block_segment *segments, uint32_t count,
				   struct lba lba, uint32_t tag);

	/*
	 * As submit_read, in the other direction: the data is on the medium only after flush_sync. Requests in flight
	 * must not overlap on the disk where one of them writes. After an error what the sectors hold is not known.
	 * Also STATUS_IO_ERROR: the device is read-only (some say so only when the request is completed);
	 * STATUS_UNSUPPORTED: it takes no writes of this kind (drivers/linear.h).
	 */
	enum status (*submit_write)(struct block_device *device, const struct block_segment *segments, uint32_t count,
				    struct lba lba, uint32_t tag);

	/* Collects up to capacity completions without waiting. Always writes *count_out (0: none yet). */
	void (*poll)(struct block_device *device, struct block_completion *completions_out, uint32_t capacity,
		     uint32_t *count_out);

	/*
	 * Waits (bounded, 30 s) until everything that was written and completed is durable. No request may be in
	 * flight. After an error nothing that was written since the last flush is known to be durable, and a later
	 * flush that succeeds does not change that. STATUS_IO_ERROR, STATUS_TIMEOUT; STATUS_INVALID: requests are in
	 * flight; STATUS_UNSUPPORTED: as above, or a write cache that can't be flushed.
	 */
	enum status (*flush_sync)(struct block_device *device);

	/*
	 * Writes bytes (a multiple of sector_bytes, at most PAGE_BYTES) at lba and flushes the device's write cache;
	 * durable on STATUS_OK. data is identity-mapped memory below dma_limit, 512-byte aligned. Requires that no
	 * request is in flight. Waits, bounded (30 s at most). After an error the sector's state is not known: read it
	 * again.
	 */
	enum status (*write_sync)(struct block_device *device, struct lba lba, const void *data, uint32_t bytes);

	/*
	 * Stops the device's DMA engine, sees that it stopped, and starts it again: proof, before the point of no
	 * return, that quiesce will work. No request may be in flight. STATUS_TIMEOUT: it did not stop in the
	 * specification's time (the device is then left reset and working, or gone).
	 */
	enum status (*rehearse_stop)(struct block_device *device);

	/*
	 * For good, can't fail: stops the engine, or else resets the controller; in every case clears bus mastering of
	 * the controller's PCI function and reads it back. Afterwards the device writes to no memory. All devices of
	 * one controller end together; calling it for each of them is allowed.
	 */
	void (*quiesce)(struct block_device *device);
};

struct block_device {
	const struct block_ops *ops;
	void *driver; /* the driver's own state */
	struct block_identity identity;
};

#define BLOCK_DEVICES_MAX 64

/* All disks that the drivers found, in the order of discovery. */
struct block_registry {
	struct block_device *devices[BLOCK_DEVICES_MAX];
	uint32_t count;
};

/* STATUS_NO_MEMORY when the registry is full. */
nodiscard enum status block_registry_add(struct block_registry *registry, struct block_device *device);

/*
 * Reads bytes (a multiple of sector_bytes, any length) at lba into buffer (identity mapped, below dma_limit,
 * 512-byte aligned) and waits for it, bounded by the driver's own limits. No read of others may be in flight.
 */
nodiscard enum status block_read_sync(struct block_device *device, struct lba lba, void *buffer, uint64_t bytes);
