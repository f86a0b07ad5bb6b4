/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A register model of an AHCI controller with disks; see fake_ahci.h. */
#include "tests/unit/fake_ahci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/ata/ahci.h"
#include "drivers/ata/ahci_regs.h"
#include "drivers/ata/ata.h"
#include "tests/unit/fake_ahci_internal.h"
#include "tests/unit/fake_log.h"

#define ARENA_BYTES      ((size_t)4 << 20)
#define SERR_EXCHANGED   BIT(26)
#define PX_IS_DHRS       BIT(0)
#define PX_IS_SDBS       BIT(3)
#define PCI_COMMAND_BYTE 4
#define CMD_READ_ONLY    (AHCI_PX_CMD_CR | AHCI_PX_CMD_FR)
#define TFD_NO_DEVICE    0x7F
#define TFD_GOOD         0x50
#define TFD_FAILED       0x4041
#define TFD_ABORTED      0x0451

/* --- the port's engine ----------------------------------------------------------------------------------------- */

static void command_fail_queued(struct fake_ahci_port *port, unsigned slot)
{
	if (port->is_error_lost) {
		port->serr |= BIT(slot);
		return;
	}
	port->has_ncq_error = true;
	port->failed_tag = (uint8_t)slot;
	port->is_halted = true;
	port->tfd = TFD_FAILED | (port->is_busy_after_error ? 0x80 : 0);
	port->is |= AHCI_PX_IS_TFES | PX_IS_SDBS;
	if (port->is_interface_error) {
		port->tfd = TFD_GOOD;
		port->is = AHCI_PX_IS_IFS;
	}
}

static void command_finish(struct fake_ahci *ahci, struct fake_ahci_port *port, unsigned slot)
{
	const struct command command = fake_ahci_fetch(port, slot);
	const bool is_refused = port->has_ncq_error && command.opcode != ATA_READ_LOG_EXT;

	assert_true((ahci->pci.config[PCI_COMMAND_BYTE] & 4) != 0);
	port->slots[slot].is_pending = false;
	/* One after the other, so that the driver sees the order. */
	for (unsigned i = 0; i < 32 && port->is_lifo; i++)
		port->slots[i].due_us = max_u64(port->slots[i].due_us, fake_hw_now_us() + 20);
	const bool is_flush = command.opcode == ATA_FLUSH_CACHE_EXT || command.opcode == ATA_FLUSH_CACHE;
	if (fake_ahci_consume(&port->mute_times) || (is_flush && fake_ahci_consume(&port->flushes_mute)))
		return;
	const bool is_good = !is_refused && fake_ahci_execute(port, &command);
	if (is_good) {
		port->tfd = TFD_GOOD;
		port->is |= fake_ahci_is_queued(command.opcode) ? PX_IS_SDBS : PX_IS_DHRS;
		port->ci &= ~BIT(slot);
		port->sact &= ~BIT(slot);
		return;
	}
	if (fake_ahci_is_queued(command.opcode) && !is_refused) {
		port->ci &= ~BIT(slot);
		command_fail_queued(port, slot);
		return;
	}
	port->tfd = is_refused ? TFD_ABORTED : TFD_FAILED;
	port->is |= AHCI_PX_IS_TFES | PX_IS_DHRS;
	port->is_halted = true;
	if (port->is_ci_cleared_by_error)
		port->ci &= ~BIT(slot);
}

/* The next command that is due: the oldest, or the newest of queued ones. -1: none. */
static int slot_next(const struct fake_ahci_port *port, uint64_t now_us)
{
	int next = -1;

	for (int i = 0; i < 32; i++) {
		if (!port->slots[i].is_pending)
			continue;
		const bool is_newer = next >= 0 && port->slots[i].order > port->slots[next].order;
		if (next < 0 || (port->is_lifo && port->sact != 0 ? is_newer : !is_newer))
			next = i;
	}
	return next >= 0 && now_us >= port->slots[next].due_us ? next : -1;
}

static void port_forget(struct fake_ahci_port *port)
{
	memset(port->slots, 0, sizeof(port->slots));
	port->ci = port->is_active_kept ? port->ci : 0;
	port->sact = port->is_active_kept ? port->sact : 0;
	port->is_halted = false;
}

static void stop_clock(struct fake_ahci_port *port, uint64_t now_us)
{
	if (port->stop_due_us == 0 || now_us < port->stop_due_us || port->is_list_stuck)
		return;
	port->stop_due_us = 0;
	port->cmd &= ~AHCI_PX_CMD_CR;
	port_forget(port);
}

static void link_clock(struct fake_ahci_port *port, uint64_t now_us)
{
	if (port->link_due_us != 0 && now_us >= port->link_due_us) {
		port->link_due_us = 0;
		port->ssts = 0x113;
		port->serr |= SERR_EXCHANGED;
		port->is |= port->has_prc_only ? AHCI_PX_IS_PRCS : AHCI_PX_IS_LINK;
		port->ready_due_us = port->is_never_ready ? UINT64_MAX : now_us + port->ready_us;
		port->tfd = 0x80;
	}
	/* The first FIS waits for the driver to see the exchange, and for a place to go. */
	if (port->ready_due_us != 0 && now_us >= port->ready_due_us && (port->serr & SERR_EXCHANGED) == 0 &&
	    (port->cmd & AHCI_PX_CMD_FRE) != 0) {
		port->ready_due_us = 0;
		port->tfd = 0x0150;
		port->sig = port->signature;
		port->is |= PX_IS_DHRS;
		memset((void *)(uintptr_t)(port->fb + 0x40), 0x34, 20);
	}
}

static void clock(void *context, uint64_t now_us)
{
	struct fake_ahci *ahci = context;

	if (ahci->handoff_due_us != 0 && now_us >= ahci->handoff_due_us)
		ahci->bohc &= ~(AHCI_BOHC_BOS | AHCI_BOHC_BB);
	for (unsigned i = 0; i < FAKE_AHCI_PORTS; i++) {
		struct fake_ahci_port *port = &ahci->ports[i];
		int slot;
		stop_clock(port, now_us);
		link_clock(port, now_us);
		while ((port->cmd & AHCI_PX_CMD_CR) != 0 && !port->is_halted && port->ssts == 0x113 &&
		       (slot = slot_next(port, now_us)) >= 0)
			command_finish(ahci, port, (unsigned)slot);
	}
}

static void port_comreset(struct fake_ahci_port *port)
{
	port->ssts = port->is_present_early && port->signature != 0;
	port->sig = UINT32_MAX;
	port->tfd = TFD_NO_DEVICE;
	port->ci = 0;
	port->sact = 0;
	port->has_ncq_error = false;
	port->ready_due_us = 0;
	port->link_due_us = port->signature != 0 ? fake_hw_now_us() + port->link_us + 1 : 0;
}

static void cmd_write(struct fake_ahci_port *port, uint32_t value)
{
	const bool was_started = (port->cmd & AHCI_PX_CMD_ST) != 0;

	port->cmd = (port->cmd & CMD_READ_ONLY) | (value & ~CMD_READ_ONLY);
	if ((value & AHCI_PX_CMD_ST) != 0 && !was_started) {
		assert_true((value & AHCI_PX_CMD_FRE) != 0);
		assert_int_equal(port->cmd & AHCI_PX_CMD_CR, 0);
		assert_int_equal(port->tfd & 0x88, 0);
		assert_int_equal(port->ssts, 0x113);
		port->cmd |= AHCI_PX_CMD_CR;
	}
	if ((value & AHCI_PX_CMD_ST) == 0 && was_started)
		port->stop_due_us = fake_hw_now_us() + port->stop_us;
	if ((value & AHCI_PX_CMD_FRE) != 0) {
		port->cmd |= AHCI_PX_CMD_FR;
	} else {
		assert_int_equal(value & AHCI_PX_CMD_ST, 0);
		if (!port->is_receiver_stuck && (port->cmd & AHCI_PX_CMD_FR) != 0) {
			port->cmd &= ~AHCI_PX_CMD_FR;
			port->stops++;
		}
	}
}

static void ci_write(struct fake_ahci_port *port, uint32_t value)
{
	uint32_t in_flight = 0;

	assert_true((port->cmd & AHCI_PX_CMD_ST) != 0);
	assert_int_equal(port->ci & value, 0);
	for (unsigned slot = 0; slot < 32; slot++) {
		if ((value & BIT(slot)) == 0)
			continue;
		const struct command command = fake_ahci_fetch(port, slot);
		port->commands[command.opcode]++;
		/* Queued and other commands never share the list. */
		assert_true(fake_ahci_is_queued(command.opcode) == ((port->sact & BIT(slot)) != 0));
		assert_true(fake_ahci_is_queued(command.opcode) || port->sact == 0);
		if (fake_ahci_is_queued(command.opcode)) {
			assert_true((port->ci & ~port->sact) == 0);
			assert_int_equal(command.fis[12], slot << 3);
			assert_true(port->has_ncq && slot < port->queue_depth);
		}
		assert_true(port->has_lba48 || command.opcode == ATA_READ_DMA || command.opcode == ATA_WRITE_DMA ||
			    command.opcode == ATA_FLUSH_CACHE || command.opcode == ATA_IDENTIFY_DEVICE);
		port->slots[slot] = (struct fake_ahci_slot){
			.is_pending = true, .due_us = fake_hw_now_us() + port->latency_us, .order = ++port->order};
	}
	port->ci |= value;
	for (unsigned slot = 0; slot < 32; slot++)
		in_flight += port->slots[slot].is_pending;
	if (in_flight > port->in_flight_most)
		port->in_flight_most = in_flight;
}

/* --- registers ------------------------------------------------------------------------------------------------- */

static void half_write(uint64_t *address, uint32_t value, bool is_high)
{
	*address = is_high ? (uint64_t)value << 32 | (uint32_t)*address : (*address >> 32 << 32) | value;
}

static void port_write(struct fake_ahci *ahci, struct fake_ahci_port *port, uint32_t offset, uint32_t value)
{
	const bool is_64bit = (ahci->cap & AHCI_CAP_S64A) != 0;

	switch (offset) {
	case AHCI_PX_CLB:
	case AHCI_PX_CLBU:
		assert_int_equal(port->cmd & AHCI_PX_CMD_CR, 0);
		assert_true(offset == AHCI_PX_CLB ? value % 1024 == 0 : is_64bit || value == 0);
		half_write(&port->clb, value, offset == AHCI_PX_CLBU);
		break;
	case AHCI_PX_FB:
	case AHCI_PX_FBU:
		assert_true((port->cmd & AHCI_PX_CMD_FR) == 0 || port->is_receiver_stuck);
		assert_true(offset == AHCI_PX_FB ? value % 256 == 0 : is_64bit || value == 0);
		half_write(&port->fb, value, offset == AHCI_PX_FBU);
		break;
	case AHCI_PX_IS:
		port->is &= ~value;
		break;
	case AHCI_PX_IE:
		port->ie = value;
		break;
	case AHCI_PX_CMD:
		cmd_write(port, value);
		break;
	case AHCI_PX_SCTL:
		if ((port->sctl & 15) == 1 && (value & 15) == 0)
			port_comreset(port);
		if ((port->sctl & 15) == 0 && (value & 15) == 1) {
			assert_true((port->cmd & AHCI_PX_CMD_CR) == 0 || port->is_list_stuck);
			port->comresets++;
		}
		port->sctl = value;
		break;
	case AHCI_PX_SERR:
		port->serr &= ~value;
		break;
	case AHCI_PX_SACT:
		assert_true((port->cmd & AHCI_PX_CMD_ST) != 0);
		assert_int_equal(port->sact & value, 0);
		port->sact |= value;
		break;
	case AHCI_PX_CI:
		ci_write(port, value);
		break;
	default:
		fail_msg("write of port register %#x", offset);
	}
}

static uint32_t port_read(const struct fake_ahci_port *port, uint32_t offset)
{
	switch (offset) {
	case AHCI_PX_CMD:
		return port->cmd;
	case AHCI_PX_IS:
		return port->is;
	case AHCI_PX_TFD:
		return port->tfd;
	case AHCI_PX_SIG:
		return port->sig;
	case AHCI_PX_SSTS:
		return port->ssts;
	case AHCI_PX_SERR:
		return port->serr;
	case AHCI_PX_SACT:
		return port->sact;
	case AHCI_PX_CI:
		return port->ci;
	default:
		fail_msg("read of port register %#x", offset);
		return 0;
	}
}

static void controller_reset(struct fake_ahci *ahci)
{
	ahci->resets++;
	ahci->ghc = ahci->is_reset_stuck ? AHCI_GHC_HR | AHCI_GHC_AE : 0;
	if (ahci->is_reset_stuck)
		return;
	if (ahci->is_pi_lost_by_reset)
		ahci->pi = 0;
	for (unsigned i = 0; i < FAKE_AHCI_PORTS; i++) {
		struct fake_ahci_port *port = &ahci->ports[i];
		port->is_list_stuck = false;
		port->cmd = port->is_receiver_stuck ? AHCI_PX_CMD_FR : 0;
		port->is = port->serr = port->sctl = 0;
		port->stop_due_us = 0;
		port->clb = port->fb = 0;
		port_forget(port);
		port_comreset(port);
	}
}

static void bohc_write(struct fake_ahci *ahci, uint32_t value)
{
	if ((value & AHCI_BOHC_OOS) != 0 && (ahci->bohc & AHCI_BOHC_BOS) != 0 && ahci->handoff_us != UINT64_MAX) {
		ahci->handoff_due_us = fake_hw_now_us() + ahci->handoff_us;
		if (ahci->has_handoff_busy)
			ahci->bohc |= AHCI_BOHC_BB;
	}
	ahci->bohc = (ahci->bohc & (AHCI_BOHC_BOS | AHCI_BOHC_BB)) | (value & AHCI_BOHC_OOS);
}

static void register_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	struct fake_ahci *ahci = context;

	assert_int_equal(width, 4);
	assert_true((ahci->pci.config[PCI_COMMAND_BYTE] & 2) != 0);
	if (offset >= AHCI_PORTS_OFFSET) {
		const unsigned index = (offset - AHCI_PORTS_OFFSET) / AHCI_PORT_BYTES;
		assert_true((ahci->ghc & AHCI_GHC_AE) != 0);
		assert_true((ahci->pi & BIT(index)) != 0);
		port_write(ahci, &ahci->ports[index], offset % AHCI_PORT_BYTES, (uint32_t)value);
		return;
	}
	switch (offset) {
	case AHCI_GHC:
		ahci->ghc = (ahci->ghc & AHCI_GHC_HR) | ((uint32_t)value & ~AHCI_GHC_HR);
		if ((value & AHCI_GHC_HR) != 0)
			controller_reset(ahci);
		break;
	case AHCI_PI:
		ahci->pi = (uint32_t)value;
		break;
	case AHCI_BOHC:
		bohc_write(ahci, (uint32_t)value);
		break;
	default:
		fail_msg("write of host register %#x", offset);
	}
}

static uint64_t register_read(void *context, uint32_t offset, unsigned width)
{
	const struct fake_ahci *ahci = context;

	assert_int_equal(width, 4);
	if (offset >= AHCI_PORTS_OFFSET) {
		assert_true((ahci->ghc & AHCI_GHC_AE) != 0);
		return port_read(&ahci->ports[(offset - AHCI_PORTS_OFFSET) / AHCI_PORT_BYTES],
				 offset % AHCI_PORT_BYTES);
	}
	switch (offset) {
	case AHCI_CAP:
		return ahci->cap;
	case AHCI_GHC:
		return ahci->ghc;
	case AHCI_PI:
		return ahci->pi;
	case AHCI_CAP2:
		return ahci->cap2;
	case AHCI_BOHC:
		return ahci->bohc;
	default:
		fail_msg("read of host register %#x", offset);
		return 0;
	}
}

static const struct fake_hw_ops register_ops = {register_read, register_write};

/* --- for the tests --------------------------------------------------------------------------------------------- */

void fake_ahci_init(struct fake_ahci *ahci)
{
	fake_hw_reset();
	fake_log_begin();
	memset(ahci, 0, sizeof(*ahci));
	ahci->cap = AHCI_CAP_S64A | AHCI_CAP_SNCQ | 31 << AHCI_CAP_NCS_SHIFT | 5;
	ahci->pi = 0x3F;
	fake_pci_add(&ahci->pci, 0, 0x1F, 2, 0x29228086, 0x010601);
	fake_pci_set_bar(&ahci->pci, AHCI_ABAR_INDEX, FAKE_AHCI_BASE, FAKE_AHCI_BYTES, 0);
	fake_pci_set16(&ahci->pci, PCI_COMMAND_BYTE, 0x0007);
	fake_hw_add_mmio(FAKE_AHCI_BASE, FAKE_AHCI_BYTES, &register_ops, ahci);
	fake_hw_on_clock(clock, ahci);
}

struct fake_ahci_port *fake_ahci_add_disk(struct fake_ahci *ahci, unsigned index)
{
	static struct fake_ahci_write *writes[FAKE_AHCI_PORTS];
	struct fake_ahci_port *port = &ahci->ports[index];

	if (writes[index] == NULL)
		writes[index] = calloc(FAKE_AHCI_WRITES, sizeof(*writes[index]));
	assert_non_null(writes[index]);
	port->writes = writes[index];
	port->signature = 0x00000101;
	port->sector_count = (uint64_t)1 << 21;
	port->sector_bytes = 512;
	port->has_ncq = port->has_lba48 = port->has_general_log = port->has_write_cache = port->has_flush = true;
	port->queue_depth = 32;
	port->latency_us = 100;
	port->stop_us = 100;
	port->link_us = 2000;
	port->ready_us = 5000;
	return port;
}

void fake_ahci_leave_running(struct fake_ahci *ahci, unsigned index, uint64_t list)
{
	struct fake_ahci_port *port = &ahci->ports[index];

	ahci->ghc = AHCI_GHC_AE | AHCI_GHC_IE;
	port->clb = list;
	port->fb = list + 1024;
	port->cmd = AHCI_PX_CMD_ST | AHCI_PX_CMD_FRE | CMD_READ_ONLY | AHCI_PX_CMD_SUD | AHCI_PX_CMD_POD;
	port->ssts = 0x113;
	port->tfd = TFD_GOOD;
	port->ie = UINT32_MAX;
}

void fake_ahci_remove(struct fake_ahci *ahci, unsigned index)
{
	struct fake_ahci_port *port = &ahci->ports[index];

	port->signature = 0;
	port->ssts = 0;
	port->is |= AHCI_PX_IS_PRCS;
}

static enum status map_mmio(struct paddr base, uint64_t bytes)
{
	assert_true(base.value == FAKE_AHCI_BASE && bytes <= FAKE_AHCI_BYTES);
	return STATUS_OK;
}

enum status fake_ahci_probe(struct fake_ahci *ahci, struct block_registry *registry)
{
	static void *memory;
	static struct arena arena;
	const struct driver_environment environment = {.arena = &arena, .registry = registry, .map_mmio = map_mmio};
	const struct pci_function function = {
		.bus = ahci->pci.bus,
		.device = ahci->pci.device,
		.function = ahci->pci.function,
		.vendor_id = (uint16_t)fake_pci_get32(&ahci->pci, 0),
		.device_id = (uint16_t)(fake_pci_get32(&ahci->pci, 0) >> 16),
		.class_code = 1,
		.subclass = 6,
		.prog_if = 1,
	};

	if (memory == NULL)
		memory =
			mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_true(memory != MAP_FAILED);
	arena_init(&arena, memory, ARENA_BYTES);
	memset(registry, 0, sizeof(*registry));
	assert_true(ahci_driver.matches(&function));
	return ahci_driver.probe(&environment, &function, 0);
}
