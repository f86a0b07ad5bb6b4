/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of the AHCI register model: ATA commands, executed from a command table; see fake_ahci.h. */
#include "tests/unit/fake_ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "tests/unit/fake_ahci_internal.h"

#define LOG_STATUS 0x41
#define LOG_ERROR  0x40

/* --- the disk -------------------------------------------------------------------------------------------------- */

void fake_ahci_sector(const struct fake_ahci_port *port, uint64_t lba, uint8_t *buffer)
{
	for (uint32_t i = 0; i < port->sector_bytes / 8; i++) {
		const uint64_t word = (lba + 1) * 0x9E3779B97F4A7C15 + i;
		memcpy(buffer + 8 * (size_t)i, &word, 8);
	}
	for (uint32_t i = 0; i < port->write_count; i++) {
		if (port->writes[i].lba == lba)
			memcpy(buffer, port->writes[i].bytes, port->sector_bytes);
	}
}

static void identify_word(uint8_t *data, unsigned word, uint32_t value)
{
	data[2 * word] = (uint8_t)value;
	data[2 * word + 1] = (uint8_t)(value >> 8);
}

static void identify_fill(const struct fake_ahci_port *port, uint8_t *data)
{
	memset(data, 0, ATA_IDENTIFY_BYTES);
	memcpy(data + 54, "aFekA CH Iidks  ", 16);
	identify_word(data, 49, port->has_no_dma ? 0x0200 : 0x0300);
	identify_word(data, 60, (uint32_t)port->sector_count);
	identify_word(data, 61, (uint32_t)(port->sector_count >> 16) & 0xFFF);
	identify_word(data, 75, port->queue_depth - 1U);
	identify_word(data, 76, port->has_ncq ? 0x0106 : 0x0006);
	identify_word(data, 82, port->has_write_cache ? 0x20 : 0);
	identify_word(data, 85, port->has_write_cache ? 0x20 : 0);
	identify_word(data, 83,
		      0x4000 | (port->has_lba48 ? 0x0400U : 0) |
			      (port->has_flush ? 0x1000U | (port->has_lba48 ? 0x2000U : 0) : 0));
	identify_word(data, 84, port->has_general_log ? 0x4020 : 0x4000);
	for (unsigned i = 0; i < 4; i++)
		identify_word(data, 100 + i, (uint32_t)(port->sector_count >> (16 * i)) & 0xFFFF);
	if (port->sector_bytes != 512) {
		identify_word(data, 106, 0x5000);
		identify_word(data, 117, port->sector_bytes / 2);
	}
}

static void error_log_fill(const struct fake_ahci_port *port, uint8_t *data)
{
	uint8_t sum = 0;

	memset(data, 0, ATA_LOG_PAGE_BYTES);
	data[0] = port->is_log_wrong ? 31 : port->failed_tag;
	data[2] = LOG_STATUS;
	data[3] = LOG_ERROR;
	for (unsigned i = 0; i < 511; i++)
		sum = (uint8_t)(sum + data[i]);
	data[511] = (uint8_t)-sum;
}

/* --- a command as the controller sees it ----------------------------------------------------------------------- */

bool fake_ahci_is_queued(uint8_t opcode)
{
	return opcode == ATA_READ_FPDMA_QUEUED || opcode == ATA_WRITE_FPDMA_QUEUED;
}

struct command fake_ahci_fetch(const struct fake_ahci_port *port, unsigned slot)
{
	struct ahci_command_header *header = (struct ahci_command_header *)(uintptr_t)port->clb + slot;
	const uint64_t table = (uint64_t)header->table_high << 32 | header->table_low;
	struct command command = {.header = header, .fis = (const uint8_t *)(uintptr_t)table};

	assert_int_equal(table % 128, 0);
	assert_int_equal(header->flags & 0x1F, 5);
	assert_int_equal(header->flags & 0xFFA0, 0); /* no PMP, C, B, R, P, ATAPI */
	assert_int_equal(command.fis[0], 0x27);
	assert_int_equal(command.fis[1], 0x80);
	command.prds = (const struct ahci_prd *)(uintptr_t)(table + 0x80);
	command.prd_count = header->flags >> 16;
	command.opcode = command.fis[2];
	command.lba = command.fis[4] | (uint64_t)command.fis[5] << 8 | (uint64_t)command.fis[6] << 16;
	command.count = command.fis[12];
	if (command.opcode == ATA_READ_DMA || command.opcode == ATA_WRITE_DMA) {
		command.lba |= (uint64_t)(command.fis[7] & 15) << 24;
		command.count = command.count == 0 ? 256 : command.count;
		return command;
	}
	command.lba |=
		(uint64_t)command.fis[8] << 24 | (uint64_t)command.fis[9] << 32 | (uint64_t)command.fis[10] << 40;
	if (fake_ahci_is_queued(command.opcode))
		command.count = command.fis[3] | (uint32_t)command.fis[11] << 8;
	else
		command.count |= (uint32_t)command.fis[13] << 8;
	if (command.count == 0)
		command.count = 65536;
	return command;
}

/* Copies between the PRDs and data, which is all of the transfer. */
static void dma(const struct command *command, uint8_t *data, uint32_t bytes, bool to_memory)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < command->prd_count; i++) {
		const struct ahci_prd *prd = &command->prds[i];
		uint8_t *memory = (uint8_t *)(uintptr_t)((uint64_t)prd->address_high << 32 | prd->address_low);
		const uint32_t size = (prd->bytes & 0x3FFFFF) + 1;
		assert_int_equal(prd->address_low & 1, 0);
		assert_int_equal(size & 1, 0);
		assert_true(done + size <= bytes);
		if (to_memory)
			memcpy(memory, data + done, size);
		else
			memcpy(data + done, memory, size);
		done += size;
	}
	assert_int_equal(done, bytes);
	command->header->prd_bytes_done = done;
}

static uint8_t transfer_buffer[(size_t)4 << 20];

static bool command_is_bad(struct fake_ahci_port *port, const struct command *command)
{
	if (command->lba + command->count > port->sector_count)
		return true;
	if (port->bad_times == 0 || port->bad_lba < command->lba || port->bad_lba >= command->lba + command->count)
		return false;
	if (port->bad_times != FAKE_AHCI_FOREVER)
		port->bad_times--;
	return true;
}

bool fake_ahci_consume(uint32_t *times)
{
	if (*times == 0)
		return false;
	if (*times != FAKE_AHCI_FOREVER)
		(*times)--;
	return true;
}

/* Where the sector's new contents go. */
static struct fake_ahci_write *write_find(struct fake_ahci_port *port, uint64_t lba)
{
	for (uint32_t i = 0; i < port->write_count; i++) {
		if (port->writes[i].lba == lba)
			return &port->writes[i];
	}
	assert_true(port->write_count < FAKE_AHCI_WRITES);
	return &port->writes[port->write_count++];
}

static bool command_write(struct fake_ahci_port *port, const struct command *command)
{
	assert_true((command->header->flags & 0x40) != 0);
	if (fake_ahci_consume(&port->writes_fail) || command_is_bad(port, command))
		return false;
	dma(command, transfer_buffer, command->count * port->sector_bytes, false);
	for (uint32_t i = 0; i < command->count; i++) {
		struct fake_ahci_write *write = write_find(port, command->lba + i);
		*write = (struct fake_ahci_write){.lba = command->lba + i, .is_durable = !port->has_write_cache};
		memcpy(write->bytes, transfer_buffer + (size_t)i * port->sector_bytes, port->sector_bytes);
	}
	return true;
}

static bool command_flush(struct fake_ahci_port *port)
{
	if (fake_ahci_consume(&port->flushes_fail))
		return false;
	for (uint32_t i = 0; i < port->write_count; i++)
		port->writes[i].is_durable = true;
	return true;
}

/* True: good status. */
bool fake_ahci_execute(struct fake_ahci_port *port, const struct command *command)
{
	switch (command->opcode) {
	case ATA_IDENTIFY_DEVICE:
		identify_fill(port, transfer_buffer);
		dma(command, transfer_buffer, ATA_IDENTIFY_BYTES, true);
		return true;
	case ATA_READ_LOG_EXT:
		if (!port->has_general_log || fake_ahci_consume(&port->log_fails))
			return false;
		assert_int_equal(command->lba, 0x10);
		error_log_fill(port, transfer_buffer);
		dma(command, transfer_buffer, ATA_LOG_PAGE_BYTES, true);
		port->has_ncq_error = false;
		return true;
	case ATA_READ_DMA:
	case ATA_READ_DMA_EXT:
	case ATA_READ_FPDMA_QUEUED:
		if (command_is_bad(port, command))
			return false;
		assert_int_equal(command->header->flags & 0x40, 0);
		for (uint32_t i = 0; i < command->count; i++)
			fake_ahci_sector(port, command->lba + i, transfer_buffer + (size_t)i * port->sector_bytes);
		dma(command, transfer_buffer, command->count * port->sector_bytes, true);
		return true;
	case ATA_WRITE_DMA:
	case ATA_WRITE_DMA_EXT:
	case ATA_WRITE_FPDMA_QUEUED:
		return command_write(port, command);
	case ATA_FLUSH_CACHE:
	case ATA_FLUSH_CACHE_EXT:
		return command_flush(port);
	default:
		fail_msg("unexpected command %02x", command->opcode);
		return false;
	}
}
