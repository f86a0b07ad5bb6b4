/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus master of an IDE channel (Programming Interface for Bus Master IDE Controller, revision 1.0).
 */
#include "drivers/ata/ide_internal.h"
#include "drivers/timer.h"

#define STOP_TIMEOUT_US 100000 /* the specification wants it at once */

static uint8_t status_read(const struct ide_channel *channel)
{
	return port_read8((uint16_t)(channel->bus_master_port + BMIDE_STATUS));
}

static void command_write(const struct ide_channel *channel, uint32_t bits)
{
	port_write8((uint16_t)(channel->bus_master_port + BMIDE_COMMAND), (uint8_t)bits);
}

static uint32_t direction_of(const struct ide_request *request)
{
	return request->protocol == IDE_DMA_READ ? BMIDE_COMMAND_TO_MEMORY : 0;
}

uint32_t ide_prd_bytes(const struct ide_prd *prd)
{
	const uint32_t bytes = prd->length & IDE_PRD_LENGTH_MASK;

	return bytes != 0 ? bytes : (uint32_t)IDE_PRD_BOUNDARY;
}

/* Adds [start, start + bytes), in pieces that end at the boundaries, joined to the piece before where they touch. */
static void prds_add(struct ide_request *request, uint64_t start, uint64_t bytes)
{
	while (bytes > 0) {
		const uint64_t room = IDE_PRD_BOUNDARY - start % IDE_PRD_BOUNDARY;
		const uint64_t piece = min_u64(bytes, room);
		struct ide_prd *last = request->prd_count > 0 ? &request->prds[request->prd_count - 1] : NULL;

		if (last != NULL && start % IDE_PRD_BOUNDARY != 0 &&
		    (uint64_t)last->address + ide_prd_bytes(last) == start) {
			last->length = (uint32_t)(ide_prd_bytes(last) + piece) & IDE_PRD_LENGTH_MASK;
		} else {
			request->prds[request->prd_count++] = (struct ide_prd){
				.address = (uint32_t)start, .length = (uint32_t)piece & IDE_PRD_LENGTH_MASK};
		}
		start += piece;
		bytes -= piece;
	}
}

void ide_prds_build(struct ide_request *request, const struct block_segment *segments, uint32_t count)
{
	request->prd_count = 0;
	request->bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		prds_add(request, segments[i].address.value, segments[i].bytes);
		request->bytes += segments[i].bytes;
	}
	request->prds[request->prd_count - 1].length |= IDE_PRD_LAST;
}

bool ide_bus_master_is_active(const struct ide_channel *channel)
{
	return channel->bus_master_port != 0 && (status_read(channel) & BMIDE_STATUS_ACTIVE) != 0;
}

bool ide_bus_master_has_failed(const struct ide_channel *channel)
{
	return (status_read(channel) & BMIDE_STATUS_ERROR) != 0;
}

void ide_bus_master_adopt(struct ide_channel *channel)
{
	uint8_t status;

	if (channel->bus_master_port == 0)
		return;
	ide_bus_master_stop(channel);
	status = status_read(channel);
	if (status == IDE_FLOATING)
		channel->bus_master_port = 0;
	else
		channel->capable_bits = status & BMIDE_STATUS_CAPABLE;
	if (status != IDE_FLOATING && (status & BMIDE_STATUS_SIMPLEX) != 0)
		channel->controller->is_simplex = true;
}

void ide_bus_master_prepare(const struct ide_channel *channel, const struct ide_request *request)
{
	command_write(channel, direction_of(request));
	port_write32((uint16_t)(channel->bus_master_port + BMIDE_TABLE), (uint32_t)virt_to_paddr(request->prds).value);
	port_write8((uint16_t)(channel->bus_master_port + BMIDE_STATUS),
		    (uint8_t)(channel->capable_bits | BMIDE_STATUS_ERROR | BMIDE_STATUS_INTERRUPT));
}

void ide_bus_master_start(const struct ide_channel *channel, const struct ide_request *request)
{
	command_write(channel, direction_of(request) | BMIDE_COMMAND_START);
}

void ide_bus_master_stop(const struct ide_channel *channel)
{
	if (channel->bus_master_port != 0)
		command_write(channel, 0);
}

static bool bus_master_is_stopped(void *context)
{
	return !ide_bus_master_is_active(context);
}

enum status ide_bus_master_stop_sync(struct ide_channel *channel)
{
	ide_bus_master_stop(channel);
	return poll_until(bus_master_is_stopped, channel, STOP_TIMEOUT_US);
}
