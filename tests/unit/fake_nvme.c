/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A register model of an NVMe controller; see fake_nvme.h. */
#include "tests/unit/fake_nvme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/nvme/nvme.h"
#include "drivers/nvme/nvme_regs.h"
#include "lib/span.h"

#define ARENA_BYTES          ((size_t)4 << 20)
#define STATUS_INVALID_FIELD 0x0004 /* with the phase bit's place */
#define NEVER                UINT64_MAX

static void *host(uint64_t address)
{
	return paddr_to_virt((struct paddr){address});
}

static uint64_t field(const uint8_t *command, size_t offset, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, command + offset, bytes);
	return value;
}

uint8_t fake_nvme_byte(uint32_t nsid, uint64_t sector, uint32_t offset)
{
	return (uint8_t)(nsid * 101 + sector * 7 + (sector >> 8) + offset * 3 + (offset >> 8));
}

const struct fake_nvme_write *fake_nvme_written(const struct fake_nvme *nvme, uint32_t nsid, uint64_t sector)
{
	for (uint32_t i = 0; i < nvme->sectors_written; i++) {
		if (nvme->writes_seen[i].nsid == nsid && nvme->writes_seen[i].sector == sector)
			return &nvme->writes_seen[i];
	}
	return NULL;
}

static bool consume(uint32_t *times)
{
	if (*times == 0)
		return false;
	(*times)--;
	return true;
}

/* --- commands ------------------------------------------------------------------------------------------------------
 */

/* The address of page n of a transfer, by the rules of PRPs: only the first may begin inside a page. */
static uint64_t prp(const uint8_t *command, uint64_t n, uint64_t pages)
{
	uint64_t address = field(command, 24, 8);

	if (n == 0)
		return address;
	address = field(command, 32, 8);
	assert_true(address != 0 && address % (pages > 2 ? 8 : PAGE_BYTES) == 0);
	if (pages > 2)
		memcpy(&address, (uint8_t *)host(address) + 8 * (n - 1), 8);
	assert_true(address != 0 && address % PAGE_BYTES == 0);
	return address;
}

static void transfer(const uint8_t *command, uint8_t *bytes, uint64_t count, bool to_host)
{
	const uint64_t offset = field(command, 24, 8) % PAGE_BYTES;
	const uint64_t pages = (offset + count + PAGE_BYTES - 1) / PAGE_BYTES;

	for (uint64_t n = 0; n < pages; n++) {
		const uint64_t part = min_u64(count, PAGE_BYTES - (n == 0 ? offset : 0));
		uint8_t *memory = host(prp(command, n, pages));

		memcpy(to_host ? memory : bytes, to_host ? bytes : memory, part);
		bytes += part;
		count -= part;
	}
}

static void sector_write(struct fake_nvme *nvme, uint32_t nsid, uint64_t sector, const uint8_t *bytes)
{
	const struct fake_nvme_write *known = fake_nvme_written(nvme, nsid, sector);
	struct fake_nvme_write *write =
		&nvme->writes_seen[known != NULL ? known - nvme->writes_seen : nvme->sectors_written++];

	assert_true(nvme->sectors_written <= FAKE_NVME_WRITES);
	*write = (struct fake_nvme_write){.nsid = nsid, .sector = sector, .is_flushed = !nvme->has_write_cache};
	memcpy(write->bytes, bytes, nvme->namespaces[nsid - 1]);
}

static void sector_read(const struct fake_nvme *nvme, uint32_t nsid, uint64_t sector, uint8_t *bytes)
{
	const struct fake_nvme_write *write = fake_nvme_written(nvme, nsid, sector);

	for (uint32_t i = 0; i < nvme->namespaces[nsid - 1]; i++)
		bytes[i] = write != NULL ? write->bytes[i] : fake_nvme_byte(nsid, sector, i);
}

static bool is_bad(struct fake_nvme *nvme, uint64_t sector, uint64_t sectors)
{
	return nvme->bad_sector >= sector && nvme->bad_sector < sector + sectors && consume(&nvme->bad_times);
}

static uint16_t execute_io(struct fake_nvme *nvme, const uint8_t *command)
{
	static uint8_t bytes[4 << 20];
	const uint32_t nsid = (uint32_t)field(command, 4, 4);
	const uint64_t sector = field(command, 40, 8);
	const uint64_t sectors = field(command, 48, 2) + 1;
	uint32_t sector_bytes;

	assert_true(nsid >= 1 && nsid <= FAKE_NVME_NAMESPACES && nvme->namespaces[nsid - 1] != 0);
	sector_bytes = nvme->namespaces[nsid - 1];
	if (command[0] == 0) {
		nvme->flushes++;
		if (consume(&nvme->flushes_fail))
			return nvme->bad_status;
		for (uint32_t i = 0; i < nvme->sectors_written; i++)
			nvme->writes_seen[i].is_flushed |= nvme->writes_seen[i].nsid == nsid;
		return 0;
	}
	assert_true(sector + sectors <= FAKE_NVME_SECTORS);
	nvme->bytes_most = max_u64(nvme->bytes_most, sectors * sector_bytes);
	assert_true(nvme->mdts == 0 || sectors * sector_bytes <= (uint64_t)PAGE_BYTES << nvme->mdts);
	if (command[0] == 1) {
		nvme->writes++;
		if (consume(&nvme->writes_fail) || is_bad(nvme, sector, sectors))
			return nvme->bad_status;
		transfer(command, bytes, sectors * sector_bytes, false);
		for (uint64_t i = 0; i < sectors; i++)
			sector_write(nvme, nsid, sector + i, bytes + i * sector_bytes);
		return 0;
	}
	assert_int_equal(command[0], 2);
	nvme->reads++;
	if (is_bad(nvme, sector, sectors))
		return nvme->bad_status;
	for (uint64_t i = 0; i < sectors; i++)
		sector_read(nvme, nsid, sector + i, bytes + i * sector_bytes);
	transfer(command, bytes, sectors * sector_bytes, true);
	return 0;
}

static uint16_t identify(const struct fake_nvme *nvme, const uint8_t *command)
{
	static uint8_t data[PAGE_BYTES];
	const uint32_t nsid = (uint32_t)field(command, 4, 4);
	uint32_t count = 0;

	memset(data, 0, sizeof(data));
	switch (field(command, 40, 4) & 0xFF) {
	case 0:
		if (nsid == 0 || nsid > FAKE_NVME_NAMESPACES)
			return STATUS_INVALID_FIELD;
		if (nvme->namespaces[nsid - 1] == 0)
			break;
		memcpy(data, &(uint64_t){FAKE_NVME_SECTORS}, 8);
		data[25] = (uint8_t)(nvme->format_count - 1);
		data[26] = (uint8_t)((nvme->format_index & 0xF) | (nvme->format_index >> 4) << 5);
		data[128 + 4 * nvme->format_index] = (uint8_t)nvme->metadata_bytes;
		data[128 + 4 * nvme->format_index + 2] = (uint8_t)__builtin_ctz(nvme->namespaces[nsid - 1]);
		break;
	case 1:
		memcpy(data + 4, "SN 42\x01               ", 20);
		memcpy(data + 24, "Fake NVMe disk                          ", 40);
		data[77] = (uint8_t)nvme->mdts;
		data[516] = FAKE_NVME_NAMESPACES;
		data[525] = nvme->has_write_cache;
		break;
	case 2:
		if (!nvme->has_list)
			return STATUS_INVALID_FIELD;
		for (uint32_t i = 0; i < FAKE_NVME_NAMESPACES; i++)
			if (nvme->namespaces[i] != 0)
				data[4 * count++] = (uint8_t)(i + 1);
		break;
	default:
		return STATUS_INVALID_FIELD;
	}
	transfer(command, data, sizeof(data), true);
	return 0;
}

static uint16_t execute_admin(struct fake_nvme *nvme, const uint8_t *command)
{
	struct fake_nvme_queue *io = &nvme->queues[1];
	const uint32_t dword10 = (uint32_t)field(command, 40, 4);

	switch (command[0]) {
	case 0x05:
		assert_int_equal(dword10 & 0xFFFF, 1);
		assert_int_equal(field(command, 44, 4), 1); /* contiguous, no interrupts */
		io->completions = field(command, 24, 8);
		io->entries = (dword10 >> 16) + 1;
		return 0;
	case 0x01:
		assert_int_equal(dword10 & 0xFFFF, 1);
		assert_int_equal(field(command, 44, 4), 0x10001);
		assert_int_equal(io->entries, (dword10 >> 16) + 1);
		assert_true(io->entries <= (nvme->cap & 0xFFFF) + 1);
		io->commands = field(command, 24, 8);
		io->exists = true;
		return 0;
	case 0x06:
		return identify(nvme, command);
	case 0x09:
		return STATUS_INVALID_FIELD; /* some do not know the feature */
	default:
		fail_msg("admin command %02x", command[0]);
	}
	return 0;
}

static void complete(struct fake_nvme *nvme, uint32_t number, uint16_t id, uint16_t status)
{
	struct fake_nvme_queue *queue = &nvme->queues[number];
	uint8_t *entry = (uint8_t *)host(queue->completions) + 16 * queue->done;
	const uint16_t last = (uint16_t)((status & ~1u) | queue->phase);

	assert_true(fake_pci_is_bus_master(&nvme->pci));
	if (number == 1 && consume(&nvme->wrong_ids))
		id = 77;
	memset(entry, 0, 12);
	memcpy(entry + 12, &id, 2);
	memcpy(entry + 14, &last, 2);
	if (++queue->done == queue->entries) {
		queue->done = 0;
		queue->phase ^= 1;
	}
}

/* --- time and registers ----------------------------------------------------------------------------------------------
 */

static void on_clock(void *context, uint64_t now_us)
{
	struct fake_nvme *nvme = context;

	if (nvme->change_due_us != 0 && now_us >= nvme->change_due_us) {
		nvme->change_due_us = 0;
		nvme->csts = (nvme->cc & 1) == 0 ? 0 : nvme->is_fatal ? NVME_CSTS_CFS : NVME_CSTS_RDY;
	}
	for (uint32_t i = 0; i < FAKE_NVME_PENDING; i++) {
		if (!nvme->pending[i].used || now_us < nvme->pending[i].due_us)
			continue;
		nvme->pending[i].used = false;
		complete(nvme, 1, (uint16_t)field(nvme->pending[i].command, 2, 2),
			 execute_io(nvme, nvme->pending[i].command));
	}
}

static void accept_io(struct fake_nvme *nvme, const uint8_t *command)
{
	uint32_t in_flight = 1;
	uint32_t slot = 0;

	if (consume(&nvme->mute) || (command[0] == 0 && consume(&nvme->flushes_mute)))
		return;
	for (uint32_t i = 0; i < FAKE_NVME_PENDING; i++)
		in_flight += nvme->pending[i].used;
	nvme->in_flight_most = (uint32_t)max_u64(nvme->in_flight_most, in_flight);
	while (nvme->pending[slot].used)
		slot++;
	memcpy(nvme->pending[slot].command, command, 64);
	nvme->pending[slot].due_us = fake_hw_now_us() + nvme->latency_us;
	nvme->pending[slot].used = true;
}

static void doorbell(struct fake_nvme *nvme, uint32_t number, uint32_t value)
{
	struct fake_nvme_queue *queue = &nvme->queues[number / 2];

	assert_true(number < 4 && (nvme->csts & NVME_CSTS_RDY) != 0 && queue->exists && value < queue->entries);
	if (number % 2 == 1) {
		queue->head = value;
		return;
	}
	for (; queue->tail != value; queue->tail = (queue->tail + 1) % queue->entries) {
		const uint8_t *command = (uint8_t *)host(queue->commands) + 64 * queue->tail;

		assert_true(fake_pci_is_bus_master(&nvme->pci));
		if (number / 2 == 0)
			complete(nvme, 0, (uint16_t)field(command, 2, 2), execute_admin(nvme, command));
		else
			accept_io(nvme, command);
	}
}

static void write_cc(struct fake_nvme *nvme, uint32_t value)
{
	const bool enables = (value & 1) != 0 && (nvme->cc & 1) == 0;
	const uint64_t wait_us = (value & 1) != 0 ? nvme->ready_us : nvme->stop_us;

	if (((nvme->cc ^ value) & 1) != 0)
		nvme->change_due_us = wait_us == NEVER ? 0 : fake_hw_now_us() + wait_us + 1;
	nvme->cc = value;
	if ((value & 1) == 0)
		memset(nvme->pending, 0, sizeof(nvme->pending));
	if (!enables)
		return;
	nvme->enables++;
	assert_int_equal(value & ~1u, 6 << 16 | 4 << 20);
	memset(nvme->queues, 0, sizeof(nvme->queues));
	nvme->queues[0] = (struct fake_nvme_queue){.commands = nvme->asq,
						   .completions = nvme->acq,
						   .entries = (nvme->aqa & 0xFFF) + 1,
						   .phase = 1,
						   .exists = true};
	nvme->queues[1].phase = 1;
}

static uint64_t reg_read(void *context, uint32_t offset, unsigned width_bytes)
{
	const struct fake_nvme *nvme = context;

	assert_int_equal(width_bytes, 4);
	if (nvme->is_gone)
		return UINT32_MAX;
	switch (offset) {
	case NVME_CAP:
		return (uint32_t)nvme->cap;
	case NVME_CAP + 4:
		return nvme->cap >> 32;
	case NVME_VS:
		return 0x10400;
	case NVME_CC:
		return nvme->cc;
	case NVME_CSTS:
		return nvme->csts;
	default:
		fail_msg("read of register %x", offset);
	}
	return 0;
}

static void half_write(uint64_t *reg, bool high, uint64_t value)
{
	*reg = high ? (*reg & UINT32_MAX) | value << 32 : (*reg & ~(uint64_t)UINT32_MAX) | value;
}

static void reg_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	struct fake_nvme *nvme = context;
	const uint32_t stride = 4u << (nvme->cap >> 32 & 0xF);

	assert_int_equal(width_bytes, 4);
	if (nvme->is_gone)
		return;
	if (offset >= NVME_DOORBELLS) {
		assert_int_equal((offset - NVME_DOORBELLS) % stride, 0);
		doorbell(nvme, (offset - NVME_DOORBELLS) / stride, (uint32_t)value);
	} else if (offset == NVME_CC) {
		write_cc(nvme, (uint32_t)value);
	} else if (offset != NVME_INTMS) {
		assert_int_equal(nvme->cc & 1, 0);
		if (offset == NVME_AQA)
			nvme->aqa = (uint32_t)value;
		else
			half_write(offset < NVME_ACQ ? &nvme->asq : &nvme->acq, offset % 8 == 4, value);
	}
}

static const struct fake_hw_ops register_ops = {.read = reg_read, .write = reg_write};

void fake_nvme_init(struct fake_nvme *nvme)
{
	memset(nvme, 0, sizeof(*nvme));
	fake_hw_reset();
	fake_log_begin();
	nvme->cap = 1023 | 4ull << 24 | 1ull << 37;
	nvme->namespaces[0] = 512;
	nvme->format_count = 1;
	nvme->has_list = nvme->has_write_cache = true;
	nvme->latency_us = 100;
	nvme->ready_us = nvme->stop_us = 1000;
	nvme->bad_status = 0x0502;
	nvme->bad_sector = UINT64_MAX;
	fake_pci_add(&nvme->pci, 0, 3, 0, 0x00101B36, 0x010802);
	fake_pci_set_bar(&nvme->pci, 0, FAKE_NVME_BASE, FAKE_NVME_BYTES, 4);
	fake_hw_add_mmio(FAKE_NVME_BASE, FAKE_NVME_BYTES, &register_ops, nvme);
	fake_hw_on_clock(on_clock, nvme);
}

static enum status map_mmio(struct paddr base, uint64_t bytes)
{
	assert_int_equal(base.value, FAKE_NVME_BASE);
	assert_int_equal(bytes, FAKE_NVME_BYTES);
	return STATUS_OK;
}

enum status fake_nvme_probe(struct fake_nvme *nvme, struct block_registry *registry)
{
	static uint8_t memory[ARENA_BYTES] __attribute__((aligned(4096)));
	static struct arena arena;
	const struct driver_environment environment = {.arena = &arena, .registry = registry, .map_mmio = map_mmio};
	const struct pci_function function = {
		.bus = nvme->pci.bus, .device = nvme->pci.device, .class_code = 1, .subclass = 8, .prog_if = 2};

	arena_init(&arena, memory, ARENA_BYTES);
	memset(registry, 0, sizeof(*registry));
	assert_true(nvme_driver.matches(&function));
	return nvme_driver.probe(&environment, &function, 0);
}
