/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ATA protocol, shared by AHCI and IDE: commands, IDENTIFY DEVICE, register FISes, the queued error log. Pure
 * functions without hardware or memory of their own. ATA/ATAPI Command Set 3 (ACS-3, T13/2161-D revision 5) and Serial
 * ATA revision 3.1.
 */
#pragma once

#include "include/block.h"
#include "include/status.h"
#include "include/types.h"

#define ATA_IDENTIFY_BYTES 512
#define ATA_LOG_PAGE_BYTES 512
#define ATA_NCQ_DEPTH_MAX  32

/* ACS-3, section 7. */
enum ata_command {
	ATA_READ_SECTORS = 0x20,
	ATA_READ_SECTORS_EXT = 0x24,
	ATA_READ_DMA_EXT = 0x25,
	ATA_READ_LOG_EXT = 0x2F,
	ATA_WRITE_SECTORS = 0x30,
	ATA_WRITE_SECTORS_EXT = 0x34,
	ATA_WRITE_DMA_EXT = 0x35,
	ATA_READ_FPDMA_QUEUED = 0x60,
	ATA_WRITE_FPDMA_QUEUED = 0x61,
	ATA_READ_DMA = 0xC8,
	ATA_WRITE_DMA = 0xCA,
	ATA_FLUSH_CACHE = 0xE7,
	ATA_FLUSH_CACHE_EXT = 0xEA,
	ATA_IDENTIFY_DEVICE = 0xEC,
	ATA_SET_FEATURES = 0xEF,
};

/* Status field (ACS-3, 6.2). */
#define ATA_STATUS_ERR  BIT(0)
#define ATA_STATUS_DRQ  BIT(3)
#define ATA_STATUS_DF   BIT(5)
#define ATA_STATUS_DRDY BIT(6)
#define ATA_STATUS_BSY  BIT(7)

/* Error field (ACS-3, 6.3). */
#define ATA_ERROR_ABORT BIT(2)
#define ATA_ERROR_IDNF  BIT(4)
#define ATA_ERROR_UNC   BIT(6)
#define ATA_ERROR_ICRC  BIT(7)

/* Device field. */
#define ATA_DEVICE_LBA    BIT(6)
#define ATA_DEVICE_SECOND BIT(4) /* parallel ATA: device 1 */

/* Device control register. */
#define ATA_CONTROL_NIEN BIT(1)
#define ATA_CONTROL_SRST BIT(2)
#define ATA_CONTROL_HOB  BIT(7)

/* SET FEATURES subcommand, in the feature field: the mode in the count field (ACS-3, 7.45). */
#define ATA_FEATURE_TRANSFER_MODE 0x03

/* What kind of device a signature names (ACS-3, table 206: LBA and count fields after a reset). */
enum ata_kind {
	ATA_KIND_DISK,
	ATA_KIND_ATAPI,
	ATA_KIND_PORT_MULTIPLIER,
	ATA_KIND_ENCLOSURE,
	ATA_KIND_NONE, /* all ones, or nothing known */
};

/* IDENTIFY DEVICE, decoded and checked. */
struct ata_identity {
	char model[41];                 /* printable, trimmed */
	char serial[21];                /* printable, trimmed */
	uint32_t sector_bytes;          /* logical: 512 or 4096 */
	uint32_t physical_sector_bytes; /* at least sector_bytes */
	uint64_t sector_count;          /* logical, greater than 0, at most 2^48 */
	bool lba48;
	bool dma;
	bool ncq;
	uint8_t ncq_depth;          /* 1-32; 1 without NCQ */
	bool write_cache;           /* supported and switched on */
	bool flush;                 /* FLUSH CACHE */
	bool flush_ext;             /* FLUSH CACHE EXT */
	bool general_log;           /* READ LOG EXT */
	uint8_t pio_modes;          /* bit n: PIO mode n, modes 3 and 4 only */
	uint8_t multiword_modes;    /* bit n: multiword DMA mode n supported */
	uint8_t multiword_selected; /* bit n: mode n selected now */
	uint8_t ultra_modes;        /* bit n: Ultra DMA mode n supported */
	uint8_t ultra_selected;     /* bit n: mode n selected now */
	bool ultra_cable_80;        /* the device sees an 80-conductor cable (parallel ATA) */
};

/*
 * A command as the registers take it, before it is put in a FIS or written to ports. For 28-bit commands lba bits
 * 24-27 are in the device field already, and feature and count use their low byte only.
 */
struct ata_taskfile {
	uint8_t command;
	uint16_t feature;
	uint64_t lba; /* 48 bits */
	uint16_t count;
	uint8_t device; /* without ATA_DEVICE_SECOND: the IDE driver adds it */
	bool is_48bit;  /* the high bytes of feature, lba and count are to be written too */
	bool is_write;  /* data goes to the device */
};

/* What the log at 10h says about the command that failed (SATA 3.1, 13.7.4; ACS-3, A.14). */
struct ata_ncq_error {
	bool is_queued; /* false: the failing command was not a queued one, tag means nothing */
	uint8_t tag;
	uint8_t status;
	uint8_t error;
	uint64_t lba;
};

/* How data is moved. */
enum ata_transfer {
	ATA_READ_BY_DMA,
	ATA_WRITE_BY_DMA,
	ATA_READ_BY_PIO,
	ATA_WRITE_BY_PIO,
};

/* signature: LBA high, middle, low and count, from the most significant byte down, as in AHCI's PxSIG. */
enum ata_kind ata_kind_of_signature(uint32_t signature);

/* "a disk", "an ATAPI device"…, for logs. */
const char *ata_kind_text(enum ata_kind kind);

/*
 * data: the 512 bytes of IDENTIFY DEVICE as they come from the device.
 * Errors: STATUS_CORRUPT (wrong checksum, no sectors, contradicting itself), STATUS_UNSUPPORTED (not an ATA disk, no
 * LBA, a sector size other than 512 and 4096).
 */
nodiscard enum status ata_identify_decode(const uint8_t data[ATA_IDENTIFY_BYTES], struct ata_identity *identity_out);

/*
 * A transfer of count sectors at lba, in 28-bit form where that can express it and in 48-bit form otherwise (the
 * choice that Linux makes). Errors: STATUS_INVALID (count 0, beyond the device, more sectors than ata_sectors_max).
 */
nodiscard enum status ata_transfer_build(const struct ata_identity *identity, enum ata_transfer transfer,
					 struct lba lba, uint32_t count, struct ata_taskfile *taskfile_out);

/* The most sectors in one command: 65536, or 256 without 48-bit addresses. */
uint32_t ata_sectors_max(const struct ata_identity *identity);

/*
 * READ or WRITE FPDMA QUEUED (ACS-3, section 7), the latter without FUA. Same errors; also tag above the device's
 * depth, or no NCQ. transfer: by DMA.
 */
nodiscard enum status ata_queued_build(const struct ata_identity *identity, enum ata_transfer transfer, struct lba lba,
				       uint32_t count, uint8_t tag, struct ata_taskfile *taskfile_out);

/* FLUSH CACHE EXT or FLUSH CACHE. STATUS_UNSUPPORTED when the device has neither. */
nodiscard enum status ata_flush_build(const struct ata_identity *identity, struct ata_taskfile *taskfile_out);

struct ata_taskfile ata_identify_build(void);

/* READ LOG EXT of one 512-byte page of the queued error log (10h), by PIO. */
struct ata_taskfile ata_ncq_log_build(void);

/* SET FEATURES, transfer mode (ACS-3, 7.45.3). mode: 0x08 | PIO mode, 0x20 | multiword mode, 0x40 | Ultra DMA mode. */
struct ata_taskfile ata_transfer_mode_build(uint8_t mode);

#define ATA_FIS_BYTES 20

/* Register FIS, host to device (SATA 3.1, 10.3.4), with the command bit set. */
void ata_fis_build(const struct ata_taskfile *taskfile, uint8_t fis_out[ATA_FIS_BYTES]);

/* Register FIS with the command bit clear: control carries ATA_CONTROL_SRST or not. */
void ata_fis_control_build(uint8_t control, uint8_t fis_out[ATA_FIS_BYTES]);

/* Errors: STATUS_CORRUPT (wrong checksum). */
nodiscard enum status ata_ncq_log_decode(const uint8_t page[ATA_LOG_PAGE_BYTES], struct ata_ncq_error *error_out);

/* Fills sector size and count, model and serial of a block device's identity; the rest is the driver's. */
void ata_identity_publish(const struct ata_identity *identity, struct block_identity *block_out);
