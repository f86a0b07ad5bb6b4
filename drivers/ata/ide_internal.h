/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the IDE driver share: controller (ide.c), detection (ide_detect.c), block device (ide_disk.c),
 * command engine (ide_channel.c) and bus master (ide_dma.c). Each may call only those behind it.
 */
#pragma once

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "drivers/driver.h"

#define IDE_CHANNELS           2
#define IDE_CHANNEL_DEVICES    2
#define IDE_QUEUE_DEPTH        4
#define IDE_TRANSFER_BYTES_MAX ((uint32_t)MIB)
#define IDE_SEGMENTS_MAX       (IDE_TRANSFER_BYTES_MAX / PAGE_BYTES)

/* Each segment may cross one boundary more than its length in them, and the worst request has the most of both. */
#define IDE_PRDS_MAX 1024
_Static_assert(2 * IDE_SEGMENTS_MAX + IDE_TRANSFER_BYTES_MAX / IDE_PRD_BOUNDARY <= IDE_PRDS_MAX, "any request fits");
#define IDE_PRD_TABLE_BYTES (IDE_PRDS_MAX * sizeof(struct ide_prd))
_Static_assert(IDE_PRD_BOUNDARY % IDE_PRD_TABLE_BYTES == 0, "an aligned table does not cross a boundary");

#define IDE_DMA_LIMIT (4 * GIB)

enum ide_protocol { IDE_NO_DATA, IDE_PIO_READ, IDE_PIO_WRITE, IDE_DMA_READ, IDE_DMA_WRITE };

enum ide_request_state { IDE_REQUEST_FREE, IDE_REQUEST_QUEUED, IDE_REQUEST_ACTIVE, IDE_REQUEST_DONE };

/* A command on its way. Its memory is described by prds whatever the protocol. */
struct ide_request {
	enum ide_request_state state;
	enum status status; /* when DONE */
	uint32_t tag;
	uint64_t sequence; /* the lowest goes first */
	uint64_t timeout_us;
	uint32_t attempts_left;
	/* A transfer; the taskfile is made anew for each attempt. sectors 0: the taskfile is as the caller made it. */
	struct lba lba;
	uint32_t sectors;
	bool is_write;
	struct ata_taskfile taskfile;
	enum ide_protocol protocol;
	struct ide_prd *prds; /* IDE_PRDS_MAX of them */
	uint32_t prd_count;
	uint32_t bytes;       /* of data */
	uint32_t block_bytes; /* per DRQ, in PIO */
};

struct ide_device {
	struct block_device block;
	struct ide_channel *channel;
	uint8_t number; /* 0: master, 1: slave */
	bool present;
	bool gone; /* for good */
	bool use_dma;
	uint32_t dma_failures; /* in a row, not of the medium */
	uint32_t timeouts;     /* in a row */
	struct ata_identity identity;
	uint64_t next_sequence;
	struct ide_request requests[IDE_QUEUE_DEPTH];
	struct ide_request sync_request; /* for what is waited for */
	uint8_t *scratch;                /* a page */
};

enum ide_channel_state {
	IDE_CHANNEL_IDLE,
	IDE_CHANNEL_SELECT,       /* the device was selected and must get ready */
	IDE_CHANNEL_COMMAND,      /* a command runs */
	IDE_CHANNEL_RESET_HOLD,   /* SRST is set */
	IDE_CHANNEL_RESET_SETTLE, /* SRST was cleared, the status is not valid yet */
	IDE_CHANNEL_RESET_WAIT,   /* device 0, which the reset selected, is busy for both */
	IDE_CHANNEL_RESET_READY,  /* the device in question was selected and is busy */
};

struct ide_channel {
	struct ide_controller *controller;
	uint16_t command_port;
	uint16_t control_port;
	uint16_t bus_master_port; /* 0: none */
	uint8_t capable_bits;     /* BMIDE_STATUS_CAPABLE as the firmware left them */
	bool is_used;             /* ports are known */
	enum ide_channel_state state;
	uint64_t deadline_us;
	struct ide_device devices[IDE_CHANNEL_DEVICES];
	struct ide_device *active; /* whose request runs, or for whom the channel is reset */
	struct ide_request *request;
	uint8_t turn; /* the device that is asked first for the next request */
	/* Of a PIO transfer: */
	uint32_t prd_index;
	uint32_t prd_offset;
	uint32_t bytes_left;
};

struct ide_controller {
	struct pci_function function;
	bool is_simplex;
	const struct ide_channel *last_channel; /* that began a command */
	struct ide_channel channels[IDE_CHANNELS];
};

/* --- ide_dma.c ------------------------------------------------------------------------------------------------- */

/* The bytes that a descriptor covers: 1-65536. */
uint32_t ide_prd_bytes(const struct ide_prd *prd);

/*
 * Fills request's table from 1 to IDE_SEGMENTS_MAX segments, which the caller has checked (drivers/block_check.h).
 * Contiguous ones are joined.
 */
void ide_prds_build(struct ide_request *request, const struct block_segment *segments, uint32_t count);

bool ide_bus_master_is_active(const struct ide_channel *channel);

/* True when the engine saw a PCI error. */
bool ide_bus_master_has_failed(const struct ide_channel *channel);

/* Learns what the firmware left in the status register; an engine that does not answer is taken for none. */
void ide_bus_master_adopt(struct ide_channel *channel);

/* Points the stopped engine to the table; start comes after the command was given. */
void ide_bus_master_prepare(const struct ide_channel *channel, const struct ide_request *request);
void ide_bus_master_start(const struct ide_channel *channel, const struct ide_request *request);

/* Without waiting. Does nothing without a bus master. */
void ide_bus_master_stop(const struct ide_channel *channel);

/* Stops it and waits until it shows so, at most 100 ms. */
nodiscard enum status ide_bus_master_stop_sync(struct ide_channel *channel);

/* --- ide_channel.c --------------------------------------------------------------------------------------------- */

uint8_t ide_command_read(const struct ide_channel *channel, enum ide_command_register reg);
void ide_control_write(const struct ide_channel *channel, uint32_t bits);
uint8_t ide_status_read(const struct ide_channel *channel);

/* Selects a device and waits until its registers show it (400 ns). */
void ide_device_select(const struct ide_channel *channel, uint8_t number);

/* Puts a FREE request in the device's queue. The fields down to taskfile are the caller's. */
void ide_request_queue(struct ide_device *device, struct ide_request *request);

/* Does all that can be done without waiting, on both channels. */
void ide_controller_advance(struct ide_controller *controller);

/* The device is given up: its requests end with status. */
void ide_device_give_up(struct ide_device *device, enum status status);

/*
 * Queues request and waits until it is done, at most timeout_us; a device that is not done even then is given up.
 * The request is FREE again afterwards. Returns its status; STATUS_IO_ERROR when the device is gone.
 */
nodiscard enum status ide_request_run(struct ide_device *device, struct ide_request *request, uint64_t timeout_us);

/* Begins a software reset for the device. No request may be active on the channel. */
void ide_channel_reset(struct ide_device *device);

/* Waits, bounded, until nothing runs on the channel. */
nodiscard enum status ide_channel_settle(struct ide_channel *channel);

/* --- ide_detect.c ---------------------------------------------------------------------------------------------- */

/*
 * Looks for disks on both positions of a channel whose ports are filled in. Bounded: 5 s for a device that stays busy,
 * about 10 ms for an empty channel. STATUS_NO_MEMORY: the arena is full.
 */
nodiscard enum status ide_channel_detect(struct ide_channel *channel, struct arena *arena);

/* --- ide_disk.c ------------------------------------------------------------------------------------------------ */

extern const struct block_ops ide_block_ops;

/* Fills device->block, but for its name, from the identity. */
void ide_disk_publish(struct ide_device *device);

/* Stops everything on the controller, for good (block_ops.quiesce). */
void ide_controller_quiesce(struct ide_controller *controller);
