/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layers of the virtio driver and what they know of each other, from the bottom up: transport (virtio_pci.c with
 * virtio_modern.c and virtio_legacy.c), queue (virtio_queue.c: the split virtqueue), requests (virtio_request.c:
 * reads and writes in flight, recovery, single commands), disk (virtio_blk.c: bringing up, the block device).
 * VIRTIO 1.2.
 */
#pragma once

#include "drivers/driver.h"
#include "drivers/virtio/virtio_format.h"

/* --- transport: virtio_pci.c, virtio_modern.c, virtio_legacy.c -------------------------------------------------- */

/* Registers in a BAR of either kind. Offsets below are naturally aligned and lie within bytes. */
struct virtio_window {
	bool is_io;
	uint64_t base;
	uint32_t bytes;
};

struct virtio_transport;
struct virtio_queue;

struct virtio_transport_ops {
	const char *name;
	uint32_t status_offset; /* of the device status, in registers */
	uint16_t queue_size_max;
	bool is_queue_size_fixed; /* the driver can't make the queue smaller */
	bool has_features_ok;
	uint64_t (*features_read)(const struct virtio_transport *transport);
	void (*features_write)(const struct virtio_transport *transport, uint64_t features);
	/* Of the device's only queue, 0 when there is none. */
	uint16_t (*queue_size)(const struct virtio_transport *transport);
	/*
	 * Tells the device where the queue is, and finds its notification register. STATUS_UNSUPPORTED: that lies
	 * outside of the device's registers.
	 */
	enum status (*queue_create)(struct virtio_transport *transport, const struct virtio_queue *queue);
};

struct virtio_transport {
	struct pci_function function;
	const struct virtio_transport_ops *ops;
	struct virtio_window registers;
	struct virtio_window config; /* the device's own */
	struct virtio_window notify;
	uint32_t notify_multiplier;
	uint32_t notify_offset; /* of the queue */
};

uint32_t virtio_window_read(const struct virtio_window *window, uint32_t offset, unsigned width_bytes);
void virtio_window_write(const struct virtio_window *window, uint32_t offset, unsigned width_bytes, uint32_t value);

/*
 * Finds the function's registers and makes them accessible: the modern interface where it is there and whole, else the
 * legacy one. Changes nothing of the device but its decoding and MSI-X, which is off afterwards. STATUS_UNSUPPORTED: it
 * has neither (logged).
 */
nodiscard enum status virtio_transport_open(struct virtio_transport *transport, const struct pci_function *function,
					    const struct driver_environment *environment);

uint8_t virtio_status_read(const struct virtio_transport *transport);

/* 0 resets the device, which takes a while: it is over when 0 reads back. */
void virtio_status_write(const struct virtio_transport *transport, uint8_t status);

/* Resets the device and waits for it. STATUS_TIMEOUT; STATUS_IO_ERROR: the device is not there any more. */
nodiscard enum status virtio_reset(struct virtio_transport *transport);

extern const struct virtio_transport_ops virtio_modern_ops;
extern const struct virtio_transport_ops virtio_legacy_ops;

#define VIRTIO_RESET_US 5000000 /* there is no limit in the standard */

/* --- queue: virtio_queue.c -------------------------------------------------------------------------------------- */

struct virtio_queue {
	const struct virtio_transport *transport;
	uint16_t size; /* a power of two */
	uint16_t in_flight;
	uint16_t available_index;
	uint16_t used_index;
	struct virtq_desc *descriptors;
	struct virtq_avail *available;
	struct virtq_used *used;
};

/* Of the memory for a queue. */
uint32_t virtio_queue_bytes(uint16_t size);

/* memory: virtio_queue_bytes(size) of them, zeroed, at a multiple of VIRTQ_ALIGNMENT. */
void virtio_queue_init(struct virtio_queue *queue, const struct virtio_transport *transport, void *memory,
		       uint16_t size);

/* Empties both rings; the descriptors stay as they are. The device is reset. */
void virtio_queue_clear(struct virtio_queue *queue);

/* Hands the chain of descriptors that begins at head to the device. At most size at a time are with it. */
void virtio_queue_push(struct virtio_queue *queue, uint16_t head);

/* The next chain that the device has done with: its head as the device says it, to be checked. False: none now. */
bool virtio_queue_pop(struct virtio_queue *queue, uint32_t *head_out);

/* --- requests: virtio_request.c --------------------------------------------------------------------------------- */

#define VIRTIO_BLK_SLOTS_MAX    64
#define VIRTIO_BLK_PAGES_MAX    256 /* in a request */
#define VIRTIO_BLK_CHAIN_EXTRAS 2   /* descriptors of a request beside its data: header and status */

enum virtio_blk_state {
	VIRTIO_BLK_RUNNING,
	VIRTIO_BLK_RESETTING, /* waiting for the status to read 0; then it is set up again */
	VIRTIO_BLK_GONE,
};

enum virtio_request_state {
	VIRTIO_REQUEST_FREE,
	VIRTIO_REQUEST_WAITING, /* accepted, not with the device (any more) */
	VIRTIO_REQUEST_ISSUED,
	VIRTIO_REQUEST_DONE, /* to be reported */
};

struct virtio_request {
	enum virtio_request_state state;
	enum status status; /* when done; while it waits: what it will end with, or STATUS_OK when it is to be issued */
	uint32_t tag;       /* the caller's */
	uint8_t errors_left; /* so many more failures end it */
	uint8_t stalls_left; /* and so many more silences */
	uint64_t issued_us;
};

/* What the device reads and writes of a request, beside its data. */
struct virtio_request_memory {
	struct virtio_blk_header header;
	volatile uint8_t status;
};

struct virtio_blk {
	struct virtio_transport transport;
	struct virtio_queue queue;
	struct block_device device;
	uint64_t features; /* negotiated */

	/*
	 * Each slot has its own descriptors: a table of its own where the device takes indirect ones (the slot's number
	 * is then that of the descriptor in the queue), else as many in a row of the queue.
	 */
	uint32_t slot_count;
	uint32_t chain_max;        /* descriptors of a slot, at least 3 */
	uint32_t piece_bytes_max;  /* of one data descriptor, a multiple of 512 */
	struct virtq_desc *tables; /* NULL: not indirect */
	struct virtio_request_memory *memory;
	struct virtio_request requests[VIRTIO_BLK_SLOTS_MAX];

	enum virtio_blk_state state;
	enum status gone_status; /* what requests end with when it is gone */
	uint64_t deadline_us;    /* of the reset */
	uint64_t patience_us;    /* how long the device may be silent */
	uint64_t progress_us;    /* when something was last issued to an idle device, or completed */
	uint64_t health_us;      /* when the device was last looked at */
	uint8_t resets_in_row;
	bool is_quiesced;
};

/* See struct block_ops for these two. type: VIRTIO_BLK_T_IN or VIRTIO_BLK_T_OUT. */
nodiscard enum status virtio_request_submit(struct virtio_blk *blk, enum virtio_blk_request_type type,
					    const struct block_segment *segments, uint32_t count, struct lba lba,
					    uint32_t tag);
void virtio_request_poll(struct virtio_blk *blk, struct block_completion *completions_out, uint32_t capacity,
			 uint32_t *count_out);

/*
 * One request on an idle device, once: waits until it is over, at most timeout_us and a reset. sector in units of 512
 * bytes; bytes of data, perhaps none, at an identity-mapped address. STATUS_IO_ERROR, STATUS_TIMEOUT: the device is set
 * up again, or gone.
 */
nodiscard enum status virtio_request_command(struct virtio_blk *blk, enum virtio_blk_request_type type, uint64_t sector,
					     const void *data, uint32_t bytes, uint64_t timeout_us);

/* No request accepted and unreported. */
bool virtio_request_is_idle(const struct virtio_blk *blk);

/* Waits for the end of a recovery that is under way. STATUS_OK: running. Else what became of the device. */
nodiscard enum status virtio_request_settle(struct virtio_blk *blk);

/* For good: reset without waiting for it, bus mastering off, all requests end with this status. */
void virtio_blk_give_up(struct virtio_blk *blk, enum status status, const char *why);

/* The same for a device that is silenced already. */
void virtio_blk_retire(struct virtio_blk *blk, enum status status);

/* --- disk: virtio_blk.c ----------------------------------------------------------------------------------------- */

/*
 * From a reset device to a running one, with the features and the queue that it had. STATUS_UNSUPPORTED,
 * STATUS_IO_ERROR: it does not take them any more.
 */
nodiscard enum status virtio_blk_restart(struct virtio_blk *blk);
