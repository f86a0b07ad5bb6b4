/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AHCI's structures in memory: command headers, tables and PRDs, built by pure functions (AHCI 1.3.1, section 4). */
#include "drivers/ata/ahci_format.h"

#include "drivers/ata/ata.h"
#include "lib/string.h"

enum {
	HEADER_FIS_DWORDS = ATA_FIS_BYTES / 4, /* CFL */
	HEADER_WRITE = 1 << 6,
	HEADER_PRDTL_SHIFT = 16,
};

static void prd_write(struct ahci_prd *prd, uint64_t address, uint32_t bytes)
{
	prd->address_low = (uint32_t)address;
	prd->address_high = (uint32_t)(address >> 32);
	prd->reserved = 0;
	prd->bytes = bytes - 1;
}

static uint64_t prd_end(const struct ahci_prd *prd)
{
	return ((uint64_t)prd->address_high << 32 | prd->address_low) + prd->bytes + 1;
}

/* Lengthens prd by the beginning of what lies right behind it; returns how many bytes went in. */
static uint32_t prd_grow(struct ahci_prd *prd, uint64_t address, uint32_t bytes)
{
	if (prd_end(prd) != address)
		return 0;
	const uint32_t added = (uint32_t)min_u64(bytes, AHCI_PRD_BYTES_MAX - (prd->bytes + 1));
	prd->bytes += added;
	return added;
}

enum status ahci_prds_build(const struct block_segment *segments, uint32_t count, struct ahci_prd *prds,
			    uint32_t capacity, uint32_t *count_out)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t address = segments[i].address.value;
		uint32_t left = segments[i].bytes;
		if (left == 0 || ((address | left) & 1) != 0)
			return STATUS_INVALID;
		while (left > 0) {
			uint32_t taken = used > 0 ? prd_grow(&prds[used - 1], address, left) : 0;
			if (taken == 0) {
				if (used == capacity)
					return STATUS_INVALID;
				taken = (uint32_t)min_u64(left, AHCI_PRD_BYTES_MAX);
				prd_write(&prds[used++], address, taken);
			}
			address += taken;
			left -= taken;
		}
	}
	*count_out = used;
	return STATUS_OK;
}

void ahci_header_build(struct ahci_command_header *header, struct paddr table, uint32_t prd_count, bool is_write)
{
	header->flags = prd_count << HEADER_PRDTL_SHIFT | (is_write ? HEADER_WRITE : 0) | HEADER_FIS_DWORDS;
	header->prd_bytes_done = 0;
	header->table_low = (uint32_t)table.value;
	header->table_high = (uint32_t)(table.value >> 32);
	memset(header->reserved, 0, sizeof(header->reserved));
}

void ahci_table_build(struct ahci_table_head *table, const struct ata_taskfile *taskfile)
{
	uint8_t fis[ATA_FIS_BYTES];

	ata_fis_build(taskfile, fis);
	memcpy(table->command_fis, fis, sizeof(fis));
}
