/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AHCI's structures in memory (AHCI 1.3.1, section 4), little endian as the CPU. Written with whole 32-bit stores; the
 * controller reads them by DMA.
 */
#pragma once

#include "include/block.h"
#include "include/types.h"

#define AHCI_SLOTS_MAX     32
#define AHCI_PRD_BYTES_MAX ((uint32_t)4 << 20)
#define AHCI_PRDS          512 /* in the table of a transfer: so many single pages */

/* 4.2.2 */
struct ahci_command_header {
	uint32_t flags; /* PRDTL 31:16, PMP 15:12, C, B, R, P, W 6, A, CFL 4:0 */
	uint32_t prd_bytes_done;
	uint32_t table_low;
	uint32_t table_high;
	uint32_t reserved[4];
};

/* 4.2.3.3 */
struct ahci_prd {
	uint32_t address_low;
	uint32_t address_high;
	uint32_t reserved;
	uint32_t bytes; /* I 31, byte count - 1 in 21:0 */
};

/* 4.2.3, up to the PRDs. */
struct ahci_table_head {
	uint32_t command_fis[16];
	uint32_t atapi_command[4];
	uint32_t reserved[12];
};

/* The table of one read or write. */
struct ahci_transfer_table {
	struct ahci_table_head head;
	struct ahci_prd prds[AHCI_PRDS];
};

/* What a port needs before it is known whether a disk is there: command list, FIS area, one small command. */
struct ahci_port_memory {
	struct ahci_command_header headers[AHCI_SLOTS_MAX];
	uint8_t received_fis[256];
	struct ahci_table_head table;
	struct ahci_prd prd[8]; /* one is used; the others fill the place up */
	uint8_t data[512];      /* IDENTIFY DEVICE, or the error log */
};

_Static_assert(sizeof(struct ahci_command_header) == 32, "4.2.2");
_Static_assert(offsetof(struct ahci_command_header, table_low) == 8, "4.2.2");
_Static_assert(sizeof(struct ahci_prd) == 16 && offsetof(struct ahci_prd, bytes) == 12, "4.2.3.3");
_Static_assert(offsetof(struct ahci_table_head, atapi_command) == 0x40, "4.2.3");
_Static_assert(sizeof(struct ahci_table_head) == 0x80, "4.2.3");
_Static_assert(sizeof(struct ahci_transfer_table) % 128 == 0, "4.2.2: a table is 128-byte aligned");
_Static_assert(offsetof(struct ahci_port_memory, received_fis) % 256 == 0, "3.3.3: 256-byte aligned");
_Static_assert(offsetof(struct ahci_port_memory, table) % 128 == 0, "4.2.2: 128-byte aligned");
_Static_assert(sizeof(struct ahci_port_memory) == 2048, "the list is 1 KiB aligned in an array too");

/*
 * Describes the segments in prds, capacity of them; what touches in memory shares an entry of at most 4 MiB.
 * STATUS_INVALID: more entries than capacity, or a segment at an odd address, of odd size or empty.
 */
nodiscard enum status ahci_prds_build(const struct block_segment *segments, uint32_t count, struct ahci_prd *prds,
				      uint32_t capacity, uint32_t *count_out);

/*
 * A command header for a 20-byte FIS. The C bit (clear BSY upon R_OK) stays 0: it hangs one controller (AMD 1022:7801)
 * and only a software reset needs it. prd_count: at most 65535.
 */
void ahci_header_build(struct ahci_command_header *header, struct paddr table, uint32_t prd_count, bool is_write);

struct ata_taskfile;

/* Puts the command's FIS in the table. */
void ahci_table_build(struct ahci_table_head *table, const struct ata_taskfile *taskfile);
